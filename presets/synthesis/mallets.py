"""Mallets and brass: a marimba, a kalimba, a music box, a steel drum, a swell of brass."""

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
    closed_phase,
    impulses,
    length,
    levelled,
    regular_times,
    scattered,
    slow_noise,
    tamed,
)
from presets.synthesis.physics import HIGHEST_SHARE, in_room, modal, resonant

# Partials of a bar that is clamped at one end (Fletcher & Rossing, The Physics of Musical
# Instruments).
TINE = np.array([1.0, 6.267, 17.55])


def marimba(rng: Random, sample_rate: int) -> Signal:
    """Crossing patterns on wooden bars that are tuned to two octaves, over tuned tubes."""
    n = length(sample_rate)
    out = np.zeros(n)
    scale = np.array([0.0, 3.0, 5.0, 7.0, 10.0, 12.0, 15.0])
    for root_hz, per_second, level in ((110.0, 4.0, 1.0), (220.0, 9.6, 0.7), (440.0, 6.4, 0.5)):
        times = regular_times(rng, per_second, 0.015)
        bars = []
        for step in scale:
            pitch_hz = root_hz * 2.0 ** (step / 12.0)
            t60 = 1.1 * (pitch_hz / 220.0) ** -0.6 * np.array([1.0, 0.22, 0.08])
            bar = modal(sample_rate, pitch_hz * np.array([1.0, 3.98, 9.6]), t60, [1.0, 0.22, 0.09])
            bars.append(bar)
        path = np.abs((np.arange(times.size) + int(rng.integers(0, 12))) % 12 - 6)
        accents = np.where(np.arange(times.size) % 3 == 0, 1.0, 0.6)
        strokes = [gain * bars[k] for k, gain in zip(path, accents, strict=True)]
        out += level * scattered(n, sample_rate, times, strokes)
        yarn = attack_decay(sample_rate, 0.002, 0.03, 0.035)
        taps = scattered(n, sample_rate, times, [0.12 * level * gain * yarn for gain in accents])
        out += taps * band_noise(rng, n, sample_rate, (250.0, 1800.0), -3.0)
    return tamed(in_room(rng, levelled(out), sample_rate, 0.9, 0.3, 2500.0), 14.0)


def kalimba(rng: Random, sample_rate: int) -> Signal:
    """Steel tines on a wooden box, played by two thumbs, with rattling rings on the tines."""
    n = length(sample_rate)
    times = regular_times(rng, 5.6, 0.04)
    steps = np.array([0.0, 2.0, 4.0, 7.0, 9.0, 12.0, 14.0, 16.0, 19.0])
    out, buzz = np.zeros(n), np.zeros(n)
    place = 4
    for when in times:
        place = int(np.clip(place + rng.integers(-3, 4), 0, 8))
        pitch_hz = 293.66 * 2.0 ** (steps[place] / 12.0)
        tine = modal(
            sample_rate, pitch_hz * TINE * [1.0, 0.93, 0.9], [1.5, 0.35, 0.06], [1.0, 0.16, 0.14]
        )
        gain = float(rng.uniform(0.5, 1.0))
        out += scattered(n, sample_rate, np.array([when]), [gain * tine])
        contacts = when + np.arange(0.0, 0.22, 2.0 / pitch_hz)
        rattle = gain * np.exp(-np.arange(contacts.size) / 18.0) * rng.uniform(0.2, 1.0)
        buzz += impulses(n, sample_rate, contacts, rattle)
    rings = resonant(buzz, sample_rate, [3100.0, 4700.0, 7300.0], 0.02, [1.0, 0.8, 0.5])
    thumb = band_pass(
        impulses(n, sample_rate, times, np.ones(times.size)), sample_rate, (180.0, 900.0), 1
    )
    box = resonant(out, sample_rate, [176.0, 352.0, 610.0], [0.12, 0.09, 0.06], [0.7, 1.0, 0.6])
    mixed = levelled(out) + levelled(box, -10.0) + levelled(rings, -17.0) + levelled(thumb, -15.0)
    return tamed(in_room(rng, mixed, sample_rate, 0.5, 0.2), 15.0)


