"""Loudness as ITU-R BS.1770 weighs it, for signals that arrive in blocks."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy import signal

from astfx.audio import Waveform


def k_weighting(sample_rate: int) -> npt.NDArray[np.float64]:
    """Second-order sections of the K-weighting filter at any sample rate.

    Parameters
    ----------
    sample_rate : int, hertz

    Returns
    -------
    (2, 6) float64
        For `scipy.signal.sosfilt`: a high shelf of 4 dB, then a high pass at 38 Hz.

    References
    ----------
    ITU-R BS.1770-5; the analogue prototypes behind its 48 kHz coefficients.
    """
    k = math.tan(math.pi * 1681.974450955533 / sample_rate)
    q, gain = 0.7071752369554196, 10.0 ** (3.999843853973347 / 20.0)
    band = gain**0.4996667741545416
    a0 = 1.0 + k / q + k * k
    shelf = [
        (gain + band * k / q + k * k) / a0,
        2.0 * (k * k - gain) / a0,
        (gain - band * k / q + k * k) / a0,
        1.0,
        2.0 * (k * k - 1.0) / a0,
        (1.0 - k / q + k * k) / a0,
    ]
    k = math.tan(math.pi * 38.13547087602444 / sample_rate)
    q = 0.5003270373238773
    a0 = 1.0 + k / q + k * k
    high_pass = [1.0, -2.0, 1.0, 1.0, 2.0 * (k * k - 1.0) / a0, (1.0 - k / q + k * k) / a0]
    return np.array([shelf, high_pass])


class LoudnessMeter:
    """K-weighted mean power of a signal, summed over its channels (ungated).

    Parameters
    ----------
    sample_rate : int, hertz
    channels : int
    """

    def __init__(self, sample_rate: int, channels: int) -> None:
        self._sections = k_weighting(sample_rate)
        self._channels = channels
        self._state = np.zeros((2, channels, 2))
        self._energy = self._plain_energy = 0.0
        self._n_samples = 0

    def add(self, block: Waveform) -> None:
        """Count (channels, n) samples."""
        weighted, self._state = signal.sosfilt(self._sections, block, axis=-1, zi=self._state)
        self._energy += float(np.vdot(weighted, weighted))
        self._plain_energy += float(np.vdot(block, block))
        self._n_samples += block.shape[1]

    @property
    def rms(self) -> float:
        """Root mean square over all channels, not weighted, full scale = 1."""
        return math.sqrt(self._plain_energy / max(self._n_samples * self._channels, 1))

    @property
    def power(self) -> float:
        """K-weighted mean power, full scale = 1."""
        return self._energy / max(self._n_samples, 1)

    @property
    def lufs(self) -> float:
        """Ungated loudness in LUFS; minus infinity for silence."""
        return -0.691 + 10.0 * math.log10(self.power) if self.power > 0.0 else -math.inf
