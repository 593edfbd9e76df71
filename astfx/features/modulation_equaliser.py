"""An equaliser for the modulations of a stream's band envelopes.

The powers of the modulations are averaged as the sound arrives (`astfx.features.modulation_bands`).
A chain of peaking filters, one for each modulation band, then gives the modulations the powers that
they have in the style. The filters have minimum phase, so the equaliser delays little.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from astfx.features.modulation_bands import (
    SLOW_HZ,
    ModulationPowers,
    add_modulations,
    band_angles,
)
from astfx.runtime.compiled import compiled

_Q = 1.6
_MOST_LOG_GAIN = 1.6  # nepers, of each filter
_REGULARISATION = 0.15
_UPDATE_EVERY = 4  # frames
_LEAST_POWER = 1e-6
_NEGLIGIBLE = 0.05  # of the style's summed powers
_CORRECTION_PER_SECOND, _MOST_CORRECTION = 0.5, 2.0  # nepers of power

Array = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.float64]


def _mixing(frame_rate_hz: float) -> Numbers:
    """Log gains of the filters that together have a log gain of 1 at one of their centres, (n, n).

    Neighbouring filters overlap. The log gain of a peaking filter beside its centre is about
    proportional to that at its centre.
    """
    angle = band_angles(frame_rate_hz)
    alpha, log_gain = np.sin(angle) / (2.0 * _Q), 0.5
    raised, lowered = alpha * math.exp(0.5 * log_gain), alpha * math.exp(-0.5 * log_gain)
    z = np.exp(-1j * angle)[:, None]
    middle = -2.0 * np.cos(angle) * z
    above = (1.0 + raised) + middle + (1.0 - raised) * z * z
    below = (1.0 + lowered) + middle + (1.0 - lowered) * z * z
    response = np.log(np.abs(above / below)) / log_gain
    return np.asarray(np.linalg.inv(response + _REGULARISATION * np.eye(len(angle))))


class ModulationEqualiser(NamedTuple):
    """Gives the modulations of bands their powers in a style.

    The gains follow from the powers in the content and in the style. They are then corrected
    slowly, by what the output's powers lack.

    Attributes
    ----------
    style : (bands, N_MODULATIONS)
        Powers to reach.
    negligible : (bands,)
        Power that is added to both powers before they are compared. A difference in modulations
        that are weak in the style and in the content is hardly heard, and removing it would cost
        some of the content.
    content, output : ModulationPowers
    corrections : (bands, N_MODULATIONS)
        Natural logarithms of factors of the powers.
    rate : float
        Of the corrections.
    cosine, alpha : (n,)
        Of the angle of each filter's centre, and half its sine over the quality.
    mixing : (n, n)
        From the log gains wanted at the centres to those of the filters.
    slow : float
        Corner of the lowest band in radians a frame.
    wanted : (n,)
        Memory for log gains.
    gains : (bands, N_MODULATIONS)
        Square roots of the linear gains of the filters, and the linear gain of the lowest band.
    state : (bands, 2 * n + 1)
        Of the filters.
    frames : (bands,)
        Frames until the gains of a band are computed again. Bands take turns.
    """

    style: Array
    negligible: Array
    content: ModulationPowers
    output: ModulationPowers
    corrections: Array
    rate: float
    cosine: Numbers
    alpha: Numbers
    mixing: Numbers
    slow: float
    wanted: Numbers
    gains: Numbers
    state: Numbers
    frames: npt.NDArray[np.int64]

    @classmethod
    def of(cls, style: Array, frame_rate_hz: float) -> ModulationEqualiser:
        """Make the equaliser for a style, given the powers of its modulations."""
        style = np.maximum(style, np.float32(_LEAST_POWER))
        angle = band_angles(frame_rate_hz)
        return cls(
            style=style,
            negligible=style.sum(axis=1) * np.float32(_NEGLIGIBLE),
            content=ModulationPowers.of(style, frame_rate_hz),
            output=ModulationPowers.of(style, frame_rate_hz),
            corrections=np.zeros_like(style),
            rate=_CORRECTION_PER_SECOND / frame_rate_hz,
            cosine=np.cos(angle),
            alpha=np.sin(angle) / (2.0 * _Q),
            mixing=_mixing(frame_rate_hz),
            slow=2.0 * math.pi * SLOW_HZ / frame_rate_hz,
            wanted=np.zeros(len(angle)),
            gains=np.ones((len(style), len(angle) + 1)),
            state=np.zeros((len(style), 2 * len(angle) + 1)),
            frames=np.arange(len(style), dtype=np.int64) % _UPDATE_EVERY,
        )


@compiled()
def _log_gain(equaliser: ModulationEqualiser, band: int, k: int) -> float:
    """Log gain wanted of a modulation."""
    least = equaliser.negligible[band]
    style, content = equaliser.style[band, k], equaliser.content.powers[band, k]
    lacking = math.log((style + least) / (content + least))
    return 0.5 * (lacking + float(equaliser.corrections[band, k]))


@compiled()
def _update(equaliser: ModulationEqualiser, band: int) -> None:
    """Compute the gains of a band's filters."""
    wanted, gains, mixing = equaliser.wanted, equaliser.gains[band], equaliser.mixing
    n = len(wanted)
    for k in range(n):
        wanted[k] = _log_gain(equaliser, band, k)
    for k in range(n):
        log_gain = 0.0
        for j in range(n):
            log_gain += mixing[k, j] * wanted[j]
        gains[k] = math.exp(0.5 * min(max(log_gain, -_MOST_LOG_GAIN), _MOST_LOG_GAIN))
    log_gain = _log_gain(equaliser, band, n)
    gains[n] = math.exp(min(max(log_gain, -_MOST_LOG_GAIN), _MOST_LOG_GAIN))


