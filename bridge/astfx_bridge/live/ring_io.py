"""Live audio through a ring file, for programs on this machine that are no JACK clients.

`astfx_bridge.live.ring_file` says what is in the file. The other program may be at most one ring
ahead of the output. Nothing is ever dry: the other program decides how long it waits.
"""

from __future__ import annotations

import threading
from contextlib import closing
from pathlib import Path

import numpy as np

from astfx_bridge.live.ring_file import RingFile
from astfx_bridge.live.session import LiveSession

PREFIX = "ring:"
_POLL_SECONDS = 0.0005
_RING_SECONDS = 1.0
_MOST_FRAMES = 1 << 22


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
