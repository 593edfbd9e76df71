"""Pure Data: the abstraction asks, receives progress and done, and reads the result."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bridge.hosts.programs import CLIENTS, filled, need, run
from tests.bridge.serving import RATE, Server, read

pytestmark = pytest.mark.hosts
FLAGS = ("-nogui", "-noaudio", "-nomidi", "-stderr", "-noprefs", "-path", CLIENTS / "pd")


def test_a_patch_renders_and_reads_the_result(server: Server, tmp_path: Path) -> None:
    patch = filled("patch.pd", tmp_path, PORT=server.port)
    lines = run(need("pd"), *FLAGS, patch).splitlines()
    assert "other: pong 5" in lines
    assert "other: queued 7" in lines
    assert "progress: 7 1" in lines
    output = server.root / "from-pd.wav"
    assert f"done: /astfx/render 7 {output} {RATE} {RATE}" in lines
    assert f"frames: {RATE}" in lines
    peak = next(float(line.split()[1]) for line in lines if line.startswith("peak:"))
    assert peak == pytest.approx(read(output).max(), rel=1e-4)
    said = [line.replace("\\", "") for line in lines]
    assert "fail: /astfx/render 8 content 'gone.wav' does not exist" in said
    assert not [line for line in lines if "error" in line.lower() or "couldn't create" in line]


def test_an_array_goes_out_and_comes_back(server: Server, tmp_path: Path) -> None:
    before = sorted(server.root.iterdir())
    text = run(need("pd"), *FLAGS, filled("array.pd", tmp_path, PORT=server.port))
    lines = [line.replace("\\", "") for line in text.splitlines()]
    assert "done: array wet 20000" in lines
    assert "size: 20000" in lines
    assert "sample: 0.25" in lines  # of a copy, because the strength is 0
    assert [line for line in lines if line.startswith("fail:")] == [
        "fail: array style 'gone.wav' does not exist",
        "fail: array needs the names of two arrays",
        "fail: array the array cannot be written",
    ]
    assert not [line for line in lines if "forget" in line or "forgotten" in line]
    assert sorted(server.root.iterdir()) == before


def test_the_help_patch_opens_without_a_complaint() -> None:
    text = run(need("pd"), *FLAGS, "-send", "pd quit", CLIENTS / "pd" / "astfx-help.pd")
    assert text == ""
