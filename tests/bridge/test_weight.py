"""The server stays small: nothing that renders is ever loaded into it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from astfx_bridge.errors import RefusedError

from tests.bridge.serving import QUICK, Server, environment, until

HEAVY = ("torch", "numba", "llvmlite", "librosa", "scipy", "sklearn", "pedalboard", "matplotlib")
LARGEST_MB = 110  # the interpreter, NumPy and libsndfile take about 57

COMMANDS = """
import sys
from pathlib import Path
from tests.bridge.offline import ask, make_services
from tests.bridge.serving import make_sounds

services = make_services(Path(sys.argv[1]))
root = services.roots.folders[0]
make_sounds(root)
(root / "noise.m4a").write_bytes(bytes(range(256)) * 40)
(root / "stems").mkdir()
(root / "content.wav").rename(root / "stems" / "content.wav")
for message in (
    ("/astfx/presets",),
    ("/astfx/preset", "rain"),
    ("/astfx/render", 1, "mid.wav", "1.wav", "style", "rain"),
    ("/astfx/render", 2, "noise.m4a", "2.wav", "style", "style.wav"),
    ("/astfx/render", 3, "mid.wav", "3.wav", "style", "noise.m4a"),
    ("/astfx/stem", 4, "stems", "out"),
    ("/astfx/preset/make", 5, "mine", "style.wav"),
    ("/astfx/preset/make", 6, "mine-too", "noise.m4a"),
    ("/astfx/preset/blend", 7, "ours", "rain", 0.5),
    ("/astfx/preview", 1, "p.wav"),
    ("/astfx/job/set", 1, "style", "rain"),
):
    replies = ask(services, *message)
    assert "/astfx/fail" not in [reply.address for reply in replies], (message, replies)
heavy = set(sys.argv[2:]) & set(sys.modules)
assert not heavy, heavy
"""


def test_no_command_loads_what_only_workers_need(tmp_path: Path) -> None:
    words = [sys.executable, "-c", COMMANDS, str(tmp_path), *HEAVY]
    subprocess.run(words, check=True, env=environment())


def test_a_server_that_was_used_is_small(start: Callable[..., Server]) -> None:
    server = start()
    (server.root / "noise.m4a").write_bytes(bytes(range(256)) * 40)
    with server.client() as client:
        client.render("content.wav", "o.wav", style="rain", quality="draft", iterations=1)
        with pytest.raises(RefusedError, match=r"cannot be read as audio"):
            client.render("noise.m4a", "p.wav", style="rain")
        client.send("/astfx/preset/blend", 0, "ours", "rain", 1.0)
        until(client, "/astfx/done")
        client.render("content.wav", "q.wav", style="ours", quality=QUICK[1], iterations=1)
    assert server.process is not None
    proc = Path(f"/proc/{server.process.pid}")
    if not proc.exists():
        pytest.skip("needs /proc to look into the server")
    loaded = (proc / "maps").read_text()
    assert not [name for name in HEAVY if f"/{name}" in loaded]
    status = (proc / "status").read_text()
    resident_kb = int(status.split("VmHWM:")[1].split()[0])
    assert resident_kb < LARGEST_MB * 1024
