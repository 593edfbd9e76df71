"""Power spectrograms and mel frames in dB, equal to those of librosa but quick to import."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy.fft

from astfx.dsp.mel import hz_to_mel, mel_to_hz
from astfx.dsp.windows import hann
from astfx.metrics._inputs import Signal


def frame_settings(sample_rate: float, n_fft_at_22050: int) -> tuple[int, int]:
    """Return n_fft and a hop of a quarter of it, of about the same duration at any sample rate.

    n_fft is `n_fft_at_22050` times the power of two that comes nearest to its duration at
    22.05 kHz.
    """
    octaves = round(float(np.log2(sample_rate / 22050.0)))
    n_fft = max(64, int(n_fft_at_22050 * 2.0**octaves))
    return n_fft, n_fft // 4


def power_spectrogram(signal: Signal, n_fft: int, hop_length: int) -> npt.NDArray[np.float32]:
    """Return squared STFT magnitudes, (n_fft // 2 + 1, frames): Hann, centred, zero-padded."""
    padded = np.pad(signal.astype(np.float32), n_fft // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop_length]
    window = hann(n_fft).astype(np.float32)
    spectrum = scipy.fft.rfft(frames * window, axis=1)
    return np.ascontiguousarray((spectrum.real**2 + spectrum.imag**2).T, dtype=np.float32)


def mel_filterbank(sample_rate: float, n_fft: int, n_mels: int) -> npt.NDArray[np.float32]:
    """Return triangular filters of unit area from 0 Hz to Nyquist, (n_mels, n_fft // 2 + 1)."""
    edges = mel_to_hz(np.linspace(0.0, hz_to_mel(sample_rate / 2.0), n_mels + 2))
    bins = np.fft.rfftfreq(n_fft, 1.0 / sample_rate)
    widths = np.diff(edges)[:, None]
    ramps = edges[:, None] - bins
    lower = -ramps[:-2] / widths[:-1]
    upper = ramps[2:] / widths[1:]
    triangles = np.maximum(0.0, np.minimum(lower, upper))
    unit_area = 2.0 / (edges[2:] - edges[:-2])
    return (triangles * unit_area[:, None]).astype(np.float32)


def power_to_db(power: npt.ArrayLike, top_db: float = 80.0) -> Signal:
    """Return `power` in dB, with floors at 1e-10 and at `top_db` below the loudest cell."""
    db = 10.0 * np.log10(np.maximum(np.asarray(power, dtype=np.float64), 1e-10))
    return np.asarray(np.maximum(db, db.max() - top_db))


def mel_power(
    signal: Signal, sample_rate: float, n_mels: int, n_fft: int, hop_length: int
) -> npt.NDArray[np.float32]:
    """Return the mel power spectrogram, (n_mels, frames)."""
    power = power_spectrogram(signal, n_fft, hop_length)
    return mel_filterbank(sample_rate, n_fft, n_mels) @ power
