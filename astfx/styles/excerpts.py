"""What is used of a style that is longer than a render needs.

The cost of every render is proportional to what is kept of its style, so a long style is
represented by parts of it. For the methods, these are short windows: all windows are clustered by
their spectrum, and each cluster gives as many windows as its share of the style asks for. For the
texture statistics, which need longer stretches of time, they are pieces that are spread evenly.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from astfx.audio import Waveform
from astfx.audio.levels import hop_levels
from astfx.dsp.erb import hz_to_erb

MAX_STYLE_SECONDS = 20.0
WINDOW_SECONDS = 1.0
PIECE_SECONDS = 10.0
MAX_PIECES = 12

_CLUSTERS = 10
_QUIETEST = 1e-5  # 50 dB below the loudest window
_N_BANDS = 40
_LOWEST_HZ = 50.0
_FRAMES_PER_WINDOW = 16
_FLOOR = 1e-6  # 60 dB below the loudest band
_SEED = 0


def excerpts(waveform: Waveform, sample_rate: int) -> list[Waveform]:
    """Return the whole clip, or windows that represent a clip longer than 20 seconds.

    Parameters
    ----------
    waveform : (channels, samples)
    sample_rate : int, hertz

    Returns
    -------
    list of (channels, n)
        In the order of time, 20 seconds together. Windows of a second that follow one another
        are one excerpt. Windows more than 50 dB below the loudest are left out.
    """
    if waveform.shape[1] <= MAX_STYLE_SECONDS * sample_rate:
        return [waveform]
    length = round(WINDOW_SECONDS * sample_rate)
    whole = waveform[:, : waveform.shape[1] - waveform.shape[1] % length]
    sounding = _sounding(whole, length)
    count = min(round(MAX_STYLE_SECONDS / WINDOW_SECONDS), len(sounding))
    chosen = sounding[_representatives(_spectra(whole, length, sample_rate)[sounding], count)]
    breaks = np.flatnonzero(np.diff(chosen) > 1) + 1
    bounds = [0, *breaks.tolist(), len(chosen)]
    return [
        whole[:, chosen[first] * length : (chosen[last - 1] + 1) * length]
        for first, last in pairwise(bounds)
    ]


def pieces(waveform: Waveform, sample_rate: int) -> list[Waveform]:
    """Return the whole clip, or pieces of ten seconds of a clip longer than 20 seconds.

    They are at most twelve, spread evenly over the pieces within 50 dB of the loudest.
    """
    if waveform.shape[1] <= MAX_STYLE_SECONDS * sample_rate:
        return [waveform]
    length = round(PIECE_SECONDS * sample_rate)
    whole = waveform[:, : waveform.shape[1] - waveform.shape[1] % length]
    sounding = _sounding(whole, length)
    count = min(MAX_PIECES, len(sounding))
    chosen = sounding[np.linspace(0, len(sounding) - 1, count).round().astype(int)]
    return [whole[:, i * length : (i + 1) * length] for i in chosen]


def _sounding(waveform: Waveform, length: int) -> npt.NDArray[np.intp]:
    """Indices of the windows that are loud enough to be used."""
    _, energies = hop_levels(waveform, length)
    return np.flatnonzero(energies > energies.max() * _QUIETEST) if energies.any() else np.arange(1)


def _spectra(waveform: Waveform, length: int, sample_rate: int) -> npt.NDArray[np.float64]:
    """Mean and spread of the band levels of each window, (windows, 80)."""
    n_fft = length // _FRAMES_PER_WINDOW
    erb = hz_to_erb(np.fft.rfftfreq(n_fft, 1.0 / sample_rate))
    edges = np.linspace(hz_to_erb(_LOWEST_HZ), erb[-1], _N_BANDS + 1)
    band = np.searchsorted(edges, erb) - 1
    inside = np.flatnonzero((band >= 0) & (band < _N_BANDS))
    weights = np.zeros((len(erb), _N_BANDS))
    weights[inside, band[inside]] = 1.0
    levels = np.empty((waveform.shape[1] // length, _FRAMES_PER_WINDOW, _N_BANDS))
    for index, found in enumerate(levels):
        mono = waveform[:, index * length : (index + 1) * length].mean(axis=0)
        frames = mono[: n_fft * _FRAMES_PER_WINDOW].reshape(-1, n_fft) * np.hanning(n_fft)
        found[:] = np.abs(np.fft.rfft(frames)) ** 2 @ weights
    levels = np.log(levels + _FLOOR * levels.mean(axis=1).max() + 1e-30)
    return np.concatenate([levels.mean(axis=1), levels.std(axis=1)], axis=1)


def _representatives(features: npt.NDArray[np.float64], count: int) -> npt.NDArray[np.intp]:
    """Indices of the windows nearest to the centres of clusters, by the clusters' shares."""
    from scipy.cluster.vq import kmeans2

    if len(features) <= count:
        return np.arange(len(features))
    # A loop that repeats exactly has fewer different windows than clusters.
    n_clusters = min(_CLUSTERS, count, len(np.unique(features, axis=0)))
    centres, labels = kmeans2(features, n_clusters, minit="++", seed=_SEED)
    sizes = np.bincount(labels, minlength=len(centres))
    exact = sizes * (count / len(features))
    shares = np.floor(exact).astype(int)
    # The largest remainders get what is left.
    for index in np.argsort(shares - exact, kind="stable")[: count - shares.sum()]:
        shares[index] += 1
    chosen: list[int] = []
    for index, share in enumerate(shares):
        own = np.flatnonzero(labels == index)
        distance = np.square(features[own] - centres[index]).sum(axis=1)
        chosen += own[np.argsort(distance, kind="stable")[:share]].tolist()
    return np.sort(np.array(chosen))
