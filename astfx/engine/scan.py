"""Measure the content in one pass: length, level, loudness, silences."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from astfx.audio import MirroredSource, Source, check_finite
from astfx.audio.levels import SILENCE, hop_levels, sounding_rms
from astfx.audio.loudness import LoudnessMeter
from astfx.errors import InvalidAudioError

_SHORTEST_SILENCE_MS = 100.0
BESIDE_HOPS = 5
"""How many nearby hops the first and the last hop are compared with."""


@dataclass(frozen=True, kw_only=True)
class Scan:
    """Measurements of a content.

    Attributes
    ----------
    n_samples : int
    n_sounding : int
        Number of samples in hops that are not silent, at least 1.
    rms : float
        RMS of the hops that are not silent, full scale = 1.
    power : float
        K-weighted mean power.
    peak : float
    silent : (hops,) bool
        Whether a hop lies inside a silence of at least 100 ms.
    end_peaks : (float, float)
        Peak of the first hop, divided by the peak of the third to seventh. The same for the last
        hop, counted from the end.
    polarity : (channels,) float32
        -1 for channels that correlate negatively with the first, 1 for the others.
    """

    n_samples: int
    n_sounding: int
    rms: float
    power: float
    peak: float
    silent: npt.NDArray[np.bool_]
    end_peaks: tuple[float, float]
    polarity: npt.NDArray[np.float32]


@dataclass(frozen=True)
class Content:
    """A source and its measurements."""

    source: Source
    scan: Scan

    def mirrored(self, margin_samples: int) -> Content:
        """The same content, extended by a mirrored margin at both ends."""
        longer = replace(self.scan, n_samples=self.scan.n_samples + 2 * margin_samples)
        return Content(MirroredSource(self.source, margin_samples), longer)


def scan(source: Source, hop_length: int) -> Scan:
    """Measure a source: length, level, loudness, silences.

    Raises
    ------
    InvalidAudioError
        If it is empty or contains NaN or Inf.
    """
    meter = LoudnessMeter(source.sample_rate, source.channels)
    n_samples = 0
    peaks: list[npt.NDArray[np.float32]] = []
    energies: list[npt.NDArray[np.float64]] = []
    with_first = np.zeros(source.channels)
    for block in source.blocks(hop_length * 128):
        check_finite(block, source.name, n_samples, source.sample_rate)
        meter.add(block)
        n_samples += block.shape[1]
        block_peaks, block_energies = hop_levels(block, hop_length)
        peaks.append(block_peaks)
        energies.append(block_energies)
        with_first += block.astype(np.float64) @ block[0]
    if n_samples == 0:
        raise InvalidAudioError(f"{source.name} holds no audio samples")
    peak, energy = np.concatenate(peaks), np.concatenate(energies)
    shortest = max(2, round(_SHORTEST_SILENCE_MS * 1e-3 * source.sample_rate / hop_length))
    return Scan(
        n_samples=n_samples,
        n_sounding=min(max(int((peak >= SILENCE).sum()) * hop_length, 1), n_samples),
        rms=sounding_rms(peak, energy, hop_length, n_samples),
        power=meter.power,
        peak=float(peak.max()),
        silent=_long_runs(peak < SILENCE, shortest),
        end_peaks=(_end_peak(peak), _end_peak(peak[::-1])),
        polarity=np.where(with_first < 0.0, -1.0, 1.0).astype(np.float32),
    )


def _end_peak(peaks: npt.NDArray[np.float32]) -> float:
    beside = float(peaks[2 : 2 + BESIDE_HOPS].max(initial=0.0))
    return float(peaks[0]) / beside if beside > 0.0 else np.inf


def _long_runs(flags: npt.NDArray[np.bool_], shortest: int) -> npt.NDArray[np.bool_]:
    """Keep only runs of True that have at least the length `shortest`."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], flags.astype(np.int8), [0]))))
    result = np.zeros_like(flags)
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        if stop - start >= shortest:
            result[start:stop] = True
    return result
