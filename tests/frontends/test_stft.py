from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import signal

from astfx.errors import InvalidSettingError
from astfx.frontends.grid import hop_length_for, smooth_length
from astfx.frontends.log_magnitude import LogMagnitude
from astfx.frontends.stft import Stft

CPU = torch.device("cpu")
IDENTITY_TOLERANCE = 1e-5  # of full scale


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)) * 0.1


@pytest.mark.parametrize("overlap", [4, 5, 8])
@pytest.mark.parametrize("n_samples", [1, 63, 64, 1000, 4097])
def test_round_trip_is_the_identity_to_the_last_sample(overlap: int, n_samples: int) -> None:
    stft = Stft(n_fft=overlap * 64, hop_length=64, device=CPU)
    waveform = noise(2, n_samples)
    spectrogram = stft.analyse(waveform)
    assert spectrogram.shape == (2, stft.n_frames(n_samples), stft.n_bins)
    torch.testing.assert_close(
        stft.synthesise(spectrogram, n_samples), waveform, rtol=0, atol=IDENTITY_TOLERANCE
    )


def test_overlap_add_of_pieces_is_the_whole() -> None:
    """Cutting the frames anywhere and adding the pieces' inverses changes nothing."""
    stft = Stft(n_fft=256, hop_length=64, device=CPU)
    spectrogram = stft.analyse(noise(1, 5000))
    whole = stft.inverse(spectrogram)
    pieces = torch.zeros_like(whole)
    for first, last in [(0, 1), (1, 30), (30, 31), (31, spectrogram.shape[1])]:
        piece = stft.inverse(spectrogram[:, first:last])
        pieces[:, first * 64 : first * 64 + piece.shape[1]] += piece
    torch.testing.assert_close(pieces, whole, rtol=0, atol=IDENTITY_TOLERANCE)


def test_frames_of_a_piece_are_those_of_the_whole() -> None:
    stft = Stft(n_fft=256, hop_length=64, device=CPU)
    waveform = noise(1, 4000)
    start, stop = stft.sample_range(10, 20)
    piece = stft.forward(waveform[:, start:stop])
    torch.testing.assert_close(piece, stft.analyse(waveform)[:, 10:20], rtol=0, atol=1e-5)


def test_frames_are_scipys() -> None:
    stft = Stft(n_fft=256, hop_length=64, device=CPU)
    waveform = noise(1, 3000)
    reference = signal.ShortTimeFFT(
        signal.get_window("hann", 256), hop=64, fs=1.0, phase_shift=None
    )
    expected = reference.stft(np.pad(waveform.numpy()[0], (256 - 64, 256)), p0=2, p1=40)
    ours = stft.analyse(waveform)[0, :38].numpy().T
    np.testing.assert_allclose(np.abs(ours), np.abs(expected), atol=1e-4)


def test_tone_peaks_in_its_bin() -> None:
    stft = Stft(n_fft=256, hop_length=64, device=CPU)
    tone = torch.cos(2 * torch.pi * 20 / 256 * torch.arange(4000))[None]
    magnitude = stft.analyse(tone)[0, 10:40].abs()
    assert set(magnitude.argmax(dim=-1).tolist()) == {20}
    assert float(magnitude[:, 20].mean()) == pytest.approx(64.0, rel=1e-3)  # sum(hann) / 2


@pytest.mark.parametrize(("n_fft", "hop_length"), [(100, 30), (128, 64), (64, 0), (192, 64)])
def test_sizes_that_do_not_overlap_add_are_refused(n_fft: int, hop_length: int) -> None:
    with pytest.raises(InvalidSettingError, match=f"n_fft={n_fft} must be a multiple of"):
        Stft(n_fft=n_fft, hop_length=hop_length, device=CPU)


def test_hop_lengths_are_smooth_and_near_at_every_rate() -> None:
    assert hop_length_for(92.88, 22050) == 512
    assert hop_length_for(92.88, 44100) == 1024
    for sample_rate in (8000, 11025, 16000, 32000, 48000, 88200, 96000, 192000):
        target = 0.09288 * sample_rate / 4
        assert hop_length_for(92.88, sample_rate) == pytest.approx(target, rel=0.03)
    assert smooth_length(11.0) in (10, 12)
    assert smooth_length(185.8) == 189


@pytest.mark.parametrize("sample_rate", [22050, 44100, 48000])
def test_features_of_a_sound_do_not_depend_on_the_sample_rate(sample_rate: int) -> None:
    """A 1 kHz tone has the same peak feature at any rate, within 2 %."""
    hop = hop_length_for(92.88, sample_rate)
    stft = Stft(n_fft=4 * hop, hop_length=hop, device=CPU)
    tone = torch.sin(2 * torch.pi * 1000.0 * torch.arange(sample_rate) / sample_rate)[None]
    features = LogMagnitude(rms=0.7071, n_fft=4 * hop).features(stft.analyse(tone))[0]
    middle = features[10:30].amax(dim=-1)
    assert float(middle.mean()) == pytest.approx(np.log1p(0.1414 * 512), rel=0.02)


def test_magnitude_inverts_features() -> None:
    stft = Stft(n_fft=256, hop_length=64, device=CPU)
    spectrogram = stft.analyse(noise(1, 2000))
    level = LogMagnitude(rms=0.03, n_fft=256)
    torch.testing.assert_close(
        level.magnitude(level.features(spectrogram)), spectrogram.abs(), rtol=1e-4, atol=1e-6
    )
