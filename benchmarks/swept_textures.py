"""Synthesised textures with one parameter each, to check the measures with.

Every texture is made from random draws of its own, so two takes with the same parameter share
nothing but the parameter.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from astfx.audio import Waveform
from presets.synthesis.common import (
    SECONDS,
    Random,
    Signal,
    band_noise,
    levelled,
    log_uniform,
    poisson_times,
    regular_times,
    scattered,
    slow_noise,
)

RATE = 22050
_N = round(SECONDS * RATE)
_BED_DB = -30.0  # of the noise behind events: a recording is never silent between them


@dataclass(frozen=True)
class Sweep:
    """A texture, and the values of its parameter. The middle value is the right one.

    Attributes
    ----------
    name : str
    label : str
        Of an axis, with the unit.
    values : tuple of float
        An odd number, rising.
    logarithmic : bool
        Whether the values are spread over a logarithmic axis.
    recipe : callable
        Maps a random generator and a value to samples at any level.
    """

    name: str
    label: str
    values: tuple[float, ...]
    logarithmic: bool
    recipe: Callable[[Random, float], Signal]

    @property
    def middle(self) -> int:
        """Index of the right value."""
        return len(self.values) // 2

    def take(self, index: int, seed: int) -> Waveform:
        """Return ten seconds at `values[index]`, (1, samples)."""
        rng = np.random.default_rng([zlib.crc32(self.name.encode()), index, seed])
        samples = levelled(self.recipe(rng, self.values[index]), -20.0)
        return samples[None].astype(np.float32)


def _tones(rng: Random, times: Signal, centre_hz: float, octaves: float) -> list[Signal]:
    """Return damped sines, one for each time, within some octaves around a frequency."""
    reach = 2.0 ** (octaves / 2.0)
    frequency_hz = log_uniform(rng, centre_hz / reach, centre_hz * reach, times.size)
    t60 = log_uniform(rng, 0.05, 0.2, times.size)
    gain = 10.0 ** (rng.normal(0.0, 5.0, times.size) / 20.0)
    time = np.arange(round(0.25 * RATE)) / RATE
    return [
        a * np.sin(2.0 * np.pi * f * time) * 10.0 ** (-3.0 * time / t)
        for a, f, t in zip(gain, frequency_hz, t60, strict=True)
    ]


def _knock() -> Signal:
    """Return a struck piece of wood, always the same."""
    time = np.arange(round(0.12 * RATE)) / RATE
    modes = ((310.0, 0.1), (740.0, 0.08), (1630.0, 0.05), (3470.0, 0.03))
    ringing = [np.sin(2.0 * np.pi * f * time) * 10.0 ** (-3.0 * time / t60) for f, t60 in modes]
    return np.asarray(np.sum(ringing, axis=0))


def _events(rng: Random, times: Signal, grains: list[Signal]) -> Signal:
    bed = band_noise(rng, _N, RATE, (150.0, 8000.0), tilt_db=-3.0)
    return levelled(scattered(_N, RATE, times, grains)) + levelled(bed, _BED_DB)


def density(rng: Random, per_second: float) -> Signal:
    """Drops: damped tones at independent times."""
    times = poisson_times(rng, per_second)
    return _events(rng, times, _tones(rng, times, 1700.0, 3.0))


def brightness(rng: Random, centre_hz: float) -> Signal:
    """Drops whose pitches lie within two octaves around a frequency."""
    times = poisson_times(rng, 20.0)
    return _events(rng, times, _tones(rng, times, centre_hz, 2.0))


def modulation(rng: Random, rate_hz: float) -> Signal:
    """Noise that swells and fades at a rate that wanders by a tenth."""
    wander = slow_noise(rng, _N, RATE, 0.5 * rate_hz)
    phase = 2.0 * np.pi * (np.cumsum(rate_hz * (1.0 + 0.1 * wander)) / RATE + rng.uniform())
    noise = band_noise(rng, _N, RATE, (150.0, 8000.0), tilt_db=-3.0)
    return np.asarray(noise * (1.0 + 0.9 * np.sin(phase)))


def regularity(rng: Random, jitter: float) -> Signal:
    """Six equal knocks a second, displaced at random by a share of their period."""
    times = regular_times(rng, 6.0, jitter)
    return _events(rng, times, [_knock()] * times.size)


def correlation(rng: Random, share: float) -> Signal:
    """Ten bands of noise that swell at random, with a share of their swell in common."""
    edges_hz = np.geomspace(120.0, 9000.0, 11)
    common = slow_noise(rng, _N, RATE, 6.0)
    out = np.zeros(_N)
    for band_hz in pairwise(edges_hz):
        own = slow_noise(rng, _N, RATE, 6.0)
        curve = np.sqrt(share) * common + np.sqrt(1.0 - share) * own
        out += band_noise(rng, _N, RATE, band_hz, order=4) * 10.0 ** (8.0 * curve / 20.0)
    return out


def glides(rng: Random, rising: float) -> Signal:
    """Chirps over two octaves, a share of which rise."""
    times = poisson_times(rng, 12.0)
    centre_hz = log_uniform(rng, 500.0, 3000.0, times.size)
    way = np.where(rng.uniform(size=times.size) < rising, 1.0, -1.0)
    place = np.linspace(-1.0, 1.0, round(0.15 * RATE))
    grains = [
        np.hanning(place.size)
        * np.sin(2.0 * np.pi * np.cumsum(centre * 2.0 ** (sign * place)) / RATE)
        for centre, sign in zip(centre_hz, way, strict=True)
    ]
    return _events(rng, times, grains)


def attacks(rng: Random, reversed_share: float) -> Signal:
    """Equal knocks, a share of which are reversed in time: they fade in and stop."""
    times = poisson_times(rng, 6.0)
    back = rng.uniform(size=times.size) < reversed_share
    knock = _knock()
    return _events(rng, times, [knock[::-1] if turned else knock for turned in back])


def _around(middle: float, factor: float) -> tuple[float, ...]:
    return tuple(middle * factor**step for step in range(-4, 5))


_SHARES = tuple(step / 8.0 for step in range(9))
SWEEPS = (
    Sweep("density", "events per second", _around(20.0, 1.5), True, density),
    Sweep("brightness", "centre (Hz)", _around(1500.0, 1.3), True, brightness),
    Sweep("modulation rate", "rate (Hz)", _around(8.0, 1.6), True, modulation),
    Sweep(
        "irregularity",
        "displacement (share of a period)",
        (0.0, 0.03, 0.06, 0.1, 0.15, 0.21, 0.28, 0.36, 0.45),
        False,
        regularity,
    ),
    Sweep("correlation of bands", "common share", _SHARES, False, correlation),
    Sweep("direction of glides", "rising share", _SHARES, False, glides),
    Sweep("direction of time", "reversed share", _SHARES, False, attacks),
)
