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

from astfx.dsp.eigen import diagonalise, dot, tridiagonalise
from astfx.dsp.mel import hz_to_mel, mel_to_hz
from astfx.features.band_rows import BandRows, Numbers, Places, band_sums, spread_exp
from astfx.runtime.compiled import compiled

N_BANDS = 64
LOWEST_HZ, HIGHEST_HZ = 20.0, 16000.0
"""The bands are the same at any sample rate; those above the Nyquist frequency are left out."""

MOST_LOG_GAIN, MOST_LOG_CUT = 6.0, 9.0
_MOST_DEVIATIONS, _LEAST_DEVIATION = 3.0, 0.1
_REGULARISATION, _LEAST_VARIANCE, _LEAST_EIGENVALUE = 0.05, 1e-6, 1e-12
_FLOOR = 1e-3
PRIOR_FRAMES = 20.0
_MAP_STEPS = 3

Array = npt.NDArray[np.float32]


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
        prior: float = PRIOR_FRAMES,
    ) -> RunningGaussian:
        """Begin with estimates that count as `prior` vectors."""
        estimates = mean.astype(np.float64), covariance.astype(np.float64)
        return cls(*estimates, np.full(1, prior), float(memory))


@compiled()
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


def monge_map(content: Numbers, style: Numbers) -> Numbers:
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
    work, found = MapWork.of(len(content)), np.empty(content.shape)
    for _ in range(_MAP_STEPS):
        _advance_map(work, content, style, found)
    return found


class MapWork(NamedTuple):
    """A Monge map while it is computed, a step at a time.

    Attributes
    ----------
    step : (1,)
        Steps that are done; 0 if no map is being computed.
    inverse, inner : (dims, dims)
        L^-1 and L' S L.
    values, below : (dims,)
        The diagonal of the tridiagonal matrix, then the eigenvalues, and the values below it.
    vectors : (dims, dims)
        The eigenvectors, in rows.
    """

    step: Places
    inverse: Numbers
    inner: Numbers
    values: Numbers
    below: Numbers
    vectors: Numbers

    @classmethod
    def of(cls, dims: int) -> MapWork:
        """Make the memory for maps of so many bands."""
        inverse, inner, vectors = np.zeros((3, dims, dims))
        values, below = np.zeros((2, dims))
        return cls(np.zeros(1, np.int64), inverse, inner, values, below, vectors)


@compiled()
def _advance_map(work: MapWork, content: Numbers, style: Numbers, out: Numbers) -> None:
    """Do the next step of `monge_map`. The first one reads the covariances, the last writes it."""
    step = work.step[0]
    if step == 0:
        _begin_map(content, style, work.inverse, work.inner)
    elif step == 1:
        tridiagonalise(work.inner, work.values, work.below, work.vectors)
    else:
        diagonalise(work.values, work.below, work.vectors)
        _finish_map(work, out)
    work.step[0] = (step + 1) % _MAP_STEPS


@compiled()
def _begin_map(content: Numbers, style: Numbers, inverse: Numbers, inner: Numbers) -> None:
    """L^-1 and L' S L."""
    lower, wanted, product = np.empty_like(content), np.empty_like(content), np.empty_like(content)
    _regularise(content, lower)
    _regularise(style, wanted)
    _cholesky(lower)
    _invert_lower(lower, inverse)
    _multiply(wanted, lower, product)
    _multiply_transposed(lower, product, inner)


@compiled()
def _finish_map(work: MapWork, out: Numbers) -> None:
    """L'^-1 (L' S L)^1/2 L^-1."""
    values, vectors, root = work.values, work.vectors, work.inner
    for i in range(len(values)):
        scale = max(values[i], _LEAST_EIGENVALUE) ** 0.25
        for j in range(len(values)):
            vectors[i, j] *= scale
    _multiply_transposed(vectors, vectors, root)
    _multiply(root, work.inverse, vectors)
    _multiply_transposed(work.inverse, vectors, out)


@compiled()
def _regularise(covariance: Numbers, out: Numbers) -> None:
    """Add a twentieth of the mean variance to the diagonal."""
    n, total = len(covariance), 0.0
    for i in range(n):
        total += covariance[i, i]
    added = _REGULARISATION * max(total / n, _LEAST_VARIANCE)
    for i in range(n):
        for j in range(n):
            out[i, j] = covariance[i, j]
        out[i, i] += added


# LAPACK and BLAS would do the following too, but their last bits can depend on where in memory a
# matrix lies, and numba takes seconds to compile calls of them.


@compiled()
def _cholesky(matrix: Numbers) -> None:
    """Replace a positive definite matrix by its Cholesky factor, a lower triangle."""
    n = len(matrix)
    for j in range(n):
        for i in range(j, n):
            total = matrix[i, j] - dot(matrix[i], matrix[j], 0, j)
            matrix[i, j] = math.sqrt(total) if i == j else total / matrix[j, j]
        for i in range(j):
            matrix[i, j] = 0.0


