"""Loudness according to ITU-R BS.1770, measured block by block."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from astfx.audio.checks import Waveform
from astfx.dsp.k_weighting import k_weighting
from astfx.runtime.compiled import compiled

Array = npt.NDArray[np.float64]


@compiled()
def filter_energy(sections: Array, block: Waveform, state: Array) -> float:
    """Energy of a filtered block, summed over its channels.

    The filter is that of `scipy.signal.sosfilt`, which takes long to import.

    Parameters
    ----------
    sections : (sections, 6)
    block : (channels, n)
    state : (sections, channels, 2)
        State that the previous block left; updated in place.
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
    """Ungated loudness meter: K-weighted mean power, summed over the channels.

    Parameters
    ----------
    sample_rate : int, hertz
    channels : int
    """

    def __init__(self, sample_rate: int, channels: int) -> None:
        self._sections = k_weighting(sample_rate)
        self._channels = channels
        self._state = np.zeros((2, channels, 2))
        self._energy = self._unweighted_energy = 0.0
        self._n_samples = 0

    def add(self, block: Waveform) -> None:
        """Add (channels, n) samples to the measurement."""
        self._energy += filter_energy(
            self._sections, np.ascontiguousarray(block, np.float32), self._state
        )
        self._unweighted_energy += float(np.vdot(block, block))
        self._n_samples += block.shape[1]

    @property
    def rms(self) -> float:
        """Unweighted root mean square over all channels, full scale = 1."""
        return math.sqrt(self._unweighted_energy / max(self._n_samples * self._channels, 1))

    @property
    def power(self) -> float:
        """K-weighted mean power, summed over the channels, full scale = 1."""
        return self._energy / max(self._n_samples, 1)

    @property
    def lufs(self) -> float:
        """Ungated loudness in LUFS; minus infinity for silence."""
        return -0.691 + 10.0 * math.log10(self.power) if self.power > 0.0 else -math.inf
