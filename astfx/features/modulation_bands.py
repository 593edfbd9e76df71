"""Powers of the modulations of band envelopes, in modulation bands of half an octave.

Each modulation band is a second-order filter. Musicians play and people speak at a few rates only,
so neighbouring bands differ a lot: a split into octaves by low-pass filters of first order could
not tell a style that pulses 2.8 times a second from a content that does so 4.3 times.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from astfx.runtime.compiled import compiled

MODULATIONS_HZ = tuple(60.0 * 2.0 ** (-k / 2.0) for k in range(16))
"""Centres of the modulation bands, from the fastest to the slowest."""

SLOW_HZ = 0.25
"""What is slower counts as one more band."""

N_MODULATIONS = len(MODULATIONS_HZ) + 1
N_OCTAVES = 10
"""Number of modulation bands in files of earlier versions, which had octaves."""

_OCTAVE_BORDERS_HZ = (80.0, 40.0, 20.0, 10.0, 5.0, 2.5, 1.2, 0.6, 0.3)
_Q = 2.0
_HIGHEST_ANGLE = 0.9 * math.pi

Array = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.float64]


def band_angles(frame_rate_hz: float) -> Numbers:
    """Centres of the modulation bands in radians a frame, (n,).

    Long windows have few frames a second. Centres above their Nyquist frequency move below it.
    """
    angle = 2.0 * math.pi * np.array(MODULATIONS_HZ) / frame_rate_hz
    return np.minimum(angle, _HIGHEST_ANGLE)


def _bandpass_filters(frame_rate_hz: float) -> Numbers:
    """Coefficients b0 = -b2, a1 and a2 of each band-pass filter, with a peak of 1, (n, 3)."""
    angle = band_angles(frame_rate_hz)
    alpha = np.sin(angle) / (2.0 * _Q)
    return np.stack([alpha, -2.0 * np.cos(angle), 1.0 - alpha], axis=1) / (1.0 + alpha)[:, None]


def _slow_share(frame_rate_hz: float) -> float:
    return 1.0 - math.exp(-2.0 * math.pi * SLOW_HZ / frame_rate_hz)


def modulation_energies(envelopes: npt.NDArray[np.floating], frame_rate_hz: float) -> Numbers:
    """Sums over frames of the squared modulations of envelopes.

    Parameters
    ----------
    envelopes : (frames, bands)
        Relative to their mean, which is subtracted.
    frame_rate_hz : float

    Returns
    -------
    (bands, N_MODULATIONS)
        From the fastest modulations to the slowest.
    """
    # The same filters as in `add_modulations`, in NumPy: making a preset does not load numba.
    # Mirrored at its beginning, a short sound has its slow modulations from its first frame on.
    mirrored = np.concatenate([envelopes[::-1], envelopes]).astype(np.float64)
    raise_by, first, second = _bandpass_filters(frame_rate_hz).T
    share, n = _slow_share(frame_rate_hz), len(envelopes)
    state = np.zeros((2, envelopes.shape[1], len(MODULATIONS_HZ)))
    slow = np.zeros(envelopes.shape[1])
    energies = np.zeros((envelopes.shape[1], N_MODULATIONS))
    for k, value in enumerate(mirrored):
        raised = value[:, None] * raise_by
        modulation = raised + state[0]
        state[0] = state[1] - first * modulation
        state[1] = -raised - second * modulation
        slow += share * (value - slow)
        if k >= n:
            energies[:, :-1] += np.square(modulation)
            energies[:, -1] += np.square(slow)
    return energies


def from_octaves(powers: Array) -> Array:
    """Estimate the powers from those in octaves, (bands, N_OCTAVES) -> (bands, N_MODULATIONS).

    Each modulation band gets the power that noise would have in it, if it had the same power in
    each octave as its own octave has.
    """
    octaves = [sum(hz < border for border in _OCTAVE_BORDERS_HZ) for hz in MODULATIONS_HZ]
    # Integrals over the logarithm of frequency of the squared responses: of the band-pass filter,
    # and of the difference of two low-pass filters an octave apart.
    root = math.sqrt(4.0 * _Q * _Q - 1.0)
    ratio = (2.0 * math.atan(root) / root) / (math.log(2.0) / 3.0)
    return np.concatenate([powers[:, octaves] * np.float32(ratio), powers[:, -1:]], axis=1)


class ModulationPowers(NamedTuple):
    """Running powers of the modulations of bands.

    Attributes
    ----------
    filters : (n, 3)
        Coefficients of the band-pass filters.
    slow : float
        Coefficient of the low-pass filter.
    state : (bands, 2 * n + 1)
        Of the filters.
    powers : (bands, N_MODULATIONS)
        From the fastest modulations to the slowest.
    """

    filters: Numbers
    slow: float
    state: Numbers
    powers: Array

    @classmethod
    def of(cls, powers: Array, frame_rate_hz: float) -> ModulationPowers:
        """Begin with powers, (bands, N_MODULATIONS)."""
        state = np.zeros((len(powers), 2 * len(MODULATIONS_HZ) + 1))
        return cls(
            _bandpass_filters(frame_rate_hz), _slow_share(frame_rate_hz), state, powers.copy()
        )


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
    state, powers, filters = running.state[band], running.powers[band], running.filters
    n = len(filters)
    for k in range(n):
        raised = filters[k, 0] * value
        modulation = raised + state[2 * k]
        state[2 * k] = state[2 * k + 1] - filters[k, 1] * modulation
        state[2 * k + 1] = -raised - filters[k, 2] * modulation
        powers[k] += (modulation * modulation - powers[k]) * share
    state[2 * n] += running.slow * (value - state[2 * n])
    powers[n] += (state[2 * n] * state[2 * n] - powers[n]) * share
