"""Levels of a stream, estimated as it goes by."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy import signal

from astfx.loudness import k_weighting

_MOST_GAIN = 4.0


class RunningMean:
    """Mean of what has arrived, the last `memory` values of it counting most."""

    def __init__(self, memory: float) -> None:
        self._memory, self._weight, self.value = memory, 0.0, 0.0

    def add(self, value: float) -> None:
        """Count a value."""
        self._weight = min(self._weight + 1.0, self._memory)
        self.value += (value - self.value) / self._weight


class LoudnessMatch:
    """Slowly bring the output's loudness to the content's.

    Parameters
    ----------
    sample_rate : int, hertz
    n_fft : int, samples
    memory : float, frames
    """

    def __init__(self, sample_rate: int, n_fft: int, memory: float) -> None:
        frequency = np.arange(n_fft // 2 + 1) * sample_rate / n_fft
        _, response = signal.sosfreqz(k_weighting(sample_rate), frequency, fs=sample_rate)
        self._weights: npt.NDArray[np.float32] = np.square(np.abs(response)).astype(np.float32)
        self._content, self._output = RunningMean(memory), RunningMean(memory)

    def gain(self, content: npt.NDArray[np.float32], output: npt.NDArray[np.float32]) -> float:
        """Count a frame's magnitudes, (bins,) each; linear gain for the output's."""
        self._content.add(float(self._weights @ np.square(content)))
        self._output.add(float(self._weights @ np.square(output)))
        if self._output.value <= 0.0:
            return 1.0
        ratio = math.sqrt(self._content.value / self._output.value)
        return min(max(ratio, 1.0 / _MOST_GAIN), _MOST_GAIN)
