"""Running estimates of the levels of a stream, for compiled loops.

Each estimate is a named tuple of arrays, which its functions change in place.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from astfx.dsp.k_weighting import k_weighting, power_response
from astfx.runtime.compiled import compiled

Array = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

_LOUDNESS_MEMORY = 1.0 / 6.0
_MOST_GAIN = 4.0
_MOST_FRAME_POWER = 3.0  # multiples of the content's
_MOST_OF_USUAL, _BURST = 8.0, 80.0  # multiples of the usual power
_LATEST, _FEWEST = 0.05, 12  # length of the median: a share of the memory, and at least 12 hops


class RunningMean(NamedTuple):
    """Mean of the values so far. After `memory` values, older ones are gradually forgotten.

    Attributes
    ----------
    value, weight : (1,)
    memory : float
    """

    value: Numbers
    weight: Numbers
    memory: float

    @classmethod
    def of(cls, memory: float) -> RunningMean:
        """A mean of no values yet."""
        return cls(np.zeros(1), np.zeros(1), float(memory))


@compiled()
def add_to_mean(mean: RunningMean, value: float) -> None:
    """Add a value."""
    mean.weight[0] = min(mean.weight[0] + 1.0, mean.memory)
    mean.value[0] += (value - mean.value[0]) / mean.weight[0]


class HopPower(NamedTuple):
    """Running mean power of a stream's hops, which also detects bursts.

    A hop is a burst if its power is far above both the running mean and the median of the latest
    hops. A burst counts for little in the mean. A lasting rise is followed as soon as it reaches
    the median.

    Attributes
    ----------
    mean : RunningMean
    latest, ordered : (n,)
        Powers of the latest hops, in a ring, and in ascending order.
    n_hops, since : (1,)
        Hops so far, and since the last burst.
    overlap : int, hops
        Length of the analysis window.
    """

    mean: RunningMean
    latest: Numbers
    ordered: Numbers
    n_hops: Counts
    since: Counts
    overlap: int

    @classmethod
    def of(cls, memory: float, overlap: int) -> HopPower:
        """The power of no hops yet; `memory`, in hops, is that of the mean."""
        latest, ordered = np.zeros((2, max(_FEWEST, round(memory * _LATEST))))
        n_hops, since = np.zeros(1, np.int64), np.full(1, overlap, np.int64)
        return cls(RunningMean.of(memory), latest, ordered, n_hops, since, overlap)


@compiled()
def _replace_oldest(power: HopPower, value: float) -> int:
    """Put a power among the latest ones, in place of the oldest, and return how many there are."""
    ordered, place = power.ordered, power.n_hops[0] % len(power.latest)
    i = known = min(int(power.n_hops[0]), len(power.latest))
    if known == len(power.latest):
        oldest, i = power.latest[place], 0
        while ordered[i] < oldest:
            i += 1
    else:
        known += 1
    # Place i is free now.
    while i > 0 and ordered[i - 1] > value:
        ordered[i] = ordered[i - 1]
        i -= 1
    while i < known - 1 and ordered[i + 1] < value:
        ordered[i] = ordered[i + 1]
        i += 1
    ordered[i] = power.latest[place] = value
    power.n_hops[0] += 1
    return known


@compiled()
def add_power(power: HopPower, value: float) -> None:
    """Add the power of a hop."""
    known = _replace_oldest(power, value)
    usual = max(power.mean.value[0], power.ordered[known // 2])
    power.since[0] = 0 if value > _BURST * usual else power.since[0] + 1
    add_to_mean(power.mean, min(value, _MOST_OF_USUAL * usual))


@compiled()
def in_burst(power: HopPower) -> bool:
    """Whether a hop of the current window is a burst, so that nothing should be learned."""
    return bool(power.since[0] < power.overlap)


class OutputLevel(NamedTuple):
    """Brings the output's loudness to the content's, and limits the power of each frame.

    Attributes
    ----------
    weights : (bins,)
        How much the power of each bin counts for loudness (ITU-R BS.1770).
    content, output : RunningMean
        Loudness of both; it is remembered a sixth as long as the content's power.
    frame : RunningMean
        Power of the content's frames.
    """

    weights: Array
    content: RunningMean
    output: RunningMean
    frame: RunningMean

    @classmethod
    def of(cls, sample_rate: int, n_fft: int, memory: float) -> OutputLevel:
        """Levels of no frames yet.

        Parameters
        ----------
        sample_rate : int, hertz
        n_fft : int, samples
        memory : float, frames
            How long the content's mean power is remembered.
        """
        weights = power_response(k_weighting(sample_rate), n_fft)
        content, output = (RunningMean.of(memory * _LOUDNESS_MEMORY) for _ in range(2))
        return cls(weights, content, output, RunningMean.of(memory))


@compiled()
def loudness_gain(level: OutputLevel) -> float:
    """Linear gain, from 1/4 to 4, that brings the loudness of the output to the content's."""
    if level.output.value[0] <= 0.0:
        return 1.0
    ratio = math.sqrt(level.content.value[0] / level.output.value[0])
    return min(max(ratio, 1.0 / _MOST_GAIN), _MOST_GAIN)


@compiled()
def frame_limit(mean: RunningMean, content: float, output: float) -> float:
    """Linear gain, at most 1, for a frame of the output, given the powers of both.

    A frame may have three times the power of the content's frame, or of their mean so far.
    """
    add_to_mean(mean, content)
    most = _MOST_FRAME_POWER * max(content, mean.value[0])
    return math.sqrt(most / output) if output > most else 1.0


@compiled(fastmath=True)
def output_gain(level: OutputLevel, power: Array, gain: Array, learn: bool) -> float:
    """Linear gain for a frame of the output, on top of the gains of its bins.

    Parameters
    ----------
    level : OutputLevel
    power : (bins,)
        Of the content's frame.
    gain : (bins,)
        Linear gain of each bin.
    learn : bool
        False leaves the estimates of loudness as they are, for bursts: they say nothing about the
        rest.
    """
    content, output = np.float32(0.0), np.float32(0.0)
    loud_content, loud_output = np.float32(0.0), np.float32(0.0)
    for k in range(len(power)):
        wet = power[k] * gain[k] * gain[k]
        content += power[k]
        output += wet
        loud_content += level.weights[k] * power[k]
        loud_output += level.weights[k] * wet
    louder = loudness_gain(level)
    limit = frame_limit(level.frame, float(content), louder * louder * float(output))
    if learn:
        add_to_mean(level.content, float(loud_content))
        add_to_mean(level.output, limit * limit * float(loud_output))
    return louder * limit


class HeldPeak(NamedTuple):
    """The highest peak of a stream so far.

    Attributes
    ----------
    held : (1,)
    decay : float
        Factor for each hop.
    """

    held: Numbers
    decay: float

    @classmethod
    def of(cls, memory: float) -> HeldPeak:
        """No peak yet; after `memory` hops, a peak counts a third."""
        return cls(np.zeros(1), math.exp(-1.0 / memory))


@compiled()
def hold_peak(peaks: HeldPeak, peak: float) -> float:
    """Add the peak of a hop, and return the highest."""
    peaks.held[0] = max(peak, peaks.held[0] * peaks.decay)
    return float(peaks.held[0])
