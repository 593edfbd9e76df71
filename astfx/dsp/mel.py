"""The two mel scales: Slaney's, which is librosa's default, and O'Shaughnessy's (HTK)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

_LINEAR_HZ_PER_MEL = 200.0 / 3.0
_LOG_START_HZ = 1000.0
_LOG_START_MEL = _LOG_START_HZ / _LINEAR_HZ_PER_MEL
_LOG_STEP = np.log(6.4) / 27.0


def hz_to_mel(frequency_hz: npt.ArrayLike, *, htk: bool = False) -> Array:
    """Convert a frequency in hertz to mel.

    Parameters
    ----------
    frequency_hz : array_like
    htk : bool
        False is Slaney's scale, linear below 1 kHz and logarithmic above. True is
        O'Shaughnessy's, 2595 log10(1 + f / 700), which HTK uses.
    """
    frequency = np.asarray(frequency_hz, dtype=np.float64)
    if htk:
        return np.asarray(2595.0 * np.log10(1.0 + frequency / 700.0))
    linear = frequency / _LINEAR_HZ_PER_MEL
    octaves = np.log(np.maximum(frequency, _LOG_START_HZ) / _LOG_START_HZ)
    return np.where(frequency >= _LOG_START_HZ, _LOG_START_MEL + octaves / _LOG_STEP, linear)


def mel_to_hz(mel: npt.ArrayLike, *, htk: bool = False) -> Array:
    """Convert mel to a frequency in hertz (the inverse of `hz_to_mel`)."""
    mels = np.asarray(mel, dtype=np.float64)
    if htk:
        return np.asarray(700.0 * (10.0 ** (mels / 2595.0) - 1.0))
    above = np.exp(_LOG_STEP * (np.maximum(mels, _LOG_START_MEL) - _LOG_START_MEL))
    return np.where(mels >= _LOG_START_MEL, _LOG_START_HZ * above, mels * _LINEAR_HZ_PER_MEL)
