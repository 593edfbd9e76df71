"""Audio files as sources, with a precise error for each file that cannot be read."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from astfx.audio.checks import MAX_CHANNELS, MAX_SAMPLE_RATE, MIN_SAMPLE_RATE, Waveform
from astfx.audio.sources import BLOCK_SAMPLES
from astfx.errors import AudioFileError, AudioFileNotFoundError, InvalidAudioError


class FileSource:
    """An audio file as a source, read in blocks.

    libsndfile reads the formats that it supports (WAV, FLAC, OGG, MP3, AIFF, ...). pedalboard
    reads the others.

    Parameters
    ----------
    path : path
        "-" is standard input.
    role : str
        What error messages call the file, such as "content" or "style".

    Attributes
    ----------
    sample_rate : int, hertz
    channels : int
    seconds : float
        Duration according to the header; an estimate in some formats.

    Raises
    ------
    AudioFileNotFoundError
        If it does not exist.
    AudioFileError
        If it is a folder, empty, not audio or truncated, or has a sample rate or a number of
        channels out of range.
    """

    def __init__(self, path: str | os.PathLike[str], role: str) -> None:
        self.path = Path(path)
        self.name = f"{role} file '{self.path}'"
        if str(path) == "-":
            # Standard input cannot be read twice. The copy is deleted with this object.
            if sys.stdin is None:
                raise AudioFileError(f"{role} on standard input: there is none")
            self._copy = tempfile.NamedTemporaryFile(prefix="astfx-")  # noqa: SIM115
            shutil.copyfileobj(sys.stdin.buffer, self._copy)
            self._copy.flush()
            self.path, self.name = Path(self._copy.name), f"{role} on standard input"
        try:
            str(self.path).encode()
            if not self.path.exists():
                raise AudioFileNotFoundError(f"{self.name} does not exist")
            if self.path.is_dir():
                raise AudioFileError(f"{self.name} is a folder, not an audio file")
            if self.path.stat().st_size == 0:
                raise AudioFileError(f"{self.name} is empty (0 bytes)")
            with self.path.open("rb"):
                pass
        except AudioFileError:
            raise
        except UnicodeEncodeError:
            raise AudioFileError(
                f"{role} file {str(self.path)!r} has a name that is not UTF-8: rename it"
            ) from None
        except OSError as error:
            raise AudioFileError(f"{self.name} cannot be read ({error.strerror})") from None
        self._with_pedalboard = False
        try:
            info = soundfile.info(str(self.path), verbose=True)
            self.sample_rate, self.channels = int(info.samplerate), int(info.channels)
            n_frames = int(info.frames)
            self._claimed_samples = n_frames if info.format in ("FLAC",) else 0
            self._check_riff_size(info)
        except soundfile.LibsndfileError as error:
            n_frames = self._open_with_pedalboard(error)
        if n_frames <= 0:
            raise AudioFileError(f"{self.name} holds no audio samples")
        if not MIN_SAMPLE_RATE <= self.sample_rate <= MAX_SAMPLE_RATE:
            raise AudioFileError(
                f"{self.name} has a sample rate of {self.sample_rate} Hz, which must lie between "
                f"{MIN_SAMPLE_RATE} and {MAX_SAMPLE_RATE} Hz"
            )
        if self.channels > MAX_CHANNELS:
            raise AudioFileError(
                f"{self.name} has {self.channels} channels, at most {MAX_CHANNELS} are possible"
            )
        self.seconds = n_frames / self.sample_rate

    def _open_with_pedalboard(self, error: Exception) -> int:
        from pedalboard.io import AudioFile

        try:
            with AudioFile(str(self.path)) as file:
                self.sample_rate = int(file.samplerate)
                self.channels = int(file.num_channels)
                self._with_pedalboard, self._claimed_samples = True, 0
                return int(file.frames)
        except Exception:
            raise AudioFileError(
                f"{self.name} cannot be read as audio ({reason(error)}); readable formats: "
                f"{', '.join(readable_formats())}"
            ) from None

    def _check_riff_size(self, info: Any) -> None:
        """Raise for a truncated WAV or AIFF: libsndfile only mentions it in its log."""
        for line in str(info.extra_info).splitlines():
            key, _, value = line.strip().partition(" :")
            if key.strip() in ("data", "SSND") and "should be" in value:
                claimed_bytes = int(value.split()[0])
                # Programs that write to a pipe put a larger placeholder here.
                if claimed_bytes < 0x7FFFF000:
                    raise AudioFileError(
                        f"{self.name} is truncated: its header promises {claimed_bytes} bytes of "
                        "audio and the file holds fewer"
                    )

    def blocks(self, block_samples: int = BLOCK_SAMPLES) -> Iterator[Waveform]:
        """Yield the file in (channels, n) blocks of at most `block_samples`.

        Raises
        ------
        AudioFileError
            If the file cannot be decoded to its end.
        """
        total = 0
        try:
            for block in self._read(block_samples):
                total += block.shape[1]
                yield block
        except (soundfile.LibsndfileError, RuntimeError) as error:
            if isinstance(error, AudioFileError | InvalidAudioError):
                raise
            raise AudioFileError(
                f"{self.name} is damaged after {total / self.sample_rate:.2f} seconds "
                f"({reason(error)})"
            ) from None
        if total < self._claimed_samples:
            raise AudioFileError(
                f"{self.name} is truncated: it promises {self._claimed_samples} samples and "
                f"holds {total}"
            )

    def _read(self, block_samples: int) -> Iterator[Waveform]:
        if self._with_pedalboard:
            from pedalboard.io import AudioFile

            with AudioFile(str(self.path)) as file:
                while (block := file.read(block_samples)).shape[1]:
                    yield block
            return
        with soundfile.SoundFile(str(self.path)) as file:
            while len(block := file.read(block_samples, dtype="float32", always_2d=True)):
                yield np.ascontiguousarray(block.T)


def reason(error: Exception) -> str:
    """First line of a library's error message."""
    text = getattr(error, "error_string", None) or str(error) or type(error).__name__
    return str(text).splitlines()[0].rstrip(".")


def readable_formats() -> list[str]:
    """Formats that this libsndfile reads, the best known first."""
    known = set(soundfile.available_formats())
    first = [name for name in ("WAV", "FLAC", "OGG", "MP3", "AIFF") if name in known]
    return first + sorted(known - set(first))
