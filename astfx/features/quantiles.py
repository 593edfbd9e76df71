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
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from astfx.dsp.vector_math import exp_all, log_all
from astfx.features.band_rows import sum_of
from astfx.runtime.compiled import compiled

Array = npt.NDArray[np.float32]
Places = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

GROUPS = ((4, 11_000.0), (2, 5_500.0), (1, 0.0))
"""Sizes of groups of bins, and the frequency in hertz from which they hold."""

FLOOR = 1e-3
"""Magnitude, at the scale of the features, that counts as silence: 70 dB below noise."""

HIGHEST = 9.0 - math.log(FLOOR)
"""Levels lie in [0, HIGHEST] nepers; full scale is 2 nepers below the end."""

N_LEVELS = 128
N_QUANTILES = 33
_LEVELS_PER_NEPER = np.float32((N_LEVELS - 1) / HIGHEST)
_NEPERS_PER_LEVEL = np.float32(HIGHEST / (N_LEVELS - 1))
_PER_FLOOR = np.float32(1.0 / FLOOR)
_LEAST_SIZE, _LEAST_PART, _TINY = np.float32(1e-6), np.float32(1e-3), np.float32(1e-20)
_NONE, _HALF, _ONE = np.float32(0.0), np.float32(0.5), np.float32(1.0)
PRIOR_FRAMES = 5.0
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


class RunningHistogram(NamedTuple):
    """Running distribution of each group's level; old frames are gradually forgotten.

    Attributes
    ----------
    counts : (groups, levels)
    total : (1,)
        Sum of the counts of a group.
    weight : (1,)
        Of the latest frame. New frames get larger weights, which is cheaper than scaling all old
        counts down.
    growth : float
        Factor of the weights from frame to frame.
    """

    counts: Array
    total: Numbers
    weight: Numbers
    growth: float

    @classmethod
    def of(
        cls, prior: Array, memory: float, prior_frames: float = PRIOR_FRAMES
    ) -> RunningHistogram:
        """Begin with a distribution, (groups, levels), that counts as some frames.

        Parameters
        ----------
        prior : (groups, levels)
            The sum of each row is one.
        memory : float, frames
            How many frames are remembered.
        prior_frames : float
        """
        counts = prior * np.float32(prior_frames)
        return cls(counts, np.full(1, prior_frames), np.ones(1), memory / (memory - 1.0))


@compiled()
def _next_weight(histogram: RunningHistogram) -> np.float32:
    """Weight of the next frame, which is counted in `total` already."""
    if histogram.weight[0] > _RENORMALISE:
        share = np.float32(1.0 / histogram.weight[0])
        for g in range(len(histogram.counts)):
            row = histogram.counts[g]
            for j in range(len(row)):
                row[j] *= share
        histogram.total[0] /= histogram.weight[0]
        histogram.weight[0] = 1.0
    histogram.weight[0] *= histogram.growth
    histogram.total[0] += histogram.weight[0]
    return np.float32(histogram.weight[0])


@compiled()
def _group_sizes(borders: Places, magnitude: Array, sizes: Array) -> None:
    """Root mean square magnitude of each group, (bins,) -> (groups,)."""
    for g in range(len(sizes)):
        first, end = borders[g], borders[g + 1]
        if end - first == 1:
            sizes[g] = magnitude[first]
        else:
            power = np.float32(0.0)
            for k in range(first, end):
                power += magnitude[k] * magnitude[k]
            sizes[g] = math.sqrt(power / np.float32(end - first))


@compiled()
def _levels_of(sizes: Array, levels: Array) -> None:
    """Levels of magnitudes, as in `level_of`."""
    for g in range(len(sizes)):
        levels[g] = _ONE + sizes[g] * _PER_FLOOR
    log_all(levels)


@compiled()
def _count(counts: Array, levels: Array, weight: np.float32) -> None:
    """Add a frame to the histogram of each group, split between the two nearest levels."""
    highest = np.float32(counts.shape[1] - 1) - _LEAST_PART
    for g in range(len(counts)):
        place = min(max(levels[g] * _LEVELS_PER_NEPER, _NONE), highest)
        below = int(place)
        part = place - np.float32(below)
        counts[g, below] += weight * (_ONE - part)
        counts[g, below + 1] += weight * part


