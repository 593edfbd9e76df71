"""Modulations of a stream's band envelopes: their powers, and an equaliser for them.

Each envelope is split into modulation bands, an octave or so wide, whose powers are averaged as
the sound arrives. The equaliser is a chain of shelving filters with one step between two bands. So
a strong modulation does not pass through the bands beside its own, as it would through a sum of
bands. The shelves have minimum phase, so the equaliser delays little.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from astfx.runtime.compiled import compiled

MODULATIONS_HZ = (80.0, 40.0, 20.0, 10.0, 5.0, 2.5, 1.2, 0.6, 0.3)
"""Borders of the modulation bands, from the fastest to the slowest."""

_MOST_GAIN = 4.0
_LEAST_POWER = 1e-6
_CORRECTION_PER_SECOND, _MOST_CORRECTION = 0.2, 1.0  # nepers of power

Array = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.float64]


def smoothing(frame_rate_hz: float) -> Numbers:
    """Coefficients of the low-pass filters that split the modulations, (borders,)."""
    return 1.0 - np.exp(-2.0 * math.pi * np.array(MODULATIONS_HZ) / frame_rate_hz)


class ModulationPowers(NamedTuple):
    """Running powers of the modulations of bands.

    Attributes
    ----------
    smoothing : (borders,)
    state : (bands, borders)
        Of the low-pass filters.
    powers : (bands, borders + 1)
        From the fastest modulations to the slowest.
    """

    smoothing: Numbers
    state: Array
    powers: Array

    @classmethod
    def of(cls, powers: Array, frame_rate_hz: float) -> ModulationPowers:
        """Begin with powers, (bands, borders + 1)."""
        state = np.zeros((len(powers), len(MODULATIONS_HZ)), np.float32)
        return cls(smoothing(frame_rate_hz), state, powers.copy())


@compiled()
def add_modulations(running: ModulationPowers, band: int, value: float, share: float) -> None:
    """Add the next value of a band's envelope, relative to its mean.

    Parameters
    ----------
    running : ModulationPowers
    band : int
    value : float
    share : float, 0 to 1
        Weight of the value in the powers. With 0, only the filters take it.
    """
    state, powers = running.state[band], running.powers[band]
    above = value
    for k in range(len(powers)):
        slower = 0.0
        if k < len(state):
            state[k] += running.smoothing[k] * (value - state[k])
            slower = float(state[k])
        modulation = above - slower
        above = slower
        powers[k] += (modulation * modulation - powers[k]) * share


class ModulationEqualiser(NamedTuple):
    """Gives the modulations of bands their powers in a style.

    The gains follow from the powers in the content and in the style. They are then corrected
    slowly, by what the output's powers lack.

    Attributes
    ----------
    style : (bands, borders + 1)
        Powers to reach.
    content, output : ModulationPowers
    corrections : (bands, borders + 1)
        Of the style's powers, as natural logarithms.
    rate : float
        Of the corrections.
    corners : (borders,)
        Borders in radians a frame.
    state : (bands, borders)
        Of the shelves.
    """

    style: Array
    content: ModulationPowers
    output: ModulationPowers
    corrections: Array
    rate: float
    corners: Numbers
    state: Array

    @classmethod
    def of(cls, style: Array, frame_rate_hz: float) -> ModulationEqualiser:
        """Make the equaliser for a style, given the powers of its modulations."""
        style = np.maximum(style, np.float32(_LEAST_POWER))
        return cls(
            style=style,
            content=ModulationPowers.of(style, frame_rate_hz),
            output=ModulationPowers.of(style, frame_rate_hz),
            corrections=np.zeros_like(style),
            rate=_CORRECTION_PER_SECOND / frame_rate_hz,
            corners=2.0 * math.pi * np.array(MODULATIONS_HZ) / frame_rate_hz,
            state=np.zeros((len(style), len(MODULATIONS_HZ)), np.float32),
        )


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
    style, powers = equaliser.style[band], equaliser.content.powers[band]
    corrections, state = equaliser.corrections[band], equaliser.state[band]
    above = 1.0
    # Below the last border lies the mean, which gets the gain of the slowest band.
    for k in range(len(state)):
        wanted = math.exp(corrections[k]) * style[k]
        gain = math.sqrt(wanted / max(powers[k], _LEAST_POWER))
        gain = min(max(gain, 1.0 / _MOST_GAIN), _MOST_GAIN)
        if k > 0:
            # A shelf whose step, on a logarithmic axis, is centred on the border.
            step = above / gain
            corner = equaliser.corners[k - 1] * math.sqrt(step)
            state[k - 1] += corner / (1.0 + corner) * (value - state[k - 1])
            value = state[k - 1] + step * (value - state[k - 1])
        above = gain
    return value * above


@compiled()
def correct_modulations(
    equaliser: ModulationEqualiser, band: int, value: float, share: float
) -> None:
    """Correct the gains of a band, given the next value of the output's envelope."""
    add_modulations(equaliser.output, band, value, share)
    style, powers = equaliser.style[band], equaliser.output.powers[band]
    corrections = equaliser.corrections[band]
    if share == 0.0:
        return
    for k in range(len(style)):
        lacking = math.log(style[k] / max(powers[k], _LEAST_POWER))
        changed = corrections[k] + equaliser.rate * lacking
        corrections[k] = min(max(changed, -_MOST_CORRECTION), _MOST_CORRECTION)
