"""Histogram matching for streams: each bin gets the style's distribution of levels.

Histogram matching has been used for images since the 1970s, and for frequency bins in
Grinstein et al.'s survey of 2018. A level of the content becomes the style's level of the
same rank. This keeps the content's rhythm, because a louder frame stays the louder one. The
synthesis does not realise the requested levels exactly. So the realised levels are measured
too, and the requests are corrected until the realised levels have the style's distribution.

Levels are logarithms of magnitudes above a floor, in nepers, so the quiet bins of a style count as
much as the loud ones.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from astfx.runtime.compiled import compiled

Array = npt.NDArray[np.float32]
Places = npt.NDArray[np.int64]

GROUPS = ((4, 11_000.0), (2, 5_500.0), (1, 0.0))
"""Sizes of groups of bins, and the frequency in hertz from which they hold."""

FLOOR = 1e-3
"""Magnitude, at the scale of the features, that counts as silence: 70 dB below noise."""

HIGHEST = 9.0 - math.log(FLOOR)
"""Levels lie in [0, HIGHEST] nepers; full scale is 2 nepers below the end."""

N_LEVELS = 128
N_QUANTILES = 33
_SCALE = (N_LEVELS - 1) / HIGHEST
_PRIOR_FRAMES = 5.0
_CORRECTION = 0.6
_MOST_CORRECTION = 1.0
_RENORMALISE = 1e6


def level_of(magnitude: Array) -> Array:
    """Level of magnitudes in nepers above the floor."""
    level: Array = np.log1p(magnitude / np.float32(FLOOR))
    return level


def groups_of_bins(sample_rate: int, n_fft: int) -> Places:
    """Borders of groups of bins, (groups + 1,): one, two above 5.5 kHz, and four above 11 kHz.

    Linear bins are finer at high frequencies than hearing is. All bins of a group get one gain.
    """
    hz = sample_rate / n_fft
    borders = [0]
    while borders[-1] < n_fft // 2 + 1:
        size = next(size for size, lowest in GROUPS if borders[-1] * hz >= lowest)
        borders.append(min(borders[-1] + size, n_fft // 2 + 1))
    return np.array(borders, np.int64)


def grouped(magnitudes: Array, borders: Places) -> Array:
    """Root mean square magnitude of each group, (..., bins) -> (..., groups)."""
    sums = np.add.reduceat(np.square(magnitudes), borders[:-1], axis=-1)
    return np.sqrt(sums / np.diff(borders).astype(np.float32))


@compiled(fastmath=True, nogil=True)
def _count(
    counts: Array,
    borders: Places,
    magnitude: Array,
    weight: float,
    floor: float,
    scale: float,
) -> None:
    """Add a frame to the histogram of each group, split between the two nearest levels."""
    last = counts.shape[1] - 1
    for g in range(len(counts)):
        power = np.float32(0.0)
        for k in range(borders[g], borders[g + 1]):
            power += magnitude[k] * magnitude[k]
        size = math.sqrt(power / (borders[g + 1] - borders[g]))
        position = min(max(math.log(1.0 + size / floor) * scale, 0.0), last - 1e-3)
        below = int(position)
        part = position - below
        counts[g, below] += weight * (1.0 - part)
        counts[g, below + 1] += weight * part


@compiled(fastmath=True, nogil=True)
def _gains(
    counts: Array,
    borders: Places,
    requests: Array,
    magnitude: Array,
    weight: float,
    total: float,
    share: float,
    follow: float,
    held: Array,
    floor: float,
    scale: float,
    out: Array,
) -> None:
    """Gain that takes each group a share of the way to the request of the same rank.

    The frame is added to the histograms first, with a weight that may be 0. `held` holds the
    logarithms of the gains before, and follows the new ones.
    """
    last, n_quantiles = counts.shape[1] - 1, requests.shape[1]
    for g in range(len(counts)):
        power = np.float32(0.0)
        for k in range(borders[g], borders[g + 1]):
            power += magnitude[k] * magnitude[k]
        size = math.sqrt(power / (borders[g + 1] - borders[g]))
        level = math.log(1.0 + size / floor)
        position = min(max(level * scale, 0.0), last - 1e-3)
        first = int(position)
        part = position - first
        counts[g, first] += weight * (1.0 - part)
        counts[g, first + 1] += weight * part
        below = np.float32(0.0)
        for j in range(first):
            below += counts[g, j]
        # A level's mass is spread evenly over one level's width, centred on it.
        if part < 0.5:
            below += counts[g, first] * (0.5 + part)
        else:
            below += counts[g, first] + counts[g, first + 1] * (part - 0.5)
        rank = min(max(below / total, 0.0), 1.0)
        place = min(max(rank * n_quantiles - 0.5, 0.0), n_quantiles - 1.001)
        i = int(place)
        part = place - i
        wanted = max(requests[g, i] * (1.0 - part) + requests[g, i + 1] * part, 0.0)
        aim = floor * (math.exp(level + share * (wanted - level)) - 1.0)
        change = math.log(max(aim / max(size, 1e-6), 1e-6))
        held[g] += follow * (change - held[g])
        gain = math.exp(held[g])
        for k in range(borders[g], borders[g + 1]):
            out[k] = gain


@compiled(fastmath=True, nogil=True)
def _correct(
    counts: Array,
    requests: Array,
    style: Array,
    total: float,
    rate: float,
    most: float,
    scale: float,
    first: int,
    end: int,
) -> None:
    """Move the requests of some bins by what their realised levels lack, in place."""
    n_quantiles = requests.shape[1]
    for k in range(first, end):
        below, j = np.float32(0.0), 0
        for i in range(n_quantiles):
            aim = total * (i + 0.5) / n_quantiles
            while j < counts.shape[1] - 1 and below + counts[k, j] < aim:
                below += counts[k, j]
                j += 1
            mass = max(counts[k, j], 1e-20)
            realised = max(j - 0.5 + (aim - below) / mass, 0.0) / scale
            change = requests[k, i] - style[k, i] + rate * (style[k, i] - realised)
            requests[k, i] = style[k, i] + min(max(change, -most), most)


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

    def next_weight(self) -> float:
        """Weight of the next frame, which is counted in `total` already."""
        if self._weight > _RENORMALISE:
            self.counts *= np.float32(1.0 / self._weight)
            self.total /= self._weight
            self._weight = 1.0
        # New frames get larger weights, which is cheaper than scaling all old counts down.
        self._weight *= self._growth
        self.total += self._weight
        return self._weight

    def add(self, borders: Places, magnitude: Array) -> None:
        """Add a frame, (bins,)."""
        _count(self.counts, borders, magnitude, self.next_weight(), FLOOR, _SCALE)


def histogram_of(magnitudes: Array) -> Array:
    """Distribution of each group's level over frames, (frames, groups) -> (groups, levels)."""
    counts = np.zeros((magnitudes.shape[1], N_LEVELS), np.float32)
    alone = np.arange(magnitudes.shape[1] + 1)
    for magnitude in magnitudes:
        _count(counts, alone, magnitude, 1.0, FLOOR, _SCALE)
    return counts / np.float32(len(magnitudes))


