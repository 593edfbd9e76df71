"""Audio in and out: arrays and files behind one small interface, and safe writing."""

from __future__ import annotations

import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Protocol

import numpy as np
import numpy.typing as npt
import soundfile

from astfx.errors import (
    AudioFileError,
    AudioFileNotFoundError,
    AudioTypeError,
    InvalidAudioError,
    InvalidSettingError,
)

Waveform = npt.NDArray[np.float32]
"""(channels, samples) float32, full scale = 1."""

MIN_SAMPLE_RATE, MAX_SAMPLE_RATE = 8_000, 192_000
MAX_CHANNELS = 32
BLOCK_SAMPLES = 1 << 16
_RF64_ABOVE_BYTES = 4_000_000_000


class Source(Protocol):
    """Audio that can be read from the start any number of times."""

    name: str
    sample_rate: int
    channels: int

    def blocks(self, block_samples: int = BLOCK_SAMPLES) -> Iterator[Waveform]:
        """Yield (channels, n) blocks of at most `block_samples`."""
        ...


def check_sample_rate(sample_rate: object, name: str = "sample_rate") -> int:
    """Return a sample rate as an int.

    Raises
    ------
    InvalidSettingError
        Unless it is a whole number from 8000 to 192000 Hz.
    """
    valid = isinstance(sample_rate, int | float | np.integer | np.floating)
    if (
        not valid
        or isinstance(sample_rate, bool)
        or not MIN_SAMPLE_RATE <= sample_rate <= MAX_SAMPLE_RATE  # type: ignore[operator]
        or int(sample_rate) != sample_rate  # type: ignore[call-overload]
    ):
        raise InvalidSettingError(
            f"{name}={sample_rate!r} must be a whole number from {MIN_SAMPLE_RATE} to "
            f"{MAX_SAMPLE_RATE} (Hz)"
        )
    return int(sample_rate)  # type: ignore[call-overload, no-any-return]


def check_waveform(waveform: object, name: str) -> Waveform:
    """Return audio as (channels, samples) float32.

    Parameters
    ----------
    waveform : ndarray, (samples,) or (channels, samples), float32 or float64
    name : str
        What messages call it.

    Raises
    ------
    AudioTypeError
        If it is not an array of floating point samples.
    InvalidAudioError
        If it is empty, has the wrong number of dimensions or holds NaN or Inf.
    """
    if not isinstance(waveform, np.ndarray):
        raise AudioTypeError(
            f"{name} must be a numpy array of float32 or float64, not {type(waveform).__name__}"
        )
    if waveform.dtype.kind != "f" or waveform.dtype.itemsize not in (4, 8):
        raise AudioTypeError(
            f"{name} must hold float32 or float64 samples (full scale = 1), not {waveform.dtype}"
        )
    if waveform.ndim not in (1, 2):
        raise InvalidAudioError(
            f"{name} of shape {waveform.shape} must be (samples,) or (channels, samples)"
        )
    if waveform.size == 0:
        raise InvalidAudioError(f"{name} of shape {waveform.shape} holds no samples")
    result = np.atleast_2d(waveform).astype(np.float32, copy=False)
    if result.shape[0] > MAX_CHANNELS:
        hint = "; pass (channels, samples)" if result.shape[0] > result.shape[1] else ""
        raise InvalidAudioError(
            f"{name} of shape {waveform.shape} has {result.shape[0]} channels, "
            f"at most {MAX_CHANNELS} are possible{hint}"
        )
    return result


def check_finite(block: Waveform, name: str, first_sample: int, sample_rate: int) -> None:
    """Refuse NaN and Inf, and say where the first one is."""
    finite = np.isfinite(block)
    if not finite.all():
        channel, sample = np.argwhere(~finite)[0]
        raise InvalidAudioError(
            f"{name} holds {block[channel, sample]} at {(first_sample + sample) / sample_rate:.3f} "
            f"seconds (channel {channel + 1}): samples must be finite numbers"
        )


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


