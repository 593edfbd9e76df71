"""What is used of a style that is longer than a render needs.

The cost of every render is proportional to what is kept of its style, so a long style is
represented by parts of it. For the methods, these are short windows: all windows are clustered by
their spectrum, and each cluster gives as many windows as its share of the style asks for. For the
texture statistics, which need longer stretches of time, they are pieces that are spread evenly.

A style is read block by block, so that memory does not depend on its length.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from astfx.audio import Source, Waveform, check_finite
from astfx.audio.levels import hop_levels
from astfx.dsp.erb import hz_to_erb
from astfx.errors import InvalidAudioError

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


@dataclass(frozen=True)
class StyleParts:
    """The parts that represent a style, of bounded length whatever the length of the style.

    Attributes
    ----------
    excerpts : list of (channels, samples)
        The whole clip, or windows that represent a clip longer than 20 seconds: 20 seconds
        together, in the order of time. Windows of a second that follow one another are one
        excerpt. Windows more than 50 dB below the loudest are left out.
    pieces : list of (channels, samples)
        The whole clip, or pieces of ten seconds of a clip longer than 20 seconds. They are at most
        twelve, spread evenly over the pieces within 50 dB of the loudest.
    """

    excerpts: list[Waveform]
    pieces: list[Waveform]

    @classmethod
    def of(cls, source: Source) -> StyleParts:
        """Choose the parts of a style. A long one is read three times, block by block.

        Raises
        ------
        InvalidAudioError
            If the source holds no samples, or one that is not finite.
        """
        short = _read_if_short(source, MAX_STYLE_SECONDS)
        if short is not None:
            return cls(excerpts=[short], pieces=[short])
        chosen = _chosen(source)
        excerpts, pieces = _read_ranges(source, chosen)
        return cls(excerpts=excerpts, pieces=pieces)


def read_pieces(source: Source, most: int) -> Waveform:
    """Read a clip, or as many pieces as `most` of a clip that is longer than these, in a row.

    The pieces are like those of `StyleParts`: ten seconds each, spread evenly over the clip.
    """
    short = _read_if_short(source, most * PIECE_SECONDS)
    if short is not None:
        return short
    survey = _Survey.of(source)
    (pieces,) = _read_ranges(source, [_piece_ranges(survey, most)])
    return np.concatenate(pieces, axis=1)


Range = tuple[int, int]


@dataclass(frozen=True)
class _Survey:
    """Energies of a long style's windows and pieces, and the power of its loudest band."""

    window_samples: int
    piece_samples: int
    window_energies: npt.NDArray[np.float64]
    piece_energies: npt.NDArray[np.float64]
    loudest: float

    @classmethod
    def of(cls, source: Source) -> _Survey:
        rate = source.sample_rate
        window, piece = round(WINDOW_SECONDS * rate), round(PIECE_SECONDS * rate)
        bands = _Bands.of(window, rate)
        energies: tuple[list[npt.NDArray[np.float64]], ...] = ([], [])
        loudest, start = 0.0, 0
        for part in _in_lengths(source, piece):
            check_finite(part, source.name, start, rate)
            start += part.shape[1]
            for found, length in zip(energies, (window, piece), strict=True):
                whole = part[:, : part.shape[1] - part.shape[1] % length]
                if whole.shape[1]:
                    found.append(hop_levels(whole, length)[1])
            levels = bands.levels(part)
            loudest = max(loudest, levels.mean(axis=1).max(initial=0.0))
        window_energies, piece_energies = (np.concatenate(found) for found in energies)
        return cls(window, piece, window_energies, piece_energies, loudest)


def _chosen(source: Source) -> tuple[list[Range], list[Range]]:
    """The ranges of samples of a long style's excerpts and pieces."""
    survey = _Survey.of(source)
    length = survey.window_samples
    sounding = _sounding(survey.window_energies)
    count = min(round(MAX_STYLE_SECONDS / WINDOW_SECONDS), len(sounding))
    features = _spectra(source, survey)[sounding]
    windows = sounding[_representatives(features, count)]
    breaks = np.flatnonzero(np.diff(windows) > 1) + 1
    bounds = [0, *breaks.tolist(), len(windows)]
    excerpts = [
        (int(windows[first]) * length, (int(windows[last - 1]) + 1) * length)
        for first, last in pairwise(bounds)
    ]
    return excerpts, _piece_ranges(survey, MAX_PIECES)