@compiled()
def equalised(equaliser: ModulationEqualiser, band: int, value: float, share: float) -> float:
    """Equalise the next value of a band's envelope, relative to its mean.

    Parameters
    ----------
    equaliser : ModulationEqualiser
    band : int
    value : float
    share : float, 0 to 1
        Weight of the value in the content's powers.
    """
    add_modulations(equaliser.content, band, value, share)
    equaliser.frames[band] -= 1
    if equaliser.frames[band] < 0:
        equaliser.frames[band] = _UPDATE_EVERY - 1
        _update(equaliser, band)
    gains, state = equaliser.gains[band], equaliser.state[band]
    n = len(equaliser.cosine)
    for k in range(n):
        # A peaking filter as in R. Bristow-Johnson's "Audio EQ cookbook".
        raised, lowered = equaliser.alpha[k] * gains[k], equaliser.alpha[k] / gains[k]
        scale = 1.0 / (1.0 + lowered)
        middle = -2.0 * equaliser.cosine[k] * scale
        found = (1.0 + raised) * scale * value + state[2 * k]
        state[2 * k] = middle * (value - found) + state[2 * k + 1]
        state[2 * k + 1] = ((1.0 - raised) * value - (1.0 - lowered) * found) * scale
        value = found
    # A shelf whose step, on a logarithmic axis, is centred on the border of the lowest band.
    gain = gains[n]
    corner = equaliser.slow / math.sqrt(gain)
    state[2 * n] += corner / (1.0 + corner) * (value - state[2 * n])
    return float(value + (gain - 1.0) * state[2 * n])


@compiled()
def correct_modulations(
    equaliser: ModulationEqualiser, band: int, value: float, share: float
) -> None:
    """Correct the gains of a band, given the next value of the output's envelope."""
    add_modulations(equaliser.output, band, value, share)
    if share == 0.0:
        return
    style, powers = equaliser.style[band], equaliser.output.powers[band]
    corrections, least = equaliser.corrections[band], equaliser.negligible[band]
    for k in range(len(style)):
        lacking = math.log((style[k] + least) / (powers[k] + least))
        changed = corrections[k] + equaliser.rate * lacking
        corrections[k] = min(max(changed, -_MOST_CORRECTION), _MOST_CORRECTION)
