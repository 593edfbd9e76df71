"""How much presets resemble each other, by their spectra and the movement of their bands."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from astfx.presets.preset import Preset
from astfx.presets.profiles import Array, Profile, profile

_LOWEST_DB = -60.0  # what is quieter than this beside the loudest band is not heard
_LOWEST_SHARE_DB = -40.0


def distance_db(first: Profile, second: Profile) -> float:
    """Return the distance of two profiles, in dB: 0 for equal ones.

    It is the root mean square difference of the levels of sixth-octave bands at three quantiles.
    If both presets have them, that of the modulation of the bands is added in power.
    """
    parts = [_difference(first.level_db, second.level_db, _LOWEST_DB)]
    if first.modulation_db is not None and second.modulation_db is not None:
        parts.append(_difference(first.modulation_db, second.modulation_db, _LOWEST_SHARE_DB))
    return float(np.sqrt(np.sum(np.square(parts))))


def by_likeness(preset: Preset, others: Iterable[Preset]) -> list[tuple[float, Preset]]:
    """Return other presets with their distances from a preset in dB, the nearest first."""
    own = profile(preset)
    found = [(distance_db(own, profile(other)), other) for other in others]
    return sorted(found, key=lambda pair: (pair[0], pair[1].name))


def _difference(first: Array, second: Array, lowest: float) -> float:
    apart = np.maximum(first, lowest) - np.maximum(second, lowest)
    return float(np.sqrt(np.mean(np.square(apart))))
