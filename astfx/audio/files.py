"""Audio files as sources, with a precise error for each file that cannot be read."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import weakref
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile

from astfx.audio import ffmpeg
from astfx.audio.checks import MAX_CHANNELS, MAX_SAMPLE_RATE, MIN_SAMPLE_RATE, Waveform
from astfx.audio.sources import BLOCK_SAMPLES
from astfx.errors import AudioFileError, AudioFileNotFoundError, InvalidAudioError


class FileSource:
    """An audio file as a source, read in blocks.

    libsndfile reads the formats that it supports (WAV, FLAC, OGG, MP3, AIFF, ...). pedalboard
    reads some others, and ffmpeg more (M4A, MP4, WebM, ...), if it is on the PATH.

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
    tags : dict of str to str
        Title, artist and so on, where libsndfile reads them.

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
        self.tags: dict[str, str] = {}
        self._read_path = self.path
        try:
            n_frames = self._open()
        except soundfile.LibsndfileError as error:
            n_frames = self._open_otherwise(error)
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

    def _open(self) -> int:
        """Read the header with libsndfile, and return the number of frames."""
        with soundfile.SoundFile(str(self._read_path)) as file:
            self.sample_rate, self.channels = int(file.samplerate), int(file.channels)
            self._claimed_samples = int(file.frames) if file.format == "FLAC" else 0
            self._check_riff_size(file.extra_info)
            found = file.copy_metadata()
            self.tags = {str(key): str(value) for key, value in found.items() if value}
            return int(file.frames)

    def _open_otherwise(self, error: Exception) -> int:
        """Read the header with pedalboard, or else decode the file with ffmpeg."""
        try:
            return self._open_with_pedalboard(error)
        except AudioFileError:
            if self.path.suffix.lower() not in ffmpeg.READ:
                raise
        handle, name = tempfile.mkstemp(prefix="astfx-", suffix=".wav")
        os.close(handle)
        # The decoded copy is deleted with this object.
        weakref.finalize(self, Path(name).unlink, missing_ok=True)
        self._read_path = Path(name)
        ffmpeg.decode(self.path, self._read_path, self.name)
        return self._open()

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

    def _check_riff_size(self, log: str) -> None:
        """Raise for a truncated WAV or AIFF: libsndfile only mentions it in its log."""
        for line in log.splitlines():
            key, _, value = line.strip().partition(" :")
            if key.strip() in ("data", "SSND") and "should be" in value:
                claimed_bytes = int(value.split()[0])
                # Programs that write to a pipe put a larger placeholder here.
                if claimed_bytes < 0x7FFFF000:
                    raise AudioFileError(
                        f"{self.name} is truncated: its header promises {claimed_bytes} bytes of "
                        "audio and the file holds fewer"
                    )

    def blocks(
        self, block_samples: int = BLOCK_SAMPLES, *, first_sample: int = 0
    ) -> Iterator[Waveform]:
        """Yield the file in (channels, n) blocks of at most `block_samples`.

        Parameters
        ----------
        block_samples : int
        first_sample : int
            Where to begin.

        Raises
        ------
        AudioFileError
            If the file cannot be decoded to its end.
        """
        total = first_sample
        try:
            for block in self._read(block_samples, first_sample):
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

    def _read(self, block_samples: int, first_sample: int) -> Iterator[Waveform]:
        if self._with_pedalboard:
            from pedalboard.io import AudioFile

            with AudioFile(str(self.path)) as file:
                file.seek(min(first_sample, file.frames))
                while (block := file.read(block_samples)).shape[1]:
                    yield block
            return
        with soundfile.SoundFile(str(self._read_path)) as file:
            if first_sample:
                file.seek(min(first_sample, file.frames))
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
