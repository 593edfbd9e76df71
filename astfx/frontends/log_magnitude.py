"""Log magnitude on a scale that does not depend on the sample rate.

x = log1p(gain * |S|), as in Ulyanov & Lebedev 2016. log1p depends on level, so every clip is
first brought to the same RMS. An STFT magnitude grows with the frame length, so it is scaled
to that of a 2048-point frame. The same sound then has the same features at any sample rate.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

REFERENCE_RMS = 0.1
REFERENCE_N_FFT = 2048


@dataclass(frozen=True)
class LogMagnitude:
    """Conversion between the STFT of one clip and its log-magnitude features.

    Parameters
    ----------
    rms : float
        Root mean square of the clip (full scale = 1), over all its channels.
    n_fft : int, samples
    """

    rms: float
    n_fft: int

    @property
    def gain(self) -> float:
        """Linear factor that is applied to STFT magnitudes."""
        return REFERENCE_RMS / self.rms * REFERENCE_N_FFT / self.n_fft

    def features(self, spectrogram: Tensor) -> Tensor:
        """Features of a spectrogram, (..., bins) complex64 -> (..., bins) float32."""
        return spectrogram.abs().mul_(self.gain).log1p_()

    def magnitude(self, features: Tensor) -> Tensor:
        """Linear STFT magnitude of features, (frames, bins) -> (frames, bins)."""
        return torch.expm1(features).div_(self.gain)
