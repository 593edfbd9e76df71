"""How long audio is cut into segments, put together again, and where it is silent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from astfx.audio import Source, Waveform, check_finite
from astfx.audio.levels import SILENCE, hop_levels, sounding_rms
from astfx.audio.loudness import LoudnessMeter
from astfx.errors import InvalidAudioError
from astfx.frontends.stft import Stft

STRETCH_SECONDS = 10.0
"""How much of a content is matched to the style at a time, at most one and a half times this."""

_LONGEST_SINGLE = 1.5
_SHORTEST_SILENCE_MS = 100.0
_BESIDE_HOPS = 5
_LEAST_HOPS = 8
_MOST_END_PEAK = 1.5


@dataclass(frozen=True)
class Segment:
    """Frames [first, last) are emitted; those up to `look` are stylised along with them."""

    first: int
    last: int
    look: int


def even_borders(length: int, about: float) -> list[int]:
    """Borders that cut a length into equal parts of about `about`; up to 1.5 of it stays whole."""
    count = round(length / about) if length > _LONGEST_SINGLE * about else 1
    return [round(i * length / count) for i in range(count + 1)]


def plan_segments(n_frames: int, segment_frames: int, overlap_frames: int) -> list[Segment]:
    """Cut frames into equal segments of about `segment_frames`.

    Audio of up to one and a half segments stays whole. The last `overlap_frames` of each
    segment's reach are stylised again, from there on, with the next one.
    """
    borders = even_borders(n_frames, segment_frames)
    return [
        Segment(first, last, min(last + overlap_frames, n_frames))
        for first, last in pairwise(borders)
    ]


@dataclass(frozen=True, kw_only=True)
class Scan:
    """What one pass over the content finds out.

    Attributes
    ----------
    n_samples : int
    n_sounding : int
        Samples in parts that are not silent, at least 1.
    rms : float
        Over the parts that are not silent; full scale = 1.
    power : float
        K-weighted mean power.
    peak : float
    silent : (hops,) bool
        Hop-long stretches inside a silence of at least 100 ms.
    end_peaks : (float, float)
        Peak of the first hop over that of the five after the next, and of the last likewise.
    polarity : (channels,) float32
        -1 for channels that run against the first, 1 for the others.
    """

    n_samples: int
    n_sounding: int
    rms: float
    power: float
    peak: float
    silent: npt.NDArray[np.bool_]
    end_peaks: tuple[float, float]
    polarity: npt.NDArray[np.float32]


def scan(source: Source, hop_length: int) -> Scan:
    """Measure a source: length, level, loudness, silences.

    Raises
    ------
    InvalidAudioError
        If it is empty or holds NaN or Inf.
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
    beside = float(peaks[2 : 2 + _BESIDE_HOPS].max(initial=0.0))
    return float(peaks[0]) / beside if beside > 0.0 else np.inf


def soften_ends(blocks: Iterator[Waveform], measured: Scan, hop_length: int) -> Iterator[Waveform]:
    """Turn down clicks in the first and last hop of a stream.

    A clip that is cut off in the middle of a tone has an edge there, however its frames are
    filled, and a style that is loud at high frequencies raises it. A hop that stands out more
    than 1.5 times as much as it does in the content is turned down to that.
    """
    held: Waveform | None = None
    is_first = True
    for block in blocks:
        if held is not None and min(held.shape[1], block.shape[1]) >= _LEAST_HOPS * hop_length:
            yield held
            held = block
        else:
            held = block if held is None else np.concatenate([held, block], axis=1)
        if is_first and held.shape[1] >= _LEAST_HOPS * hop_length:
            _soften(held, measured.end_peaks[0], hop_length)
            is_first = False
    if held is not None:
        if held.shape[1] >= _LEAST_HOPS * hop_length:
            _soften(held[:, ::-1], measured.end_peaks[1], hop_length)
        yield held


def _soften(block: Waveform, content_peak: float, hop_length: int) -> None:
    """Turn the first hop of a block down, in place, if it stands out too much."""
    edge = float(np.abs(block[:, :hop_length]).max())
    beside = float(np.abs(block[:, 2 * hop_length : (2 + _BESIDE_HOPS) * hop_length]).max())
    most = _MOST_END_PEAK * max(content_peak, 1.0) * beside
    if 0.0 < most < edge:
        gain = np.float32(most / edge)
        block[:, :hop_length] *= gain
        ramp = np.linspace(gain, 1.0, hop_length, dtype=np.float32)
        block[:, hop_length : 2 * hop_length] *= ramp


def _long_runs(flags: npt.NDArray[np.bool_], shortest: int) -> npt.NDArray[np.bool_]:
    """Keep only runs of True of at least `shortest`."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], flags.astype(np.int8), [0]))))
    result = np.zeros_like(flags)
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        if stop - start >= shortest:
            result[start:stop] = True
    return result


def silence_gate(
    silent: npt.NDArray[np.bool_], start: int, stop: int, hop_length: int
) -> npt.NDArray[np.float32] | None:
    """Gain that keeps silences silent, for samples [start, stop); None where it is one.

    It fades within the silence, one hop at either end, so that no onset is dulled; a silence at
    an end of the clip begins and ends with it.
    """
    first, last = start // hop_length, -(-stop // hop_length)
    if not silent[first:last].any():
        return None
    padded = np.pad(silent, (1, max(1, last + 1 - len(silent))), mode="edge")
    before, here, after = (padded[first + i : last + i] for i in range(3))
    begin = np.where(here & before, 0.0, 1.0)
    end = np.where(here & after, 0.0, 1.0)
    ramp = np.arange(hop_length, dtype=np.float32) / hop_length
    gate = begin[:, None] + (end - begin)[:, None] * ramp
    # A silence of one hop would ramp from one to one.
    return gate.astype(np.float32).reshape(-1)[
        start - first * hop_length : stop - first * hop_length
    ]


def apply_gate(block: Waveform, silent: npt.NDArray[np.bool_], start: int, hop_length: int) -> None:
    """Silence a (channels, n) block in place where the content was silent."""
    gate = silence_gate(silent, start, start + block.shape[1], hop_length)
    if gate is not None:
        block *= gate


class Emitter:
    """Turn emitted frames into samples, segment after segment.

    Parameters
    ----------
    stft : Stft
    channels : int
    n_samples : int
        Length of the whole.
    """

    def __init__(self, stft: Stft, channels: int, n_samples: int) -> None:
        self._stft, self._channels, self._n_samples = stft, channels, n_samples
        self._tail = torch.zeros(channels, stft.n_fft - stft.hop_length, device=stft.device)
        self._n_emitted = 0

    def emit(self, spectrogram: Tensor) -> Waveform:
        """Samples that frames complete, (channels, frames, bins) -> (channels, n) float32."""
        waveform = self._stft.inverse(spectrogram)
        n_tail = self._tail.shape[1]
        waveform[:, :n_tail] += self._tail
        self._tail = waveform[:, -n_tail:].clone()
        start, stop = self._stft.sample_range(
            self._n_emitted, self._n_emitted + spectrogram.shape[1]
        )
        self._n_emitted += spectrogram.shape[1]
        stop -= n_tail
        block = waveform[:, max(0, -start) : min(stop, self._n_samples) - start]
        return np.array(block.cpu().numpy())

    def emit_silence(self, n_frames: int) -> Waveform:
        """Samples that `n_frames` frames of silence complete."""
        shape = (self._channels, n_frames, self._stft.n_bins)
        return self.emit(torch.zeros(shape, dtype=torch.complex64, device=self._stft.device))
