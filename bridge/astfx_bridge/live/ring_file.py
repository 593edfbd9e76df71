"""A memory-mapped file with two rings of audio, between astfx and another program on this machine.

`astfx live` and the native plugin exchange audio by it. All numbers are little-endian. The file
begins with a header of 4096 bytes. The input ring follows, which the other program writes, and the
output ring, which it reads. After them come the events, if there are any.

=====  ==========  ===============================================================
byte   type        what
=====  ==========  ===============================================================
0      8 bytes     ``ASTFXRNG``
8      6 uint32    version (3), sample rate, channels, frames in each ring, latency,
                   number of places for events
64     uint64      frames of input written so far, by the other program
128    uint64      frames of output written so far, by astfx
192    uint64      1 once astfx has ended
256    uint64      first frame of output that is there, by astfx
320    uint64      number of the stream, by the other program: a new one begins at frame 0
384    uint64      number of the stream that astfx processes
448    uint64      events written so far, by the other program
512    uint64      grows while astfx lives
576    uint64      1 where the other program waits for every frame
640    uint64      how the last region is: its state + its problem * 2^8 + the percentage that is
                   rendered * 2^16 + the number of the last file * 2^24
                   (`astfx_bridge.live.renders`)
1024   1024 bytes  text of the last error of astfx, UTF-8, up to a zero byte
=====  ==========  ===============================================================

The rings hold float32 numbers. Frame n lies at place n modulo the number of frames, its channels
one after the other. Frame n of the output is the processed frame n - latency of the input.

Event n lies at place n modulo the number of places. It takes 64 bytes: the frame of input from
which it applies (uint64); strength, mix and morph (3 float32); whether the input is part of a
region to render (uint32, 0 or 1); and where in the file the bytes of the first and the second
preset lie (4 uint64: place, size, place, size; a size of 0 means that there is none). The presets
lie after the events.
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from astfx.audio import Waveform
from astfx.errors import DeviceError

MAGIC, VERSION, HEADER_BYTES = b"ASTFXRNG", 3, 4096
EVENT_BYTES = 64
_FIELDS = struct.Struct("<8s6I")
_EVENT = struct.Struct("<Q3fI4Q")
_MESSAGE_AT, _MESSAGE_BYTES = 1024, 1024
# Places among the numbers of 8 bytes.
_INPUT, _OUTPUT, _ENDED, _FIRST, _STREAM, _READY, _EVENTS, _HEARTBEAT, _WAITS, _RENDERS = range(
    8, 88, 8
)


@dataclass(frozen=True)
class Event:
    """Controls and presets from a frame of the input on.

    Attributes
    ----------
    frame : int
    strength, mix, morph : float, 0 to 1
    first, second : (int, int)
        Place and size of a preset's bytes; a size of 0 means that there is none.
    renders : bool
        Whether the input is part of a region to render.
    """

    frame: int
    strength: float
    mix: float
    morph: float
    first: tuple[int, int]
    second: tuple[int, int]
    renders: bool = False

    def packed(self) -> bytes:
        """The bytes of the event in the file."""
        data = _EVENT.pack(
            self.frame,
            self.strength,
            self.mix,
            self.morph,
            int(self.renders),
            *self.first,
            *self.second,
        )
        return data.ljust(EVENT_BYTES, b"\0")

    @classmethod
    def unpacked(cls, data: bytes) -> Event:
        """Read an event from its bytes."""
        frame, strength, mix, morph, renders, *places = _EVENT.unpack_from(data)
        first, second = (places[0], places[1]), (places[2], places[3])
        return cls(frame, strength, mix, morph, first, second, bool(renders))


class RingFile:
    """A file with two rings, mapped into memory.

    Parameters
    ----------
    path : Path
        A file that `create` or the native plugin has made.

    Raises
    ------
    DeviceError
        If it is no such file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with path.open("r+b") as file:
                self._map = mmap.mmap(file.fileno(), 0)
        except (OSError, ValueError) as error:
            raise DeviceError(f"ring '{path}' cannot be opened ({error})") from None
        fields = (b"",) if len(self._map) < HEADER_BYTES else _FIELDS.unpack_from(self._map)
        if fields[0] != MAGIC or fields[1] != VERSION:
            self._map.close()
            raise DeviceError(f"ring '{path}' is not a ring of this version of astfx")
        _, _, self.sample_rate, self.channels, self.frames, self.latency_samples, places = fields
        self._event_places = int(places)
        n_samples = 2 * self.frames * self.channels
        self._events_at = HEADER_BYTES + 4 * n_samples
        if min(self.sample_rate, self.channels, self.frames) < 1 or (
            len(self._map) < self._events_at + EVENT_BYTES * places
        ):
            size = len(self._map)
            self._map.close()
            raise DeviceError(f"ring '{path}' is damaged: {size} bytes do not hold its rings")
        self._counts = np.frombuffer(self._map, np.uint64, HEADER_BYTES // 8)
        data = np.frombuffer(self._map, np.float32, n_samples, HEADER_BYTES)
        self._data = data.reshape(2, self.frames, self.channels)

    @classmethod
    def create(
        cls,
        path: Path,
        sample_rate: int,
        channels: int,
        frames: int,
        latency_samples: int,
        event_places: int = 0,
    ) -> RingFile:
        """Make a file with silent rings."""
        size = HEADER_BYTES + 2 * 4 * frames * channels + EVENT_BYTES * event_places
        header = _FIELDS.pack(
            MAGIC, VERSION, sample_rate, channels, frames, latency_samples, event_places
        )
        try:
            with path.open("wb") as file:
                file.write(header)
                file.truncate(size)
        except OSError as error:
            raise DeviceError(f"ring '{path}' cannot be made ({error.strerror})") from None
        return cls(path)

    @property
    def n_input(self) -> int:
        """Frames of input written so far."""
        return int(self._counts[_INPUT])

    @property
    def n_output(self) -> int:
        """Frames of output written so far."""
        return int(self._counts[_OUTPUT])

    @property
    def first_output(self) -> int:
        """The first frame of output that is there."""
        return int(self._counts[_FIRST])

    @property
    def stream(self) -> int:
        """The number of the stream that the other program writes."""
        return int(self._counts[_STREAM])

    @property
    def ready(self) -> int:
        """The number of the stream that astfx processes."""
        return int(self._counts[_READY])

    @ready.setter
    def ready(self, stream: int) -> None:
        self._counts[_READY] = stream

    @property
    def waits(self) -> bool:
        """Whether the other program waits for every frame."""
        return bool(self._counts[_WAITS])

    @property
    def renders(self) -> int:
        """How the last region is, as the number in the header."""
        return int(self._counts[_RENDERS])

    @renders.setter
    def renders(self, number: int) -> None:
        self._counts[_RENDERS] = number

    @property
    def has_ended(self) -> bool:
        """Whether astfx has ended."""
        return bool(self._counts[_ENDED])

    @property
    def n_events(self) -> int:
        """Events written so far."""
        return int(self._counts[_EVENTS])

    @property
    def message(self) -> str:
        """Text of the last error of astfx."""
        data = self._map[_MESSAGE_AT : _MESSAGE_AT + _MESSAGE_BYTES]
        return data.partition(b"\0")[0].decode("utf-8", "replace")

    @message.setter
    def message(self, text: str) -> None:
        data = text.encode()[: _MESSAGE_BYTES - 1].ljust(_MESSAGE_BYTES, b"\0")
        self._map[_MESSAGE_AT : _MESSAGE_AT + _MESSAGE_BYTES] = data

    def end(self) -> None:
        """Say that astfx has ended."""
        self._counts[_ENDED] = 1

    def beat(self) -> None:
        """Show that astfx lives."""
        self._counts[_HEARTBEAT] += np.uint64(1)

    def event(self, number: int) -> Event | None:
        """An event by its number; None if it has been overwritten."""
        at = self._events_at + EVENT_BYTES * (number % self._event_places)
        data = self._map[at : at + EVENT_BYTES]
        # The other program may have been writing the next event to this place.
        if number + self._event_places <= self.n_events:
            return None
        return Event.unpacked(data)

    @property
    def oldest_event(self) -> int:
        """Number of the oldest event that is surely there."""
        return max(0, self.n_events - self._event_places + 1)

    def bytes_at(self, place: int, size: int) -> bytes:
        """Bytes of the file, which may have grown since it was opened."""
        with self.path.open("rb") as file:
            file.seek(place)
            return file.read(size)

    def forget_output(self) -> None:
        """Take back all output."""
        self._counts[_OUTPUT] = 0

    def begin_output(self, frame: int) -> None:
        """Say that the output goes on at a later frame."""
        self._counts[_FIRST] = frame

    def write(self, samples: Waveform, *, output: bool = False) -> None:
        """Append frames, (channels, n), to the input or the output."""
        place = _OUTPUT if output else _INPUT
        self._write(int(self._counts[place]), samples, place)

    def write_output(self, frame: int, samples: Waveform) -> None:
        """Write frames of output, (channels, n), from a frame on."""
        self._write(frame, samples, _OUTPUT)

    def _write(self, first: int, samples: Waveform, place: int) -> None:
        ring, n, start = self._data[int(place == _OUTPUT)], samples.shape[1], first % self.frames
        head = min(n, self.frames - start)
        ring[start : start + head] = samples[:, :head].T
        ring[: n - head] = samples[:, head:].T
        self._counts[place] = first + n  # after the samples: the other program reads them then

    def read(self, first: int, n: int, *, output: bool = True) -> Waveform:
        """Frames from place `first` on, (channels, n)."""
        ring, start = self._data[int(output)], first % self.frames
        head = min(n, self.frames - start)
        found = np.empty((self.channels, n), np.float32)
        found[:, :head] = ring[start : start + head].T
        found[:, head:] = ring[: n - head].T
        return found

    def close(self) -> None:
        """Unmap the file."""
        del self._counts, self._data
        self._map.close()