@compiled()
def add_frame(
    histogram: RunningHistogram, borders: Places, magnitude: Array, sizes: Array, levels: Array
) -> None:
    """Add a frame, (bins,), to the histogram; `sizes` and `levels`, (groups,), are memory."""
    _group_sizes(borders, magnitude, sizes)
    _levels_of(sizes, levels)
    _count(histogram.counts, levels, _next_weight(histogram))


def histogram_of(magnitudes: Array) -> Array:
    """Distribution of each group's level over frames, (frames, groups) -> (groups, levels)."""
    counts = np.zeros((magnitudes.shape[1], N_LEVELS), np.float32)
    for level in level_of(magnitudes):
        _count(counts, level, np.float32(1.0))
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


class QuantileMap(NamedTuple):
    """Gains that give a stream's bins a style's distribution of levels.

    Attributes
    ----------
    borders : (groups + 1,)
        Borders of groups of bins, from `groups_of_bins`.
    content, realised : RunningHistogram
        Distributions of the content's levels, and of the output's.
    style, requests : (groups, N_QUANTILES)
        Levels at evenly spaced ranks: the style's, and those that are asked for.
    held : (groups,)
        Logarithms of the latest gains.
    parts : (parts + 1,)
        Borders of the parts of the groups that are corrected in turn.
    turn : (1,)
        The next of those parts.
    is_first : (1,)
        Whether no frame has come yet.
    share : float, 0 to 1
        How far a level moves towards the requested one. Less than all of the way keeps bins that
        ring steadily from being turned into noise; the correction makes up for it on average.
    follow : float, above 0 to 1
        How far a gain moves, from frame to frame, towards the one for the frame's own level. Less
        than all of the way leaves fewer short peaks in single bins ("musical noise").
    rate : float
        Of the correction.
    sizes, levels, aims : (groups,)
        Memory for a frame.
    """

    borders: Places
    content: RunningHistogram
    realised: RunningHistogram
    style: Array
    requests: Array
    held: Array
    parts: Places
    turn: Places
    is_first: Flags
    share: float
    follow: float
    rate: float
    sizes: Array
    levels: Array
    aims: Array

    @classmethod
    def of(
        cls,
        style: Array,
        borders: Places,
        memory: float,
        every: int,
        share: float = 1.0,
        follow: float = 1.0,
        prior_frames: float = PRIOR_FRAMES,
    ) -> QuantileMap:
        """Make the map to a style.

        Parameters
        ----------
        style : (frames, bins)
            Magnitudes of the style, at the scale of the features.
        borders : (groups + 1,)
        memory : float, frames
            How many frames the distributions remember.
        every : int, frames
            Number of frames in which the requests of all groups should be corrected once. Every
            second frame is checked (`learn_realised`), and a part of the groups is corrected in the
            others (`correct`).
        share, follow : float
        prior_frames : float
            How many frames the style's distribution counts as, from which the others begin.
        """
        style = grouped(style, borders)
        prior = histogram_of(style)
        levels = evenly_ranked(level_of(style))
        n = len(prior)
        parts = np.linspace(0, n, max(1, every // 2) + 1).round().astype(np.int64)
        return cls(
            borders=borders,
            content=RunningHistogram.of(prior, memory, prior_frames),
            realised=RunningHistogram.of(prior, max(memory / 2.0, 2.0), prior_frames),
            style=levels,
            requests=levels.copy(),
            held=np.zeros(n, np.float32),
            parts=parts,
            turn=np.zeros(1, np.int64),
            is_first=np.ones(1, np.bool_),
            share=float(share),
            follow=float(follow),
            rate=_CORRECTION * math.sqrt(every / 10.0),
            sizes=np.zeros(n, np.float32),
            levels=np.zeros(n, np.float32),
            aims=np.zeros(n, np.float32),
        )


@compiled()
def _wanted_levels(mapping: QuantileMap, weight: np.float32, wanted: Array) -> None:
    """The requested level of the same rank, for the level of each group.

    The frame is added to the histograms first, with a weight that may be 0.
    """
    counts, requests, levels = mapping.content.counts, mapping.requests, mapping.levels
    _count(counts, levels, weight)
    last, n_quantiles = counts.shape[1] - 1, requests.shape[1]
    highest, highest_place = np.float32(last) - _LEAST_PART, np.float32(n_quantiles - 1.001)
    ranks = np.float32(n_quantiles / mapping.content.total[0])
    for g in range(len(counts)):
        place = min(max(levels[g] * _LEVELS_PER_NEPER, _NONE), highest)
        first = int(place)
        part = place - np.float32(first)
        row = counts[g]
        below = sum_of(row, first)
        # A level's mass is spread evenly over one level's width, centred on it.
        if part < _HALF:
            below += row[first] * (_HALF + part)
        else:
            below += row[first] + row[first + 1] * (part - _HALF)
        place = min(max(below * ranks - _HALF, _NONE), highest_place)
        i = int(place)
        part = place - np.float32(i)
        wanted[g] = max(requests[g, i] * (_ONE - part) + requests[g, i + 1] * part, _NONE)


@compiled()
def quantile_gains(mapping: QuantileMap, magnitude: Array, learn: bool, out: Array) -> None:
    """Gain of a frame, (bins,) -> (bins,): a share of the way to the request of the same rank.

    The frame's levels are learned unless `learn` is False.
    """
    borders, sizes, levels, aims = mapping.borders, mapping.sizes, mapping.levels, mapping.aims
    weight = _next_weight(mapping.content) if learn else np.float32(0.0)
    _group_sizes(borders, magnitude, sizes)
    _levels_of(sizes, levels)
    _wanted_levels(mapping, weight, aims)
    share = np.float32(mapping.share)
    for g in range(len(aims)):
        aims[g] = levels[g] + share * (aims[g] - levels[g])
    exp_all(aims)
    floor = np.float32(FLOOR)
    for g in range(len(aims)):
        aims[g] = max(floor * (aims[g] - _ONE) / max(sizes[g], _LEAST_SIZE), _LEAST_SIZE)
    log_all(aims)
    follow = _ONE if mapping.is_first[0] else np.float32(mapping.follow)
    mapping.is_first[0] = False
    held = mapping.held
    for g in range(len(held)):
        held[g] += follow * (aims[g] - held[g])
        aims[g] = held[g]
    exp_all(aims)
    for g in range(len(aims)):
        for k in range(borders[g], borders[g + 1]):
            out[k] = aims[g]


@compiled()
def learn_realised(mapping: QuantileMap, magnitude: Array) -> None:
    """Learn the levels of a frame of the output, (bins,)."""
    add_frame(mapping.realised, mapping.borders, magnitude, mapping.sizes, mapping.levels)


@compiled()
def correct(mapping: QuantileMap) -> None:
    """Correct the next requests of a part of the groups by what their realised levels lack."""
    turn, requests, style = mapping.turn[0], mapping.requests, mapping.style
    mapping.turn[0] = (turn + 1) % (len(mapping.parts) - 1)
    n_quantiles = requests.shape[1]
    step = np.float32(mapping.realised.total[0] / n_quantiles)
    rate, most = np.float32(mapping.rate), np.float32(_MOST_CORRECTION)
    for k in range(mapping.parts[turn], mapping.parts[turn + 1]):
        row = mapping.realised.counts[k]
        last = len(row) - 1
        below, j = np.float32(0.0), 0
        for i in range(n_quantiles):
            aim = step * (np.float32(i) + _HALF)
            while j < last and below + row[j] < aim:
                below += row[j]
                j += 1
            mass = max(row[j], _TINY)
            place = max(np.float32(j) - _HALF + (aim - below) / mass, _NONE)
            lacking = style[k, i] - place * _NEPERS_PER_LEVEL
            change = requests[k, i] - style[k, i] + rate * lacking
            requests[k, i] = style[k, i] + min(max(change, -most), most)
