"""Sources: audio that can be read in blocks, from the start, any number of times."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np

from astfx.audio.checks import Waveform
from astfx.errors import InvalidAudioError

BLOCK_SAMPLES = 1 << 16


class Source(Protocol):
    """Interface of audio that can be read from the start any number of times."""

    name: str
    sample_rate: int
    channels: int

    def blocks(self, block_samples: int = BLOCK_SAMPLES) -> Iterator[Waveform]:
        """Yield (channels, n) blocks of at most `block_samples`."""
        ...


class ArraySource:
    """An array as a source.

    Parameters
    ----------
    waveform : (channels, samples) float32
    sample_rate : int, hertz
    name : str
    """

    def __init__(self, waveform: Waveform, sample_rate: int, name: str) -> None:
        self.waveform = waveform
        self.sample_rate = sample_rate
        self.name = name
        self.channels = waveform.shape[0]

    def blocks(self, block_samples: int = BLOCK_SAMPLES) -> Iterator[Waveform]:
        """Yield (channels, n) views of at most `block_samples`."""
        for start in range(0, self.waveform.shape[1], block_samples):
            yield self.waveform[:, start : start + block_samples]


def read_all(source: Source) -> Waveform:
    """Read all of a source, (channels, samples)."""
    blocks = list(source.blocks())
    if not blocks:
        raise InvalidAudioError(f"{source.name} holds no audio samples")
    return np.concatenate(blocks, axis=1)


def read_excerpt(source: Source, seconds: float) -> Waveform:
    """Read the first `seconds` of a source, (channels, samples)."""
    wanted = round(seconds * source.sample_rate)
    blocks, n_read = [], 0
    for block in source.blocks():
        blocks.append(block[:, : wanted - n_read])
        n_read += blocks[-1].shape[1]
        if n_read >= wanted:
            break
    return np.concatenate(blocks, axis=1)


def resample(waveform: Waveform, sample_rate: int, target_rate: int) -> Waveform:
    """Change the sample rate, (channels, samples) -> (channels, samples * target / rate)."""
    if sample_rate == target_rate:
        return waveform
    import soxr

    result = soxr.resample(waveform.T, sample_rate, target_rate, quality="HQ")
    return np.ascontiguousarray(result.T, dtype=np.float32)


class MirroredSource:
    """A source with a margin at each end, mirrored in time and about the end's value.

    A clip may begin or end in the middle of a sound. With silence beyond it, such an end would
    be a click in the frames there. The mirrored margin continues both value and slope instead.

    Parameters
    ----------
    source : Source
    margin_samples : int
        Length of the margin at each end.
    """

    def __init__(self, source: Source, margin_samples: int) -> None:
        self.name = source.name
        self.sample_rate, self.channels = source.sample_rate, source.channels
        self._source, self._margin = source, margin_samples

    def blocks(self, block_samples: int = BLOCK_SAMPLES) -> Iterator[Waveform]:
        """Yield (channels, n) blocks of the source and of its margins."""
        margin = self._margin
        blocks = self._source.blocks(max(block_samples, margin + 1))
        first = next(blocks)
        if first.shape[1] <= margin:
            # The whole clip is shorter than the margin: repeated mirroring would drift away.
            yield np.pad(first, ((0, 0), (margin, margin)), mode="symmetric")
            return
        yield 2.0 * first[:, :1] - first[:, margin:0:-1]
        yield first
        ending = first[:, -margin - 1 :]
        for block in blocks:
            yield block
            ending = np.concatenate([ending, block], axis=1)[:, -margin - 1 :]
        yield 2.0 * ending[:, -1:] - ending[:, -2::-1]


class SlidingReader:
    """Read overlapping parts of a stream of blocks in order, with zeros outside the stream.

    Parameters
    ----------
    blocks : iterator of (channels, n)
    channels : int
    """

    def __init__(self, blocks: Iterator[Waveform], channels: int) -> None:
        self.channels = channels
        self._blocks = blocks
        self._held = np.zeros((channels, 0), np.float32)
        self._first = 0

    def read(self, start: int, stop: int) -> Waveform:
        """Samples [start, stop), (channels, stop - start); `start` must never decrease."""
        parts = [self._held]
        held_stop = self._first + self._held.shape[1]
        while held_stop < stop and (block := next(self._blocks, None)) is not None:
            parts.append(block)
            held_stop += block.shape[1]
        held = np.concatenate(parts, axis=1)
        drop = max(0, min(start - self._first, held.shape[1]))
        self._held, self._first = held[:, drop:], self._first + drop
        out = np.zeros((held.shape[0], stop - start), np.float32)
        begin, end = max(start, self._first), min(stop, held_stop)
        if end > begin:
            out[:, begin - start : end - start] = self._held[
                :, begin - self._first : end - self._first
            ]
        return out
