"""Levels of a stream, estimated as it goes by."""

from __future__ import annotations

import math
from collections import deque

import numpy as np
import numpy.typing as npt
from scipy import signal

from astfx.loudness import k_weighting

_MOST_GAIN = 4.0
_MOST_OF_USUAL = 8.0
_LEAST_SHARE = 0.1
_LATEST, _FEWEST = 0.05, 12  # of the memory; but at least so many


class RunningMean:
    """Mean of what has arrived, the last `memory` values of it counting most.

    A burst counts for little: a value is limited to a few times the mean, or to as much of the
    median of the latest ones, so that a lasting rise is followed at once.

    Parameters
    ----------
    memory : float
        How many values are remembered.
    """

    def __init__(self, memory: float) -> None:
        self._memory, self._weight, self.value = memory, 0.0, 0.0
        self._latest: deque[float] = deque(maxlen=max(_FEWEST, round(memory * _LATEST)))

    def limited(self, value: float) -> float:
        """A value as much of it as shall count."""
        self._latest.append(value)
        usual = max(self.value, sorted(self._latest)[len(self._latest) // 2])
        return min(value, _MOST_OF_USUAL * usual)

    def add(self, value: float) -> None:
        """Count a value."""
        self._weight = min(self._weight + 1.0, self._memory)
        self.value += (value - self.value) / self._weight


class HopPower(RunningMean):
    """Mean power of a stream's hops, and whether a burst is in the window.

    Parameters
    ----------
    memory : float, hops
    overlap : int, hops
        Length of the window.
    """

    def __init__(self, memory: float, overlap: int) -> None:
        super().__init__(memory)
        self._overlap, self._since = overlap, overlap

    def add(self, value: float) -> None:
        """Count a hop's power."""
        counted = self.limited(value)
        self._since = 0 if counted < _LEAST_SHARE * value else self._since + 1
        super().add(counted)

    @property
    def burst(self) -> bool:
        """Whether a hop of the window is far above the usual: nothing to learn from."""
        return self._since < self._overlap


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
        heard, given = (float(self._weights @ np.square(x)) for x in (content, output))
        counted = self._content.limited(heard), self._output.limited(given)
        share = min(counted[0] / max(heard, 1e-30), counted[1] / max(given, 1e-30))
        if share < 1.0 and min(self._content.value, self._output.value) > 0.0:
            # What becomes of a burst says little about the rest: it pulls by 3 dB at the most.
            usual = self._content.value / self._output.value
            given = min(max(given, 0.5 * heard / usual), 2.0 * heard / usual)
        self._content.add(share * heard)
        self._output.add(share * given)
        if self._output.value <= 0.0:
            return 1.0
        ratio = math.sqrt(self._content.value / self._output.value)
        return min(max(ratio, 1.0 / _MOST_GAIN), _MOST_GAIN)
