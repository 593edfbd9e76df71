"""Formats that only ffmpeg reads and writes, such as m4a, if it is installed."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path

from astfx.errors import AudioFileError, InvalidSettingError

READ = (".m4a", ".mp4", ".aac", ".webm", ".mka", ".mkv", ".mov", ".wma", ".ac3", ".amr")
"""Suffixes of files that ffmpeg decodes. libsndfile and pedalboard try each file first."""

WRITTEN = {
    ".m4a": ("ipod", "aac"),
    ".mp4": ("mp4", "aac"),
    ".aac": ("adts", "aac"),
    ".webm": ("webm", "libopus"),
}
"""Container and encoder of each suffix that ffmpeg writes."""


def program() -> str | None:
    """Path of ffmpeg. None if it is not on the PATH."""
    return shutil.which("ffmpeg")


def decode(path: Path, target: Path, name: str) -> None:
    """Write the first sound track of a file as a WAV of float samples.

    Raises
    ------
    AudioFileError
        If ffmpeg is not installed, or cannot read the file. `name` is what the message calls it.
    """
    command = program()
    if command is None:
        convert = shlex.join(["ffmpeg", "-i", str(path), str(path.with_suffix(".wav"))])
        raise AudioFileError(
            f"{name} can only be read with ffmpeg, which was not found: install it, or convert the "
            f"file where it is installed: {convert}"
        )
    wanted = ["-map", "0:a:0", "-c:a", "pcm_f32le", "-f", "wav", "-rf64", "auto"]
    problem = _run([command, *_SAFE, "-i", f"file:{path}", *wanted, "-y", f"file:{target}"])
    if problem is not None:
        raise AudioFileError(f"{name} cannot be read as audio (ffmpeg: {problem})")


def encode(source: Path, target: Path, suffix: str, bitrate_kbps: float | None) -> None:
    """Convert a WAV to the format of a suffix in `WRITTEN`.

    Raises
    ------
    AudioFileError
        If ffmpeg cannot write it.
    """
    container, encoder = WRITTEN[suffix]
    command = program() or "ffmpeg"
    rate = [] if bitrate_kbps is None else ["-b:a", f"{bitrate_kbps:g}k"]
    wanted = ["-c:a", encoder, *rate, "-fflags", "+bitexact", "-flags:a", "+bitexact"]
    problem = _run(
        [command, *_SAFE, "-i", f"file:{source}", *wanted, "-f", container, "-y", f"file:{target}"]
    )
    if problem is not None:
        raise AudioFileError(f"ffmpeg cannot write {suffix} ({problem})")


def check_can_write(path: Path) -> None:
    """Refuse an output of a suffix in `WRITTEN` if ffmpeg is not installed.

    Raises
    ------
    InvalidSettingError
        The message has the command that converts a WAV.
    """
    if program() is None:
        plain = path.with_suffix(".wav")
        raise InvalidSettingError(
            f"output file '{path}' can only be written with ffmpeg, which was not found: install "
            f"it, or write '{plain}' and convert it: "
            f"{shlex.join(['ffmpeg', '-i', str(plain), str(path)])}"
        )


_SAFE = ("-v", "error", "-nostdin", "-protocol_whitelist", "file,pipe")


def _run(command: list[str]) -> str | None:
    """Run ffmpeg, and return the last line of its errors if it fails."""
    try:
        done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL)
    except OSError as error:
        return str(error.strerror or error)
    if done.returncode == 0:
        return None
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else f"exit code {done.returncode}"
