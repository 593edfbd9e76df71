"""Checks of sample rates and waveforms, with clear error messages."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from astfx.errors import AudioTypeError, InvalidAudioError, InvalidSettingError

Waveform = npt.NDArray[np.float32]
"""(channels, samples) float32, full scale = 1."""

Samples = npt.NDArray[np.floating[Any]]
"""(channels, samples) float32, or float64 where full precision matters."""

MIN_SAMPLE_RATE, MAX_SAMPLE_RATE = 8_000, 192_000
MAX_CHANNELS = 32


def check_rate_hz(
    sample_rate: object,
    name: str = "sample_rate",
    *,
    lowest_hz: float = MIN_SAMPLE_RATE,
    highest_hz: float = MAX_SAMPLE_RATE,
) -> float:
    """Return a sample rate as a float.

    Raises
    ------
    InvalidSettingError
        Unless it is a number of hertz within the limits.
    """
    if not _within(sample_rate, lowest_hz, highest_hz):
        raise InvalidSettingError(
            f"{name}={sample_rate!r} must be a number from {lowest_hz:.0f} to {highest_hz:.0f} (Hz)"
        )
    return float(sample_rate)  # type: ignore[arg-type]


def check_sample_rate(sample_rate: object, name: str = "sample_rate") -> int:
    """Return a sample rate as an int.

    Raises
    ------
    InvalidSettingError
        Unless it is a whole number from 8000 to 192000 Hz.
    """
    is_rate = _within(sample_rate, MIN_SAMPLE_RATE, MAX_SAMPLE_RATE)
    if not is_rate or int(sample_rate) != sample_rate:  # type: ignore[call-overload]
        raise InvalidSettingError(
            f"{name}={sample_rate!r} must be a whole number from {MIN_SAMPLE_RATE} to "
            f"{MAX_SAMPLE_RATE} (Hz)"
        )
    return int(sample_rate)  # type: ignore[call-overload, no-any-return]


def _within(value: object, low: float, high: float) -> bool:
    is_number = isinstance(value, int | float | np.integer | np.floating)
    return is_number and not isinstance(value, bool) and low <= value <= high  # type: ignore[operator]


def check_waveform(waveform: object, name: str) -> Waveform:
    """Return audio as (channels, samples) float32.

    Parameters
    ----------
    waveform : ndarray, (samples,) or (channels, samples), float32 or float64
    name : str
        Name of the audio in error messages.

    Raises
    ------
    AudioTypeError
        If it is not an array of floating point samples.
    InvalidAudioError
        If it is empty, has the wrong number of dimensions or more than 32 channels.
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
    """Raise InvalidAudioError for NaN or Inf, and say where the first one is."""
    finite = np.isfinite(block)
    if not finite.all():
        channel, sample = np.argwhere(~finite)[0]
        raise InvalidAudioError(
            f"{name} holds {block[channel, sample]} at {(first_sample + sample) / sample_rate:.3f} "
            f"seconds (channel {channel + 1}): samples must be finite numbers"
        )
