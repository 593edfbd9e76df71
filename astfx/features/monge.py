"""Monge map (optimal transport) between Gaussians of log band levels, for streams.

The map is that of the "whitening and colouring" transform (Li et al. 2017, "Universal style
transfer via feature transforms"), on 64 mel bands. Each frame of the content gets the gain
that gives its bands the style's means and covariances. The content's own means and
covariances are estimated as its frames arrive; old frames are gradually forgotten.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from astfx.dsp.linalg import symmetric_root
from astfx.dsp.mel import hz_to_mel, mel_to_hz
from astfx.features.band_rows import BandRows, band_sums, spread_exp
from astfx.runtime.compiled import compiled

N_BANDS = 64
LOWEST_HZ, HIGHEST_HZ = 20.0, 16000.0
"""The bands are the same at any sample rate; those above the Nyquist frequency are left out."""

MOST_LOG_GAIN, MOST_LOG_CUT = 6.0, 9.0
_MOST_DEVIATIONS, _LEAST_DEVIATION = 3.0, 0.1
_REGULARISATION = 0.05
_FLOOR = 1e-3
_PRIOR_FRAMES = 20.0

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


class RunningGaussian:
    """Running mean and covariance of vectors; old vectors are gradually forgotten.

    Parameters
    ----------
    mean : (dims,)
    covariance : (dims, dims)
        Initial estimates, which count as `prior` vectors.
    memory : float
        How many vectors are remembered.
    prior : float
    """

    def __init__(
        self,
        mean: npt.NDArray[Any],
        covariance: npt.NDArray[Any],
        memory: float,
        prior: float = _PRIOR_FRAMES,
    ) -> None:
        self._memory, self._weight = memory, prior
        self.mean = mean.astype(np.float64)
        self.covariance = covariance.astype(np.float64)

    def add(self, vector: Array) -> None:
        """Update the estimates with a vector, (dims,)."""
        self._weight = min(self._weight + 1.0, self._memory)
        _learn(self.mean, self.covariance, vector, 1.0 / self._weight)


@compiled(nogil=True)
def _learn(
    mean: npt.NDArray[np.float64],
    covariance: npt.NDArray[np.float64],
    vector: Array,
    share: float,
) -> None:
    """Move a mean and a covariance towards a vector, in place."""
    difference = vector - mean
    for i in range(len(mean)):
        mean[i] += share * difference[i]
        scale = share * (1.0 - share) * difference[i]
        for j in range(len(mean)):
            covariance[i, j] += scale * difference[j] - share * covariance[i, j]


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
        self._bands = BandRows.of(bands)
        self._spread = BandRows.of(bin_weights(sample_rate, n_fft))
        self._mean = mean[:used].astype(np.float64)
        self._covariance = covariance[:used, :used].astype(np.float64)
        deviation = np.sqrt(np.diagonal(self._covariance)) + _LEAST_DEVIATION
        self._lowest = self._mean - _MOST_DEVIATIONS * deviation
        self._highest = self._mean + _MOST_DEVIATIONS * deviation
        self._running = RunningGaussian(self._mean, self._covariance, memory)
        self._map = np.eye(used)
        self._begun: BegunMap | None = None
        self._every, self._since = every, 0
        self._summed = np.empty(used, np.float32)
        self._n_bins = n_fft // 2 + 1

    def gain(self, magnitude: Array, *, learn: bool = True) -> Array:
        """Update the statistics with a frame and return its linear gain, (bins,) -> (bins,).

        No band is aimed at a level more than three standard deviations away from the style's mean.

        Parameters
        ----------
        magnitude : (bins,)
        learn : bool
            False leaves the statistics unchanged, as for silence.
        """
        band_sums(*self._bands, magnitude, self._summed)
        level = np.log(self._summed + np.float32(_FLOOR))
        if learn:
            self._running.add(level)
            self._update()
        aim = self._map @ (level - self._running.mean) + self._mean
        change = np.minimum(np.maximum(aim, self._lowest), self._highest) - level
        change = np.minimum(np.maximum(change, -MOST_LOG_CUT), MOST_LOG_GAIN)
        gain = np.empty(self._n_bins, np.float32)
        spread_exp(*self._spread, change.astype(np.float32), gain)
        return gain

    def _update(self) -> None:
        self._since += 1
        if self._begun is not None:
            self._map = finished_map(self._begun)
            self._begun = None
        elif self._since >= self._every:
            self._since = 0
            self._begun = begun_map(self._running.covariance, self._covariance)
