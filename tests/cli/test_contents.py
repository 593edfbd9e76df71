"""`astfx render` with several contents, parts of them, and other forms of output."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from astfx.audio import Waveform
from astfx.methods import METHODS
from tests.conftest import Run

RATE = 8000
QUICK = ("--quality", "draft", "--iterations", 1)


@pytest.fixture
def voices(tmp_path: Path, melody: Waveform, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Three contents in the folder `in`, which is in the current folder."""
    (tmp_path / "in").mkdir()
    for number, name in enumerate(("a.wav", "b.flac", "c.au")):
        part = melody[0, number * RATE : (number + 2) * RATE]
        soundfile.write(tmp_path / "in" / name, part, RATE, subtype="PCM_16")
    monkeypatch.chdir(tmp_path)
    return sorted((tmp_path / "in").iterdir())


def test_several_contents_are_rendered_into_a_folder(
    run: Run, voices: list[Path], tmp_path: Path
) -> None:
    code, out, err = run(
        "render", *voices, "-s", "rain", "-o", "wet/", *QUICK, "--report", "r.json"
    )
    assert code == 0, err
    names = sorted(path.name for path in (tmp_path / "wet").iterdir())
    assert names == ["a.wav", "b.flac", "c.au"]
    lines = out.splitlines()
    assert len(lines) == 4
    assert lines[-1].startswith("wet/: 3 files in the style of rain. Next: ")
    report = json.loads((tmp_path / "r.json").read_text())
    assert list(report) == [f"wet/{name}" for name in names]
    assert run("render", voices[0], "-s", "rain", "-o", "alone.wav", *QUICK)[0] == 0
    assert (tmp_path / "alone.wav").read_bytes() == (tmp_path / "wet" / "a.wav").read_bytes()


def test_a_pattern_stands_for_its_files(run: Run, voices: list[Path], tmp_path: Path) -> None:
    (tmp_path / "wet").mkdir()
    code, _, err = run("render", "in/*.[wf]*", "-s", "rain", "-o", "wet", *QUICK, "-q")
    assert code == 0, err
    assert sorted(path.name for path in (tmp_path / "wet").iterdir()) == ["a.wav", "b.flac"]
    code, _, err = run("render", "in/*.xyz", "-s", "rain", "-o", "wet/", *QUICK)
    assert (code, "content file 'in/*.xyz' does not exist" in err) == (2, True)


def test_a_format_that_cannot_be_written_becomes_wav(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("astfx.audio.ffmpeg.program", lambda: None)
    path = tmp_path / "a.m4a"
    soundfile.write(path, np.full(RATE, 0.1), RATE, format="WAV", subtype="PCM_16")
    code, _, err = run("render", path, "-s", "rain", "-o", f"{tmp_path}/wet/", *QUICK)
    assert code == 0, err
    assert [entry.name for entry in (tmp_path / "wet").iterdir()] == ["a.wav"]


def test_a_content_that_fails_does_not_stop_the_others(
    run: Run, voices: list[Path], tmp_path: Path
) -> None:
    voices[1].write_bytes(b"nonsense")
    code, out, err = run("render", *voices, "none.wav", "-s", "rain", "-o", "wet/", *QUICK)
    assert code == 2
    assert sorted(path.name for path in (tmp_path / "wet").iterdir()) == ["a.wav", "c.au"]
    first, second, last = err.splitlines()
    assert "b.flac' cannot be read as audio" in first
    assert second == "astfx: content file 'none.wav' does not exist"
    assert last.startswith("astfx: 2 of 4 files could not be rendered; the others are in '")
    assert len(out.splitlines()) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("in/a.wav", "in/b.flac", "-o", "o.wav"), "output 'o.wav' is one file for 2 contents"),
        (("in/a.wav", "sub/a.wav", "-o", "wet/"), "would both be written to 'wet/a.wav'"),
        (("in/a.wav", "-", "-o", "wet/"), "content on standard input needs an output file"),
        (("in/a.wav", "in/c.au", "-o", "wet/", "--plot", "p.png"), "--plot draws one render"),
        (("in/a.wav", "-o", "wet/", "--strength", 7), "strength=7.0 must lie between 0 and 1"),
        (("in/a.wav", "-o", "in/"), "is the content file: write to another name"),
        (("in/a.wav", "-o", "in/b.flac/"), "folder 'in/b.flac' cannot be made"),
        (("in/a.wav", "-o", "o.wav", "--start", 9), "start=9 must lie before the end of the con"),
        (("in/a.wav", "-o", "o.wav", "--seconds", 0), "seconds=0.0 must be above 0"),
        (("in/a.wav", "-o", "o.wav", "--sample-rate", 1), "sample_rate=1 must be a whole number"),
        (("in/a.wav", "-o", "o.wav", "--bitrate", 128), "bitrate=128 is for lossy formats"),
        (("in/a.wav", "-o", "o.wav", "--peak", "x"), "peak='x' must be one of limit, scale, clip"),
    ],
)
def test_what_cannot_be_written_is_refused_before_any_work(
    arguments: tuple[object, ...], message: str, run: Run, voices: list[Path], tmp_path: Path
) -> None:
    code, out, err = run("render", *arguments, "-s", "rain")
    assert (code, out) == (2, "")
    assert message in err
    assert len(err.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir() if path.name != "wet"] == ["in"]
    assert len(list((tmp_path / "in").iterdir())) == 3


