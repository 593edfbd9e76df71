"""Water: a stream, bubbles, surf, drips, boiling."""

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
from presets.synthesis.physics import MINNAERT_METRE_HZ, bubble, in_room


def _bubbles(
    rng: Random,
    sample_rate: int,
    times: Signal,
    band_hz: tuple[float, float],
    rise: tuple[float, float],
    loudness: float,
) -> Signal:
    """Return bubbles at given times; larger bubbles are louder, by the power `loudness`."""
    frequency_hz = log_uniform(rng, *band_hz, times.size)
    rises = rng.uniform(*rise, times.size)
    gains = rng.pareto(3.0, times.size) + 0.15
    grains = (
        min(gain, 4.0)
        * (band_hz[0] / f) ** loudness
        * bubble(sample_rate, MINNAERT_METRE_HZ / f, r)
        for f, r, gain in zip(frequency_hz, rises, gains, strict=True)
    )
    return scattered(length(sample_rate), sample_rate, times, grains)


def stream(rng: Random, sample_rate: int) -> Signal:
    """A brook over stones: hundreds of small bubbles a second (van den Doel 2005)."""
    n = length(sample_rate)
    flow = swell(rng, 1000, 100.0, 4.0, 4.0)
    small = _bubbles(
        rng,
        sample_rate,
        poisson_times(rng, 260.0, intensity=flow),
        (700.0, 5200.0),
        (0.0, 0.12),
        0.6,
    )
    large = _bubbles(rng, sample_rate, poisson_times(rng, 35.0), (350.0, 1100.0), (0.0, 0.25), 0.3)
    rush = band_noise(rng, n, sample_rate, (300.0, 6000.0), -3.0) * swell(
        rng, n, sample_rate, 2.0, 1.5
    )
    return tamed(levelled(small) + levelled(large, -4.0) + levelled(rush, -13.0), 15.0)


def bubbles(rng: Random, sample_rate: int) -> Signal:
    """Air under water: strings of large bubbles, which become smaller within each string."""
    n = length(sample_rate)
    times, frequencies = [], []
    for onset in poisson_times(rng, 4.5):
        count = int(rng.integers(4, 13))
        gaps = rng.uniform(0.02, 0.075) * rng.gamma(8.0, 1.0 / 8.0, count)
        times.append(onset + np.cumsum(gaps))
        frequencies.append(
            rng.uniform(140.0, 620.0) * 2.0 ** (np.linspace(0.0, rng.uniform(0.0, 1.1), count))
        )
    pitch_hz = np.concatenate(frequencies)
    grains = (
        gain * bubble(sample_rate, MINNAERT_METRE_HZ / f, rise, 1.4)
        for f, rise, gain in zip(
            pitch_hz,
            rng.uniform(0.15, 0.45, pitch_hz.size),
            rng.uniform(0.3, 1.0, pitch_hz.size),
            strict=True,
        )
    )
    out = scattered(n, sample_rate, np.concatenate(times), grains)
    fizz = _bubbles(rng, sample_rate, poisson_times(rng, 25.0), (900.0, 2500.0), (0.0, 0.2), 0.5)
    under = low_pass(in_room(rng, out, sample_rate, 0.5, 0.35, 900.0), sample_rate, 2200.0)
    return tamed(levelled(under) + levelled(fizz, -17.0), 15.0)


