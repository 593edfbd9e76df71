"""Atomic writing of audio files, and temporary storage for samples."""

from __future__ import annotations

import io
import math
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import IO

import numpy as np
import soundfile

from astfx.audio import ffmpeg
from astfx.audio.bitrates import compression_level
from astfx.audio.checks import Waveform
from astfx.audio.files import reason
from astfx.audio.sources import BLOCK_SAMPLES
from astfx.errors import AudioFileError, InvalidSettingError
from astfx.runtime.files import written_aside

_RF64_ABOVE_BYTES = 4_000_000_000
_USUAL_RATE = 48_000
_RATES_OF_OPUS = (8_000, 12_000, 16_000, 24_000, 48_000)
_TAGS = {
    "title", "artist", "album", "genre", "tracknumber", "date", "comment", "copyright", "license",
}  # fmt: skip
"""Tags that are kept. "software" is that of the program that wrote the content."""


def output_format(path: Path, *, float_samples: bool) -> tuple[str, str]:
    """Format and subtype for a file name: 24-bit if the format has it, or float.

    For a suffix that ffmpeg writes, this is the format of the file that ffmpeg converts.

    Raises
    ------
    InvalidSettingError
        For an unknown suffix, if float is requested of a format without float samples, or if
        ffmpeg is needed and not installed.
    """
    if path.suffix.lower() in ffmpeg.WRITTEN:
        ffmpeg.check_can_write(path)
        if float_samples:
            raise InvalidSettingError(
                f"output file '{path}': {path.suffix} has no float samples; use .wav or .aiff"
            )
        return "WAV", "FLOAT"
    suffix = path.suffix.lstrip(".").upper()
    name = {"AIF": "AIFF", "OGA": "OGG", "OPUS": "OGG", "W64": "W64"}.get(suffix, suffix)
    if name not in soundfile.available_formats() or name == "RAW":
        choices = "wav, flac, aiff, ogg, opus, mp3, and with ffmpeg m4a, mp4, aac, webm"
        raise InvalidSettingError(
            f"output file '{path}' must end in a known audio suffix ({choices})"
        )
    if suffix == "OPUS":
        return name, "OPUS"
    subtypes = soundfile.available_subtypes(name)
    if float_samples:
        if "FLOAT" not in subtypes:
            raise InvalidSettingError(
                f"output file '{path}': {name} has no float samples; use .wav or .aiff"
            )
        return name, "FLOAT"
    return name, "PCM_24" if "PCM_24" in subtypes else soundfile.default_subtype(name)


def rate_of_output(path: str | os.PathLike[str], sample_rate: int) -> int:
    """The sample rate itself, or 48 kHz for Opus, which has only a few."""
    is_opus = Path(path).suffix.lower() == ".opus"
    return _USUAL_RATE if is_opus and sample_rate not in _RATES_OF_OPUS else sample_rate


def check_output(
    path: str | os.PathLike[str],
    sample_rate: int,
    channels: int,
    *,
    float_samples: bool = False,
    bitrate_kbps: float | None = None,
) -> None:
    """Refuse an output that its format does not support, before any work is done.

    Raises
    ------
    InvalidSettingError, AudioFileError
    """
    target = Path("stdout.wav" if str(path) == "-" else path)
    file_format, subtype = output_format(target, float_samples=float_samples)
    _level(target, subtype, sample_rate, channels, bitrate_kbps)

    def problem(rate: int) -> Exception | None:
        try:
            with soundfile.SoundFile(
                io.BytesIO(), "w", rate, channels, subtype, format=file_format
            ):
                return None
        except (soundfile.LibsndfileError, OSError) as error:
            return error

    found = problem(sample_rate)
    if found is not None:
        hint = "" if problem(_USUAL_RATE) is not None else f"; {_USUAL_RATE} Hz can be written"
        raise AudioFileError(
            f"output file '{path}' cannot be written ({reason(found)}): "
            f"{sample_rate} Hz, {channels} channels, {file_format} {subtype}{hint}"
        )


def _level(
    path: Path, subtype: str, sample_rate: int, channels: int, bitrate_kbps: float | None
) -> float | None:
    """Compression level for a bitrate. None if none is given, or ffmpeg is given the bitrate."""
    if bitrate_kbps is None:
        return None
    if not (math.isfinite(bitrate_kbps) and bitrate_kbps > 0.0):
        raise InvalidSettingError(f"bitrate={bitrate_kbps!r} must be above 0 (kbit/s)")
    if path.suffix.lower() in ffmpeg.WRITTEN:
        return None
    level = compression_level(subtype, sample_rate, channels, bitrate_kbps)
    if level is None:
        raise InvalidSettingError(
            f"bitrate={bitrate_kbps:g} is for lossy formats such as .mp3 and .ogg, not for '{path}'"
        )
    return level


def check_target(target: Path, inputs: Mapping[str, Path]) -> None:
    """Refuse an output file that cannot be written, before any work is done."""
    for role, path in inputs.items():
        if target.exists() and target.samefile(path):
            raise InvalidSettingError(
                f"output file '{target}' is the {role} file: write to another name"
            )
    if target.is_dir():
        raise AudioFileError(f"output file '{target}' is a folder: name a file in it")
    folder = target.absolute().parent
    if not folder.is_dir():
        raise AudioFileError(f"output file '{target}': the folder '{folder}' does not exist")
    if not os.access(folder, os.W_OK):
        raise AudioFileError(f"output file '{target}': the folder '{folder}' cannot be written")


