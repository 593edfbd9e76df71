"""Preparation of the inputs of all metrics: checks, mono mix, level and sample rate."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from astfx.audio.checks import check_rate_hz
from astfx.errors import AudioTypeError, InvalidAudioError

Signal = npt.NDArray[np.float64]

LOWEST_SAMPLE_RATE_HZ = 2000.0
HIGHEST_SAMPLE_RATE_HZ = 768000.0


def check_sample_rate(sample_rate: float, name: str = "sample_rate") -> float:
    """Return `sample_rate` as a float, or raise `InvalidSettingError`."""
    return check_rate_hz(
        sample_rate, name, lowest_hz=LOWEST_SAMPLE_RATE_HZ, highest_hz=HIGHEST_SAMPLE_RATE_HZ
    )


def channels(name: str, waveform: npt.NDArray[Any], *, finite: bool = True) -> Signal:
    """Check `waveform` and return it as float64 of shape (channels, samples).

    Parameters
    ----------
    name : str
        Name of the waveform in error messages: "output", "content", "style".
    waveform : ndarray of shape (samples,) or (channels, samples)
        Floating-point samples.
    finite : bool
        Whether NaN and infinity are refused.

    Raises
    ------
    AudioTypeError
        If it is not a NumPy array, or not of a floating-point type.
    InvalidAudioError
        If it is empty, has another shape, or (with `finite`) contains NaN or infinity.
    """
    if not isinstance(waveform, np.ndarray):
        raise AudioTypeError(f"{name} is a {type(waveform).__name__}; pass a NumPy array")
    if not np.issubdtype(waveform.dtype, np.floating):
        raise AudioTypeError(
            f"{name} holds {waveform.dtype} samples; pass floating-point samples within -1..1"
        )
    if waveform.ndim not in (1, 2):
        raise InvalidAudioError(
            f"{name} has shape {waveform.shape}; pass (samples,) or (channels, samples)"
        )
    if waveform.size == 0:
        raise InvalidAudioError(f"{name} has shape {waveform.shape}; it must hold samples")
    if waveform.ndim == 2 and waveform.shape[0] > waveform.shape[1]:
        raise InvalidAudioError(
            f"{name} has shape {waveform.shape}, more channels than samples; "
            "pass (channels, samples)"
        )
    result = np.atleast_2d(waveform).astype(np.float64)
    if finite:
        n_bad = int(np.count_nonzero(~np.isfinite(result)))
        if n_bad:
            raise InvalidAudioError(f"{name} holds {n_bad} samples that are NaN or infinite")
    return result


def mono(name: str, waveform: npt.NDArray[Any]) -> Signal:
    """Check `waveform` and return the mean of its channels, (samples,) float64."""
    signal: Signal = channels(name, waveform).mean(axis=0)
    return signal


def audible(name: str, signal: Signal) -> Signal:
    """Return `signal`, or raise `InvalidAudioError` if every sample is zero."""
    if not np.any(signal):
        raise InvalidAudioError(f"{name} is silent: a distance to silence has no meaning")
    return signal


def resample(signal: Signal, from_hz: float, to_hz: float) -> Signal:
    """Resample along the last axis with soxr. Return the signal itself if the rates are equal."""
    if from_hz == to_hz:
        return signal
    import soxr

    return np.asarray(soxr.resample(signal.T, from_hz, to_hz), dtype=np.float64).T


def same_length(first: Signal, second: Signal) -> tuple[Signal, Signal]:
    """Cut both signals along the last axis to the length of the shorter one."""
    n = min(first.shape[-1], second.shape[-1])
    return first[..., :n], second[..., :n]


def level_to(signal: Signal, rms: float) -> Signal:
    """Scale `signal` to an RMS amplitude of `rms`. Silence stays silence."""
    own = float(np.sqrt(np.mean(np.square(signal))))
    return signal * (rms / own) if own > 0.0 else signal


@contextmanager
def short_signals_allowed() -> Iterator[None]:
    """Suppress librosa's warning that the windows of the lowest octaves are longer than a clip."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="n_fft=.* is too large for input signal")
        yield
