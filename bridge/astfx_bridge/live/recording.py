"""Record the output into a file, without ever keeping the audio callback waiting."""

from __future__ import annotations

import threading
from collections.abc import Callable
from itertools import count
from pathlib import Path
from queue import SimpleQueue

import numpy as np

from astfx.audio import AudioWriter, Waveform, check_output, check_target
from astfx.errors import AudioFileError

_MOST_WAITING_SECONDS = 10.0
_MOST_BYTES = 4_000_000_000  # a WAV file holds no more


def unused(path: Path) -> Path:
    """The path, with a number after its name if there is such a file: no take is overwritten."""
    if not path.is_file():
        return path
    numbered = (path.with_stem(f"{path.stem}-{number}") for number in count(2))
    return next(other for other in numbered if not other.is_file())


def check_recording(path: Path, sample_rate: int, channels: int) -> None:
    """Refuse a file that cannot be written, before anything is recorded.

    Raises
    ------
    AstfxError
    """
    check_target(path, {})
    check_output(path, sample_rate, channels, float_samples=_has_float_samples(path))


def _has_float_samples(path: Path) -> bool:
    return path.suffix.lower() in (".wav", ".aiff", ".aif")


class _NothingRecordedError(Exception):
    """Ends a recording without a file."""


class Recorder(threading.Thread):
    """Writes blocks to a file, which appears under its name when the recording ends.

    Parameters
    ----------
    path : Path
        Its suffix sets the format. WAV and AIFF get float samples, which keep peaks above full
        scale.
    sample_rate : int, hertz
    channels : int
    tell : callable
        Called with a sentence if the recording ends by itself.

    Attributes
    ----------
    n_samples : int
        Length of what was recorded.
    lost_samples : int
        Samples that were left out because the disk did not keep up.

    Raises
    ------
    AstfxError
        If the file cannot be written.
    """

    def __init__(
        self, path: Path, sample_rate: int, channels: int, tell: Callable[[str], None]
    ) -> None:
        super().__init__(name="astfx recording", daemon=True)
        self.path, self._rate, self._channels, self._tell = path, sample_rate, channels, tell
        check_recording(path, sample_rate, channels)
        self._is_float = _has_float_samples(path)
        self._blocks: SimpleQueue[Waveform | None] = SimpleQueue()
        self._most_waiting = round(_MOST_WAITING_SECONDS * sample_rate)
        self._n_taken = self.n_samples = self.lost_samples = 0
        self.error: AudioFileError | None = None

    def take(self, block: Waveform) -> None:
        """Take a block, (channels, n). Called by the audio callback."""
        if self.error is not None or self._n_taken - self.n_samples > self._most_waiting:
            self.lost_samples += block.shape[1]
            return
        self._n_taken += block.shape[1]
        self._blocks.put(block)

    def run(self) -> None:
        """Called by the thread."""
        try:
            with AudioWriter(
                self.path, self._rate, self._channels, float_samples=self._is_float
            ) as writer:
                while (block := self._blocks.get()) is not None:
                    if (self.n_samples + block.shape[1]) * self._channels * 4 > _MOST_BYTES:
                        self._tell(f"the recording '{self.path}' is full (4 GB) and was closed")
                        break
                    if not self._is_float:
                        block = np.clip(block, -1.0, 1.0)
                    writer.write(block)
                    self.n_samples += block.shape[1]
                if not self.n_samples:  # not every format can hold no samples
                    raise _NothingRecordedError
        except _NothingRecordedError:
            self._tell(f"nothing was recorded, so '{self.path}' was not written")
        except AudioFileError as error:
            self.error = error
            self._tell(str(error))

    def finish(self) -> None:
        """End the recording, and wait until the file is complete.

        Raises
        ------
        AudioFileError
            If it could not be written.
        """
        self._blocks.put(None)
        self.join()
        if self.error is not None:
            raise self.error
