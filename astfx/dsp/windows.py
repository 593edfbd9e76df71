"""Window functions."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def hann(length: int) -> npt.NDArray[np.float64]:
    """Periodic Hann window, (length,) float64."""
    return np.hanning(length + 1)[:-1]


def asymmetric_windows(
    n_fft: int, n_synthesis: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Analysis and synthesis window of a long frame that is only heard near its end.

    The analysis window rises slowly and falls quickly. The product of the two is a Hann window over
    the last `n_synthesis` samples, so frames that are half of that apart, or less, overlap-add to a
    constant. The frequency resolution is that of the long window, the delay that of the short one.

    Parameters
    ----------
    n_fft : int, samples
    n_synthesis : int, samples
        Even, less than `n_fft`.

    Returns
    -------
    analysis, synthesis : (n_fft,) float32
        The synthesis window is zero before the last `n_synthesis` samples.

    References
    ----------
    D. Mauler and R. Martin, "A low delay, variable resolution, perfect reconstruction spectral
    analysis-synthesis system for speech enhancement", EUSIPCO 2007.
    """
    half = n_synthesis // 2
    rise, fall = np.sqrt(hann(2 * (n_fft - half))), np.sqrt(hann(n_synthesis))
    analysis, synthesis = np.empty(n_fft), np.zeros(n_fft)
    analysis[:-half] = rise[: n_fft - half]
    analysis[-half:] = synthesis[-half:] = fall[half:]
    heard = slice(n_fft - n_synthesis, n_fft - half)
    synthesis[heard] = hann(n_synthesis)[:half] / rise[heard]
    return analysis.astype(np.float32), synthesis.astype(np.float32)
