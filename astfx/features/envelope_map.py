"""Envelope map: a stream's band envelopes get a style's distribution and its modulations.

McDermott and Simoncelli (2011) describe a texture by statistics of band envelopes: their
distribution, and the power of their modulations. Here, both are imposed as the sound arrives. In
each band, the envelope relative to its running mean takes the style's value of the same rank. An
equaliser then gives its modulations their powers in the style
(`astfx.features.modulation_equaliser`). At last the band gets the style's mean level.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from astfx.dsp.erb import erb_to_hz, hz_to_erb
from astfx.dsp.windows import hann
from astfx.features.band_rows import Array, BandRows, Numbers, band_sums, spread_exp, sum_of
from astfx.features.modulation_bands import N_MODULATIONS, modulation_energies
from astfx.features.modulation_equaliser import (
    ModulationEqualiser,
    correct_modulations,
    equalised,
)
from astfx.frontends.log_magnitude import REFERENCE_RMS
from astfx.runtime.compiled import compiled

WINDOW_SECONDS = 0.0116
OVERLAP = 4
COMPRESSION = 0.3
N_QUANTILES = 33
_LOWEST_HZ, _HIGHEST_HZ, _BANDS_PER_ERB = 40.0, 16000.0, 0.85
_N_LEVELS = 256
_LOWEST, _HIGHEST = -4.0, 2.5  # nepers of the compressed envelope around its mean
_PRIOR_FRAMES, _PRIOR_OF_MEANS = 100.0, 40.0
_LEAST_ENVELOPE = 0.05  # of the mean
_MOST_LOG_GAIN, _MOST_LOG_CUT = 3.0, 5.0
_TINY = 1e-12
_RENORMALISE = 1e6


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


class EnvelopeStatistics(NamedTuple):
    """Statistics of a style's compressed band envelopes.

    Attributes
    ----------
    mean : (bands,)
        At an RMS of 0.1.
    quantiles : (bands, N_QUANTILES)
        Natural logarithm of the envelope over its mean, at evenly spaced ranks.
    modulations : (bands, N_MODULATIONS)
        Power of the modulations of the envelope over its mean (`astfx.features.modulation_bands`).
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
        energies = np.zeros((len(mean), N_MODULATIONS))
        for part in moving:
            energies += modulation_energies(part, sample_rate / hop_length)
        powers = energies / len(envelopes)
        return cls(*(x.astype(np.float32) for x in (mean, quantiles, powers)))


def power_scale(rms: float, n_fft: int) -> float:
    """Factor on a window that makes powers those of a sound with an RMS of 0.1."""
    return REFERENCE_RMS / rms / math.sqrt(n_fft)


class EnvelopeMap(NamedTuple):
    """Gains that give a stream's bands the distribution and the modulations of a style's envelopes.

    Attributes
    ----------
    means, spread : BandRows
        From bins to bands and back.
    style : EnvelopeStatistics
    equaliser : ModulationEqualiser
    running, output : (bands,)
        Means of the content's envelopes and of the output's.
    counts : (bands, levels)
        Distribution of their levels around the mean.
    n_frames, weight, total : (1,)
        How many frames the means stand for, the weight of the latest frame in the distributions,
        and the sum of a distribution.
    memory : float, frames
        How many frames the content's statistics remember.
    power, change : (bands,)
        Memory for a frame.
    """

    means: BandRows
    spread: BandRows
    style: EnvelopeStatistics
    equaliser: ModulationEqualiser
    running: Array
    output: Array
    counts: Array
    n_frames: Numbers
    weight: Numbers
    total: Numbers
    memory: float
    power: Array
    change: Array

    @classmethod
    def of(
        cls, style: EnvelopeStatistics, sample_rate: int, n_fft: int, memory: float
    ) -> EnvelopeMap:
        """Make the map to a style.

        Parameters
        ----------
        style : EnvelopeStatistics
            Bands beyond the content's Nyquist frequency are ignored.
        sample_rate : int, hertz
        n_fft : int, samples
        memory : float, frames
        """
        means, spread = _band_rows(sample_rate, n_fft)
        used = len(means.first)
        style = EnvelopeStatistics(*(np.ascontiguousarray(part[:used]) for part in style))
        return cls(
            means=means,
            spread=spread,
            style=style,
            equaliser=ModulationEqualiser.of(style.modulations, sample_rate * OVERLAP / n_fft),
            running=style.mean.copy(),
            output=style.mean.copy(),
            counts=_prior(style.quantiles),
            n_frames=np.full(1, _PRIOR_OF_MEANS),
            weight=np.ones(1),
            total=np.full(1, _PRIOR_FRAMES),
            memory=float(memory),
            power=np.zeros(used, np.float32),
            change=np.zeros(used, np.float32),
        )