class FileSource:
    """A file as a source, read in blocks.

    libsndfile reads what it can (WAV, FLAC, OGG, MP3, AIFF, ...), pedalboard the rest.

    Parameters
    ----------
    path : path
        "-" is standard input.
    role : str
        "content" or "style": what messages call it.

    Raises
    ------
    AudioFileNotFoundError, AudioFileError
        If it is missing, a folder, empty, not audio, truncated or of an absurd rate.
    """

    def __init__(self, path: str | os.PathLike[str], role: str) -> None:
        self.path = Path(path)
        self.name = f"{role} file '{self.path}'"
        if str(path) == "-":
            # Standard input cannot be read twice; the copy goes when this object does.
            self._copy = tempfile.NamedTemporaryFile(prefix="astfx-")  # noqa: SIM115
            shutil.copyfileobj(sys.stdin.buffer, self._copy)
            self._copy.flush()
            self.path, self.name = Path(self._copy.name), f"{role} on standard input"
        if not self.path.exists():
            raise AudioFileNotFoundError(f"{self.name} does not exist")
        if self.path.is_dir():
            raise AudioFileError(f"{self.name} is a folder, not an audio file")
        try:
            if self.path.stat().st_size == 0:
                raise AudioFileError(f"{self.name} is empty (0 bytes)")
            with self.path.open("rb"):
                pass
        except PermissionError:
            raise AudioFileError(f"{self.name} cannot be read: permission denied") from None
        self._with_pedalboard = False
        try:
            info = soundfile.info(str(self.path), verbose=True)
            self.sample_rate, self.channels = int(info.samplerate), int(info.channels)
            n_frames = int(info.frames)
            self._promised = n_frames if info.format in ("FLAC",) else 0
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

    def _open_with_pedalboard(self, error: Exception) -> int:
        from pedalboard.io import AudioFile

        try:
            with AudioFile(str(self.path)) as file:
                self.sample_rate = int(file.samplerate)
                self.channels = int(file.num_channels)
                self._with_pedalboard, self._promised = True, 0
                return int(file.frames)
        except Exception:
            raise AudioFileError(
                f"{self.name} cannot be read as audio ({_reason(error)}); readable formats: "
                f"{', '.join(readable_formats())}"
            ) from None

    def _check_riff_size(self, info: Any) -> None:
        """libsndfile reads a cut-off WAV or AIFF without a word; its log shows it."""
        for line in str(info.extra_info).splitlines():
            key, _, value = line.strip().partition(" :")
            if key.strip() in ("data", "SSND") and "should be" in value:
                promised = int(value.split()[0])
                if promised < 0x7FFFF000:  # larger sizes are what programs write into a pipe
                    raise AudioFileError(
                        f"{self.name} is truncated: its header promises {promised} bytes of "
                        "audio and the file holds fewer"
                    )

    def blocks(self, block_samples: int = BLOCK_SAMPLES) -> Iterator[Waveform]:
        """Yield (channels, n) blocks of at most `block_samples`.

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
                f"({_reason(error)})"
            ) from None
        if total < self._promised:
            raise AudioFileError(
                f"{self.name} is truncated: it promises {self._promised} samples and holds {total}"
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


def _reason(error: Exception) -> str:
    text = getattr(error, "error_string", None) or str(error) or type(error).__name__
    return str(text).splitlines()[0].rstrip(".")


def readable_formats() -> list[str]:
    """Formats that libsndfile reads here, best known first."""
    known = set(soundfile.available_formats())
    first = [name for name in ("WAV", "FLAC", "OGG", "MP3", "AIFF") if name in known]
    return first + sorted(known - set(first))


def read_all(source: Source) -> Waveform:
    """Read a whole source, (channels, samples)."""
    blocks = list(source.blocks())
    if not blocks:
        raise InvalidAudioError(f"{source.name} holds no audio samples")
    return np.concatenate(blocks, axis=1)


def read_excerpt(source: Source, seconds: float) -> Waveform:
    """Read the first `seconds` of a source, (channels, samples)."""
    wanted = round(seconds * source.sample_rate)
    blocks, held = [], 0
    for block in source.blocks():
        blocks.append(block[:, : wanted - held])
        held += blocks[-1].shape[1]
        if held >= wanted:
            break
    return np.concatenate(blocks, axis=1)


def resample(waveform: Waveform, sample_rate: int, target_rate: int) -> Waveform:
    """Change the sample rate, (channels, samples) -> (channels, samples * target / rate)."""
    if sample_rate == target_rate:
        return waveform
    import soxr

    result = soxr.resample(waveform.T, sample_rate, target_rate, quality="HQ")
    return np.ascontiguousarray(result.T, dtype=np.float32)


class SlidingReader:
    """Read overlapping stretches of a source in order, zeros outside it."""

    def __init__(self, source: Source) -> None:
        self._blocks = source.blocks()
        self._held = np.zeros((source.channels, 0), np.float32)
        self._first = 0

    def read(self, start: int, stop: int) -> Waveform:
        """Samples [start, stop); `start` must not go back before an earlier one."""
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


def output_format(path: Path, *, float_samples: bool) -> tuple[str, str]:
    """Format and subtype for a file name: 24 bit where the format has it, or float.

    Raises
    ------
    InvalidSettingError
        For an unknown suffix, or a format without float samples when float is asked for.
    """
    suffix = path.suffix.lstrip(".").upper()
    name = {"AIF": "AIFF", "OGA": "OGG", "OPUS": "OGG", "W64": "W64"}.get(suffix, suffix)
    if name not in soundfile.available_formats() or name == "RAW":
        choices = "wav, flac, aiff, ogg, mp3"
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


class AudioWriter:
    """Write a file aside and rename it when it is whole; on any error nothing is left.

    Parameters
    ----------
    path : path
        Where the file will be; "-" is a WAV on standard output.
    sample_rate : int, hertz
    channels : int
    n_samples : int
        Expected length, to choose RF64 for files that WAV cannot hold.
    float_samples : bool
        Float instead of 24 bit.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        sample_rate: int,
        channels: int,
        n_samples: int = 0,
        *,
        float_samples: bool = False,
    ) -> None:
        self.path = Path(path)
        self.to_stdout = str(path) == "-"
        named = Path("stdout.wav") if self.to_stdout else self.path
        file_format, subtype = output_format(named, float_samples=float_samples)
        if file_format == "WAV" and n_samples * channels * 4 > _RF64_ABOVE_BYTES:
            file_format = "RF64"
        if self.to_stdout:
            self._part = Path(tempfile.gettempdir()) / f"astfx-{secrets.token_hex(6)}.part"
        else:
            self._part = self.path.with_name(f".{self.path.name}.{secrets.token_hex(6)}.part")
        try:
            self._file = soundfile.SoundFile(
                str(self._part), "w", sample_rate, channels, subtype, format=file_format
            )
        except (soundfile.LibsndfileError, OSError) as error:
            self._part.unlink(missing_ok=True)
            raise AudioFileError(
                f"output file '{self.path}' cannot be written ({_reason(error)}): "
                f"{sample_rate} Hz, {channels} channels, {file_format} {subtype}"
            ) from None

    def write(self, block: Waveform) -> None:
        """Append (channels, n) samples; what exceeds full scale is the caller's to prevent."""
        try:
            self._file.write(block.T)
        except (soundfile.LibsndfileError, AssertionError, OSError) as error:
            raise AudioFileError(
                f"output file '{self.path}' could not be written to the end: "
                f"is the disk full? ({_reason(error)})"
            ) from None

    def __enter__(self) -> AudioWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._file.close()
            if kind is None:
                self._keep()
        except (soundfile.LibsndfileError, OSError) as problem:
            raise AudioFileError(
                f"output file '{self.path}' could not be finished ({_reason(problem)})"
            ) from None
        finally:
            self._part.unlink(missing_ok=True)

    def _keep(self) -> None:
        if self.to_stdout:
            with self._part.open("rb") as file:
                shutil.copyfileobj(file, sys.stdout.buffer)
            sys.stdout.buffer.flush()
            return
        with self._part.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(self._part, self.path)


class Spool:
    """Float samples on disk while a render is under way: written once, read back once.

    Parameters
    ----------
    channels : int
    folder : Path or None
        Where the disk space is; None keeps them in memory.
    """

    def __init__(self, channels: int, folder: Path | None) -> None:
        self.channels = channels
        self._memory: list[Waveform] = []
        self._file: IO[bytes] | None = None
        if folder is not None:
            self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed in close()

    def write(self, block: Waveform) -> None:
        """Append (channels, n) samples."""
        if self._file is None:
            self._memory.append(block)
            return
        try:
            self._file.write(np.ascontiguousarray(block.T).data)
        except OSError as error:
            raise AudioFileError(
                f"no room for the render's temporary samples ({_reason(error)})"
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
        """Give the space back."""
        self._memory.clear()
        if self._file is not None:
            self._file.close()