class AudioWriter:
    """Write an audio file atomically: on any error nothing is left of it.

    Parameters
    ----------
    path : path
        The finished file; "-" is a WAV on standard output.
    sample_rate : int, hertz
    channels : int
    n_samples : int
        Expected length, to choose RF64 for files that are too large for WAV.
    float_samples : bool
        Write float samples instead of 24-bit.
    bitrate_kbps : float, kbit/s, optional
        Of lossy formats. By default the encoder's own.
    tags : mapping of str to str, optional
        Title, artist and so on, by libsndfile's names.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        sample_rate: int,
        channels: int,
        n_samples: int = 0,
        *,
        float_samples: bool = False,
        bitrate_kbps: float | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        self.path = Path(path)
        self.to_stdout = str(path) == "-"
        named = Path("stdout.wav") if self.to_stdout else self.path
        file_format, subtype = output_format(named, float_samples=float_samples)
        level = _level(named, subtype, sample_rate, channels, bitrate_kbps)
        self._bitrate_kbps = bitrate_kbps
        if file_format == "WAV" and n_samples * channels * 4 > _RF64_ABOVE_BYTES:
            file_format = "RF64"
        self._stack = ExitStack()
        if self.to_stdout:
            folder = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="astfx-"))
            part = self._part = Path(folder) / "stdout.wav"
        else:
            part = self._part = self._stack.enter_context(written_aside(self.path))
        self._suffix = named.suffix.lower()
        if self._suffix in ffmpeg.WRITTEN:
            folder = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="astfx-"))
            part = self._plain = Path(folder) / "plain.wav"
        try:
            self._file = soundfile.SoundFile(
                str(part),
                "w",
                sample_rate,
                channels,
                subtype,
                format=file_format,
                compression_level=level,
                bitrate_mode="CONSTANT" if level is not None and file_format == "MP3" else None,
            )
            for name in _TAGS & set(tags or {}):
                # Some formats have no tags.
                with suppress(soundfile.LibsndfileError):
                    setattr(self._file, name, (tags or {})[name])
        except (soundfile.LibsndfileError, OSError) as error:
            problem = AudioFileError(
                f"output file '{self.path}' cannot be written ({reason(error)}): "
                f"{sample_rate} Hz, {channels} channels, {file_format} {subtype}"
            )
            self._stack.__exit__(AudioFileError, problem, None)
            raise problem from None

    def write(self, block: Waveform) -> None:
        """Append (channels, n) samples; the caller must keep them within full scale."""
        try:
            self._file.write(block.T)
        except (soundfile.LibsndfileError, AssertionError, OSError) as error:
            raise AudioFileError(
                f"output file '{self.path}' could not be written to the end: "
                f"is the disk full? ({reason(error)})"
            ) from None

    def __enter__(self) -> AudioWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        problem = error
        try:
            self._file.close()
            if self._suffix in ffmpeg.WRITTEN and problem is None:
                ffmpeg.encode(self._plain, self._part, self._suffix, self._bitrate_kbps)
            if self.to_stdout and problem is None:
                if sys.stdout is None:
                    raise AudioFileError("standard output is closed")
                with self._part.open("rb") as file:
                    shutil.copyfileobj(file, sys.stdout.buffer)
                sys.stdout.buffer.flush()
        except AudioFileError as failure:
            problem = AudioFileError(f"output file '{self.path}' could not be finished: {failure}")
        except (soundfile.LibsndfileError, OSError) as failure:
            problem = AudioFileError(
                f"output file '{self.path}' could not be finished ({reason(failure)})"
            )
        self._stack.__exit__(type(problem) if problem else None, problem, None)
        if error is None and problem is not None:
            raise problem from None


class Spool:
    """Temporary storage for a render's float samples: written once, then read back.

    Parameters
    ----------
    channels : int
    folder : Path or None
        Folder for the temporary file; None keeps the samples in memory.
    """

    def __init__(self, channels: int, folder: Path | None) -> None:
        self.channels = channels
        self._memory: list[Waveform] = []
        self._file: IO[bytes] | None = None
        if folder is not None:
            try:
                self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - see close()
            except OSError as error:
                raise AudioFileError(
                    f"no temporary file can be made in '{folder}' ({reason(error)})"
                ) from None

    def write(self, block: Waveform) -> None:
        """Append (channels, n) samples."""
        if self._file is None:
            self._memory.append(block)
            return
        try:
            self._file.write(np.ascontiguousarray(block.T).data)
        except OSError as error:
            raise AudioFileError(
                f"no room for the render's temporary samples ({reason(error)})"
            ) from None

    def blocks(self) -> Iterator[Waveform]:
        """Yield all samples in (channels, n) blocks."""
        if self._file is None:
            yield from self._memory
            return
        self._file.seek(0)
        while data := self._file.read(BLOCK_SAMPLES * self.channels * 4):
            yield np.frombuffer(data, np.float32).reshape(-1, self.channels).T

    def close(self) -> None:
        """Free the memory or disk space."""
        self._memory.clear()
        if self._file is not None:
            self._file.close()


class SpoolSource:
    """The samples of a `Spool` as a source.

    Parameters
    ----------
    spool : Spool
    sample_rate : int, hertz
    """

    name = "the full result"

    def __init__(self, spool: Spool, sample_rate: int) -> None:
        self.channels, self.sample_rate = spool.channels, sample_rate
        self._spool = spool

    def blocks(self, block_samples: int = BLOCK_SAMPLES) -> Iterator[Waveform]:
        """Yield (channels, n) blocks, as they were written."""
        yield from self._spool.blocks()

    def close(self) -> None:
        """Free the memory or disk space."""
        self._spool.close()
