"""Each example as a user runs it: without arguments, and on files."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from pedalboard import HighpassFilter

import astfx
from astfx import demo
from astfx.audio import Waveform

ROOT = Path(__file__).parents[1]
EXAMPLES = {
    "stem_through_a_board": "stem.wav",
    "stream_a_long_file": "streamed.wav",
    "automate_strength": "automated.wav",
}
PLAYED = "play_through"  # needs a sound card: tests/playing
STEP_24_BIT = 2.0**-22


def alone(name: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a script as a user does."""
    script = ROOT / "examples" / f"{name}.py"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, str(script), *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of melody and of rain, at a low sample rate."""
    folder = tmp_path_factory.mktemp("sounds")
    for name, waveform in (("in", demo.melody()), ("style", demo.rain(2.0))):
        path = folder / f"{name}.wav"
        soundfile.write(path, waveform[:, ::2][:, :44100].T, 22050, subtype="FLOAT")
    return folder


@pytest.fixture(scope="module")
def outputs(sounds: Path) -> dict[str, Waveform]:
    """What each example's `main` writes."""
    for name, written in EXAMPLES.items():
        script = runpy.run_path(str(ROOT / "examples" / f"{name}.py"), run_name="example")
        script["main"](sounds / "in.wav", sounds / "style.wav", sounds / written)
    return {name: read(sounds / written) for name, written in EXAMPLES.items()}


def read(path: Path) -> Waveform:
    data, _ = soundfile.read(path, dtype="float32", always_2d=True)
    return np.ascontiguousarray(data.T)


def test_every_example_is_here_and_short() -> None:
    found = {path.stem: path for path in (ROOT / "examples").glob("*.py")}
    assert found.keys() == {*EXAMPLES, PLAYED}
    for path in found.values():
        assert len(path.read_text().splitlines()) < 60


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_writes_audio_of_the_inputs_length(
    name: str, sounds: Path, outputs: dict[str, Waveform]
) -> None:
    content, result = read(sounds / "in.wav"), outputs[name]
    assert result.shape == content.shape
    assert soundfile.info(sounds / EXAMPLES[name]).subtype == "PCM_24"
    assert 0.2 < float(np.square(result).mean() / np.square(content).mean()) < 5.0
    assert np.corrcoef(result[0], content[0])[0, 1] < 0.98


def test_streaming_a_file_is_rendering_it_at_once(
    sounds: Path, outputs: dict[str, Waveform]
) -> None:
    effect = astfx.StyleTransfer(sounds / "style.wav", engine="stream", strength=0.8)
    board = astfx.Pedalboard([HighpassFilter(40.0), effect])
    expected = board(read(sounds / "in.wav"), 22050)
    np.testing.assert_allclose(
        outputs["stream_a_long_file"], np.clip(expected, -1.0, 1.0), atol=1e-5 + STEP_24_BIT
    )


def test_automated_strength_begins_with_the_content(
    sounds: Path, outputs: dict[str, Waveform]
) -> None:
    content, result = read(sounds / "in.wav"), outputs["automate_strength"]
    quarter = content.shape[1] // 4
    np.testing.assert_allclose(result[:, :quarter], content[:, :quarter], atol=STEP_24_BIT)
    error = np.square(result - content)[:, quarter:].mean()
    assert error > 0.1 * np.square(content[:, quarter:]).mean()


@pytest.mark.slow
@pytest.mark.parametrize(("name", "written"), EXAMPLES.items())
def test_an_example_runs_by_itself(name: str, written: str, tmp_path: Path) -> None:
    done = alone(name, tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"example/{written}: " in done.stdout.replace("\\", "/")
    assert read(tmp_path / "example" / written).shape == demo.melody().shape


def test_wrong_arguments_print_how_it_is_used(tmp_path: Path) -> None:
    done = alone("automate_strength", tmp_path, "one.wav")
    assert done.returncode == 1
    assert "python automate_strength.py [input.wav style.wav output.wav]" in done.stderr
