"""Live audio through a memory-mapped file, for programs on this machine that are no JACK clients.

The file is a header of 4096 bytes, little-endian, and two rings of float32 frames: the input, which
the other program writes, and the output, which it reads.

=====  ==========  ===============================================================
byte   type        what
=====  ==========  ===============================================================
0      8 bytes     ``ASTFXRNG``
8      5 uint32    version (1), sample rate, channels, frames in each ring, latency
64     uint64      frames of input written so far, by the other program
128    uint64      frames of output written so far, by astfx
192    uint64      1 once astfx has ended
=====  ==========  ===============================================================

Frame n lies at place n modulo the number of frames, its channels one after the other. Frame n of
the output is the processed frame n - latency of the input. The other program may be at most one
ring ahead of the output. Nothing is ever dry: the other program decides how long it waits.
"""

from __future__ import annotations

import mmap
import struct
import threading
from contextlib import closing
from pathlib import Path

import numpy as np

from astfx.audio import Waveform
from astfx.errors import DeviceError
from astfx_bridge.live.session import LiveSession

PREFIX = "ring:"
_MAGIC, _VERSION, _HEADER_BYTES = b"ASTFXRNG", 1, 4096
_FIELDS = struct.Struct("<8s5I")
_INPUT, _OUTPUT, _ENDED = 8, 16, 24  # places among the numbers of 8 bytes
_POLL_SECONDS = 0.0005
_RING_SECONDS = 1.0
_MOST_FRAMES = 1 << 22


class RingFile:
    """A file with two rings, mapped into memory.

    Parameters
    ----------
    path : Path
        A file that `create` has made.

    Raises
    ------
    DeviceError
        If it is no such file.
    """

    def __init__(self, path: Path) -> None:
        try:
            with path.open("r+b") as file:
                self._map = mmap.mmap(file.fileno(), 0)
        except (OSError, ValueError) as error:
            raise DeviceError(f"ring '{path}' cannot be opened ({error})") from None
        fields = (b"",) if len(self._map) < _HEADER_BYTES else _FIELDS.unpack_from(self._map)
        if fields[0] != _MAGIC or fields[1] != _VERSION:
            self._map.close()
            raise DeviceError(f"ring '{path}' is not a ring of this version of astfx")
        _, _, self.sample_rate, self.channels, self.frames, self.latency_samples = fields
        self._counts = np.frombuffer(self._map, np.uint64, _HEADER_BYTES // 8)
        shape = (2, self.frames, self.channels)
        data = np.frombuffer(self._map, np.float32, offset=_HEADER_BYTES)
        self._data = data[: 2 * self.frames * self.channels].reshape(shape)

    @classmethod
    def create(
        cls, path: Path, sample_rate: int, channels: int, frames: int, latency_samples: int
    ) -> RingFile:
        """Make a file with silent rings."""
        size = _HEADER_BYTES + 2 * 4 * frames * channels
        header = _FIELDS.pack(_MAGIC, _VERSION, sample_rate, channels, frames, latency_samples)
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
    def has_ended(self) -> bool:
        """Whether astfx has ended."""
        return bool(self._counts[_ENDED])

    def end(self) -> None:
        """Say that astfx has ended."""
        self._counts[_ENDED] = 1

    def write(self, samples: Waveform, *, output: bool = False) -> None:
        """Append frames, (channels, n), to the input or the output."""
        place = _OUTPUT if output else _INPUT
        first, n = int(self._counts[place]), samples.shape[1]
        self._data[int(output), (first + np.arange(n)) % self.frames] = samples.T
        self._counts[place] = first + n

    def read(self, first: int, n: int, *, output: bool = True) -> Waveform:
        """Frames from place `first` on, (channels, n)."""
        found = self._data[int(output), (first + np.arange(n)) % self.frames]
        return np.ascontiguousarray(found.T)

    def close(self) -> None:
        """Unmap the file."""
        del self._counts, self._data
        self._map.close()


class RingIO:
    """The side of astfx of a ring file.

    Parameters
    ----------
    path : Path
    sample_rate : int, hertz
    block_size : int, samples
    """

    label = "ring"

    def __init__(self, path: Path, sample_rate: int, block_size: int) -> None:
        self.path, self.sample_rate, self.block_size = path, sample_rate, block_size
        self._thread: threading.Thread | None = None
        self._closed = threading.Event()

    def start(self, session: LiveSession) -> None:
        """Make the file, and process what is written to it.

        Raises
        ------
        DeviceError
            If the file cannot be made.
        """
        player = session.open(self.sample_rate, self.block_size)
        player.offline = True
        channels = session.setup.channels
        seconds = max(round(_RING_SECONDS * self.sample_rate), 8 * player.latency_samples)
        frames = min(_MOST_FRAMES, 1 << (seconds - 1).bit_length())
        latency = player.latency_samples
        ring = RingFile.create(self.path, self.sample_rate, channels, frames, latency)
        self._thread = threading.Thread(target=self._run, args=(session, ring), daemon=True)
        self._thread.start()

    def _run(self, session: LiveSession, ring: RingFile) -> None:
        output = np.zeros((ring.channels, self.block_size), np.float32)
        with closing(ring):
            while not self._closed.is_set():
                if ring.n_input - ring.n_output < self.block_size:
                    self._closed.wait(_POLL_SECONDS)
                    continue
                block = ring.read(ring.n_output, self.block_size, output=False)
                session.player.process(block, output)
                ring.write(output, output=True)
            ring.end()

    def close(self) -> None:
        """End the thread, and remove the file."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join()
            self.path.unlink(missing_ok=True)
