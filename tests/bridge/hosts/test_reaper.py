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
FRAMES = 33_075
PEAK = 1.5


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The folder of a project, whose name a shell would take apart."""
    folder = tmp_path / 'my project $HOME `touch taken` "it\'s"'
    folder.mkdir()
    return folder


@pytest.fixture
def command(tmp_path: Path) -> Path:
    """A program named astfx that runs this checkout."""
    path = tmp_path / "astfx"
    paths = environment()["PYTHONPATH"]
    path.write_text(f'#!/bin/sh\nPYTHONPATH="{paths}" exec {sys.executable} -m astfx_bridge "$@"\n')
    path.chmod(0o755)
    return path


def reaper(project: Path, command: Path, port: int, items: int, choice: str) -> list[str]:
    """What the script did, with so many items selected and a choice of style."""
    words = (project, command, str(port), str(items), choice)
    return run(need("lua5.4"), HERE / "reaper.lua", SCRIPT, *words).splitlines()


def told(lines: list[str], word: str) -> list[str]:
    return [line.removeprefix(f"{word} ") for line in lines if line.startswith(f"{word} ")]


def test_all_selected_items_are_rendered_in_the_background_and_undone_in_one_step(
    server: Server, project: Path, command: Path
) -> None:
    lines = reaper(project, command, server.port, 2, "rain")
    assert not told(lines, "MESSAGE")
    assert told(lines, "NAME") == ["astfx: rain", "astfx: rain"]
    assert lines.count("BEGIN") == 1
    assert told(lines, "UNDO") == ["astfx: render items"]
    shown = told(lines, "SHOWN")
    assert shown[0] == "Asking the server for its presets"
    assert {"Item 1 of 2: rendering", "Item 2 of 2: rendering"} <= set(shown)
    takes = told(lines, "TAKE")
    assert [take.split(" /")[0] for take in takes] == ["item 1", "item 2"]
    for take in takes:
        output = read(Path("/" + take.split(" /", 1)[1]))
        assert output.shape == (1, FRAMES)
        assert np.abs(output).max() > 0.01
    # The content was sent with its peaks, and nothing else is left.
    sent = read(project / "sent-1.wav")
    np.testing.assert_allclose(np.abs(sent).max(), PEAK, rtol=1e-3)
    results = {Path("/" + take.split(" /", 1)[1]).name for take in takes}
    assert {path.name for path in project.iterdir()} == {"sent-1.wav", "sent-2.wav", *results}
    assert not Path("taken").exists()


def test_the_last_selected_item_is_the_style_of_the_others(
    server: Server, project: Path, command: Path
) -> None:
    lines = reaper(project, command, server.port, 2, "last item")
    assert told(lines, "NAME") == ["astfx: the last selected item"]
    assert [take.split(" /")[0] for take in told(lines, "TAKE")] == ["item 1"]
    assert not list(project.glob("*-style.wav"))


def test_a_sound_file_of_any_folder_is_a_style(
    server: Server, project: Path, command: Path, tmp_path: Path
) -> None:
    style = tmp_path / "a style.wav"
    style.write_bytes((server.root / "style.wav").read_bytes())
    lines = reaper(project, command, server.port, 1, f"file {style}")
    assert told(lines, "NAME") == ["astfx: a style.wav"]


def test_escape_cancels_the_job_on_the_server(server: Server, project: Path, command: Path) -> None:
    lines = reaper(project, command, server.port, 2, "cancel rain")
    assert "BEGIN" not in lines
    assert not told(lines, "MESSAGE")
    assert lines[-1] == "CLOSED"
    with server.client() as client:
        assert client.ask("/astfx/queue")[0].values == (0, 0)


def test_a_failure_is_told_in_the_servers_own_words(
    server: Server, project: Path, command: Path, tmp_path: Path
) -> None:
    (tmp_path / "noise.wav").write_bytes(b"no sound")
    lines = reaper(project, command, server.port, 1, f"file {tmp_path / 'noise.wav'}")
    assert told(lines, "MESSAGE") == ["Item 1 of 1: the style must be a WAV or a FLAC"]
    lines = reaper(project, command, server.port, 1, f"file {tmp_path / 'other.mp3'}")
    (message,) = told(lines, "MESSAGE")
    assert message.startswith(f"Item 1 of 1: style '{tmp_path / 'other.mp3'}' lies outside the ser")


def test_without_a_server_the_user_is_told(project: Path, command: Path) -> None:
    (message,) = told(reaper(project, command, 1, 1, "rain"), "MESSAGE")
    assert message.startswith("no bridge on 127.0.0.1 port 1")
    assert message.endswith("start `astfx serve`")
    assert list(project.iterdir()) == []


def test_without_an_item_nothing_is_asked(project: Path, command: Path) -> None:
    lines = reaper(project, command, 1, 0, "rain")
    assert lines == ["MESSAGE Select one or more audio items first."]
