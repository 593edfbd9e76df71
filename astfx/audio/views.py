"""Views of a source: a part of it, or all of it at another sample rate, read block by block."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from astfx.audio.checks import Waveform, check_sample_rate
from astfx.audio.files import FileSource
from astfx.audio.sources import BLOCK_SAMPLES, Source
from astfx.errors import InvalidAudioError, InvalidSettingError


class Excerpt:
    """A part of a source.

    Parameters
    ----------
    source : Source
    start_seconds : float, at least 0
    seconds : float, above 0, optional
        By default all that follows.

    Raises
    ------
    InvalidSettingError
        If a number is out of range, or the part begins after the end of a file.
    """

    def __init__(
        self, source: Source, start_seconds: float = 0.0, seconds: float | None = None
    ) -> None:
        if not (math.isfinite(start_seconds) and start_seconds >= 0.0):
            raise InvalidSettingError(f"start={start_seconds!r} must be at least 0 (seconds)")
        if seconds is not None and not (math.isfinite(seconds) and seconds > 0.0):
            raise InvalidSettingError(f"seconds={seconds!r} must be above 0")
        if isinstance(source, FileSource) and start_seconds >= source.seconds:
            raise InvalidSettingError(
                f"start={start_seconds:g} must lie before the end of the {source.name}, which "
                f"lasts {source.seconds:.2f} seconds"
            )
        self.origin = source
        self.name = source.name
        self.sample_rate, self.channels = source.sample_rate, source.channels
        self._first = round(start_seconds * source.sample_rate)
        self._n_samples = None if seconds is None else max(round(seconds * source.sample_rate), 1)

    def blocks(self, block_samples: int = BLOCK_SAMPLES) -> Iterator[Waveform]:
        """Yield (channels, n) blocks of at most `block_samples`."""
        skip, left = self._first, self._n_samples
        if isinstance(self.origin, FileSource):
            blocks, skip = self.origin.blocks(block_samples, first_sample=skip), 0
        else:
            blocks = self.origin.blocks(block_samples)
        n_read = 0
        for block in blocks:
            part = block[:, skip:] if left is None else block[:, skip : skip + left]
            skip = max(0, skip - block.shape[1])
            if part.shape[1]:
                n_read += part.shape[1]
                yield part
            if left is not None:
                left -= part.shape[1]
                if left <= 0:
                    return
        if n_read == 0:
            raise InvalidAudioError(
                f"{self.name} ends before {self._first / self.sample_rate:g} seconds"
            )


class Resampled:
    """A source at another sample rate.

    Parameters
    ----------
    source : Source
    sample_rate : int, 8000 to 192000 hertz
    """

    def __init__(self, source: Source, sample_rate: int) -> None:
        self.origin = source
        self.name, self.channels = source.name, source.channels
        self.sample_rate = check_sample_rate(sample_rate)

    def blocks(self, block_samples: int = BLOCK_SAMPLES) -> Iterator[Waveform]:
        """Yield (channels, n) blocks of at most `block_samples`."""
        import soxr

        stream = soxr.ResampleStream(
            self.origin.sample_rate, self.sample_rate, self.channels, dtype="float32", quality="HQ"
        )
        for block in self.origin.blocks(block_samples):
            yield from _cut(stream.resample_chunk(np.ascontiguousarray(block.T)).T, block_samples)
        nothing = np.zeros((0, self.channels), np.float32)
        yield from _cut(stream.resample_chunk(nothing, last=True).T, block_samples)


def _cut(waveform: Waveform, length: int) -> Iterator[Waveform]:
    for start in range(0, waveform.shape[1], length):
        yield np.ascontiguousarray(waveform[:, start : start + length])