def _piece_ranges(survey: _Survey, most: int) -> list[Range]:
    sounding = _sounding(survey.piece_energies)
    count = min(most, len(sounding))
    chosen = sounding[np.linspace(0, len(sounding) - 1, count).round().astype(int)]
    length = survey.piece_samples
    return [(int(i) * length, (int(i) + 1) * length) for i in chosen]


def _read_if_short(source: Source, seconds: float) -> Waveform | None:
    """A clip that is not longer than `seconds`. None for a longer one."""
    most = seconds * source.sample_rate
    blocks: list[Waveform] = []
    n_read = 0
    for block in source.blocks():
        blocks.append(block)
        n_read += block.shape[1]
        if n_read > most:
            return None
    if not blocks:
        raise InvalidAudioError(f"{source.name} holds no audio samples")
    clip = np.concatenate(blocks, axis=1)
    check_finite(clip, source.name, 0, source.sample_rate)
    return clip


def _in_lengths(source: Source, length: int) -> Iterator[Waveform]:
    """Yield a source in parts of `length` samples. The last one may be shorter."""
    held: list[Waveform] = []
    n_held = 0
    for block in source.blocks():
        held.append(block)
        n_held += block.shape[1]
        if n_held >= length:
            joined = np.concatenate(held, axis=1)
            whole = n_held - n_held % length
            for start in range(0, whole, length):
                yield joined[:, start : start + length]
            held, n_held = [joined[:, whole:]], n_held - whole
    if n_held:
        yield np.concatenate(held, axis=1)


def _read_ranges(source: Source, groups: Sequence[list[Range]]) -> list[list[Waveform]]:
    """Read groups of ranges of samples in one pass, (channels, samples) each."""
    made = [
        [np.empty((source.channels, stop - start), np.float32) for start, stop in ranges]
        for ranges in groups
    ]
    position = 0
    for block in source.blocks():
        end = position + block.shape[1]
        for ranges, clips in zip(groups, made, strict=True):
            for (start, stop), clip in zip(ranges, clips, strict=True):
                first, last = max(start, position), min(stop, end)
                if first < last:
                    clip[:, first - start : last - start] = block[
                        :, first - position : last - position
                    ]
        position = end
    return made


def _sounding(energies: npt.NDArray[np.float64]) -> npt.NDArray[np.intp]:
    """Indices of the windows that are loud enough to be used."""
    return np.flatnonzero(energies > energies.max() * _QUIETEST) if energies.any() else np.arange(1)


@dataclass(frozen=True)
class _Bands:
    """The bands by which windows are compared: 40 of equal width in ERB."""

    window_samples: int
    weights: npt.NDArray[np.float64]

    @classmethod
    def of(cls, window_samples: int, sample_rate: int) -> _Bands:
        n_fft = window_samples // _FRAMES_PER_WINDOW
        erb = hz_to_erb(np.fft.rfftfreq(n_fft, 1.0 / sample_rate))
        edges = np.linspace(hz_to_erb(_LOWEST_HZ), erb[-1], _N_BANDS + 1)
        band = np.searchsorted(edges, erb) - 1
        inside = np.flatnonzero((band >= 0) & (band < _N_BANDS))
        weights = np.zeros((len(erb), _N_BANDS))
        weights[inside, band[inside]] = 1.0
        return cls(window_samples, weights)

    def levels(self, waveform: Waveform) -> npt.NDArray[np.float64]:
        """Power of the bands in each frame of each whole window, (windows, frames, bands)."""
        length = self.window_samples
        n_fft = length // _FRAMES_PER_WINDOW
        found = np.empty((waveform.shape[1] // length, _FRAMES_PER_WINDOW, _N_BANDS))
        for index, levels in enumerate(found):
            mono = waveform[:, index * length : (index + 1) * length].mean(axis=0)
            frames = mono[: n_fft * _FRAMES_PER_WINDOW].reshape(-1, n_fft) * np.hanning(n_fft)
            levels[:] = np.abs(np.fft.rfft(frames)) ** 2 @ self.weights
        return found


def _spectra(source: Source, survey: _Survey) -> npt.NDArray[np.float64]:
    """Mean and spread of the band levels of each window, (windows, 80)."""
    bands = _Bands.of(survey.window_samples, source.sample_rate)
    found = []
    for part in _in_lengths(source, survey.piece_samples):
        levels = np.log(bands.levels(part) + _FLOOR * survey.loudest + 1e-30)
        found.append(np.concatenate([levels.mean(axis=1), levels.std(axis=1)], axis=1))
    return np.concatenate(found)


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
