"""Fixtures for the tests of presets: two small presets, and an empty user folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from astfx.audio import Waveform
from astfx.presets import Preset

RATE = 22_050


@pytest.fixture(scope="session")
def drops(rain: Waveform) -> Preset:
    """Four seconds of rain as a preset, one run of frames."""
    return Preset.from_audio(
        rain,
        name="drops",
        sample_rate=RATE,
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
    return Preset.from_audio(melody, name="strings", sample_rate=RATE)


@pytest.fixture
def own_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Set an empty folder for the user's presets and return it."""
    folder = tmp_path / "own"
    monkeypatch.setenv("ASTFX_PRESETS", str(folder))
    return folder
