"""Levels of a stream, estimated as it goes by."""

from __future__ import annotations

import math
from collections import deque

import numpy as np
import numpy.typing as npt

from astfx.dsp.k_weighting import k_weighting, power_response

_MOST_GAIN = 4.0
_MOST_OF_USUAL, _BURST = 8.0, 80.0  # times the usual power
_LATEST, _FEWEST = 0.05, 12  # of the memory; but at least so many hops


class RunningMean:
    """Mean of what has arrived, the last `memory` values of it counting most."""

    def __init__(self, memory: float) -> None:
        self._memory, self._weight, self.value = memory, 0.0, 0.0

    def add(self, value: float) -> None:
        """Count a value."""
        self._weight = min(self._weight + 1.0, self._memory)
        self.value += (value - self.value) / self._weight


class HopPower(RunningMean):
    """Mean power of a stream's hops, and whether a burst is in the window.

    A hop far above both the mean and the median of the latest is a burst: it counts for little.
    A lasting rise is followed as soon as it has the median.

    Parameters
    ----------
    memory : float, hops
    overlap : int, hops
        Length of the window.
    """

    def __init__(self, memory: float, overlap: int) -> None:
        super().__init__(memory)
        self._latest: deque[float] = deque(maxlen=max(_FEWEST, round(memory * _LATEST)))
        self._overlap, self._since = overlap, overlap

    def add(self, value: float) -> None:
        """Count a hop's power."""
        self._latest.append(value)
        usual = max(self.value, sorted(self._latest)[len(self._latest) // 2])
        self._since = 0 if value > _BURST * usual else self._since + 1
        super().add(min(value, _MOST_OF_USUAL * usual))

    @property
    def burst(self) -> bool:
        """Whether a hop of the window is a burst: nothing to learn from."""
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
        self._weights = power_response(k_weighting(sample_rate), n_fft)
        self._content, self._output = RunningMean(memory), RunningMean(memory)

    def gain(
        self,
        content: npt.NDArray[np.float32],
        output: npt.NDArray[np.float32],
        *,
        learn: bool = True,
    ) -> float:
        """Count a frame's magnitudes, (bins,) each; linear gain for the output's.

        Parameters
        ----------
        content, output : (bins,)
        learn : bool
            False leaves the levels alone (a burst: what becomes of it says nothing of the rest).
        """
        if learn:
            self._content.add(float(self._weights @ np.square(content)))
            self._output.add(float(self._weights @ np.square(output)))
        if self._output.value <= 0.0:
            return 1.0
        ratio = math.sqrt(self._content.value / self._output.value)
        return min(max(ratio, 1.0 / _MOST_GAIN), _MOST_GAIN)
