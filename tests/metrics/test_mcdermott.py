from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt
import pytest
from scipy.special import gamma

from astfx import errors
from astfx.dsp.erb import N_BANDS, erb_filterbank
from astfx.metrics import mcdermott
from astfx.metrics.mcdermott import (
    CORRELATION_OFFSETS,
    band_envelopes,
    class_snr_db,
    standard_bank_db,
    texture_statistics,
)

Signal = npt.NDArray[np.float64]

RATE = 22050
UNITY = 1e-12  # of the squared filter responses
ENVELOPE_RATE_TOLERANCE_HZ = 0.2
CORRELATION_OF_NOISE = 0.1  # mean magnitude over pairs of bands far apart, 10 s of noise
RAYLEIGH_TOLERANCE = 0.06  # relative: 20 s hold a few thousand independent envelopes
LEVEL_DB = 1e-6


def centre_hz(band: int, sample_rate: float = RATE) -> float:
    n = 1 << 16
    bins_hz = np.fft.rfftfreq(n, 1.0 / sample_rate)
    return float(bins_hz[np.argmax(erb_filterbank(n, sample_rate)[band + 1])])


def noise_of(seconds: float, seed: int = 1) -> Signal:
    return 0.1 * np.random.default_rng(seed).standard_normal(round(seconds * RATE))


@pytest.mark.parametrize("sample_rate", [8000, 20000, 22050, 48000])
def test_filterbank_has_unity_sum_of_squares(sample_rate: int) -> None:
    bank = erb_filterbank(5000, sample_rate)
    assert bank.shape == (N_BANDS + 2, 2501)
    np.testing.assert_allclose(np.sum(bank**2, axis=0), 1.0, atol=UNITY)


def test_filterbank_runs_from_20_hz_to_10_khz() -> None:
    bank = erb_filterbank(44100, 44100)[1:-1]  # 1 Hz bins
    used = np.flatnonzero(bank.any(axis=0))
    assert used[0] == 21
    assert used[-1] in (9998, 9999)
    assert np.all(np.diff(np.argmax(bank, axis=1)) > 0)


@pytest.mark.parametrize("band", [6, 17, 28])
def test_a_tone_leaves_a_steady_envelope_in_its_band(band: int) -> None:
    tone = np.sin(2 * np.pi * round(centre_hz(band)) * np.arange(2 * RATE) / RATE)
    envelopes, rate_hz = band_envelopes(tone, RATE)
    assert rate_hz == pytest.approx(400.0, abs=ENVELOPE_RATE_TOLERANCE_HZ)
    assert np.argmax(envelopes.mean(axis=1)) == band
    # An RMS of 0.1 is an amplitude of 0.1 sqrt 2, and the filter's peak gain is 1.
    np.testing.assert_allclose(envelopes[band], (0.1 * np.sqrt(2.0)) ** 0.3, rtol=0.002)


def test_envelopes_are_those_of_the_full_rate_hilbert_transform() -> None:
    from scipy.signal import hilbert

    signal = noise_of(1.0)
    signal *= 0.1 / np.sqrt(np.mean(signal**2))
    envelopes, _ = band_envelopes(signal, RATE)
    bank = erb_filterbank(signal.size, RATE)
    for band in (3, 15, 29):
        filtered = np.fft.irfft(np.fft.rfft(signal) * bank[band + 1], signal.size)
        full = np.abs(hilbert(filtered)) ** 0.3
        edges = np.linspace(0, signal.size, envelopes.shape[1] + 1).round().astype(int)
        means = np.add.reduceat(full, edges[:-1]) / np.diff(edges)
        # The points of a frame start at its edge, a constant shift of less than half a millisecond.
        assert np.corrcoef(means, envelopes[band])[0, 1] > 0.99
        assert means.var() == pytest.approx(envelopes[band].var(), rel=0.02)
        assert means.mean() == pytest.approx(envelopes[band].mean(), rel=0.002)


def test_noise_has_rayleigh_envelopes() -> None:
    statistics = texture_statistics(noise_of(20.0), RATE)
    narrow = statistics.envelope_variance[1:8]  # against 400 Hz, so that nothing is averaged out
    expected = gamma(1.3) / gamma(1.15) ** 2 - 1.0  # of a Rayleigh variable to the power 0.3
    assert narrow.mean() == pytest.approx(expected, rel=RAYLEIGH_TOLERANCE)


def test_white_noise_bands_far_apart_are_uncorrelated() -> None:
    correlation = texture_statistics(noise_of(10.0), RATE).envelope_correlation
    starts = np.cumsum([0, *(N_BANDS - offset for offset in CORRELATION_OFFSETS)])
    far = correlation[starts[3] :]  # offsets 5 and more
    assert correlation.size == starts[-1]
    assert np.abs(far).mean() < CORRELATION_OF_NOISE


