"""Balance: a stream's bins get a style's mean level over the seconds, whatever other maps leave.

What the output's level lacks is added up, frame by frame, and paid back by a gain of the bin, of at
most 13 dB. So the mean over the last half minute comes near to the style's, not only that of the
latest part.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from astfx.dsp.vector_math import exp_all, log_all
from astfx.runtime.compiled import compiled

Array = npt.NDArray[np.float32]

_SCALE = np.float32(5.0)  # bins below a fifth of the reference count for little
_PAY_BACK_SECONDS, _LEARN_SECONDS, _MEMORY_SECONDS = 3.0, 3.0, 30.0
_MOST = np.float32(1.5)  # nepers
_ONE = np.float32(1.0)


def balance_level(magnitude: Array) -> Array:
    """Level whose mean is balanced, of magnitudes at the scale of the features."""
    level: Array = np.log1p(magnitude * _SCALE)
    return level


class Balance(NamedTuple):
    """Gains that give a stream's bins the mean levels of a style.

    Attributes
    ----------
    wanted : (bins,)
        Mean level of the style.
    lacking : (bins,)
        What the levels of the output have lacked so far, divided by the number of frames in which
        it is to be paid back: the first part of the logarithm of a gain.
    lasting : (bins,)
        The second part, which remains when nothing is lacking any more.
    pay_back, learn, kept : float
        What a frame adds to the two parts, and how much of the first remains.
    level : (bins,)
        Memory for a frame.
    """

    wanted: Array
    lacking: Array
    lasting: Array
    pay_back: float
    learn: float
    kept: float
    level: Array

    @classmethod
    def of(cls, style: Array, frame_rate_hz: float) -> Balance:
        """Make the balance for a style.

        Parameters
        ----------
        style : (frames, bins)
            Magnitudes of the style, at the scale of the features.
        frame_rate_hz : float
            Of the frames that are learned (`learn_balance`).
        """
        wanted = balance_level(style).mean(axis=0)
        return cls(
            wanted=wanted,
            lacking=np.zeros_like(wanted),
            lasting=np.zeros_like(wanted),
            pay_back=1.0 / (_PAY_BACK_SECONDS * frame_rate_hz),
            learn=1.0 / (_LEARN_SECONDS * frame_rate_hz),
            kept=1.0 - 1.0 / (_MEMORY_SECONDS * frame_rate_hz),
            level=np.zeros_like(wanted),
        )


@compiled()
def balance_gains(balance: Balance, gain: Array) -> None:
    """Multiply gains, (bins,), by those of the balance."""
    by = balance.level
    for k in range(len(gain)):
        by[k] = min(max(balance.lacking[k] + balance.lasting[k], -_MOST), _MOST)
    exp_all(by)
    for k in range(len(gain)):
        gain[k] *= by[k]


@compiled()
def learn_balance(balance: Balance, magnitude: Array) -> None:
    """Learn a frame of the output, (bins,), at the scale of the features.

    What all bins lack together is left out: the loudness of the output is not the balance's affair.
    """
    pay_back, learn = np.float32(balance.pay_back), np.float32(balance.learn)
    kept, level = np.float32(balance.kept), balance.level
    for k in range(len(magnitude)):
        level[k] = _ONE + magnitude[k] * _SCALE
    log_all(level)
    total, common = np.float32(1e-6), np.float32(0.0)
    for k in range(len(level)):
        level[k] = balance.wanted[k] - level[k]
        total += balance.wanted[k]
        common += balance.wanted[k] * level[k]
    common /= total
    for k in range(len(level)):
        short = pay_back * (level[k] - common)
        lacking = min(max(balance.lacking[k] * kept + short, -_MOST), _MOST)
        balance.lacking[k] = lacking
        balance.lasting[k] = min(max(balance.lasting[k] + learn * lacking, -_MOST), _MOST)


@compiled()
def forget_lacking(balance: Balance) -> None:
    """Let go of what was to be paid back, within seconds: the output has other aims for now."""
    rest = np.float32(1.0 - balance.pay_back)
    for k in range(len(balance.lacking)):
        balance.lacking[k] *= rest
