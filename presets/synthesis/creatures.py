"""Creatures: bees, crickets, frogs, a heartbeat."""

from __future__ import annotations

import numpy as np

from presets.synthesis.common import (
    SECONDS,
    Random,
    Signal,
    Sound,
    attack_decay,
    band_noise,
    closed_phase,
    harmonics,
    impulses,
    length,
    levelled,
    low_pass,
    poisson_times,
    regular_times,
    scattered,
    slow_noise,
    swell,
    tamed,
)
from presets.synthesis.physics import bubble, in_room, modal, resonant


def bees(rng: Random, sample_rate: int) -> Signal:
    """A swarm: thirty pairs of wings that beat 180 to 270 times a second and come near and go."""
    n = length(sample_rate)
    out = np.zeros(n)
    for _ in range(30):
        own_hz = float(rng.uniform(180.0, 270.0))
        turns = slow_noise(rng, n, sample_rate, float(rng.uniform(0.8, 3.0)))
        near = np.maximum(0.04, slow_noise(rng, n, sample_rate, float(rng.uniform(0.5, 1.6)))) ** 2
        # A bee that flies past is sharp before and flat after.
        pitch_hz = own_hz * 2.0 ** (0.05 * turns + 0.04 * np.gradient(near) * sample_rate / 4.0)
        phase = closed_phase(np.clip(pitch_hz, 120.0, 400.0), sample_rate) + rng.uniform()
        order = np.arange(1, 15)
        levels = order**-0.7 * np.where(order % 2 == 0, 1.0, 0.7) * rng.uniform(0.5, 1.5, 14)
        wings = harmonics(phase, levels) * (1.0 + 0.3 * slow_noise(rng, n, sample_rate, 40.0))
        out += wings * near
    rustle = band_noise(rng, n, sample_rate, (1500.0, 8000.0), -3.0) * swell(
        rng, n, sample_rate, 12.0, 4.0
    )
    return tamed(levelled(out) + levelled(rustle, -22.0), 13.0)


def crickets(rng: Random, sample_rate: int) -> Signal:
    """A summer night: chirps of three pulses near 4.5 kHz, trills above, a far breeze below."""
    n = length(sample_rate)
    out = np.zeros(n)
    for _ in range(7):
        pitch_hz = float(rng.uniform(3900.0, 5100.0))
        time = np.arange(round(0.016 * sample_rate)) / sample_rate
        sweep = pitch_hz * (time - 1.5 * time**2)
        pulse = np.sin(2.0 * np.pi * sweep) * np.sin(np.pi * time / 0.016)
        chirps = regular_times(rng, float(rng.uniform(2.0, 3.4)), 0.04)
        times = np.concatenate([chirps + 0.024 * k for k in range(int(rng.integers(3, 5)))])
        level = float(rng.uniform(0.2, 1.0))
        out += scattered(n, sample_rate, times, [level * pulse] * times.size)
    for pitch_hz, beats, level in ((6150.0, 46.0, 0.16), (2950.0, 31.0, 0.12)):
        carrier = harmonics(
            closed_phase(
                pitch_hz * 2.0 ** (0.004 * slow_noise(rng, n, sample_rate, 3.0)), sample_rate
            ),
            np.array([1.0]),
        )
        trill = np.maximum(0.0, np.sin(2.0 * np.pi * beats * np.arange(n) / sample_rate)) ** 2
        out += level * carrier * trill * swell(rng, n, sample_rate, 0.6, 3.0)
    breeze = band_noise(rng, n, sample_rate, (150.0, 1800.0), -4.0)
    return tamed(in_room(rng, levelled(out) + levelled(breeze, -19.0), sample_rate, 0.4, 0.1), 16.0)


