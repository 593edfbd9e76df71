from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from astfx.errors import InvalidSettingError
from astfx.frontends.filterbanks import (
    CQT_BANDS_PER_OCTAVE,
    FRONT_ENDS,
    LOWEST_CQT_HZ,
    Picture,
    check_front_end,
    mel_edges_hz,
    triangles,
)
from astfx.frontends.log_magnitude import LogMagnitude
from astfx.frontends.stft import Stft

CPU = torch.device("cpu")
SAME_SOUND_TOLERANCE = 0.02  # of the picture's range


def frames_of_tone(frequency_hz: float, sample_rate: int, n_fft: int) -> Tensor:
    """Features of a sine at an RMS of 0.1."""
    time = torch.arange(sample_rate) / sample_rate
    tone = 0.1 * 2**0.5 * torch.sin(2 * torch.pi * frequency_hz * time)
    stft = Stft(n_fft=n_fft, hop_length=n_fft // 4, device=CPU)
    return LogMagnitude(rms=0.1, n_fft=n_fft).features(stft.analyse(tone[None])[0])[6:-6]


def picture(front_end: str, sample_rate: int = 22050, n_fft: int = 2048) -> Picture:
    return Picture(
        front_end=front_end, n_bands=None, sample_rate=sample_rate, n_fft=n_fft, device=CPU
    )


def test_log_is_the_features_and_linear_their_magnitude() -> None:
    frames = frames_of_tone(1000.0, 22050, 2048)
    assert picture("log")(frames) is frames
    torch.testing.assert_close(picture("linear")(frames), torch.expm1(frames))


def test_a_sine_at_full_level_is_near_one_in_mel_decibels() -> None:
    seen = picture("mel-db")(frames_of_tone(1000.0, 22050, 2048))
    assert 0.95 < float(seen.max()) < 1.1
    assert float(picture("mel-db")(torch.zeros(3, 1025)).abs().max()) < 1e-6


def test_ten_decibels_are_an_eighth_of_the_mel_picture() -> None:
    frames = frames_of_tone(1000.0, 22050, 2048)
    quieter = torch.log1p(torch.expm1(frames) / 10**0.5)
    seen, lower = picture("mel-db")(frames), picture("mel-db")(quieter)
    band = int(seen[0].argmax())
    torch.testing.assert_close(
        seen[:, band] - lower[:, band], torch.full((len(seen),), 0.125), atol=1e-3, rtol=0
    )


@pytest.mark.parametrize("octave", [3, 4, 5])
def test_constant_q_bands_are_semitones(octave: int) -> None:
    """A tone an octave up is twelve bands up."""
    frequency = LOWEST_CQT_HZ * 2.0**octave
    seen = picture("cqt")(frames_of_tone(frequency, 22050, 2048))
    assert int(seen.mean(dim=0).argmax()) == octave * CQT_BANDS_PER_OCTAVE


@pytest.mark.parametrize("front_end", ["mel-db", "cqt"])
def test_bands_see_the_same_at_any_sample_rate(front_end: str) -> None:
    low = picture(front_end)(frames_of_tone(1500.0, 22050, 2048)).mean(dim=0)
    high = picture(front_end, 44100, 4096)(frames_of_tone(1500.0, 44100, 4096)).mean(dim=0)
    assert low.shape == high.shape
    assert float((low - high).abs().max()) < SAME_SOUND_TOLERANCE * float(low.max())


@pytest.mark.parametrize("front_end", FRONT_ENDS)
def test_gradient_is_finite_where_there_is_silence(front_end: str) -> None:
    frames = torch.zeros(4, 1025, requires_grad=True)
    (gradient,) = torch.autograd.grad(picture(front_end)(frames).square().sum(), frames)
    assert bool(torch.isfinite(gradient).all())


def test_triangles_peak_at_their_centres_and_cover_all_between() -> None:
    bin_hz = np.arange(0.0, 1000.0, 1.0)
    bank = triangles(np.array([0.0, 100.0, 300.0, 600.0, 900.0]), bin_hz)
    assert bank.shape == (3, 1000)
    np.testing.assert_allclose([bank[0, 100], bank[1, 300], bank[2, 600]], 1.0)
    np.testing.assert_allclose(bank[:, 100:600].sum(axis=0), 1.0)


def test_mel_edges_are_librosas() -> None:
    librosa = pytest.importorskip("librosa")
    expected = librosa.mel_frequencies(n_mels=42, fmin=0.0, fmax=11025.0, htk=True)
    np.testing.assert_allclose(mel_edges_hz(40), expected, rtol=1e-6)


def test_unknown_front_ends_are_refused() -> None:
    with pytest.raises(InvalidSettingError, match="front_end='x' must be one of log, linear, mel"):
        check_front_end("x")
