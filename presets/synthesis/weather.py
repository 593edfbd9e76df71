"""Weather: rain, hail, wind, thunder, leaves."""

from __future__ import annotations

import numpy as np

from presets.synthesis.common import (
    SECONDS,
    Random,
    Signal,
    Sound,
    attack_decay,
    band_noise,
    band_pass,
    impulses,
    length,
    levelled,
    log_uniform,
    low_pass,
    poisson_times,
    scattered,
    slow_noise,
    swell,
    tamed,
)
from presets.synthesis.physics import bubble, in_room, modal, whistling


def rain(rng: Random, sample_rate: int) -> Signal:
    """Drops of Marshall and Palmer's sizes on hard ground and puddles, over distant rain."""
    n = length(sample_rate)
    bed = band_noise(rng, n, sample_rate, (600.0, 11000.0), tilt_db=1.0)
    bed *= swell(rng, n, sample_rate, 0.4, 1.0)
    near = np.zeros(n)
    for band_hz, per_second in (
        ((900.0, 2200.0), 80.0),
        ((2000.0, 5000.0), 260.0),
        ((4500.0, 12000.0), 500.0),
    ):
        times = poisson_times(rng, per_second)
        diameter = rng.exponential(1.0, times.size)
        hits = impulses(n, sample_rate, times, diameter**1.7 * rng.choice([-1.0, 1.0], times.size))
        near += levelled(band_pass(hits, sample_rate, band_hz, 1))
    times = poisson_times(rng, 70.0)
    radius = np.clip(log_uniform(rng, 0.0005, 0.0030, times.size), 0.0, None)
    drops = (
        gain * bubble(sample_rate, r, rise)
        for r, rise, gain in zip(
            radius,
            rng.uniform(0.0, 0.2, times.size),
            rng.pareto(2.5, times.size) + 0.1,
            strict=True,
        )
    )
    puddles = scattered(n, sample_rate, times, drops)
    return tamed(levelled(bed, -5.0) + levelled(near, -3.0) + levelled(puddles, -6.0), 14.0)


def hail(rng: Random, sample_rate: int) -> Signal:
    """Hailstones that bounce on a thin metal roof and excite other modes at each place."""
    n = length(sample_rate)
    gusts = swell(rng, 400, 40.0, 0.5, 4.0)
    times, gains = [], []
    for first in poisson_times(rng, 26.0, intensity=gusts):
        when, gain, gap = (
            float(first),
            float(rng.pareto(2.2) + 0.25),
            float(rng.uniform(0.05, 0.12)),
        )
        for _ in range(int(rng.integers(1, 5))):
            times.append(when)
            gains.append(min(gain, 6.0))
            when, gap, gain = when + gap, gap * 0.62, gain * 0.45
    places = np.array(times) % SECONDS
    modes_hz = np.sort(log_uniform(rng, 380.0, 7500.0, 26))
    grains = []
    for gain in gains:
        heard = rng.choice(26, 9, replace=False)
        t60 = 0.16 * (modes_hz[heard] / 1000.0) ** -0.5 * rng.uniform(0.7, 1.3)
        grains.append(gain * modal(sample_rate, modes_hz[heard], t60, rng.uniform(0.2, 1.0, 9)))
    ring = scattered(n, sample_rate, places, grains)
    clicks = band_pass(
        impulses(n, sample_rate, places, np.array(gains)), sample_rate, (2500.0, 14000.0), 1
    )
    rush = band_noise(rng, n, sample_rate, (250.0, 3500.0), tilt_db=-2.0)
    return tamed(levelled(ring) + levelled(clicks, -6.0) + levelled(rush, -22.0), 15.0)


def wind(rng: Random, sample_rate: int) -> Signal:
    """Gusts that howl at edges and gaps: four whistling bands that rise with the wind's speed."""
    n = length(sample_rate)
    speed = slow_noise(rng, n, sample_rate, 0.45) + 0.35 * slow_noise(rng, n, sample_rate, 2.0)
    out = levelled(
        band_noise(rng, n, sample_rate, (40.0, 420.0), -4.0) * 2.0 ** (0.7 * speed), -3.0
    )
    for centre_hz, width_hz, level_db in (
        (310.0, 18.0, -2.0),
        (540.0, 30.0, -3.0),
        (930.0, 42.0, -7.0),
        (1750.0, 110.0, -13.0),
    ):
        own = slow_noise(rng, n, sample_rate, 0.8)
        howl = whistling(
            rng, n, sample_rate, centre_hz * 2.0 ** (0.22 * speed + 0.07 * own), width_hz
        )
        out += levelled(howl * 2.0 ** (1.1 * speed + 0.8 * own), level_db)
    air = band_noise(rng, n, sample_rate, (900.0, 6000.0), -5.0) * 2.0 ** (1.4 * speed)
    return tamed(out + levelled(air, -14.0), 13.0)


