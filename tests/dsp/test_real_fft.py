"""The compiled Fourier transform of real frames, against NumPy's."""

from __future__ import annotations

import numpy as np
import pytest

from astfx.dsp.real_fft import RealFFT, forward, inverse

LENGTHS = (2, 4, 6, 8, 10, 14, 64, 210, 512, 560, 2240, 4096, 4480, 17_920)
TOLERANCE = 5e-7  # of the largest value


def frame_of(n_fft: int) -> np.ndarray:
    return np.random.default_rng(n_fft).standard_normal(n_fft).astype(np.float32)


@pytest.mark.parametrize("n_fft", LENGTHS)
def test_it_is_numpys(n_fft: int) -> None:
    fft, frame = RealFFT.of(n_fft), frame_of(n_fft)
    window = np.hanning(n_fft + 1)[:-1].astype(np.float32) + np.float32(0.1)
    real, imag = (np.full(n_fft // 2 + 1, np.nan, np.float32) for _ in range(2))
    forward(fft, frame, window, real, imag)
    expected = np.fft.rfft(frame.astype(np.float64) * window)
    most = TOLERANCE * np.abs(expected).max()
    np.testing.assert_allclose(real, expected.real, rtol=0.0, atol=most)
    np.testing.assert_allclose(imag, expected.imag, rtol=0.0, atol=most)
    again = np.full(n_fft, np.nan, np.float32)
    inverse(fft, real, imag, again)
    whole = frame.astype(np.float64) * window
    scale = 2.0 / n_fft
    np.testing.assert_allclose(scale * again, whole, rtol=0.0, atol=TOLERANCE * np.abs(whole).max())


@pytest.mark.parametrize("n_fft", [7, 22, 2 * 13])
def test_lengths_that_it_does_not_have(n_fft: int) -> None:
    with pytest.raises(ValueError, match=f"n_fft={n_fft} must be even"):
        RealFFT.of(n_fft)