def test_comodulated_bands_correlate() -> None:
    time = np.arange(8 * RATE) / RATE
    gate = (np.sin(2 * np.pi * 3.0 * time) > 0).astype(float) + 0.01
    correlation = texture_statistics(noise_of(8.0) * gate, RATE).envelope_correlation
    n_first = N_BANDS - CORRELATION_OFFSETS[0]
    assert correlation[:n_first][10:].min() > 0.85
    assert np.mean(correlation) > 0.8


@pytest.mark.parametrize("rate_hz", [2.0, 8.0, 40.0])
def test_modulation_peaks_in_the_band_of_its_rate(rate_hz: float) -> None:
    time = np.arange(4 * RATE) / RATE
    band = 20
    carrier = np.sin(2 * np.pi * round(centre_hz(band)) * time)
    statistics = texture_statistics(
        carrier * (1.0 + 0.5 * np.sin(2 * np.pi * rate_hz * time)), RATE
    )
    centres = np.geomspace(0.5, 200.0, 20)
    nearest = np.argmin(np.abs(np.log(centres / rate_hz)))
    assert np.argmax(statistics.modulation_power[band]) == nearest
    assert 0.3 < statistics.modulation_power[band, nearest] <= 1.0


@pytest.mark.parametrize("depth", [0.1, 0.3])
def test_variance_follows_the_modulation_depth(depth: float) -> None:
    time = np.arange(4 * RATE) / RATE
    carrier = np.sin(2 * np.pi * round(centre_hz(20)) * time)
    statistics = texture_statistics(carrier * (1.0 + depth * np.sin(2 * np.pi * 4 * time)), RATE)
    small_signal = (mcdermott.COMPRESSION * depth) ** 2 / 2.0  # of (1 + d sin)^0.3
    assert statistics.envelope_variance[20] == pytest.approx(small_signal, rel=0.1)


def test_a_sine_modulated_envelope_has_kurtosis_minus_one_and_a_half() -> None:
    time = np.arange(4 * RATE) / RATE
    carrier = np.sin(2 * np.pi * round(centre_hz(20)) * time)
    statistics = texture_statistics(carrier * (1.0 + 0.1 * np.sin(2 * np.pi * 4 * time)), RATE)
    assert statistics.envelope_kurtosis[20] == pytest.approx(-1.5, abs=0.02)
    assert statistics.envelope_skewness[20] == pytest.approx(0.0, abs=0.15)


def test_modulation_correlation_is_in_the_octave_of_the_common_modulation() -> None:
    time = np.arange(8 * RATE) / RATE
    sound = noise_of(8.0) * (1.0 + 0.95 * np.sin(2 * np.pi * 8.0 * time))
    octaves = texture_statistics(sound, RATE).modulation_correlation.reshape(6, -1)
    # Only wide bands are used, because the envelopes of narrow bands of noise fluctuate at 8 Hz.
    assert np.argmax(octaves[:, 15:29].mean(axis=1)) == 3  # centred on 8 Hz


def test_statistics_do_not_depend_on_level_or_channels(noise: Signal) -> None:
    assert standard_bank_db(0.01 * noise, noise, RATE) == pytest.approx(-100.0)
    assert standard_bank_db(np.stack([noise, noise]), noise, RATE) == pytest.approx(-100.0)


def test_identical_sounds_stop_at_minus_100_db(noise: Signal) -> None:
    assert standard_bank_db(noise, noise, RATE) == -100.0


def test_other_noise_is_closer_than_a_tone(noise: Signal) -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(4 * RATE) / RATE)
    assert standard_bank_db(noise_of(4.0, seed=99), noise, RATE) < -12.0
    assert standard_bank_db(tone, noise, RATE) > 0.0


def test_a_silent_output_scores_zero_db(noise: Signal) -> None:
    snr = class_snr_db(np.zeros(2 * RATE), noise, RATE)
    assert tuple(snr) == mcdermott.TEXTURE_CLASSES
    assert list(snr.values()) == pytest.approx([0.0] * 7, abs=LEVEL_DB)


def test_distance_is_the_negated_mean_of_the_classes(noise: Signal, melody: Signal) -> None:
    snr = class_snr_db(melody, noise, RATE)
    assert standard_bank_db(melody, noise, RATE) == pytest.approx(-np.mean(list(snr.values())))


def test_snr_is_ten_log_of_the_energy_ratio() -> None:
    target = np.array([3.0, 4.0])
    assert mcdermott._snr_db(target, target - 0.5) == pytest.approx(10 * np.log10(25 / 0.5))
    assert mcdermott._snr_db(np.zeros(2), target) == -100.0
    assert mcdermott._snr_db(np.zeros(2), np.zeros(2)) == 100.0


def test_a_silent_style_is_refused(noise: Signal) -> None:
    with pytest.raises(errors.InvalidAudioError, match="style is silent: a distance to silence"):
        standard_bank_db(noise, np.zeros(RATE), RATE)


def test_short_sounds_are_refused(noise: Signal) -> None:
    message = "waveform lasts 0.454 s; texture statistics need at least 0.5 s"
    with pytest.raises(errors.InvalidAudioError, match=re.escape(message)):
        texture_statistics(noise[:10000], RATE)
