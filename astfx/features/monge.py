"""Monge map (optimal transport) between Gaussians of log band levels, for streams.

The map is that of the "whitening and colouring" transform (Li et al. 2017, "Universal style
transfer via feature transforms"), on 64 mel bands. Each frame of the content gets the gain
that gives its bands the style's means and covariances. The content's own means and
covariances are estimated as its frames arrive; old frames are gradually forgotten.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from astfx.dsp.linalg import symmetric_root
from astfx.dsp.mel import hz_to_mel, mel_to_hz
from astfx.features.band_rows import BandRows, Numbers, Places, band_sums, spread_exp
from astfx.runtime.compiled import compiled
from astfx.runtime.device import thread_count

N_BANDS = 64
LOWEST_HZ, HIGHEST_HZ = 20.0, 16000.0
"""The bands are the same at any sample rate; those above the Nyquist frequency are left out."""

MOST_LOG_GAIN, MOST_LOG_CUT = 6.0, 9.0
_MOST_DEVIATIONS, _LEAST_DEVIATION = 3.0, 0.1
_REGULARISATION = 0.05
_FLOOR = 1e-3
_PRIOR_FRAMES = 20.0

Array = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]


@lru_cache(maxsize=16)
def band_weights(sample_rate: int, n_fft: int) -> Array:
    """Triangular mel bands below the Nyquist frequency, (bands, bins), each summing to one.

    A band that is too narrow to contain a bin takes the nearest one.
    """
    frequency = np.arange(n_fft // 2 + 1) * sample_rate / n_fft
    first, last = hz_to_mel([LOWEST_HZ, HIGHEST_HZ], htk=True)
    edges = mel_to_hz(np.linspace(first, last, N_BANDS + 2), htk=True)
    low, centre, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    bank = np.minimum((frequency - low) / (centre - low), (high - frequency) / (high - centre))
    bank = np.maximum(bank, 0.0)
    used = int((edges[1:-1] <= sample_rate / 2.0).sum())
    for band in range(used):
        if not bank[band].any():
            bank[band, np.abs(frequency - edges[1 + band]).argmin()] = 1.0
    bank = bank[:used] / bank[:used].sum(axis=1, keepdims=True)
    return np.ascontiguousarray(bank, dtype=np.float32)


@lru_cache(maxsize=16)
def bin_weights(sample_rate: int, n_fft: int) -> Array:
    """Weights that spread band values to bins, (bands, bins); each bin's weights sum to one."""
    bank = band_weights(sample_rate, n_fft)
    columns = bank / bank.sum(axis=1, keepdims=True)
    total = columns.sum(axis=0)
    touched = np.flatnonzero(total > 0.0)
    result: Array = np.zeros_like(columns)
    result[:, touched] = columns[:, touched] / total[touched]
    result[0, : touched[0]] = 1.0  # bins outside all bands take the nearest band
    result[-1, touched[-1] + 1 :] = 1.0
    return result


def band_levels(magnitude: Array, sample_rate: int) -> Array:
    """Natural logarithm of the level of each band, (..., bins) -> (..., bands).

    Parameters
    ----------
    magnitude : (..., bins)
        Linear, on the scale of `astfx.frontends.log_magnitude`.
    """
    bank = band_weights(sample_rate, 2 * (magnitude.shape[-1] - 1))
    levels: Array = np.log(magnitude @ bank.T + np.float32(_FLOOR))
    return levels


class RunningGaussian(NamedTuple):
    """Running mean and covariance of vectors; old vectors are gradually forgotten.

    Attributes
    ----------
    mean : (dims,)
    covariance : (dims, dims)
    weight : (1,)
        How many vectors the estimates stand for.
    memory : float
        The most that they may stand for.
    """

    mean: Numbers
    covariance: Numbers
    weight: Numbers
    memory: float

    @classmethod
    def of(
        cls,
        mean: npt.NDArray[Any],
        covariance: npt.NDArray[Any],
        memory: float,
        prior: float = _PRIOR_FRAMES,
    ) -> RunningGaussian:
        """Begin with estimates that count as `prior` vectors."""
        estimates = mean.astype(np.float64), covariance.astype(np.float64)
        return cls(*estimates, np.full(1, prior), float(memory))


@compiled(fastmath=True)
def add_vector(running: RunningGaussian, vector: Array) -> None:
    """Update the estimates with a vector, (dims,)."""
    running.weight[0] = min(running.weight[0] + 1.0, running.memory)
    share = 1.0 / running.weight[0]
    mean, covariance = running.mean, running.covariance
    for i in range(len(mean)):
        scale = share * (1.0 - share) * (vector[i] - mean[i])
        row = covariance[i]
        for j in range(len(mean)):
            row[j] += scale * (vector[j] - mean[j]) - share * row[j]
    for i in range(len(mean)):
        mean[i] += share * (vector[i] - mean[i])


