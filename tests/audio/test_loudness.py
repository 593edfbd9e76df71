from __future__ import annotations

import numpy as np
import pyloudnorm
import pytest
from scipy import signal

from astfx.audio.loudness import LoudnessMeter, filter_energy
from astfx.dsp.k_weighting import k_weighting, power_response

LOUDNESS_TOLERANCE_DB = 0.1
ROUNDING = 1e-9


@pytest.mark.parametrize("sample_rate", [8000, 22050, 44100, 48000, 96000, 192000])
@pytest.mark.parametrize("channels", [1, 2])
def test_loudness_of_steady_noise_is_pyloudnorms(sample_rate: int, channels: int) -> None:
    """For steady sound the gate of BS.1770 changes nothing, so an ungated meter agrees."""
    rng = np.random.default_rng(0)
    clip = (0.1 * rng.standard_normal((channels, 2 * sample_rate))).astype(np.float32)
    meter = LoudnessMeter(sample_rate, channels)
    for start in range(0, clip.shape[1], 7777):
        meter.add(clip[:, start : start + 7777])
    reference = pyloudnorm.Meter(sample_rate, filter_class="DeMan")
    expected = reference.integrated_loudness(clip.T.astype(np.float64))
    assert meter.lufs == pytest.approx(expected, abs=LOUDNESS_TOLERANCE_DB)


def test_full_scale_1_khz_sine_is_minus_3_lufs() -> None:
    """The definition's own calibration: 997 Hz at 0 dBFS in one channel."""
    tone = np.sin(2 * np.pi * 997.0 * np.arange(96000) / 48000)[None].astype(np.float32)
    meter = LoudnessMeter(48000, 1)
    meter.add(tone)
    assert meter.lufs == pytest.approx(-3.01, abs=0.02)


def test_filter_at_48_khz_is_the_standards() -> None:
    shelf = k_weighting(48000)[0]
    assert shelf[:3] == pytest.approx([1.53512485958697, -2.69169618940638, 1.19839281085285])
    assert shelf[4:] == pytest.approx([-1.69065929318241, 0.73248077421585])


def test_silence_is_minus_infinity() -> None:
    meter = LoudnessMeter(48000, 1)
    meter.add(np.zeros((1, 100), np.float32))
    assert meter.lufs == -np.inf


@pytest.mark.parametrize("sample_rate", [8000, 44100])
def test_filter_is_scipys_over_blocks_too(sample_rate: int) -> None:
    clip = np.random.default_rng(1).standard_normal((2, 5000)).astype(np.float32)
    sections = k_weighting(sample_rate)
    state, energy = np.zeros((2, 2, 2)), 0.0
    for block in np.split(clip, [1, 1700], axis=1):
        energy += filter_energy(sections, np.ascontiguousarray(block), state)
    expected, end = signal.sosfilt(sections, clip, axis=-1, zi=np.zeros((2, 2, 2)))
    assert energy == pytest.approx(float(np.square(expected).sum()), rel=ROUNDING)
    np.testing.assert_allclose(state, end, atol=ROUNDING)


def test_response_is_scipys() -> None:
    sections, n_fft = k_weighting(22050), 512
    hz = np.arange(n_fft // 2 + 1) * 22050 / n_fft
    _, expected = signal.sosfreqz(sections, hz, fs=22050)
    found = power_response(sections, n_fft)
    np.testing.assert_allclose(found, np.square(np.abs(expected)), rtol=1e-6)
