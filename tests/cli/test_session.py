"""What a command says: of what it has written, of interruptions, and to streams that fail."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from astfx.audio import Waveform
from astfx.cli.session import Session
from tests.conftest import Run

RATE = 8000


@pytest.fixture
def clips(tmp_path: Path, melody: Waveform, rain: Waveform) -> tuple[Path, Path]:
    content, style = tmp_path / "content.wav", tmp_path / "style.wav"
    soundfile.write(content, melody[0, : 2 * RATE], RATE)
    soundfile.write(style, rain[0, : 2 * RATE], RATE)
    return content, style


def interrupt(*arguments: object, **named: object) -> None:
    raise KeyboardInterrupt


def test_an_interrupted_render_says_that_nothing_was_written(
    run: Run, clips: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("astfx.cli.runs.transfer_file", interrupt)
    output = tmp_path / "out.wav"
    output.write_bytes(b"earlier work")
    code, out, err = run("render", clips[0], "-s", clips[1], "-o", output)
    assert (code, out, err) == (130, "", "astfx: interrupted: nothing was written\n")
    assert output.read_bytes() == b"earlier work"


@pytest.mark.parametrize("earlier", [False, True])
def test_a_render_that_is_interrupted_while_it_draws_names_its_sound(
    earlier: bool, run: Run, clips: tuple[Path, Path], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("astfx.report.plots.draw_render", interrupt)
    output, plot = tmp_path / "out.wav", tmp_path / "out.png"
    if earlier:
        output.write_bytes(b"earlier work")
        plot.write_bytes(b"earlier work")
    arguments = ("render", *clips[:1], "-s", clips[1], "-o", output, "--iterations", 1)
    code, _, err = run(*arguments, "--plot", plot)
    assert (code, err) == (130, f"astfx: interrupted: only {output} was written\n")
    assert soundfile.info(output).frames == 2 * RATE
    assert plot.exists() == earlier


def test_an_interrupted_demo_names_its_sounds(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("astfx.cli.runs.render_and_measure", interrupt)
    code, _, err = run("demo", "-o", tmp_path)
    content, style = tmp_path / "content.wav", tmp_path / "style.wav"
    assert (code, err) == (130, f"astfx: interrupted: only {content}, {style} were written\n")


@pytest.mark.usefixtures("unscored")
def test_an_interrupted_comparison_names_the_sounds_that_are_there(
    run: Run, clips: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("astfx.report.comparison.write_page", interrupt)
    folder = tmp_path / "out"
    code, _, err = run("compare", *clips, "-o", folder, "--methods", "adain,histogram")
    written = ", ".join(str(folder / n) for n in ("adain.wav", "histogram.wav", "figures.csv"))
    assert (code, err) == (130, f"astfx: interrupted: only {written} were written\n")
    assert not (folder / "index.html").exists()


def test_an_interruption_outside_of_a_command_is_one_sentence(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("astfx.cli.main.app", interrupt)
    code, out, err = run("methods")
    assert (code, out, err) == (130, "", "astfx: interrupted: nothing was written\n")


def test_standard_output_is_no_file_of_a_session(tmp_path: Path) -> None:
    session = Session()
    session.will_write("-", tmp_path / "a")
    assert session.interruption() == "interrupted: nothing was written"


def test_quiet_commands_print_only_errors(
    run: Run, clips: tuple[Path, Path], tmp_path: Path
) -> None:
    output = tmp_path / "out.wav"
    arguments = ("render", clips[0], "-s", clips[1], "-o", output, "--iterations", 1)
    assert run(*arguments, "--quiet") == (0, "", "")
    assert output.is_file()
    code, out, err = run("render", tmp_path / "none.wav", "-s", clips[1], "-o", output, "-q")
    assert (code, out) == (2, "")
    assert err.endswith("none.wav' does not exist\n")


def test_a_terminal_of_another_encoding_gets_what_it_can_show() -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "astfx", "methods"]
    done = subprocess.run(command, capture_output=True, env=environment)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"gram" in done.stdout
    assert b"?" in done.stdout  # for letters with accents


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("command", [["presets", "list", "--search", "rain"], ["--version"]])
def test_a_full_standard_output_is_one_sentence(command: list[str]) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "astfx", *command],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == 2
    assert done.stderr == ("astfx: standard output cannot be written (No space left on device)\n")


def test_a_reader_that_has_gone_ends_the_program_quietly() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        command = [sys.executable, "-m", "astfx", "presets", "list"]
        done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE)
    finally:
        os.close(writing)
    assert done.stderr == b""


def test_silence_is_explained(run: Run, clips: tuple[Path, Path], tmp_path: Path) -> None:
    content, output = tmp_path / "silent.wav", tmp_path / "out.wav"
    soundfile.write(content, np.zeros(RATE), RATE)
    code, out, err = run("render", content, "-s", clips[1], "-o", output)
    assert code == 0, err
    remark = out.splitlines()[-2]
    assert remark.endswith("silent (its peak is below -100 dBFS), so the result is too.")


def test_a_budget_that_is_used_up_is_told(
    run: Run, clips: tuple[Path, Path], tmp_path: Path
) -> None:
    output = tmp_path / "out.wav"
    arguments = ("render", clips[0], "-s", clips[1], "-o", output, "--quality", "draft")
    code, out, _ = run(*arguments, "--budget", 0.01)
    assert code == 0
    assert "The time budget of 0.01 seconds ended the search early" in out
    code, out, _ = run(*arguments, "--budget", 3600)
    assert code == 0
    assert "--budget" not in out


def test_a_preset_has_no_audio_to_score_against(
    run: Run, clips: tuple[Path, Path], tmp_path: Path
) -> None:
    for style in ("rain", "Rain", "rain.toml"):
        code, _, err = run("score", clips[0], "-c", clips[0], "-s", style)
        assert code == 2
        assert f"style='{style}' is a preset, which has no audio to score against" in err
    code, _, err = run("score", clips[0], "-c", clips[0], "-s", "rian")
    assert (code, "there is no preset 'rian': did you mean rain" in err) == (2, True)


def test_a_missing_file_that_is_called_like_a_preset_is_told_apart(
    run: Run, clips: tuple[Path, Path], tmp_path: Path
) -> None:
    output = tmp_path / "out.wav"
    for style in ("Rain.wav", tmp_path / "hand drums.flac"):
        code, _, err = run("render", clips[0], "-s", style, "-o", output)
        name = "rain" if style == "Rain.wav" else "hand-drums"
        assert code == 2
        assert err == (
            f"astfx: style file '{style}' does not exist: the preset is called '{name}'\n"
        )


def test_a_comparison_without_any_result_fails(run: Run, tmp_path: Path, rain: Waveform) -> None:
    content, style = tmp_path / "c.wav", tmp_path / "s.wav"
    soundfile.write(content, rain[0, :RATE], RATE)
    soundfile.write(style, rain[0, : RATE // 5], RATE)
    code, out, err = run("compare", content, style, "-o", tmp_path / "out", "--methods", "texture")
    assert code == 2
    assert out.startswith("texture failed: ")
    assert err.startswith("astfx: no method could render these clips: failed: a style of 0.20")


def test_a_picture_that_cannot_be_written_is_refused_before_the_training(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("astfx.networks.train.train", lambda *_, **__: pytest.fail("trained"))
    plot = tmp_path / "none" / "x.png"
    code, _, err = run(
        "train", "audio-cnn", tmp_path, "-o", tmp_path / "w.safetensors", "--plot", plot
    )
    assert code == 2
    assert err.startswith(f"astfx: picture file '{plot}': the folder '{plot.parent}' does not")


def test_a_file_that_the_system_refuses_is_one_sentence(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise PermissionError(13, "Permission denied", "some file")

    monkeypatch.setattr("astfx.cli.main.app", refuse)
    assert run("methods") == (2, "", "astfx: 'some file': Permission denied\n")
