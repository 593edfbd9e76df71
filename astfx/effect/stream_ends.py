"""The two ends of a stream of audio: objects with `read` or `write`, whatever their layout."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from astfx.audio import Waveform
from astfx.errors import (
    AstfxError,
    AudioTypeError,
    DeviceError,
    EffectTypeError,
    LayoutError,
    first_line,
)


def rate_of(stream: object) -> float | None:
    """The sample rate that a stream names, in hertz; None if it names none."""
    for name in ("sample_rate", "samplerate"):
        value = getattr(stream, name, None)
        if value is not None:
            return float(value)
    return None


def _one_of_pair(stream: object, name: str, index: int) -> Any:
    """An attribute that a stream for both directions has as a pair."""
    value = getattr(stream, name, None)
    return value[index] if isinstance(value, tuple) else value


def _channels_of(stream: object, own_name: str, index: int) -> int | None:
    """The number of channels that a stream names, by whichever name."""
    for name in (own_name, "num_channels", "channels"):
        if (count := _one_of_pair(stream, name, index)) is not None:
            return int(count)
    return None


def _check_float(stream: object, index: int, name: str) -> None:
    dtype = _one_of_pair(stream, "dtype", index)
    if isinstance(dtype, str) and dtype != "float32":
        raise AudioTypeError(
            f"{name} has samples of {dtype}: open it with dtype='float32' (full scale = 1)"
        )


@contextmanager
def _device_errors(name: str, action: str) -> Iterator[None]:
    """Turn what the library of a device raises into a DeviceError."""
    try:
        yield
    except (AstfxError, KeyboardInterrupt):
        raise
    except Exception as error:
        raise DeviceError(
            f"{name} could not be {action} ({first_line(error)}): start the stream first, and "
            "check that its device is still there"
        ) from error


class StreamInput:
    """Reads blocks from a stream.

    Parameters
    ----------
    stream : object with ``read(n)``
        `pedalboard.io.AudioStream`, an open `pedalboard.io.AudioFile`, or a stream of sounddevice.

    Attributes
    ----------
    overflows : int
        How often the device says that samples were lost.
    """

    def __init__(self, stream: object) -> None:
        if not callable(getattr(stream, "read", None)):
            raise EffectTypeError(
                f"input={stream!r} has no read(n): pass an AudioStream, an open AudioFile or a "
                "stream of sounddevice"
            )
        _check_float(stream, 0, "input")
        self._stream: Any = stream
        self.overflows = 0

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Count samples that an AudioStream loses, instead of raising, as a context manager."""
        before = getattr(self._stream, "ignore_dropped_input", None)
        if before is not None:
            self._stream.ignore_dropped_input = True
        try:
            yield
        finally:
            if before is not None:
                self._stream.ignore_dropped_input = before

    @property
    def channels(self) -> int | None:
        """Number of channels, if the stream names it."""
        return _channels_of(self._stream, "num_input_channels", 0)

    def drop_old(self) -> None:
        """Drop what a device has recorded so far, which would only come late."""
        with _device_errors("input", "read"):
            if hasattr(self._stream, "read_available"):  # sounddevice
                while (n := self._stream.read_available) > 0:
                    self._stream.read(n)
            elif getattr(self._stream, "buffered_input_sample_count", None):  # AudioStream
                self._stream.read()

    def read(self, n: int) -> Waveform:
        """The next samples, (channels, up to n). None at all means the end."""
        dropped = getattr(self._stream, "dropped_input_frame_count", None)
        with _device_errors("input", "read"):
            given = self._stream.read(n)
        self.overflows += bool(dropped)
        by_frames = isinstance(given, tuple)  # sounddevice: (frames, channels), and an overflow
        if by_frames:
            given, overflowed = given
            self.overflows += bool(overflowed)
        if given is None:
            return np.zeros((1, 0), np.float32)
        if not isinstance(given, np.ndarray) or given.dtype.kind != "f":
            kind = given.dtype if isinstance(given, np.ndarray) else type(given).__name__
            raise AudioTypeError(f"input gave {kind}: a stream must give arrays of float32")
        if given.ndim == 1:
            given = given[:, None] if by_frames else given[None]
        if given.ndim != 2:
            raise LayoutError(f"input gave an array with {given.ndim} dimensions, not 1 or 2")
        return np.ascontiguousarray(given.T if by_frames else given, np.float32)


class StreamOutput:
    """Writes blocks to a stream.

    Parameters
    ----------
    stream : object with ``write(samples)``
        `pedalboard.io.AudioStream`, an open `pedalboard.io.AudioFile`, or a stream of sounddevice.
    sample_rate : float, hertz

    Attributes
    ----------
    underflows : int
        How often the device says that it had nothing to play.
    """

    def __init__(self, stream: object, sample_rate: float) -> None:
        if not callable(getattr(stream, "write", None)):
            raise EffectTypeError(
                f"output={stream!r} has no write(samples): pass an AudioStream, an AudioFile open "
                "for writing or a stream of sounddevice"
            )
        _check_float(stream, 1, "output")
        self._stream: Any = stream
        self._sample_rate = sample_rate
        self._takes_rate = hasattr(stream, "num_output_channels")  # AudioStream
        self._by_frames = hasattr(stream, "write_available")  # sounddevice
        self.underflows = 0

    @property
    def channels(self) -> int | None:
        """Number of channels, if the stream names it."""
        return _channels_of(self._stream, "num_output_channels", 1)

    def write(self, samples: Waveform) -> None:
        """Write samples, (channels, n), and return when the stream has taken them."""
        samples = _with_channels(samples, self.channels)
        with _device_errors("output", "written"):
            if self._takes_rate:
                self._stream.write(samples, self._sample_rate)
            elif self._by_frames:
                self.underflows += bool(self._stream.write(np.ascontiguousarray(samples.T)))
            else:
                self._stream.write(samples)


def _with_channels(samples: Waveform, channels: int | None) -> Waveform:
    """Fit audio to a number of channels: one is copied to all, and one gets the mean of all."""
    if channels is None or len(samples) == channels:
        return samples
    if len(samples) == 1:
        return np.repeat(samples, channels, axis=0)
    if channels == 1:
        mean: Waveform = samples.mean(axis=0, keepdims=True)
        return mean
    raise LayoutError(
        f"input has {len(samples)} channels and output {channels}: open both with the same "
        "number, or one of them with 1"
    )