def music_box(rng: Random, sample_rate: int) -> Signal:
    """A comb of small steel teeth that play a waltz, in a wooden box with a fly governor."""
    n = length(sample_rate)
    tune = (0, 4, 7, 12, 7, 4, 2, 5, 9, 14, 9, 5, -1, 2, 7, 11, 7, 2, 0, 4, 7, 16, 12, 7)
    beat = SECONDS / 48.0
    times, grains = [], []
    for k in range(48):
        steps = [tune[k % 24]]
        if k % 3 == 0:
            steps.append((-12, -12, -7, -5)[k // 12])
        for step in steps:
            pitch_hz = 1568.0 * 2.0 ** (step / 12.0)
            t60 = np.array([1.9, 0.3, 0.05]) * (pitch_hz / 1000.0) ** -0.5
            times.append(k * beat + 0.006 * rng.standard_normal())
            tooth = modal(sample_rate, pitch_hz * TINE, t60, [1.0, 0.12, 0.05])
            grains.append(float(rng.uniform(0.6, 1.0)) * tooth)
    out = scattered(n, sample_rate, np.array(times), grains)
    pluck = impulses(n, sample_rate, np.array(times), np.ones(len(times)))
    ticks = resonant(pluck, sample_rate, [2300.0, 5200.0, 8800.0], 0.012, [0.6, 1.0, 0.6])
    gears = regular_times(rng, 21.0, 0.03)
    works = band_pass(
        impulses(n, sample_rate, gears, rng.uniform(0.4, 1.0, gears.size)),
        sample_rate,
        (1500.0, 7000.0),
        1,
    )
    box = resonant(out, sample_rate, [1100.0, 1900.0, 3200.0], 0.02, [1.0, 0.8, 0.5])
    mixed = levelled(out) + levelled(box, -12.0) + levelled(ticks, -22.0) + levelled(works, -27.0)
    return tamed(in_room(rng, mixed, sample_rate, 0.7, 0.2), 15.0)


def steel_drum(rng: Random, sample_rate: int) -> Signal:
    """Rolls and runs on a steel pan, whose upper harmonics bloom after the stroke and beat."""
    n = length(sample_rate)
    times = regular_times(rng, 8.0, 0.03)
    steps = np.array([0.0, 4.0, 5.0, 7.0, 9.0, 12.0, 16.0])
    notes = []
    time = np.arange(round(1.2 * sample_rate)) / sample_rate
    for step in steps:
        pitch_hz = 277.18 * 2.0 ** (step / 12.0)
        note = np.zeros(time.size)
        for order, gain, bloom, t60 in (
            (1.0, 1.0, 0.003, 0.9),
            (2.0, 0.9, 0.018, 0.7),
            (3.0, 0.45, 0.03, 0.5),
            (4.0, 0.35, 0.035, 0.45),
            (5.98, 0.2, 0.04, 0.3),
            (8.1, 0.1, 0.04, 0.2),
        ):
            rise = 1.0 - np.exp(-time / bloom)
            for split in (1.0, 1.0 + 0.0035 * rng.uniform(0.5, 1.0)):
                f = pitch_hz * order * split
                if f < HIGHEST_SHARE * sample_rate:
                    note += gain * rise * 10.0 ** (-3.0 * time / t60) * np.sin(2 * np.pi * f * time)
        notes.append(note * np.minimum(1.0, (time[-1] - time) / 0.05))
    place, played = 3, []
    for k in range(times.size):
        if k % 4 == 0 or k % 16 < 6:
            place = int(np.clip(place + rng.integers(-2, 3), 0, 6))
        played.append(float(rng.uniform(0.55, 1.0)) * notes[place])
    out = scattered(n, sample_rate, times, played)
    stick = band_pass(
        impulses(n, sample_rate, times, np.ones(times.size)), sample_rate, (900.0, 5000.0), 1
    )
    skirt = resonant(stick, sample_rate, [640.0, 1730.0, 2890.0], [0.09, 0.07, 0.05], 1.0)
    mixed = levelled(out) + levelled(skirt, -16.0) + levelled(stick, -20.0)
    return tamed(in_room(rng, mixed, sample_rate, 1.0, 0.3), 14.0)


def brass_swell(rng: Random, sample_rate: int) -> Signal:
    """Trombones and horns that swell twice: the louder they play, the brighter they become."""
    n = length(sample_rate)
    seconds = np.arange(n) / sample_rate
    out, air = np.zeros(n), np.zeros(n)
    for pitch_hz in (58.27, 87.31, 116.54, 174.61, 233.08, 293.66):
        for _ in range(2):
            late = float(rng.uniform(-0.12, 0.12))
            rise = 0.5 - 0.5 * np.cos(2.0 * np.pi * (seconds - late) / 5.0)
            force = 0.12 + 0.88 * rise**1.7
            drift = slow_noise(rng, n, sample_rate, 2.5)
            cents = 5.0 * rng.standard_normal() + 4.0 * drift - 14.0 * (1.0 - force)
            phase = closed_phase(pitch_hz * 2.0 ** (cents / 1200.0), sample_rate) + rng.uniform()
            count = min(36, int(0.42 * sample_rate / pitch_hz), int(7000.0 / pitch_hz))
            turn = np.exp(2j * np.pi * phase)
            power = np.ones_like(turn)
            # Each harmonic grows faster with the force than the one below it.
            growth, gain = force**0.17, force**0.9
            for k in range(1, count + 1):
                power *= turn
                gain = gain * growth
                out += gain / k**0.45 / (1.0 + (k * pitch_hz / 2600.0) ** 4) * power.imag
            air += force
    blown = band_noise(rng, n, sample_rate, (600.0, 6000.0), -4.0) * air
    hall = in_room(rng, levelled(out) + levelled(blown, -30.0), sample_rate, 1.9, 0.45, 3000.0)
    return tamed(hall, 12.0)


SOUNDS = (
    Sound(
        name="marimba",
        title="Marimba",
        family="mallets and brass",
        tags=("percussive", "pitched", "warm", "rhythmic"),
        description="Three crossing patterns on wooden bars, round and quick to fade.",
        recipe=marimba,
    ),
    Sound(
        name="kalimba",
        title="Kalimba",
        family="mallets and brass",
        tags=("plucked", "pitched", "warm", "buzzing"),
        description="Steel tines on a wooden box under two thumbs, with rings that rattle.",
        recipe=kalimba,
    ),
    Sound(
        name="music-box",
        title="Music box",
        family="mallets and brass",
        tags=("plucked", "tonal", "bright", "ringing"),
        description="A small steel comb that plays a waltz, high and clear, while the works run.",
        recipe=music_box,
    ),
    Sound(
        name="steel-drum",
        title="Steel drum",
        family="mallets and brass",
        tags=("percussive", "metallic", "tonal", "ringing"),
        description="Rolls and runs on a steel pan, whose overtones bloom after each stroke.",
        recipe=steel_drum,
    ),
    Sound(
        name="brass-swell",
        title="Brass swell",
        family="mallets and brass",
        tags=("tonal", "warm", "slow", "rising"),
        description="Trombones and horns on a wide chord that swells twice from dark to blazing.",
        recipe=brass_swell,
    ),
)
