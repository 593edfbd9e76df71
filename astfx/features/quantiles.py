"""Histogram matching for streams: each bin gets the style's distribution of levels.

Histogram matching has been used for images since the 1970s, and for frequency bins in
Grinstein et al.'s survey of 2018. A level of the content becomes the style's level of the
same rank. This keeps the content's rhythm, because a louder frame stays the louder one. The
synthesis does not realise the requested levels exactly. So the realised levels are measured
too, and the requests are corrected until the realised levels have the style's distribution.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from astfx.runtime.compiled import compiled

Array = npt.NDArray[np.float32]

N_LEVELS = 128
HIGHEST = 9.0
"""Log magnitudes lie in [0, HIGHEST]; full scale is about 7."""

N_QUANTILES = 33
_PRIOR_FRAMES = 5.0
_CORRECTION = 0.15
_MOST_CORRECTION = 1.0
_RENORMALISE = 1e6


@compiled(fastmath=True)
def _count(histogram: Array, x: Array, weight: float, scale: float) -> None:
    """Add a frame to the histogram of each bin, split between the two nearest levels."""
    last = histogram.shape[1] - 1
    for k in range(len(x)):
        position = min(max(x[k] * scale, 0.0), last - 1e-3)
        level = int(position)
        part = position - level
        histogram[k, level] += weight * (1.0 - part)
        histogram[k, level + 1] += weight * part


@compiled(fastmath=True)
def _ranks(histogram: Array, x: Array, total: float, scale: float, out: Array) -> None:
    """Share of each bin's histogram that lies below a frame's level."""
    last = histogram.shape[1] - 1
    for k in range(len(x)):
        position = min(max(x[k] * scale, 0.0), last - 1e-3)
        level = int(position)
        part = position - level
        below = np.float32(0.0)
        for j in range(level):
            below += histogram[k, j]
        # A level's mass is spread evenly over one level's width, centred on it.
        if part < 0.5:
            below += histogram[k, level] * (0.5 + part)
        else:
            below += histogram[k, level] + histogram[k, level + 1] * (part - 0.5)
        out[k] = min(max(below / total, 0.0), 1.0)


@compiled(fastmath=True)
def _quantiles(histogram: Array, total: float, scale: float, out: Array) -> None:
    """Levels at evenly spaced ranks, for each bin."""
    n_quantiles = out.shape[1]
    for k in range(len(histogram)):
        below, j = np.float32(0.0), 0
        for i in range(n_quantiles):
            aim = total * (i + 0.5) / n_quantiles
            while j < histogram.shape[1] - 1 and below + histogram[k, j] < aim:
                below += histogram[k, j]
                j += 1
            mass = max(histogram[k, j], 1e-20)
            out[k, i] = max(j - 0.5 + (aim - below) / mass, 0.0) / scale


@compiled(fastmath=True)
def _look_up(quantiles: Array, rank: Array, out: Array) -> None:
    """Levels of given ranks, interpolated between each bin's quantiles."""
    n_quantiles = quantiles.shape[1]
    for k in range(len(rank)):
        position = min(max(rank[k] * n_quantiles - 0.5, 0.0), n_quantiles - 1.001)
        i = int(position)
        part = position - i
        out[k] = max(quantiles[k, i] * (1.0 - part) + quantiles[k, i + 1] * part, 0.0)


class RunningHistogram:
    """Running distribution of each bin's level; old frames are gradually forgotten.

    Parameters
    ----------
    prior : (bins, levels)
        Initial distribution of each bin, with a sum of one. It counts as five frames.
    memory : float, frames
        How many frames are remembered.
    """

    def __init__(self, prior: Array, memory: float) -> None:
        self._growth = memory / (memory - 1.0)
        self._weight = 1.0
        self.counts = prior * np.float32(_PRIOR_FRAMES)
        self.total = _PRIOR_FRAMES
        self.scale = (prior.shape[1] - 1) / HIGHEST

    def add(self, x: Array) -> None:
        """Add a frame, (bins,)."""
        # New frames get larger weights, which is cheaper than scaling all old counts down.
        self._weight *= self._growth
        _count(self.counts, x, self._weight, self.scale)
        self.total += self._weight
        if self._weight > _RENORMALISE:
            self.counts *= np.float32(1.0 / self._weight)
            self.total /= self._weight
            self._weight = 1.0

    def ranks(self, x: Array) -> Array:
        """Ranks of a frame's levels among all frames added, (bins,) -> (bins,) in [0, 1]."""
        out = np.empty_like(x)
        _ranks(self.counts, x, self.total, self.scale, out)
        return out

    def quantiles(self) -> Array:
        """Levels at the ranks (i + 1/2) / N_QUANTILES, (bins, N_QUANTILES)."""
        out = np.empty((len(self.counts), N_QUANTILES), np.float32)
        _quantiles(self.counts, self.total, self.scale, out)
        return out


def histogram_of(frames: Array) -> Array:
    """Distribution of each bin's level over frames, (frames, bins) -> (bins, levels)."""
    counts = np.zeros((frames.shape[1], N_LEVELS), np.float32)
    for frame in frames:
        _count(counts, frame, 1.0, (N_LEVELS - 1) / HIGHEST)
    return counts / np.float32(len(frames))


def _evenly_ranked(frames: Array) -> Array:
    """Levels at evenly spaced ranks, (frames, bins) -> (bins, N_QUANTILES).

    The result is that of `numpy.quantile`, but faster, because streaming makes this map
    between two blocks of audio.
    """
    ordered = np.sort(np.ascontiguousarray(frames.T), axis=1)
    place = (np.arange(N_QUANTILES) + 0.5) / N_QUANTILES * (len(frames) - 1)
    below = np.floor(place).astype(np.intp)
    above = np.minimum(below + 1, len(frames) - 1)
    low = ordered[:, below].astype(np.float64)
    found: Array = (low + (ordered[:, above] - low) * (place - below)).astype(np.float32)
    return found


class QuantileMap:
    """Map a stream's frames to a style's distribution of levels, bin by bin.

    Parameters
    ----------
    style : (frames, bins)
        Log magnitudes of the style.
    memory : float, frames
        How many frames the distributions remember.
    every : int, frames
        Interval at which the correction is updated.
    """

    def __init__(self, style: Array, memory: float, every: int) -> None:
        prior = histogram_of(style)
        self._content = RunningHistogram(prior, memory)
        self._realised = RunningHistogram(prior, memory)
        self._style = _evenly_ranked(style)
        self._request = self._style.copy()
        # Half an interval apart from the Monge map, so that no frame has to update both.
        self._every, self._since = every, every // 2

    def __call__(self, x: Array, *, learn: bool = True) -> Array:
        """Map a frame, (bins,) -> (bins,), and learn its levels unless `learn` is False."""
        if learn:
            self._content.add(x)
        out = np.empty_like(x)
        _look_up(self._request, self._content.ranks(x), out)
        return out

    def realised(self, x: Array) -> None:
        """Learn the realised levels of a frame, (bins,), and correct the next requests."""
        self._realised.add(x)
        self._since += 1
        if self._since >= self._every:
            self._since = 0
            error = self._style - self._realised.quantiles()
            self._request += np.float32(_CORRECTION * math.sqrt(self._every / 10.0)) * error
            low, high = self._style - _MOST_CORRECTION, self._style + _MOST_CORRECTION
            np.clip(self._request, low, high, out=self._request)
