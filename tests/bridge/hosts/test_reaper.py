"""REAPER: its script run by Lua over a stand-in for REAPER's API, through the real `astfx send`."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from tests.bridge.hosts.programs import CLIENTS, HERE, need, run
from tests.bridge.serving import Server, environment, read

pytestmark = pytest.mark.hosts
SCRIPT = CLIENTS / "reaper" / "astfx_render_item.lua"


@pytest.fixture
def command(tmp_path: Path) -> Path:
    """A program named astfx that runs this checkout."""
    path = tmp_path / "astfx"
    paths = environment()["PYTHONPATH"]
    path.write_text(f'#!/bin/sh\nPYTHONPATH="{paths}" exec {sys.executable} -m astfx_bridge "$@"\n')
    path.chmod(0o755)
    return path


def test_the_item_is_rendered_onto_a_new_take(
    server: Server, tmp_path: Path, command: Path
) -> None:
    lines = run(
        need("lua5.4"), HERE / "reaper.lua", SCRIPT, tmp_path, command, str(server.port)
    ).splitlines()
    assert "EXIT 0" in lines
    assert "NAME astfx: style.wav" in lines
    assert "UNDO astfx: render item" in lines
    (take,) = [line.removeprefix("TAKE ") for line in lines if line.startswith("TAKE ")]
    output = read(Path(take))
    assert output.shape == (1, 33_075)
    assert np.abs(output).max() > 0.01
    assert [path.name for path in tmp_path.glob("*.wav")] == [Path(take).name]


def test_without_a_server_the_user_is_told(tmp_path: Path, command: Path) -> None:
    text = run(need("lua5.4"), HERE / "reaper.lua", SCRIPT, tmp_path, command, "1")
    assert "MESSAGE No result. Is `astfx serve` running?" in text
    assert "no bridge on 127.0.0.1 port 1" in text
    assert "TAKE" not in text
