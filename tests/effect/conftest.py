"""Effects and sounds that these tests share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import pytest

import astfx
from astfx.audio import Waveform

RATE = 22050

Make = Callable[..., astfx.StyleTransfer]


def blocks_of(waveform: Waveform, sizes: Iterable[int]) -> Iterator[Waveform]:
    """Cut audio into blocks of the given sizes. The last size is repeated until the end."""
    first, size = 0, 1
    sizes = iter(sizes)
    while first < waveform.shape[1]:
        size = next(sizes, size)
        yield waveform[:, first : first + size]
        first += size


def streamed(
    effect: Any, waveform: Waveform, sizes: Iterable[int], sample_rate: int = RATE
) -> Waveform:
    """All output of an effect for audio in blocks, after a reset."""
    effect.reset()
    # Blocks of one sample do not show their layout, but an empty block does.
    effect.process(waveform[:, :0], sample_rate, reset=False)
    parts = [
        effect.process(block, sample_rate, reset=False) for block in blocks_of(waveform, sizes)
    ]
    return np.concatenate(parts, axis=1)


@pytest.fixture(scope="session")
def clip(melody: Waveform) -> Waveform:
    """A second and a half of a melody in stereo, (2, samples), which begins with silence."""
    found = melody[:, : round(1.5 * RATE)].copy()
    found[:, :500] = 0.0
    return np.concatenate([found, 0.5 * np.roll(found, 30, axis=1)]).astype(np.float32)


@pytest.fixture(scope="session")
def rain_targets(rain: Waveform) -> astfx.StyleTargets:
    return astfx.prepare_style(rain, RATE)


@pytest.fixture(scope="session")
def second_targets() -> astfx.StyleTargets:
    """Another style: low noise in pulses, four a second."""
    rng = np.random.default_rng(5)
    time = np.arange(3 * RATE) / RATE
    noise = np.convolve(rng.standard_normal(len(time)), np.ones(16) / 16.0, "same")
    pulses = noise * (0.1 + (np.sin(2.0 * np.pi * 4.0 * time) > 0.6))
    return astfx.prepare_style(0.3 * pulses[None], RATE)


@pytest.fixture
def make(rain_targets: astfx.StyleTargets) -> Make:
    """Make an effect with the texture of rain: ``make(engine="live", ...)``."""

    def make_effect(**keywords: Any) -> astfx.StyleTransfer:
        return astfx.StyleTransfer(**{"style": rain_targets, **keywords})

    return make_effect