@compiled()
def _invert_lower(lower: Numbers, out: Numbers) -> None:
    """Inverse of a lower triangle."""
    n = len(lower)
    for i in range(n):
        for j in range(n):
            out[i, j] = 1.0 if i == j else 0.0
        for k in range(i):
            factor = lower[i, k]
            for j in range(n):
                out[i, j] -= factor * out[k, j]
        scale = 1.0 / lower[i, i]
        for j in range(n):
            out[i, j] *= scale


@compiled()
def _multiply(first: Numbers, second: Numbers, out: Numbers) -> None:
    """A B."""
    n = len(first)
    for i in range(n):
        for j in range(n):
            out[i, j] = 0.0
        for k in range(n):
            factor = first[i, k]
            for j in range(n):
                out[i, j] += factor * second[k, j]


@compiled()
def _multiply_transposed(first: Numbers, second: Numbers, out: Numbers) -> None:
    """A' B."""
    n = len(first)
    for i in range(n):
        for j in range(n):
            out[i, j] = 0.0
        for k in range(n):
            factor = first[k, i]
            for j in range(n):
                out[i, j] += factor * second[k, j]


class GainMap(NamedTuple):
    """Gains that give a stream's bands the means and covariances of a style.

    Attributes
    ----------
    bands, spread : BandRows
        From bins to bands and back.
    style_mean, lowest, highest : (bands,)
        Mean and bounds of the levels that are aimed at.
    style_covariance : (bands, bands)
    content : RunningGaussian
        Of the stream's band levels.
    map : (bands, bands)
    work : MapWork
        The next map while it is computed, a step for each frame.
    since : (1,)
        Frames since the last map was begun.
    every : int, frames
        Interval at which the map is computed again.
    level, difference, change : (bands,)
        Memory for a frame.
    """

    bands: BandRows
    spread: BandRows
    style_mean: Numbers
    lowest: Numbers
    highest: Numbers
    style_covariance: Numbers
    content: RunningGaussian
    map: Numbers
    work: MapWork
    since: Places
    every: int
    level: Array
    difference: Numbers
    change: Array

    @classmethod
    def of(
        cls,
        mean: Array,
        covariance: Array,
        sample_rate: int,
        n_fft: int,
        memory: float,
        every: int,
        prior_frames: float = PRIOR_FRAMES,
    ) -> GainMap:
        """Make the map to a style.

        Parameters
        ----------
        mean, covariance : (bands,), (bands, bands)
            Of the style's band levels; bands beyond the content's Nyquist frequency are ignored.
        sample_rate : int, hertz
        n_fft : int, samples
        memory : float, frames
            How many frames the content's statistics remember.
        every : int, frames
        prior_frames : float
            How many frames the style's statistics count as, from which the content's begin. More of
            them keep the map gentle while little is known.
        """
        bands = band_weights(sample_rate, n_fft)
        used = len(bands)
        style_mean = mean[:used].astype(np.float64)
        style_covariance = covariance[:used, :used].astype(np.float64)
        deviation = np.sqrt(np.diagonal(style_covariance)) + _LEAST_DEVIATION
        return cls(
            bands=BandRows.of(bands),
            spread=BandRows.of(bin_weights(sample_rate, n_fft)),
            style_mean=style_mean,
            lowest=style_mean - _MOST_DEVIATIONS * deviation,
            highest=style_mean + _MOST_DEVIATIONS * deviation,
            style_covariance=style_covariance,
            content=RunningGaussian.of(style_mean, style_covariance, memory, prior_frames),
            map=np.eye(used),
            work=MapWork.of(used),
            since=np.zeros(1, np.int64),
            every=every,
            level=np.zeros(used, np.float32),
            difference=np.zeros(used),
            change=np.zeros(used, np.float32),
        )


@compiled()
def _learn(state: GainMap) -> None:
    """Learn the levels of a frame, and do a step of the next map if one is due or begun."""
    add_vector(state.content, state.level)
    state.since[0] += 1
    if state.work.step[0] or state.since[0] >= state.every:
        if not state.work.step[0]:
            state.since[0] = 0
        _advance_map(state.work, state.content.covariance, state.style_covariance, state.map)


@compiled(fastmath=True)
def band_gains(state: GainMap, magnitude: Array, learn: bool, out: Array) -> None:
    """Update the statistics with a frame and find its linear gain, (bins,) -> (bins,).

    No band is aimed at a level more than three standard deviations away from the style's mean.

    Parameters
    ----------
    state : GainMap
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
        _learn(state)
    for band in range(len(level)):
        state.difference[band] = level[band] - mean[band]
    for band in range(len(level)):
        aim, row = state.style_mean[band], state.map[band]
        for other in range(len(level)):
            aim += row[other] * state.difference[other]
        change = min(max(aim, state.lowest[band]), state.highest[band]) - level[band]
        state.change[band] = min(max(change, -MOST_LOG_CUT), MOST_LOG_GAIN)
    spread_exp(state.spread, state.change, out)
