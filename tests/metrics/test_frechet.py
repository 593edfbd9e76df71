from __future__ import annotations

import re

import librosa
import numpy as np
import numpy.typing as npt
import pytest

from astfx import errors
from astfx.metrics import frechet

Signal = npt.NDArray[np.float64]

RATE = 22050
EXACT = 1e-9
FLOAT32 = 1e-3
CHANCE_DB = 1.5  # between 3 s of one noise and 3 s of another


def test_diagonal_gaussians_have_the_closed_form() -> None:
    first, second = np.array([1.0, 4.0, 9.0]), np.array([4.0, 1.0, 0.25])
    shift = np.array([1.0, -2.0, 0.5])
    expected = np.sum(shift**2) + np.sum((np.sqrt(first) - np.sqrt(second)) ** 2)
    found = frechet.gaussian_frechet(np.zeros(3), np.diag(first), shift, np.diag(second))
    assert found == pytest.approx(expected, abs=EXACT)


def test_distance_of_correlated_gaussians_equals_the_matrix_square_root(
    random: np.random.Generator,
) -> None:
    import scipy.linalg

    a, b = random.standard_normal((2, 5, 5))
    first, second = a @ a.T, b @ b.T
    root = scipy.linalg.sqrtm(first @ second)
    expected = np.trace(first + second - 2.0 * np.real(root)) + 5.0
    found = frechet.gaussian_frechet(np.zeros(5), first, np.ones(5), second)
    assert found == pytest.approx(expected, rel=1e-6)


def test_a_shift_of_the_frames_costs_its_square(random: np.random.Generator) -> None:
    frames = random.standard_normal((6, 50))
    shifted = frames + np.full((6, 1), 2.0)
    assert frechet.frechet_distance(shifted, frames) == pytest.approx(24.0, abs=1e-6)
    assert frechet.frechet_distance(frames, frames) == pytest.approx(0.0, abs=1e-6)


def test_singular_covariances_are_fine() -> None:
    line = np.outer([1.0, 2.0], np.arange(10.0))
    assert frechet.frechet_distance(3.0 * line, line) == pytest.approx(
        np.sum((2.0 * line.mean(axis=1)) ** 2) + 4.0 * np.var(line, axis=1, ddof=1).sum()
    )


def test_style_distance_is_the_root_per_band_and_zero_for_the_style(
    noise: Signal, melody: Signal
) -> None:
    squared = frechet.mel_db_frechet(melody, noise, RATE)
    assert frechet.style_distance(melody, noise, RATE) == pytest.approx(np.sqrt(squared / 64))
    assert frechet.style_distance(noise, noise, RATE) == pytest.approx(0.0, abs=FLOAT32)


def test_style_distance_ignores_level_but_hears_a_tilt_in_db(noise: Signal) -> None:
    assert frechet.style_distance(0.1 * noise, noise, RATE) == pytest.approx(0.0, abs=0.01)
    spectrum = np.fft.rfft(noise)
    spectrum[: spectrum.size // 2] *= 10.0 ** (12.0 / 20.0)
    half_up = np.fft.irfft(spectrum, noise.size)
    # Most mel bands lie in the half that rises; scaling to one level cancels a part of the rise.
    assert 3.0 < frechet.style_distance(half_up, noise, RATE) < 7.0


@pytest.mark.parametrize("sample_rate", [8000, 22050, 48000])
def test_style_distance_of_two_noises_is_small_at_any_rate(sample_rate: int) -> None:
    random = np.random.default_rng(3)
    first, second = random.standard_normal((2, 3 * sample_rate))
    assert frechet.style_distance(first, second, sample_rate) < CHANCE_DB


def test_silence_is_finite(noise: Signal) -> None:
    assert np.isfinite(frechet.style_distance(np.zeros(RATE), noise, RATE))
    assert frechet.style_distance(np.zeros(RATE), np.zeros(RATE), RATE) == 0.0


def test_mfcc_frames_equal_librosa(melody: Signal) -> None:
    mel_db = frechet.mel_db_frames(melody, RATE)
    cepstrum = librosa.feature.mfcc(S=mel_db, n_mfcc=14)[1:]
    expected = np.concatenate([cepstrum, librosa.feature.delta(cepstrum)])
    np.testing.assert_allclose(frechet.mfcc_frames(melody, RATE), expected, atol=EXACT)


def test_frames_that_do_not_fit_are_refused() -> None:
    with pytest.raises(
        errors.InvalidAudioError,
        match=re.escape("output frames have shape (4, 1); pass (features, frames) with at least 2"),
    ):
        frechet.frechet_distance(np.zeros((4, 1)), np.zeros((4, 9)))
    with pytest.raises(
        errors.InvalidAudioError,
        match="output frames have 4 features, style frames 5; they must be equal",
    ):
        frechet.frechet_distance(np.zeros((4, 9)), np.zeros((5, 9)))


def test_sounds_too_short_for_frames_are_refused(noise: Signal) -> None:
    with pytest.raises(
        errors.InvalidAudioError,
        match="waveform has 100 samples; at 22050 Hz at least 256 are needed",
    ):
        frechet.style_distance(noise[:100], noise, RATE)
    with pytest.raises(
        errors.InvalidAudioError, match="waveform gives 5 frames; MFCC deltas need at least 9"
    ):
        frechet.mfcc_frechet(noise[:1024], noise, RATE)
