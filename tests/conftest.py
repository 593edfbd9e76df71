"""Fixtures for all tests: synthesised sounds, and real audio where it is available."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile

from astfx.audio import Waveform

if TYPE_CHECKING:
    from astfx.presets import Preset

SHARED = Path(os.environ.get("ASTFX_SHARED", Path(__file__).parents[2] / "shared"))

Load = Callable[..., Waveform]
Run = Callable[..., tuple[int, str, str]]


def pytest_configure(config: pytest.Config) -> None:
    """Compile librosa before several processes import it at once (see `import_librosa`)."""
    if getattr(config.option, "numprocesses", None) and not hasattr(config, "workerinput"):
        from astfx.runtime.librosa_import import import_librosa

        import_librosa()


@pytest.fixture(scope="session")
def load() -> Load:
    """Load ``classic/NAME`` or ``grinstein/content_style/NAME`` as (1, samples) at a rate."""
    folder = SHARED / "data"
    if not folder.is_dir():
        pytest.skip(f"needs the measuring audio in {folder} (set ASTFX_SHARED)")

    def load_clip(name: str, sample_rate: int = 22050, seconds: float | None = None) -> Waveform:
        from astfx.audio import resample

        data, rate = soundfile.read(folder / f"{name}.mp3", dtype="float32", always_2d=True)
        clip = resample(np.ascontiguousarray(data.mean(axis=1)[None]), rate, sample_rate)
        return clip if seconds is None else clip[:, : round(seconds * sample_rate)]

    return load_clip


@pytest.fixture(scope="session")
def melody() -> Waveform:
    """Four seconds of plucked strings at 22.05 kHz, (1, samples)."""
    from astfx import demo
    from astfx.audio import resample

    clip = resample(demo.melody(), demo.SAMPLE_RATE, 22050)[:, : 4 * 22050]
    return np.ascontiguousarray(clip.mean(axis=0, keepdims=True))


@pytest.fixture(scope="session")
def rain() -> Waveform:
    """Four seconds of rain at 22.05 kHz, (1, samples)."""
    from astfx import demo
    from astfx.audio import resample

    clip = resample(demo.rain(4.0), demo.SAMPLE_RATE, 22050)
    return np.ascontiguousarray(clip.mean(axis=0, keepdims=True))


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Call the command line in this process: (exit code, stdout, stderr)."""
    from astfx.cli import main as cli

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["astfx", *map(str, arguments)])
        code = 0
        try:
            cli.main()
        except SystemExit as end:
            code = int(end.code or 0)
        out, err = capsys.readouterr()
        return code, out, err

    return call


@pytest.fixture
def unscored(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the figures out of comparisons, because they take most of the time."""
    from astfx.metrics import FIGURES
    from astfx.report import comparison

    none = dict.fromkeys(FIGURES, math.nan)
    monkeypatch.setattr(comparison, "score", lambda *_: dict(none))
    columns = ("content", "style", "floor")
    monkeypatch.setattr(comparison, "anchors", lambda *_: {name: dict(none) for name in columns})


@pytest.fixture(scope="session")
def drops(rain: Waveform) -> Preset:
    """Four seconds of rain as a preset, one run of frames."""
    from astfx.presets import Preset

    return Preset.from_audio(
        rain,
        name="drops",
        sample_rate=22_050,
        author="Ada",
        licence="CC0-1.0",
        description='Drops, "close".\nAnd a second line.',
        family="weather",
        tags=("wet", "natürlich"),
        settings={"strength": 0.9, "options": {"kernel_ms": [23.0, 255.0], "bias": 0.4}},
    )


@pytest.fixture(scope="session")
def strings(melody: Waveform) -> Preset:
    """Four seconds of plucked strings as a preset."""
    from astfx.presets import Preset

    return Preset.from_audio(melody, name="strings", sample_rate=22_050)


@pytest.fixture
def own_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty folder for the user's presets."""
    folder = tmp_path / "own"
    monkeypatch.setenv("ASTFX_PRESETS", str(folder))
    return folder