def test_a_part_of_the_content_is_rendered_at_another_rate(
    run: Run, voices: list[Path], tmp_path: Path
) -> None:
    code, out, err = run(
        "render", voices[0], "-s", voices[2], "-o", "o.wav", "--start", 0.5, "--seconds", 1,
        "--sample-rate", 16_000, *QUICK, "--plot", "o.png",
    )  # fmt: skip
    assert code == 0, err
    info = soundfile.info(tmp_path / "o.wav")
    assert (info.samplerate, info.frames) == (16_000, 16_000)
    assert "for 1.0 s of audio" in out
    code, _, err = run(
        "render", voices[0], "-s", voices[2], "-o", "p.wav", "--start", 0.5, "--seconds", 1,
        "--strength", 0,
    )  # fmt: skip
    assert code == 0, err
    whole = soundfile.read(voices[0], dtype="int16")[0]
    found = soundfile.read(tmp_path / "p.wav", dtype="int16")[0]
    np.testing.assert_array_equal(found, whole[4000:12_000])


@pytest.mark.parametrize(
    ("command", "key"),
    [(("methods",), "methods"), (("weights", "list"), "vgg19")],
)
def test_tables_are_printed_as_json(command: tuple[str, ...], key: str, run: Run) -> None:
    code, out, err = run(*command, "--json")
    assert (code, err) == (0, "")
    assert key in json.loads(out)


def test_the_json_of_methods_and_doctor_is_complete(run: Run) -> None:
    found = json.loads(run("methods", "--json")[1])
    assert list(found["methods"]) == list(METHODS)
    assert found["methods"]["gram"]["options"]["bias"] == 0.5
    assert found["recipes"]["ulyanov-2016"]["settings"]["method"] == "shallow-cnn"
    assert "source" in found["phases"]["pghi"]
    code, out, _ = run("doctor", "--json")
    assert code == 0
    subjects = {row["subject"]: row for row in json.loads(out)}
    assert subjects["torch"]["ok"]
    assert not subjects["gpu"]["needed"]


def test_the_shell_completes_commands_and_presets() -> None:
    def complete(words: str) -> str:
        environment = {
            "_ASTFX_COMPLETE": "complete_bash",
            "COMP_WORDS": words,
            "COMP_CWORD": str(len(words.split(" ")) - 1),
            "PATH": "",
        }
        code = "from astfx.cli.main import app; app(prog_name='astfx')"
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, env=environment
        )
        return done.stdout

    assert complete("astfx ren").split() == ["render"]
    assert complete("astfx render a.wav --style ra").split() == [
        "radio-static",
        "rain",
        "rainstick",
    ]
    assert complete("astfx live --preset ra").split() == ["radio-static", "rain", "rainstick"]
    assert complete("astfx render a.wav --quality dr").split() == ["draft"]
    assert complete("astfx presets blend fro").split() == ["frogs="]
