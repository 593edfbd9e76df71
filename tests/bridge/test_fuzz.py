"""Mutated packets through each door of the server: nothing breaks, escapes or grows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.bridge.floods import GROWTH_MB, OPTIONS, answered, flood_all
from tests.bridge.mutants import KNOWN, TEXTS
from tests.bridge.serving import Server, resident_mb

WARM_UP = 2000  # packets, until the server has loaded and allocated what each kind needs


def snapshot(folder: Path, apart: Path) -> dict[str, tuple[int, int]]:
    """Size and time of everything in a folder, except one part of it."""
    found = {}
    for path in folder.rglob("*"):
        if not path.is_relative_to(apart) and path.is_file():
            stat = path.lstat()
            found[str(path)] = (stat.st_size, stat.st_mtime_ns)
    return found


@pytest.mark.parametrize(
    "packets", [1000, pytest.param(100_000, marks=pytest.mark.slow)], ids="{} packets".format
)
def test_nothing_that_is_sent_breaks_or_escapes(
    start: Callable[..., Server], tmp_path: Path, packets: int
) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "x.wav").write_bytes(b"untouched")
    server = start(*OPTIONS)
    before = snapshot(tmp_path, server.root)
    sounds = {path.name for path in server.root.iterdir()}
    flood_all(server, WARM_UP, seed=100)
    began_mb = resident_mb(server)
    flood_all(server, packets, seed=0)
    answered(server)
    assert server.process is not None
    assert server.process.poll() is None
    with server.client() as client:
        client.ask("/astfx/cancel/all")
        assert client.ask("/astfx/ping", 1)[0].values == (1,)
    if began_mb is not None:
        assert resident_mb(server) - began_mb < GROWTH_MB  # type: ignore[operator]
    after = snapshot(tmp_path, server.root)
    changed = {path for path in before | after if before.get(path) != after.get(path)}
    allowed = (server.state, server.log)
    assert all(any(Path(path).is_relative_to(one) for one in allowed) for path in changed), changed
    assert {path.name for path in server.root.iterdir()} <= sounds | set(TEXTS) | set(KNOWN)
