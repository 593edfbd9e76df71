from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt
import pytest

from astfx import errors
from astfx.metrics import excess_copy, largest_copy

Signal = npt.NDArray[np.float64]

RATE = 22050
EXACT = 1e-6
UNRELATED_NOISE = 0.1


def test_the_style_itself_is_a_copy(noise: Signal) -> None:
    assert largest_copy(noise, noise, RATE) == pytest.approx(1.0, abs=EXACT)


def test_a_copy_is_found_at_any_place_gain_and_polarity(noise: Signal) -> None:
    output = 0.1 * np.random.default_rng(5).standard_normal(3 * RATE)
    output[RATE : 2 * RATE] = -0.3 * noise[2 * RATE + 123 : 3 * RATE + 123]
    assert largest_copy(output, noise, RATE) == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("copied", [0.25, 0.5, 0.75])
def test_a_copy_under_noise_scores_its_correlation(noise: Signal, copied: float) -> None:
    other = 0.1 * np.random.default_rng(5).standard_normal(noise.size)
    output = copied * noise + np.sqrt(1.0 - copied**2) * other
    assert largest_copy(output, noise, RATE) == pytest.approx(copied, abs=0.03)


def test_unrelated_noise_is_no_copy(noise: Signal) -> None:
    other = np.random.default_rng(5).standard_normal(noise.size)
    assert largest_copy(other, noise, RATE) < UNRELATED_NOISE


def test_notes_of_the_same_pitches_are_no_copy_and_replayed_ones_are() -> None:
    # Sixteen notes per second in a random order, each with a random phase.
    def notes(seed: int) -> Signal:
        rng = np.random.default_rng(seed)
        time = np.arange(RATE // 16) / RATE
        tones_hz = 220.0 * 2 ** (rng.integers(0, 5, (128, 1)) * 5 / 12)
        tones = np.sin(2 * np.pi * (tones_hz * time + rng.random((128, 1))))
        return np.asarray((tones * np.hanning(time.size)).reshape(-1))

    style, output = notes(1), notes(2)
    assert largest_copy(output, style, RATE) > 0.5
    assert abs(excess_copy(output, style, RATE)) < 0.1
    output[2 * RATE : 3 * RATE] = style[4 * RATE : 5 * RATE]
    assert excess_copy(output, style, RATE) > 0.25


def test_every_lag_equals_numpy_correlate(random: np.random.Generator) -> None:
    output, style = random.standard_normal(100), random.standard_normal(400)
    output -= output.mean()
    style -= style.mean()
    products = np.correlate(style, output, "valid")
    energy = np.convolve(style**2, np.ones(100), "valid")
    expected = np.max(np.abs(products) / np.sqrt(energy * np.sum(output**2)))
    assert largest_copy(output, style, 2000, snippet_seconds=0.05) == pytest.approx(expected)


def test_rates_above_22_khz_are_brought_down(noise: Signal) -> None:
    from astfx.metrics._inputs import resample

    # 5120 samples at 48 kHz are exactly 2352 at 22.05 kHz; other cuts would cost up to 3 %.
    high = resample(noise, RATE, 48000)
    assert largest_copy(high[5120:90000], high, 48000) == pytest.approx(1.0, abs=0.01)


def test_silence_copies_nothing(noise: Signal) -> None:
    silence = np.zeros(RATE)
    assert largest_copy(silence, noise, RATE) == 0.0
    assert largest_copy(noise, silence, RATE) == 0.0


def test_settings_and_lengths_that_do_not_fit_are_refused(noise: Signal) -> None:
    with pytest.raises(
        errors.InvalidSettingError, match=re.escape("snippet_seconds=0 s must be above 0 s")
    ):
        largest_copy(noise, noise, RATE, snippet_seconds=0)
    with pytest.raises(
        errors.InvalidAudioError,
        match=re.escape("style lasts 0.045 s, less than a snippet of 0.5 s"),
    ):
        largest_copy(noise, noise[:1000], RATE)
