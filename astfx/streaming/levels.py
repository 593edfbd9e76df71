"""Running estimates of the levels of a stream."""

from __future__ import annotations

import math
from collections import deque

import numpy as np
import numpy.typing as npt

from astfx.dsp.k_weighting import k_weighting, power_response

_LOUDNESS_MEMORY = 1.0 / 6.0
_MOST_GAIN = 4.0
_MOST_FRAME_POWER = 3.0  # multiples of the content's
_MOST_OF_USUAL, _BURST = 8.0, 80.0  # multiples of the usual power
_LATEST, _FEWEST = 0.05, 12  # length of the median: a share of the memory, and at least 12 hops


class RunningMean:
    """Mean of the values so far. After `memory` values, older ones are gradually forgotten."""

    def __init__(self, memory: float) -> None:
        self._memory, self._weight, self.value = memory, 0.0, 0.0

    def add(self, value: float) -> None:
        """Add a value."""
        self._weight = min(self._weight + 1.0, self._memory)
        self.value += (value - self.value) / self._weight


class HopPower(RunningMean):
    """Running mean power of a stream's hops, which also detects bursts.

    A hop is a burst if its power is far above both the running mean and the median of the latest
    hops. A burst counts for little in the mean. A lasting rise is followed as soon as it reaches
    the median.

    Parameters
    ----------
    memory : float, hops
        How long the mean remembers.
    overlap : int, hops
        Length of the analysis window.
    """

    def __init__(self, memory: float, overlap: int) -> None:
        super().__init__(memory)
        self._latest: deque[float] = deque(maxlen=max(_FEWEST, round(memory * _LATEST)))
        self._overlap, self._since = overlap, overlap

    def add(self, value: float) -> None:
        """Add the power of a hop."""
        self._latest.append(value)
        usual = max(self.value, sorted(self._latest)[len(self._latest) // 2])
        self._since = 0 if value > _BURST * usual else self._since + 1
        super().add(min(value, _MOST_OF_USUAL * usual))

    @property
    def burst(self) -> bool:
        """Whether a hop of the current window is a burst, so that nothing should be learned."""
        return self._since < self._overlap


class LoudnessMatch:
    """Slowly brings the loudness of the output to that of the content.

    Parameters
    ----------
    sample_rate : int, hertz
    n_fft : int, samples
    memory : float, frames
        How long the estimates of loudness remember.
    """

    def __init__(self, sample_rate: int, n_fft: int, memory: float) -> None:
        self._weights = power_response(k_weighting(sample_rate), n_fft)
        self._content, self._output = RunningMean(memory), RunningMean(memory)

    def add(
        self, content: npt.NDArray[np.float32], output: npt.NDArray[np.float32], scale: float = 1.0
    ) -> None:
        """Add a frame to the estimates.

        Parameters
        ----------
        content, output : (bins,)
            Powers of the frame; those of the output are multiplied by `scale`.
        """
        self._content.add(float(self._weights @ content))
        self._output.add(scale * float(self._weights @ output))

    @property
    def gain(self) -> float:
        """Linear gain for the output, from 1/4 to 4."""
        if self._output.value <= 0.0:
            return 1.0
        ratio = math.sqrt(self._content.value / self._output.value)
        return min(max(ratio, 1.0 / _MOST_GAIN), _MOST_GAIN)


class OutputLevel:
    """Brings the output's loudness to the content's, and limits the power of each frame.

    Parameters
    ----------
    sample_rate : int, hertz
    n_fft : int, samples
    memory : float, frames
        How long the content's mean power is remembered. Loudness is remembered a sixth as long.
    """

    def __init__(self, sample_rate: int, n_fft: int, memory: float) -> None:
        self._loudness = LoudnessMatch(sample_rate, n_fft, memory * _LOUDNESS_MEMORY)
        self._limit = FramePowerLimit(memory)

    def gain(
        self,
        content: npt.NDArray[np.float32],
        output: npt.NDArray[np.float32],
        *,
        learn: bool = True,
    ) -> np.float32:
        """Linear gain for a frame of the output.

        Parameters
        ----------
        content, output : (bins,)
            Powers of the frame.
        learn : bool
            False leaves the estimates of loudness as they are, for bursts: they say nothing about
            the rest.
        """
        louder = self._loudness.gain
        limit = self._limit.gain(float(content.sum()), louder**2 * float(output.sum()))
        if learn:
            self._loudness.add(content, output, limit**2)
        return np.float32(louder * limit)


class FramePowerLimit:
    """Keeps each frame of the output from being much louder than the content has been.

    Parameters
    ----------
    memory : float, frames
        How long the content's mean power is remembered.
    """

    def __init__(self, memory: float) -> None:
        self._mean = RunningMean(memory)

    def gain(self, content: float, output: float) -> float:
        """Linear gain, at most 1, for a frame of the output, given the powers of both."""
        self._mean.add(content)
        most = _MOST_FRAME_POWER * max(content, self._mean.value)
        return math.sqrt(most / output) if output > most else 1.0


class HeldPeak:
    """The highest peak of a stream so far.

    Parameters
    ----------
    memory : float, hops
        How long a peak is remembered; after this time, it counts a third.
    """

    def __init__(self, memory: float) -> None:
        self._decay = math.exp(-1.0 / memory)
        self._held = 0.0

    def add(self, peak: float) -> float:
        """Add the peak of a hop, and return the highest."""
        self._held = max(peak, self._held * self._decay)
        return self._held
