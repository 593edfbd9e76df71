"""Sounds with known statistics, and the published audio if it is available."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

Signal = npt.NDArray[np.float64]
LoadPublished = Callable[[str], Signal]

RATE = 22050


@pytest.fixture(scope="session")
def published() -> LoadPublished:
    """Load a clip of the 2018 paper, "content_style/NAME" or "published/METHOD/NAME__NAME"."""
    given = os.environ.get("ASTFX_SHARED")
    shared = Path(given) if given else Path(__file__).parents[3] / "shared"
    folder = shared / "data" / "grinstein"
    if not folder.is_dir():
        pytest.skip(f"needs the published audio in {folder} (set ASTFX_SHARED)")
    clips: dict[str, Signal] = {}

    def load_clip(name: str) -> Signal:
        if name not in clips:
            data, rate = soundfile.read(folder / f"{name}.mp3", dtype="float64")
            assert rate == RATE
            clips[name] = data
        return clips[name]

    return load_clip


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(7)


@pytest.fixture
def noise(random: np.random.Generator) -> Signal:
    """Four seconds of white noise at 22.05 kHz, RMS 0.1."""
    return 0.1 * random.standard_normal(4 * RATE)


@pytest.fixture
def melody() -> Signal:
    """Four seconds, eight plucked notes at 22.05 kHz."""
    n = RATE // 2
    time = np.arange(n) / RATE
    notes_hz = 261.63 * 2.0 ** (np.array([0, 4, 7, 12, 5, 9, 2, 11]) / 12.0)
    notes = [
        sum(np.sin(2 * np.pi * f * h * time) / h for h in (1, 2, 3)) * np.exp(-6.0 * time)
        for f in notes_hz
    ]
    return 0.2 * np.concatenate(notes)