def frogs(rng: Random, sample_rate: int) -> Signal:
    """A pond at night: croaks of clicking throats, peepers above them, drops in between."""
    n = length(sample_rate)
    out = np.zeros(n)
    for _ in range(6):
        rate_hz = float(rng.uniform(28.0, 75.0))
        lasting = float(rng.uniform(0.25, 0.6))
        calls = regular_times(rng, float(rng.uniform(0.5, 1.0)), 0.1)
        clicks, gains = [], []
        for onset in calls:
            count = round(lasting * rate_hz)
            ramp = np.linspace(0.0, 1.0, count)
            clicks.append(onset + np.cumsum(np.linspace(1.2, 0.85, count)) / rate_hz)
            gains.append(np.sin(np.pi * ramp**0.6) ** 0.7 * rng.uniform(0.6, 1.0))
        times = np.concatenate(clicks)
        train = impulses(n, sample_rate, times, np.concatenate(gains))
        throat_hz = float(rng.uniform(380.0, 800.0)) * np.array([1.0, 2.1, 3.4])
        croak = resonant(train, sample_rate, throat_hz, [0.03, 0.022, 0.016], [1.0, 0.9, 0.5])
        out += levelled(croak, float(rng.uniform(-9.0, 0.0)))
    peeps = poisson_times(rng, 5.0)
    calls_of_peepers = []
    for _ in peeps:
        time = np.linspace(0.0, 1.0, round(rng.uniform(0.09, 0.16) * sample_rate))
        rising = float(rng.uniform(2300.0, 2900.0)) * (1.0 + 0.12 * time)
        peep = np.sin(2.0 * np.pi * np.cumsum(rising) / sample_rate) * np.sin(np.pi * time) ** 1.5
        calls_of_peepers.append(rng.uniform(0.2, 1.0) * peep)
    above = scattered(n, sample_rate, peeps, calls_of_peepers)
    plops = poisson_times(rng, 1.5)
    drops = [bubble(sample_rate, r, 0.25) for r in rng.uniform(0.003, 0.009, plops.size)]
    pond = scattered(n, sample_rate, plops, drops)
    night = band_noise(rng, n, sample_rate, (100.0, 2500.0), -5.0)
    mixed = levelled(out) + levelled(above, -9.0) + levelled(pond, -10.0) + levelled(night, -25.0)
    return tamed(in_room(rng, mixed, sample_rate, 0.8, 0.25), 15.0)


def heartbeat(rng: Random, sample_rate: int) -> Signal:
    """A heart heard from inside: two thuds a beat, 72 beats a minute, and blood that rushes."""
    n = length(sample_rate)
    beats = regular_times(rng, 1.2, 0.008)
    first = modal(
        sample_rate, [38.0, 57.0, 83.0, 124.0], [0.2, 0.17, 0.13, 0.08], [0.9, 1.0, 0.7, 0.35]
    )
    second = modal(sample_rate, [52.0, 78.0, 118.0, 165.0], [0.13, 0.11, 0.09, 0.06], 0.7)
    force = rng.uniform(0.85, 1.0, beats.size)
    out = scattered(n, sample_rate, beats, [f * first for f in force])
    out += scattered(n, sample_rate, beats + 0.31, [0.75 * f * second for f in force])
    rush = np.zeros(n)
    for shift, attack, decay, gain in ((0.03, 0.09, 0.5, 1.0), (0.36, 0.05, 0.4, 0.55)):
        wave = attack_decay(sample_rate, attack, decay, 0.45)
        rush += gain * scattered(n, sample_rate, beats + shift, [wave] * beats.size)
    seconds = np.arange(n) / sample_rate
    breath = 0.5 - 0.5 * np.cos(2.0 * np.pi * 3.0 * seconds / SECONDS)
    flow = band_noise(rng, n, sample_rate, (70.0, 420.0), -3.0) * (rush + 0.12)
    lungs = band_noise(rng, n, sample_rate, (200.0, 900.0), -4.0) * breath**2
    inside = low_pass(levelled(out) + levelled(flow, -13.0), sample_rate, 600.0)
    return tamed(inside + levelled(lungs, -23.0), 15.0)


SOUNDS = (
    Sound(
        name="bees",
        title="Swarm of bees",
        family="creatures",
        tags=("natural", "buzzing", "dense", "restless"),
        description="Thirty pairs of wings between 180 and 270 Hz that come near and pass.",
        recipe=bees,
    ),
    Sound(
        name="crickets",
        title="Crickets at night",
        family="creatures",
        tags=("natural", "bright", "pulsing", "sparse"),
        description="Chirps near 4.5 kHz, each at its own pace, and trills over a far breeze.",
        recipe=crickets,
    ),
    Sound(
        name="frogs",
        title="Frog pond",
        family="creatures",
        tags=("natural", "rough", "vocal", "rhythmic"),
        description="Croaks that grate and rise, peepers above them, and drops in the pond.",
        recipe=frogs,
    ),
    Sound(
        name="heartbeat",
        title="Heartbeat",
        family="creatures",
        tags=("human", "deep", "dark", "pulsing"),
        description="Two soft thuds 72 times a minute, heard from inside, and blood that rushes.",
        recipe=heartbeat,
    ),
)
