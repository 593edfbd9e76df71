"""The envelope map, on noises whose envelopes are known."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from astfx.features.envelope_map import (
    COMPRESSION,
    N_BANDS,
    N_QUANTILES,
    OVERLAP,
    EnvelopeMap,
    EnvelopeStatistics,
    band_edges_hz,
    envelope_gains,
    learn_envelopes,
    power_scale,
    window_length,
)
from astfx.features.modulation_bands import MODULATIONS_HZ, N_MODULATIONS

RATE = 22050
N_FFT = window_length(RATE)
HOP = N_FFT // OVERLAP
MEAN_TOLERANCE_DB = 2.0
SPREAD_TOLERANCE = 0.4  # relative: peaking filters do not raise a modulation without limit

Array = npt.NDArray[np.float64]


def noise(seconds: float, seed: int, hz: float = 0.0, depth: float = 0.0) -> Array:
    """White noise with an RMS of 0.1, whose level follows a sine, (1, samples)."""
    n = round(seconds * RATE)
    level = 1.0 + depth * np.sin(2.0 * np.pi * hz * np.arange(n) / RATE)
    clip = np.random.default_rng(seed).standard_normal((1, n)) * level
    return np.asarray(0.1 * clip / np.sqrt(np.square(clip).mean()))


def powers(clip: Array) -> npt.NDArray[np.float32]:
    """Powers of the frames of a clip with an RMS of 0.1, (frames, bins)."""
    window = np.sqrt(0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(N_FFT) / N_FFT))
    frames = np.lib.stride_tricks.sliding_window_view(clip[0], N_FFT)[::HOP]
    spectra = np.fft.rfft(frames * window * power_scale(0.1, N_FFT))
    return np.square(np.abs(spectra)).astype(np.float32)


def envelopes(frames: npt.NDArray[np.floating]) -> Array:
    """Compressed envelopes of four bands of 350 Hz, (frames, 4)."""
    parts = [frames[:, first : first + 4] for first in (10, 22, 46, 94)]
    return np.stack([part.mean(axis=1) for part in parts], axis=1) ** (COMPRESSION / 2.0)


def gain_of(
    mapping: EnvelopeMap, power: npt.NDArray[np.float32], *, learn: bool = True
) -> npt.NDArray[np.float32]:
    """Gain of a frame, (bins,)."""
    gain = np.empty_like(power)
    envelope_gains(mapping, power, learn, gain)
    return gain


def shaped(content: Array, style: Array, *, learn: bool = True) -> npt.NDArray[np.floating]:
    """Powers of a content's frames after the map to a style."""
    statistics = EnvelopeStatistics.of([style], RATE, 0.1)
    mapping = EnvelopeMap.of(statistics, RATE, N_FFT, memory=8.0 * RATE / HOP)
    found = []
    for power in powers(content):
        found.append(power * np.square(gain_of(mapping, power, learn=learn)))
        learn_envelopes(mapping, found[-1], learn)
    return np.stack(found)


def test_statistics_have_their_shapes_and_the_power_of_noise() -> None:
    statistics = EnvelopeStatistics.of([noise(3.0, 0)], RATE, 0.1)
    used = len(statistics.mean)
    assert used < N_BANDS  # those below the Nyquist frequency
    assert statistics.quantiles.shape == (used, N_QUANTILES)
    assert statistics.modulations.shape == (used, N_MODULATIONS)
    assert (np.diff(statistics.quantiles, axis=1) >= 0.0).all()
    # White noise has the same mean in all bands that are wide enough.
    wide = statistics.mean[-6:]
    np.testing.assert_allclose(wide, wide.mean(), rtol=0.03)


def test_statistics_do_not_depend_on_the_level_or_the_rate() -> None:
    clip = noise(2.0, 1, hz=4.0, depth=0.8)
    first = EnvelopeStatistics.of([clip], RATE, 0.1)
    louder = EnvelopeStatistics.of([20.0 * clip], RATE, 2.0)
    for a, b in zip(first, louder, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)


