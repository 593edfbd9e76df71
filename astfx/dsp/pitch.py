"""Pitch of one voice or instrument over time."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from astfx.runtime.librosa_import import import_librosa

PITCH_RANGE_HZ = (65.0, 1047.0)  # C2 to C6
ANALYSIS_RATE_HZ = 22050
FRAME_LENGTH, HOP_LENGTH = 2048, 512  # samples at that rate


class Pitch(NamedTuple):
    """Pitch of each frame in hertz, NaN without one, and whether the frame has one."""

    hertz: npt.NDArray[np.float64]
    voiced: npt.NDArray[np.bool_]


def track_pitch(signal: npt.NDArray[np.floating]) -> Pitch:
    """Find the pitch by pYIN, made for one voice or instrument at a time.

    Parameters
    ----------
    signal : (samples,), at 22.05 kHz
        Frame k of the result is centred on sample 512 k.

    References
    ----------
    Mauch & Dixon, "pYIN: a fundamental frequency estimator using probabilistic threshold
    distributions", ICASSP 2014.
    """
    # Code that numba has just compiled may leave a flag behind, which NumPy then warns of.
    with np.errstate(invalid="ignore"):
        hertz, voiced, _ = import_librosa().pyin(
            signal,
            fmin=PITCH_RANGE_HZ[0],
            fmax=PITCH_RANGE_HZ[1],
            sr=ANALYSIS_RATE_HZ,
            frame_length=FRAME_LENGTH,
            hop_length=HOP_LENGTH,
        )
    return Pitch(np.asarray(hertz, dtype=np.float64), voiced)
