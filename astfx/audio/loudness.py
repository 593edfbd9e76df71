"""Loudness as ITU-R BS.1770 weighs it, for signals that arrive in blocks."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from astfx.audio import Waveform
from astfx.runtime.compiled import compiled

Array = npt.NDArray[np.float64]


def k_weighting(sample_rate: int) -> Array:
    """Second-order sections of the K-weighting filter at any sample rate.

    Parameters
    ----------
    sample_rate : int, hertz

    Returns
    -------
    (2, 6) float64
        As `scipy.signal` has them: a high shelf of 4 dB, then a high pass at 38 Hz.

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


def power_response(sections: Array, n_fft: int) -> npt.NDArray[np.float32]:
    """Squared magnitude response of second-order sections at the bins of a transform, (bins,)."""
    turn = np.exp(-2j * np.pi / n_fft * np.arange(n_fft // 2 + 1))
    delays = np.stack([np.ones_like(turn), turn, turn**2])
    response = (sections[:, :3] @ delays) / (sections[:, 3:] @ delays)
    power: npt.NDArray[np.float32] = np.square(np.abs(response.prod(axis=0))).astype(np.float32)
    return power


@compiled(nogil=True)
def filter_energy(sections: Array, block: Waveform, state: Array) -> float:
    """Energy of a block after a filter: `scipy.signal.sosfilt`, which takes long to import.

    Parameters
    ----------
    sections : (sections, 6)
    block : (channels, n)
    state : (sections, channels, 2)
        Goes on where the last block ended (in place).
    """
    energy = 0.0
    for c in range(block.shape[0]):
        for i in range(block.shape[1]):
            x = float(block[c, i])
            for s in range(len(sections)):
                y = sections[s, 0] * x + state[s, c, 0]
                state[s, c, 0] = sections[s, 1] * x - sections[s, 4] * y + state[s, c, 1]
                state[s, c, 1] = sections[s, 2] * x - sections[s, 5] * y
                x = y
            energy += x * x
    return energy


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
        self._energy += filter_energy(
            self._sections, np.ascontiguousarray(block, np.float32), self._state
        )
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
