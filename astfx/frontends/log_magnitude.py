"""Log magnitude on a scale that does not depend on the sample rate.

x = log1p(gain * |S|), as in Ulyanov & Lebedev 2016. log1p depends on level, so each clip
is brought to one RMS first; and an STFT frame is a sum over samples, so it is scaled to
what a 2048-point frame would hold. The same sound then has the same features at any
sample rate.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

REFERENCE_RMS = 0.1
REFERENCE_N_FFT = 2048


@dataclass(frozen=True)
class LogMagnitude:
    """Features of one clip: its gain, and the two directions.

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
        """Linear factor on STFT magnitudes."""
        return REFERENCE_RMS / self.rms * REFERENCE_N_FFT / self.n_fft

    def features(self, spectrogram: Tensor) -> Tensor:
        """(..., bins) complex64 -> (..., bins) float32."""
        return spectrogram.abs().mul_(self.gain).log1p_()

    def magnitude(self, features: Tensor) -> Tensor:
        """(frames, bins) features -> (frames, bins) linear STFT magnitude."""
        return torch.expm1(features).div_(self.gain)