def surf(rng: Random, sample_rate: int) -> Signal:
    """Waves on shingle: a rumbling swell, the breaking wave, foam that hisses and drains."""
    n = length(sample_rate)
    time = np.arange(n) / sample_rate
    out = levelled(band_noise(rng, n, sample_rate, (60.0, 700.0), -4.0), -9.0)
    for onset in np.array([0.6, 4.0, 7.2]) + rng.uniform(-0.3, 0.3, 3):
        since = (time - onset) % SECONDS
        size = float(rng.uniform(0.7, 1.1))
        swelling = np.exp(-(((since - 1.0) / 0.55) ** 2))
        breaking = np.where(since < 1.1, (since / 1.1) ** 4, np.exp(-(since - 1.1) / 0.7))
        foam = np.where(since < 1.4, (since / 1.4) ** 3, np.exp(-(since - 1.4) / 1.6))
        foam *= swell(rng, n, sample_rate, 12.0, 2.0)
        out += size * 0.9 * swelling * band_noise(rng, n, sample_rate, (50.0, 350.0), -3.0)
        out += size * breaking * band_noise(rng, n, sample_rate, (150.0, 2600.0), -3.0)
        out += size * 0.55 * foam * band_noise(rng, n, sample_rate, (1800.0, 12000.0), -1.5)
        pebbles = poisson_times(rng, 500.0, intensity=foam[:: sample_rate // 50] ** 2)
        gains = rng.pareto(2.0, pebbles.size).clip(0.0, 6.0)
        stones = impulses(n, sample_rate, pebbles, gains)
        out += levelled(band_pass(stones, sample_rate, (2500.0, 6500.0), 1), -13.0)
    return tamed(out, 13.0)


def drips(rng: Random, sample_rate: int) -> Signal:
    """A cave: several places that drip, each at its own rate and pitch, and a long echo."""
    n = length(sample_rate)
    out = np.zeros(n)
    for _ in range(9):
        gap = float(rng.uniform(0.55, 1.5))
        times = np.arange(0.0, SECONDS - 0.5 * gap, gap) + rng.uniform(0.0, gap)
        times += 0.03 * rng.standard_normal(times.size)
        frequency_hz = float(log_uniform(rng, 600.0, 3200.0, 1)[0])
        level = float(rng.uniform(0.3, 1.0))
        detuned = frequency_hz * 2.0 ** (0.12 * rng.standard_normal(times.size))
        rises = rng.uniform(0.05, 0.22, times.size)
        grains = [
            level * bubble(sample_rate, MINNAERT_METRE_HZ / f, rise, 0.55)
            for f, rise in zip(detuned, rises, strict=True)
        ]
        out += scattered(n, sample_rate, times + 0.018, grains)
        tick = attack_decay(sample_rate, 0.0002, 0.006, 0.008)
        clicks = scattered(n, sample_rate, times, [tick] * times.size)
        out += 0.5 * level * clicks * band_noise(rng, n, sample_rate, (2000.0, 9000.0))
    trickle = _bubbles(
        rng, sample_rate, poisson_times(rng, 14.0), (1500.0, 4500.0), (0.0, 0.1), 0.4
    )
    wet = in_room(rng, levelled(out) + levelled(trickle, -15.0), sample_rate, 2.4, 0.55, 3000.0)
    return tamed(wet, 19.0)


def boiling(rng: Random, sample_rate: int) -> Signal:
    """A pot at a rolling boil: surges of bubbles, seething water, steam under a fluttering lid."""
    n = length(sample_rate)
    surge = swell(rng, 2000, 200.0, 6.0, 6.0)
    boil = _bubbles(
        rng,
        sample_rate,
        poisson_times(rng, 170.0, intensity=surge),
        (110.0, 900.0),
        (0.05, 0.4),
        0.25,
    )
    spit = _bubbles(rng, sample_rate, poisson_times(rng, 60.0), (1500.0, 5000.0), (0.0, 0.3), 0.2)
    seethe = band_noise(rng, n, sample_rate, (60.0, 320.0), -2.0)
    grid = np.linspace(0.0, 2000.0, n, endpoint=False)
    seethe *= np.interp(grid, np.arange(2000), np.minimum(surge, 5.0))
    steam = band_noise(rng, n, sample_rate, (5000.0, 14000.0), 1.0)
    steam *= 1.0 + 0.4 * np.tanh(slow_noise(rng, n, sample_rate, 18.0))
    return tamed(
        levelled(boil) + levelled(seethe, -3.0) + levelled(spit, -14.0) + levelled(steam, -13.0),
        14.0,
    )


SOUNDS = (
    Sound(
        name="stream",
        title="Mountain stream",
        family="water",
        tags=("natural", "liquid", "dense", "steady"),
        description=(
            "Fast water over stones, a babble of small pitched drops. Liquid detail in the mid-"
            "range."
        ),
        recipe=stream,
    ),
    Sound(
        name="bubbles",
        title="Bubbles under water",
        family="water",
        tags=("natural", "liquid", "dark", "pitched"),
        description=(
            "Strings of round, rising bubbles with little above 2 kHz. Makes speech gargle."
        ),
        recipe=bubbles,
    ),
    Sound(
        name="surf",
        title="Surf on shingle",
        family="water",
        tags=("natural", "noisy", "slow", "wide"),
        description="Three waves that swell, break and drain through pebbles.",
        recipe=surf,
    ),
    Sound(
        name="drips",
        title="Dripping cave",
        family="water",
        tags=("natural", "liquid", "sparse", "reverberant", "pitched"),
        description="Drops of clear pitch into pools, each with its own pace, in a long echo.",
        recipe=drips,
    ),
    Sound(
        name="boiling",
        title="Rolling boil",
        family="water",
        tags=("natural", "liquid", "dense", "restless"),
        description="Deep bubbles that surge several times a second under a lid of steam.",
        recipe=boiling,
    ),
)
