"""Envelope map: a stream's band envelopes get a style's distribution and its modulations.

McDermott and Simoncelli (2011) describe a texture by statistics of band envelopes: their
distribution, and the power of their modulations. Here, both are imposed as the sound arrives. In
each band, the envelope relative to its running mean takes the style's value of the same rank. It is
then split into modulation bands, about an octave wide, and each is scaled to the power that it has
in the style. At last the band gets the style's mean level.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from astfx.dsp.erb import erb_to_hz, hz_to_erb
from astfx.dsp.windows import hann
from astfx.features.band_rows import Array, BandRows, band_sums, spread_exp
from astfx.frontends.log_magnitude import REFERENCE_RMS
from astfx.runtime.compiled import compiled

WINDOW_SECONDS = 0.0116
OVERLAP = 4
COMPRESSION = 0.3
N_QUANTILES = 33
MODULATIONS_HZ = (80.0, 40.0, 20.0, 10.0, 5.0, 2.5, 1.2, 0.6, 0.3)
"""Borders of the modulation bands, from the fastest to the slowest."""

_LOWEST_HZ, _HIGHEST_HZ, _BANDS_PER_ERB = 40.0, 16000.0, 0.85
_N_LEVELS = 256
_LOWEST, _HIGHEST = -4.0, 2.5  # nepers of the compressed envelope around its mean
_PRIOR_FRAMES = 100.0
_MOST_SCALE = 4.0
_LEAST_POWER = 1e-6
_LEAST_ENVELOPE = 0.05  # of the mean
_MOST_LOG_GAIN, _MOST_LOG_CUT = 3.0, 5.0
_TINY = 1e-12
_RENORMALISE = 1e6
_BOUNDS = (
    COMPRESSION,
    _LOWEST,
    _HIGHEST,
    _MOST_SCALE,
    _LEAST_ENVELOPE,
    _MOST_LOG_GAIN,
    _MOST_LOG_CUT,
)


def band_edges_hz() -> npt.NDArray[np.float64]:
    """Edges of the overlapping bands: band b lies between edges b and b + 2.

    The bands are evenly spaced in ERB, but no narrower than the resolution of the window. They are
    the same at any sample rate.
    """
    edges = [_LOWEST_HZ]
    while edges[-1] < _HIGHEST_HZ:
        step = float(erb_to_hz(hz_to_erb(edges[-1]) + _BANDS_PER_ERB)) - edges[-1]
        edges.append(edges[-1] + max(step, 1.0 / WINDOW_SECONDS))
    return np.array(edges)


N_BANDS = len(band_edges_hz()) - 2


def window_length(sample_rate: int, hop_length: int | None = None) -> int:
    """Length of the window in samples: four hops."""
    hop = round(WINDOW_SECONDS * sample_rate / OVERLAP) if hop_length is None else hop_length
    return OVERLAP * hop


def _bank(sample_rate: int, n_fft: int) -> npt.NDArray[np.float64]:
    """Triangular bands with centres below the Nyquist frequency, (bands, bins)."""
    edges, frequency = band_edges_hz(), np.arange(n_fft // 2 + 1) * (sample_rate / n_fft)
    low, centre, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    bank = np.minimum((frequency - low) / (centre - low), (high - frequency) / (high - centre))
    bank = np.maximum(bank, 0.0)[: max(1, int((edges[1:-1] <= sample_rate / 2.0).sum()))]
    for row, hz in zip(bank, edges[1:], strict=False):
        if not row.any():
            row[np.abs(frequency - hz).argmin()] = 1.0
    return bank


def _band_rows(sample_rate: int, n_fft: int) -> tuple[BandRows, BandRows]:
    """Weights that average the bins of each band, and weights that spread bands over the bins."""
    bank = _bank(sample_rate, n_fft)
    means = bank / bank.sum(axis=1, keepdims=True)
    total = means.sum(axis=0)
    touched = np.flatnonzero(total)
    spread = np.zeros_like(means)
    spread[:, touched] = means[:, touched] / total[touched]
    spread[0, : touched[0]] = 1.0  # bins outside all bands take the nearest band
    spread[-1, touched[-1] + 1 :] = 1.0
    return BandRows.of(means), BandRows.of(spread)


def _smoothing(frame_rate_hz: float) -> npt.NDArray[np.float64]:
    """Coefficients of the low-pass filters that split the modulations, (borders,)."""
    return 1.0 - np.exp(-2.0 * math.pi * np.array(MODULATIONS_HZ) / frame_rate_hz)


class EnvelopeStatistics(NamedTuple):
    """Statistics of a style's compressed band envelopes.

    Attributes
    ----------
    mean : (bands,)
        At an RMS of 0.1.
    quantiles : (bands, N_QUANTILES)
        Natural logarithm of the envelope over its mean, at evenly spaced ranks.
    modulations : (bands, borders + 1)
        Power of the modulations of the envelope over its mean, from the fastest to the slowest.
    """

    mean: Array
    quantiles: Array
    modulations: Array

    @classmethod
    def of(
        cls, clips: Sequence[npt.NDArray[np.floating]], sample_rate: int, rms: float
    ) -> EnvelopeStatistics:
        """Measure clips, (channels, samples) each, whose level is `rms`."""
        n_fft = window_length(sample_rate)
        hop_length = n_fft // OVERLAP
        bank = _bank(sample_rate, n_fft)
        means = (bank / bank.sum(axis=1, keepdims=True)).T
        window = np.sqrt(hann(n_fft)) * power_scale(rms, n_fft)
        found = []
        for clip in clips:
            padded = np.pad(clip, ((0, 0), (0, max(0, n_fft - clip.shape[1]))))
            frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft, axis=1)
            power = np.zeros((frames[:, ::hop_length].shape[1], n_fft // 2 + 1))
            for channel in frames[:, ::hop_length]:
                power += np.square(np.abs(np.fft.rfft(channel * window)))
            found.append((power / len(clip) @ means + _TINY) ** (COMPRESSION / 2.0))
        envelopes = np.concatenate(found)
        mean = envelopes.mean(axis=0)
        moving = [part / mean - 1.0 for part in found]
        ranks = (np.arange(N_QUANTILES) + 0.5) / N_QUANTILES
        quantiles = np.quantile(np.log(envelopes / mean), ranks, axis=0).T
        powers = np.zeros((len(mean), len(MODULATIONS_HZ) + 1))
        smoothing, count = _smoothing(sample_rate / hop_length), 0
        for part in moving:
            state = np.tile(part[: max(1, len(part) // 4)].mean(axis=0)[:, None], len(smoothing))
            for value in part:
                state += smoothing * (value[:, None] - state)
                levels = np.concatenate([value[:, None], state, np.zeros((len(mean), 1))], axis=1)
                powers += np.square(levels[:, :-1] - levels[:, 1:])
            count += len(part)
        return cls(*(x.astype(np.float32) for x in (mean, quantiles, powers / count)))


def power_scale(rms: float, n_fft: int) -> float:
    """Factor on a window that makes powers those of a sound with an RMS of 0.1."""
    return REFERENCE_RMS / rms / math.sqrt(n_fft)


@compiled(fastmath=True, nogil=True)
def _changes(
    power: Array,
    running: Array,
    share: float,
    weight: float,
    total: float,
    counts: Array,
    style_mean: Array,
    style_quantiles: Array,
    style_powers: Array,
    smoothing: npt.NDArray[np.float64],
    state: Array,
    powers: Array,
    bounds: npt.NDArray[np.float64],
    out: Array,
) -> None:
    """Change of each band's level in nepers; updates the running statistics in place.

    With a weight of 0, the statistics are not updated.
    """
    compression, lowest, highest, most_scale, least, most_gain, most_cut = bounds
    n_levels, n_quantiles, n_borders = counts.shape[1], style_quantiles.shape[1], state.shape[1]
    spacing = (n_levels - 1) / (highest - lowest)
    for b in range(len(power)):
        envelope = (power[b] + 1e-12) ** (0.5 * compression)
        if weight > 0.0:
            running[b] += (envelope - running[b]) * share
        level = math.log(envelope / max(running[b], 1e-9))
        position = min(max((level - lowest) * spacing, 0.0), n_levels - 1.001)
        first = int(position)
        part = position - first
        if weight > 0.0:
            counts[b, first] += weight * (1.0 - part)
            counts[b, first + 1] += weight * part
        below = np.float32(0.0)
        for j in range(first):
            below += counts[b, j]
        if part < 0.5:
            below += counts[b, first] * (0.5 + part)
        else:
            below += counts[b, first] + counts[b, first + 1] * (part - 0.5)
        rank = min(max(below / total, 0.0), 1.0)
        place = min(max(rank * n_quantiles - 0.5, 0.0), n_quantiles - 1.001)
        i = int(place)
        part = place - i
        wanted = style_quantiles[b, i] * (1.0 - part) + style_quantiles[b, i + 1] * part
        value = math.exp(wanted) - 1.0
        above, result = value, 0.0
        for k in range(n_borders + 1):
            slower = 0.0
            if k < n_borders:
                state[b, k] += smoothing[k] * (value - state[b, k])
                slower = state[b, k]
            modulation = above - slower
            above = slower
            if weight > 0.0:
                powers[b, k] += (modulation * modulation - powers[b, k]) * share
            scale = math.sqrt(style_powers[b, k] / max(powers[b, k], 1e-6))
            result += modulation * min(max(scale, 1.0 / most_scale), most_scale)
        wanted = style_mean[b] * max(1.0 + result, least)
        change = math.log(wanted / max(envelope, 1e-4)) / compression
        out[b] = min(max(change, -most_cut), most_gain)


class EnvelopeMap:
    """Gains that give a stream's bands the distribution and the modulations of a style's envelopes.

    Parameters
    ----------
    style : EnvelopeStatistics
        Of the style; bands beyond the content's Nyquist frequency are ignored.
    sample_rate : int, hertz
    n_fft : int, samples
    memory : float, frames
        How many frames the content's statistics remember.
    """

    def __init__(
        self, style: EnvelopeStatistics, sample_rate: int, n_fft: int, memory: float
    ) -> None:
        self._means, self._spread = _band_rows(sample_rate, n_fft)
        used = len(self._means.first)
        style = EnvelopeStatistics(*(np.ascontiguousarray(part[:used]) for part in style))
        self._style = style._replace(
            modulations=np.maximum(style.modulations, np.float32(_LEAST_POWER))
        )
        self._smoothing = _smoothing(sample_rate * OVERLAP / n_fft)
        self._memory, self._growth = memory, memory / (memory - 1.0)
        self._count, self._weight, self._total = 20.0, 1.0, _PRIOR_FRAMES
        self._running = style.mean.copy()
        self._counts = _prior(style.quantiles)
        self._state = np.zeros((used, len(MODULATIONS_HZ)), np.float32)
        self._powers = self._style.modulations.copy()
        self._power = np.empty(used, np.float32)
        self._change = np.empty(used, np.float32)
        self._n_bins = n_fft // 2 + 1
        self._bounds = np.array(_BOUNDS)

    def gain(self, power: Array, *, learn: bool = True) -> Array:
        """Update the statistics with a frame and return its linear gain, (bins,) -> (bins,).

        Parameters
        ----------
        power : (bins,)
            Mean power of the channels, as if the sound had an RMS of 0.1.
        learn : bool
            False leaves the statistics unchanged, as for silence.
        """
        band_sums(*self._means, power, self._power)
        if learn:
            self._count = min(self._count + 1.0, self._memory)
            self._weight *= self._growth
            self._total += self._weight
        _changes(
            self._power,
            self._running,
            1.0 / self._count,
            self._weight if learn else 0.0,
            self._total,
            self._counts,
            *self._style,
            self._smoothing,
            self._state,
            self._powers,
            self._bounds,
            self._change,
        )
        if self._weight > _RENORMALISE:
            self._counts *= np.float32(1.0 / self._weight)
            self._total /= self._weight
            self._weight = 1.0
        gain = np.empty(self._n_bins, np.float32)
        spread_exp(*self._spread, self._change, gain)
        return gain


def _prior(quantiles: Array) -> Array:
    """Histogram with the style's quantiles, which counts as a hundred frames, (bands, levels)."""
    counts = np.zeros((len(quantiles), _N_LEVELS), np.float32)
    fine = np.linspace(0.0, N_QUANTILES - 1.0, 8 * N_QUANTILES)
    for row, levels in zip(counts, quantiles, strict=True):
        values = np.interp(fine, np.arange(N_QUANTILES), levels)
        place = (values - _LOWEST) / (_HIGHEST - _LOWEST) * (_N_LEVELS - 1)
        np.add.at(row, place.clip(0, _N_LEVELS - 1).round().astype(int), 1.0)
    return counts * np.float32(_PRIOR_FRAMES / len(fine))