@compiled()
def _changes(mapping: EnvelopeMap, learn: bool) -> None:
    """Change of each band's level in nepers; the running statistics learn the frame or not."""
    running, counts, total = mapping.running, mapping.counts, mapping.total[0]
    share = 1.0 / mapping.n_frames[0] if learn else 0.0
    weight = np.float32(mapping.weight[0])
    n_levels, n_quantiles = counts.shape[1], mapping.style.quantiles.shape[1]
    spacing = (n_levels - 1) / (_HIGHEST - _LOWEST)
    for b in range(len(running)):
        envelope = (mapping.power[b] + 1e-12) ** (0.5 * COMPRESSION)
        running[b] += (envelope - running[b]) * share
        level = math.log(envelope / max(running[b], 1e-9))
        position = min(max((level - _LOWEST) * spacing, 0.0), n_levels - 1.001)
        first = int(position)
        part = np.float32(position - first)
        row = counts[b]
        if learn:
            row[first] += weight * (np.float32(1.0) - part)
            row[first + 1] += weight * part
        below = sum_of(row, first)
        if part < 0.5:
            below += row[first] * (0.5 + part)
        else:
            below += row[first] + row[first + 1] * (part - 0.5)
        rank = min(max(below / total, 0.0), 1.0)
        place = min(max(rank * n_quantiles - 0.5, 0.0), n_quantiles - 1.001)
        i = int(place)
        over = place - i
        quantiles = mapping.style.quantiles[b]
        value = math.exp(quantiles[i] * (1.0 - over) + quantiles[i + 1] * over) - 1.0
        result = equalised(mapping.equaliser, b, value, share)
        wanted = mapping.style.mean[b] * max(1.0 + result, _LEAST_ENVELOPE)
        change = math.log(wanted / max(envelope, 1e-4)) / COMPRESSION
        mapping.change[b] = min(max(change, -_MOST_LOG_CUT), _MOST_LOG_GAIN)


@compiled()
def envelope_gains(mapping: EnvelopeMap, power: Array, learn: bool, out: Array) -> None:
    """Update the statistics with a frame and find its linear gain, (bins,) -> (bins,).

    Parameters
    ----------
    mapping : EnvelopeMap
    power : (bins,)
        Mean power of the channels, as if the sound had an RMS of 0.1.
    learn : bool
        False leaves the statistics unchanged, as for silence.
    out : (bins,)
    """
    band_sums(mapping.means, power, mapping.power)
    if learn:
        mapping.n_frames[0] = min(mapping.n_frames[0] + 1.0, mapping.memory)
        mapping.weight[0] *= mapping.memory / (mapping.memory - 1.0)
        mapping.total[0] += mapping.weight[0]
    _changes(mapping, learn)
    if mapping.weight[0] > _RENORMALISE:
        share = np.float32(1.0 / mapping.weight[0])
        for b in range(len(mapping.counts)):
            for j in range(mapping.counts.shape[1]):
                mapping.counts[b, j] *= share
        mapping.total[0] /= mapping.weight[0]
        mapping.weight[0] = 1.0
    spread_exp(mapping.spread, mapping.change, out)


@compiled()
def learn_envelopes(mapping: EnvelopeMap, power: Array, learn: bool) -> None:
    """Learn a frame of the output, whose modulations should be those of the style.

    Parameters
    ----------
    mapping : EnvelopeMap
    power : (bins,)
    learn : bool
        As in `envelope_gains`.
    """
    band_sums(mapping.means, power, mapping.power)
    output = mapping.output
    share = 1.0 / mapping.n_frames[0] if learn else 0.0
    for b in range(len(output)):
        envelope = (mapping.power[b] + 1e-12) ** (0.5 * COMPRESSION)
        output[b] += (envelope - output[b]) * share
        value = envelope / max(output[b], 1e-9) - 1.0
        correct_modulations(mapping.equaliser, b, value, share)


def _prior(quantiles: Array) -> Array:
    """Histogram with the style's quantiles, which counts as a hundred frames, (bands, levels)."""
    counts = np.zeros((len(quantiles), _N_LEVELS), np.float32)
    fine = np.linspace(0.0, N_QUANTILES - 1.0, 8 * N_QUANTILES)
    for row, levels in zip(counts, quantiles, strict=True):
        values = np.interp(fine, np.arange(N_QUANTILES), levels)
        place = (values - _LOWEST) / (_HIGHEST - _LOWEST) * (_N_LEVELS - 1)
        np.add.at(row, place.clip(0, _N_LEVELS - 1).round().astype(int), 1.0)
    return counts * np.float32(_PRIOR_FRAMES / len(fine))