def _regularised(covariance: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    mean = max(float(np.diagonal(covariance).mean()), 1e-6)
    return covariance + _REGULARISATION * mean * np.eye(len(covariance))


def monge_map(
    content: npt.NDArray[np.float64], style: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Linear part of the optimal transport map between two Gaussians.

    Parameters
    ----------
    content, style : (dims, dims)
        Covariances. A twentieth of the mean variance is added to each diagonal first.

    Returns
    -------
    (dims, dims)
        The symmetric T with T C T = S. With C = L L', it is L'^-1 (L' S L)^1/2 L^-1.

    References
    ----------
    Olkin & Pukelsheim 1982; Li et al., NIPS 2017.
    """
    return finished_map(begun_map(content, style))


class BegunMap(NamedTuple):
    """The first half of the work on a Monge map, which streams spread over two frames.

    Attributes
    ----------
    inverse : (dims, dims)
        L^-1, where the content's covariance is L L'.
    inner : (dims, dims)
        L' S L, where S is the style's covariance.
    """

    inverse: Tensor
    inner: Tensor


def begun_map(content: npt.NDArray[np.float64], style: npt.NDArray[np.float64]) -> BegunMap:
    """Do the first half of the work on `monge_map`."""
    # torch, here and below, because the caller sets its number of threads, unlike NumPy's.
    lower = torch.linalg.cholesky(torch.from_numpy(_regularised(content)))
    inverse = torch.linalg.solve_triangular(
        lower, torch.eye(len(lower), dtype=lower.dtype), upper=False
    )
    return BegunMap(inverse, lower.T @ torch.from_numpy(_regularised(style)) @ lower)


def finished_map(begun: BegunMap) -> npt.NDArray[np.float64]:
    """Do the second half of the work on `monge_map`."""
    root, _ = symmetric_root(begun.inner)
    return np.asarray((begun.inverse.T @ root @ begun.inverse).numpy())


class BandGains(NamedTuple):
    """What `GainMap` knows of a style and a stream, for compiled loops.

    Attributes
    ----------
    bands, spread : BandRows
        From bins to bands and back.
    style_mean, lowest, highest : (bands,)
        Mean and bounds of the levels that are aimed at.
    content : RunningGaussian
        Of the stream's band levels.
    map, next_map : (bands, bands)
    has_next, is_due : (1,)
        Whether `next_map` is ready, and whether another one is to be computed.
    since : (1,)
        Frames since the last map was asked for.
    every : int, frames
    level, difference, change : (bands,)
        Memory for a frame.
    """

    bands: BandRows
    spread: BandRows
    style_mean: Numbers
    lowest: Numbers
    highest: Numbers
    content: RunningGaussian
    map: Numbers
    next_map: Numbers
    has_next: Flags
    is_due: Flags
    since: Places
    every: int
    level: Array
    difference: Numbers
    change: Array


@compiled(fastmath=True)
def band_gains(state: BandGains, magnitude: Array, learn: bool, out: Array) -> None:
    """Update the statistics with a frame and find its linear gain, (bins,) -> (bins,).

    No band is aimed at a level more than three standard deviations away from the style's mean.

    Parameters
    ----------
    state : BandGains
    magnitude : (bins,)
    learn : bool
        False leaves the statistics unchanged, as for silence.
    out : (bins,)
    """
    level, mean = state.level, state.content.mean
    band_sums(state.bands, magnitude, level)
    for band in range(len(level)):
        level[band] = math.log(level[band] + _FLOOR)
    if learn:
        add_vector(state.content, level)
        state.since[0] += 1
        if state.has_next[0]:
            for band in range(len(level)):
                for other in range(len(level)):
                    state.map[band, other] = state.next_map[band, other]
            state.has_next[0] = False
        elif state.since[0] >= state.every:
            state.since[0] = 0
            state.is_due[0] = True
    for band in range(len(level)):
        state.difference[band] = level[band] - mean[band]
    for band in range(len(level)):
        aim, row = state.style_mean[band], state.map[band]
        for other in range(len(level)):
            aim += row[other] * state.difference[other]
        change = min(max(aim, state.lowest[band]), state.highest[band]) - level[band]
        state.change[band] = min(max(change, -MOST_LOG_CUT), MOST_LOG_GAIN)
    spread_exp(state.spread, state.change, out)


class GainMap:
    """Gains that give a stream's bands the means and covariances of a style.

    Parameters
    ----------
    mean, covariance : (bands,), (bands, bands)
        Of the style's band levels; bands beyond the content's Nyquist frequency are ignored.
    sample_rate : int, hertz
    n_fft : int, samples
    memory : float, frames
        How many frames the content's statistics remember.
    every : int, frames
        Interval at which the map is computed again. The work is done in two frames.

    Attributes
    ----------
    state : BandGains
        For `band_gains`, which is called once a frame, after `finish` and before `begin`.
    """

    def __init__(
        self,
        mean: Array,
        covariance: Array,
        sample_rate: int,
        n_fft: int,
        memory: float,
        every: int,
    ) -> None:
        bands = band_weights(sample_rate, n_fft)
        used = len(bands)
        style_mean = mean[:used].astype(np.float64)
        self._covariance = covariance[:used, :used].astype(np.float64)
        deviation = np.sqrt(np.diagonal(self._covariance)) + _LEAST_DEVIATION
        self._begun: BegunMap | None = None
        self.state = BandGains(
            bands=BandRows.of(bands),
            spread=BandRows.of(bin_weights(sample_rate, n_fft)),
            style_mean=style_mean,
            lowest=style_mean - _MOST_DEVIATIONS * deviation,
            highest=style_mean + _MOST_DEVIATIONS * deviation,
            content=RunningGaussian.of(style_mean, self._covariance, memory),
            map=np.eye(used),
            next_map=np.eye(used),
            has_next=np.zeros(1, np.bool_),
            is_due=np.zeros(1, np.bool_),
            since=np.zeros(1, np.int64),
            every=every,
            level=np.zeros(used, np.float32),
            difference=np.zeros(used),
            change=np.zeros(used, np.float32),
        )

    def begin(self) -> None:
        """After a frame: begin to compute a map, if one is due."""
        if self.state.is_due[0]:
            self.state.is_due[0] = False
            with thread_count(1):
                self._begun = begun_map(self.state.content.covariance, self._covariance)

    def finish(self) -> None:
        """Before a frame: complete the map that was begun."""
        if self._begun is not None:
            with thread_count(1):
                self.state.next_map[:] = finished_map(self._begun)
            self.state.has_next[0] = True
            self._begun = None