def test_bands_are_no_narrower_than_the_window_resolves() -> None:
    widths = np.diff(band_edges_hz())
    assert widths.min() >= RATE / N_FFT * 0.99
    assert (np.diff(widths) > -1e-6).all()


def test_a_modulation_is_in_its_band() -> None:
    """A modulation of 7 Hz has most of its power in the band around 7.5 Hz."""
    steady = EnvelopeStatistics.of([noise(6.0, 2)], RATE, 0.1).modulations.mean(axis=0)
    moving = EnvelopeStatistics.of([noise(6.0, 2, hz=7.0, depth=0.9)], RATE, 0.1)
    gained = moving.modulations.mean(axis=0) - steady
    assert MODULATIONS_HZ[int(np.argmax(gained))] == pytest.approx(7.5)


def test_a_steady_content_takes_the_styles_spread_and_mean() -> None:
    style = noise(6.0, 4, hz=3.0, depth=0.9)
    output = shaped(noise(12.0, 5), style)[len(powers(noise(12.0, 5))) // 2 :]
    found, wanted = envelopes(output), envelopes(powers(style))
    level_db = 20.0 / COMPRESSION * np.log10(found.mean(axis=0) / wanted.mean(axis=0))
    assert np.abs(level_db).max() < MEAN_TOLERANCE_DB
    spread, target = (x.std(axis=0) / x.mean(axis=0) for x in (found, wanted))
    np.testing.assert_allclose(spread, target, rtol=SPREAD_TOLERANCE)


def test_slow_swells_of_the_content_are_levelled_for_a_steady_style() -> None:
    content = noise(16.0, 6, hz=0.4, depth=0.9)
    output = shaped(content, noise(6.0, 7))
    half = len(output) // 2
    slow = [
        np.convolve(envelopes(x)[:, 2], np.ones(100) / 100.0, "valid").std()
        for x in (powers(content)[half:], output[half:])
    ]
    assert slow[1] < 0.5 * slow[0]


def test_the_style_itself_hardly_changes() -> None:
    style = noise(8.0, 8, hz=3.0, depth=0.6)
    output = shaped(style, style)
    change_db = 10.0 * np.log10(output.sum(axis=1) / powers(style).sum(axis=1))
    assert np.abs(np.median(change_db)) < 1.0


def test_without_learning_every_frame_is_mapped_alike() -> None:
    statistics = EnvelopeStatistics.of([noise(3.0, 9)], RATE, 0.1)
    mapping = EnvelopeMap.of(statistics, RATE, N_FFT, memory=500.0)
    frame = powers(noise(0.2, 10))[0]
    for _ in range(400):  # the modulation filters settle, the statistics stay
        last = gain_of(mapping, frame, learn=False)
    np.testing.assert_allclose(gain_of(mapping, frame, learn=False), last, rtol=1e-3)


@pytest.mark.parametrize("value", [0.0, 1e-30, 1e12])
def test_gains_stay_bounded(value: float) -> None:
    statistics = EnvelopeStatistics.of([noise(2.0, 11)], RATE, 0.1)
    mapping = EnvelopeMap.of(statistics, RATE, N_FFT, memory=500.0)
    for _ in range(300):
        gain = gain_of(mapping, np.full(N_FFT // 2 + 1, value, np.float32))
        assert np.isfinite(gain).all()
        assert gain.max() <= np.exp(3.0) * 1.001
        assert gain.min() >= np.exp(-5.0) * 0.999


def test_a_higher_rate_has_the_same_bands() -> None:
    """Noise at twice the rate has the same statistics in the bands that both have."""
    fast = np.random.default_rng(12).standard_normal((1, 8 * RATE)) * 0.1
    double = EnvelopeStatistics.of([fast], 2 * RATE, 0.1)
    assert len(double.mean) == N_BANDS
    single = EnvelopeStatistics.of([noise(4.0, 13)], RATE, 0.1)
    shared = slice(12, 24)  # wide, and below 8 kHz
    np.testing.assert_allclose(
        double.quantiles[shared].std(axis=1), single.quantiles[shared].std(axis=1), rtol=0.25
    )