def evenly_ranked(frames: Array) -> Array:
    """Values at evenly spaced ranks, (frames, bins) -> (bins, N_QUANTILES).

    The result is that of `numpy.quantile`, but faster.
    """
    ordered = np.sort(np.ascontiguousarray(frames.T), axis=1)
    place = (np.arange(N_QUANTILES) + 0.5) / N_QUANTILES * (len(frames) - 1)
    below = np.floor(place).astype(np.intp)
    above = np.minimum(below + 1, len(frames) - 1)
    low = ordered[:, below].astype(np.float64)
    found: Array = (low + (ordered[:, above] - low) * (place - below)).astype(np.float32)
    return found


class QuantileMap:
    """Gains that give a stream's bins a style's distribution of levels.

    Parameters
    ----------
    style : (frames, bins)
        Magnitudes of the style, at the scale of the features.
    borders : (groups + 1,)
        Borders of groups of bins, from `groups_of_bins`.
    memory : float, frames
        How many frames the distributions remember.
    every : int, frames
        Number of frames in which the requests of all groups should be corrected once. Every second
        frame is checked (`realised`), and a part of the groups is corrected in the others.
    share : float, 0 to 1
        How far a level moves towards the requested one. Less than all of the way keeps bins that
        ring steadily from being turned into noise; the correction makes up for it on average.
    follow : float, above 0 to 1
        How far a gain moves, from frame to frame, towards the one for the frame's own level. Less
        than all of the way leaves fewer short peaks in single bins ("musical noise").
    """

    def __init__(
        self,
        style: Array,
        borders: Places,
        memory: float,
        every: int,
        share: float = 1.0,
        follow: float = 1.0,
    ) -> None:
        style = grouped(style, borders)
        prior = histogram_of(style)
        self._borders = borders
        self._content = RunningHistogram(prior, memory)
        self._realised = RunningHistogram(prior, max(memory / 2.0, 2.0))
        self._style = evenly_ranked(level_of(style))
        self._requests = self._style.copy()
        self._share, self._rate = share, _CORRECTION * math.sqrt(every / 10.0)
        parts = max(1, every // 2)
        self._bounds = np.linspace(0, len(prior), parts + 1).round().astype(int).tolist()
        self._turn = 0
        self._follow, self._first = follow, True
        self._held = np.zeros(len(prior), np.float32)

    def gain(self, magnitude: Array, *, learn: bool = True) -> Array:
        """Gain of a frame, (bins,) -> (bins,). Its levels are learned unless `learn` is False."""
        weight = self._content.next_weight() if learn else 0.0
        out = np.empty_like(magnitude)
        _gains(
            self._content.counts,
            self._borders,
            self._requests,
            magnitude,
            weight,
            self._content.total,
            self._share,
            1.0 if self._first else self._follow,
            self._held,
            FLOOR,
            _SCALE,
            out,
        )
        self._first = False
        return out

    def realised(self, magnitude: Array) -> None:
        """Learn the realised levels of a frame, (bins,)."""
        self._realised.add(self._borders, magnitude)

    def correct(self) -> None:
        """Correct the next requests of a part of the groups by what was realised."""
        _correct(
            self._realised.counts,
            self._requests,
            self._style,
            self._realised.total,
            self._rate,
            _MOST_CORRECTION,
            _SCALE,
            self._bounds[self._turn],
            self._bounds[self._turn + 1],
        )
        self._turn = (self._turn + 1) % (len(self._bounds) - 1)
