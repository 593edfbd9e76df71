"""Monge map (optimal transport) between Gaussians of log band levels, for streams.

The map is that of the "whitening and colouring" transform (Li et al. 2017, "Universal style
transfer via feature transforms"), on 64 mel bands. Each frame of the content gets the gain
that gives its bands the style's means and covariances. The content's own means and
covariances are estimated as its frames arrive; old frames are gradually forgotten.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from astfx.dsp.linalg import symmetric_root
from astfx.dsp.mel import hz_to_mel, mel_to_hz

N_BANDS = 64
LOWEST_HZ, HIGHEST_HZ = 20.0, 16000.0
"""The bands are the same at any sample rate; those above the Nyquist frequency are left out."""

MOST_LOG_GAIN = 6.0
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
        share = 1.0 / self._weight
        difference = vector - self.mean
        self.mean += share * difference
        self.covariance *= 1.0 - share
        self.covariance += (share * (1.0 - share)) * np.outer(difference, difference)


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
        T = C^-1/2 (C^1/2 S C^1/2)^1/2 C^-1/2, so that T C T = S.

    References
    ----------
    Olkin & Pukelsheim 1982; Li et al., NIPS 2017.
    """
    # torch, here and below, because the caller sets its number of threads, unlike NumPy's.
    root, _ = symmetric_root(torch.from_numpy(_regularised(content)))
    inverse = torch.linalg.inv(root)
    inner, _ = symmetric_root(root @ torch.from_numpy(_regularised(style)) @ root)
    return np.asarray((inverse @ inner @ inverse).numpy())


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
        Interval at which the map is computed again.
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
        self._bands = torch.from_numpy(band_weights(sample_rate, n_fft))
        self._spread = torch.from_numpy(bin_weights(sample_rate, n_fft).T.copy())
        used = len(self._bands)
        self._mean = mean[:used].astype(np.float64)
        self._covariance = covariance[:used, :used].astype(np.float64)
        self._running = RunningGaussian(self._mean, self._covariance, memory)
        self._map = np.eye(used)
        self._every, self._since = every, 0

    def gain(self, magnitude: Array, *, learn: bool = True) -> Array:
        """Update the statistics with a frame and return its linear gain, (bins,) -> (bins,).

        Parameters
        ----------
        magnitude : (bins,)
        learn : bool
            False leaves the statistics unchanged, as for silence.
        """
        summed = torch.mv(self._bands, torch.from_numpy(magnitude)).numpy()
        level = np.log(summed + np.float32(_FLOOR))
        if learn:
            self._running.add(level)
            self._since += 1
            if self._since >= self._every:
                self._since = 0
                self._map = monge_map(self._running.covariance, self._covariance)
        aim = self._map @ (level - self._running.mean) + self._mean
        change = np.clip(aim - level, -MOST_LOG_GAIN, MOST_LOG_GAIN).astype(np.float32)
        gain: Array = np.exp(torch.mv(self._spread, torch.from_numpy(change)).numpy())
        return gain
