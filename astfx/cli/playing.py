"""Playing sound on this machine, with the optional package sounddevice."""

from __future__ import annotations

from pathlib import Path

import soundfile

from astfx.errors import DeviceError, first_line
from astfx.runtime.extras import require


def check_player() -> None:
    """Check that sound can be played.

    Raises
    ------
    MissingDependencyError
        If sounddevice is not installed.
    DeviceError
        If it finds no library or no device to play on.
    """
    require("sounddevice", "playing a sound")
    try:
        import sounddevice

        sounddevice.query_devices(kind="output")
    except (OSError, ValueError, RuntimeError) as error:
        raise _refused(error) from None
    except sounddevice.PortAudioError as error:
        raise _refused(error) from None


def play(path: Path) -> None:
    """Play an audio file, and return when it has ended.

    Raises
    ------
    DeviceError
        If the device refuses it.
    """
    import sounddevice

    data, sample_rate = soundfile.read(path, dtype="float32", always_2d=True)
    try:
        sounddevice.play(data, sample_rate, blocking=True)
    except sounddevice.PortAudioError as error:
        raise _refused(error) from None


def _refused(error: Exception) -> DeviceError:
    return DeviceError(
        f"no sound can be played here ({first_line(error)}): write a file with -o instead"
    )