def thunder(rng: Random, sample_rate: int) -> Signal:
    """Rolling claps: shocks from crooked channels that arrive over several seconds (Few 1969)."""
    n = length(sample_rate)
    out = np.zeros(n)
    for onset in np.arange(4) * 2.5 + rng.uniform(0.0, 1.2, 4):
        distance = float(rng.uniform(0.15, 1.0))
        lobes = np.sort(rng.gamma(1.3, 0.45, 7))
        delays = np.concatenate([rng.gamma(2.0, 0.03, 24) + lobe for lobe in lobes])
        gains = np.minimum(0.15 + rng.pareto(2.0, delays.size), 4.0) * np.exp(-0.7 * delays)
        shock = attack_decay(sample_rate, 0.002, 0.12, 0.15)
        claps = impulses(n, sample_rate, onset + delays, gains)
        near = low_pass(claps, sample_rate, 900.0 / (0.3 + distance))
        pressure = scattered(n, sample_rate, onset + delays, [g * shock for g in gains])
        far = low_pass(pressure, sample_rate, 150.0, 1)
        out += levelled(near, -9.0 - 8.0 * distance) + levelled(far, -1.0 - 3.0 * distance)
    rumble = band_noise(rng, n, sample_rate, (28.0, 110.0), -2.0)
    rumble *= swell(rng, n, sample_rate, 1.2, 4.0)
    air = band_noise(rng, n, sample_rate, (150.0, 1500.0), -6.0) * swell(
        rng, n, sample_rate, 5.0, 6.0
    )
    out = in_room(rng, out, sample_rate, 2.5, 0.8, 500.0)
    return tamed(levelled(out) + levelled(rumble, -6.0) + levelled(air, -15.0), 13.0)


def leaves(rng: Random, sample_rate: int) -> Signal:
    """Dry foliage in gusts: thousands of small dry contacts of fluttering leaves."""
    n = length(sample_rate)
    gusts = slow_noise(rng, 2000, 200.0, 0.5)
    out = np.zeros(n)
    for _ in range(14):
        centre_hz = float(log_uniform(rng, 1500.0, 9000.0, 1)[0])
        flutter = swell(rng, 2000, 200.0, float(rng.uniform(5.0, 16.0)), 9.0)
        own = slow_noise(rng, 2000, 200.0, 1.5)
        curve = flutter * 2.0 ** (2.2 * gusts + 1.2 * own)
        times = poisson_times(rng, 130.0, intensity=np.minimum(curve, 12.0))
        gains = rng.pareto(2.5, times.size) * rng.choice([-1.0, 1.0], times.size)
        dry = impulses(n, sample_rate, times, np.clip(gains, -5.0, 5.0))
        band_hz = (centre_hz / 1.3, centre_hz * 1.3)
        out += levelled(band_pass(dry, sample_rate, band_hz, 1), float(rng.uniform(-4.0, 0.0)))
    hush = band_noise(rng, n, sample_rate, (1200.0, 7000.0), -3.0)
    grid = np.linspace(0.0, 1.0, n, endpoint=False) * gusts.size
    hush *= 2.0 ** (1.2 * np.interp(grid, np.arange(gusts.size), gusts))
    return tamed(levelled(out) + levelled(hush, -12.0), 14.0)


SOUNDS = (
    Sound(
        name="rain",
        title="Rain",
        family="weather",
        tags=("natural", "noisy", "bright", "dense", "steady"),
        description="Steady rain on hard ground, close drops and puddles in front of a wide hiss.",
        recipe=rain,
    ),
    Sound(
        name="hail",
        title="Hail on a tin roof",
        family="weather",
        tags=("natural", "metallic", "percussive", "sparse"),
        description=(
            "Hard stones that bounce on sheet metal in gusts. Turns anything into rattle and ping."
        ),
        recipe=hail,
    ),
    Sound(
        name="wind",
        title="Howling wind",
        family="weather",
        tags=("natural", "noisy", "dark", "slow", "whistling"),
        description="Gusts over a low rush, howling in moving bands around eaves and gaps.",
        recipe=wind,
    ),
    Sound(
        name="thunder",
        title="Rolling thunder",
        family="weather",
        tags=("natural", "dark", "deep", "slow"),
        description=(
            "Claps that roll away for seconds over a floor of rumble, nearly all below 500 Hz."
        ),
        recipe=thunder,
    ),
    Sound(
        name="leaves",
        title="Dry leaves",
        family="weather",
        tags=("natural", "noisy", "bright", "fluttering"),
        description="Foliage that rustles up and dies down; crisp, dry and without any pitch.",
        recipe=leaves,
    ),
)
