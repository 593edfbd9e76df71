"""Recordings and signals: vinyl crackle, tape hiss, a modem, an arcade, sonar."""

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
from presets.synthesis.physics import bubble, in_room, whistling


def vinyl_crackle(rng: Random, sample_rate: int) -> Signal:
    """A worn record between the songs: ticks, pops, one scratch each turn, rumble of the motor."""
    n = length(sample_rate)
    dirt = swell(rng, 500, 50.0, 2.0, 4.0)
    out = np.zeros(n)
    for band_hz, per_second, level_db in (
        ((700.0, 2500.0), 12.0, -3.0),
        ((1800.0, 6000.0), 60.0, 0.0),
        ((4500.0, 14000.0), 90.0, -4.0),
    ):
        times = poisson_times(rng, per_second, intensity=dirt)
        gains = np.minimum(0.08 + rng.pareto(1.5, times.size), 9.0)
        ticks = impulses(n, sample_rate, times, gains * rng.choice([-1.0, 1.0], times.size))
        out += levelled(band_pass(ticks, sample_rate, band_hz, 1), level_db)
    # A scratch across the groove comes back with every turn.
    turns = regular_times(rng, 0.55, 0.0)
    scratch = np.concatenate([turns + 0.004 * k for k in range(9)])
    strokes = impulses(n, sample_rate, scratch, rng.uniform(0.4, 1.0, scratch.size))
    out += levelled(band_pass(strokes, sample_rate, (250.0, 3500.0), 1), -5.0)
    rumble = band_noise(rng, n, sample_rate, (24.0, 75.0), -4.0) * swell(
        rng, n, sample_rate, 0.55, 2.0
    )
    groove = band_noise(rng, n, sample_rate, (300.0, 9000.0), -3.0)
    return tamed(out + levelled(rumble, -5.0) + levelled(groove, -15.0), 19.0)


def tape_hiss(rng: Random, sample_rate: int) -> Signal:
    """An empty tape, played loudly: hiss with flutter and dropouts over hum and a motor."""
    n = length(sample_rate)
    seconds = np.arange(n) / sample_rate
    flutter = 1.0 + 0.16 * np.sin(2.0 * np.pi * 9.6 * seconds)
    flutter += 0.12 * np.sin(2.0 * np.pi * 0.7 * seconds)
    hiss = band_noise(rng, n, sample_rate, (900.0, 15000.0), 2.0) * flutter
    hiss *= swell(rng, n, sample_rate, 30.0, 1.2)
    for onset in poisson_times(rng, 1.2):
        since = ((seconds - onset + 0.5 * SECONDS) % SECONDS) - 0.5 * SECONDS
        hiss *= 1.0 - rng.uniform(0.5, 0.9) * np.exp(-((since / rng.uniform(0.02, 0.07)) ** 2))
    hum = harmonics(
        closed_phase(np.full(n, 50.0), sample_rate), np.array([1.0, 0.5, 0.6, 0.1, 0.3, 0.05, 0.2])
    )
    motor = whistling(rng, n, sample_rate, np.full(n, 860.0), 4.0) * flutter**2
    print_through = band_noise(rng, n, sample_rate, (120.0, 700.0), -3.0)
    print_through *= swell(rng, n, sample_rate, 3.0, 5.0)
    out = levelled(hiss) + levelled(hum, -13.0) + levelled(motor, -24.0)
    return out + levelled(print_through, -15.0)


def _gate(n: int, sample_rate: int, start: float, stop: float, edge: float = 0.006) -> Signal:
    """Return a gain of 1 from a start to a stop in seconds, with short edges."""
    seconds = np.arange(n) / sample_rate
    ramp = np.minimum(seconds - start, stop - seconds) / edge
    return np.asarray(np.sin(0.5 * np.pi * np.clip(ramp, 0.0, 1.0)) ** 2)


def modem(rng: Random, sample_rate: int) -> Signal:
    """A call by modem: dialling, an answering tone, warbles, and the scrambled noise of data."""
    n = length(sample_rate)
    seconds = np.arange(n) / sample_rate

    def tones(start: float, stop: float, *pitches_hz: float) -> Signal:
        parts = sum(np.sin(2.0 * np.pi * hz * seconds) for hz in pitches_hz)
        return np.asarray(parts * _gate(n, sample_rate, start, stop) / len(pitches_hz))

    out = tones(0.05, 0.6, 350.0, 440.0)
    rows, columns = (697.0, 770.0, 852.0, 941.0), (1209.0, 1336.0, 1477.0)
    for digit in range(9):
        begin = 0.66 + 0.105 * digit
        pair = (rows[int(rng.integers(0, 4))], columns[int(rng.integers(0, 3))])
        out += 1.2 * tones(begin, begin + 0.07, *pair)
    # The answering tone of V.25, whose phase is reversed every 0.45 seconds.
    turned = np.where((seconds / 0.45) % 2.0 < 1.0, 1.0, -1.0)
    out += 0.9 * tones(1.75, 3.0, 2100.0) * turned
    for begin, bit_hz in ((3.0, (980.0, 1180.0)), (3.8, (1650.0, 1850.0))):
        count = round(0.85 * 300.0)
        bits = rng.integers(0, 2, count)
        index = np.clip(((seconds - begin) * 300.0).astype(np.int64), 0, count - 1)
        keyed = np.sin(2.0 * np.pi * np.cumsum(np.array(bit_hz)[bits[index]]) / sample_rate)
        out += 0.8 * keyed * _gate(n, sample_rate, begin, begin + 0.85)
    comb = sum(
        np.cos(2.0 * np.pi * 150.0 * k * seconds + rng.uniform(0.0, 6.0)) for k in range(2, 23)
    )
    out += 0.22 * comb * _gate(n, sample_rate, 4.6, 5.2)
    for begin, stop, carriers_hz in ((5.2, 6.3, (600.0, 3000.0)), (6.3, 7.0, (1200.0, 2400.0))):
        out += 0.7 * tones(begin, stop, *carriers_hz)
    data = band_noise(rng, n, sample_rate, (450.0, 3300.0), 0.0, 6)
    data *= np.repeat(rng.uniform(0.7, 1.0, 500), -(-n // 500))[:n]
    out += 0.5 * data * (_gate(n, sample_rate, 5.3, 6.1) + 1.3 * _gate(n, sample_rate, 6.5, 9.97))
    line = band_noise(rng, n, sample_rate, (250.0, 3400.0), -2.0)
    return band_pass(out + levelled(line, -28.0), sample_rate, (280.0, 3400.0), 3)


def _square(sample_rate: int, pitch_hz: Signal) -> Signal:
    """Return a square wave of a moving pitch, without partials that the sample rate cannot hold."""
    count = max(1, int(0.45 * sample_rate / pitch_hz.max()))
    order = np.arange(1, min(count, 40) + 1)
    return harmonics(np.cumsum(pitch_hz) / sample_rate, np.where(order % 2 == 1, 1.0, 0.0) / order)


def arcade(rng: Random, sample_rate: int) -> Signal:
    """A hall of arcade machines: arpeggios of square waves, lasers, coins and explosions."""
    n = length(sample_rate)
    out = np.zeros(n)
    chords = ((0, 4, 7, 12), (-3, 0, 4, 9), (-7, -3, 0, 5), (-5, -1, 2, 7))
    for octave, per_second, level in ((220.0, 16.0, 0.5), (440.0, 12.0, 0.3)):
        times = regular_times(rng, per_second, 0.0)
        notes = []
        for k, when in enumerate(times):
            chord = chords[int(when / SECONDS * 8.0) % 4]
            pitch_hz = octave * 2.0 ** (chord[k % 4] / 12.0)
            held = np.full(round(0.8 / per_second * sample_rate), pitch_hz)
            notes.append(_square(sample_rate, held) * np.linspace(1.0, 0.3, held.size))
        out += level * scattered(n, sample_rate, times, notes)
    lasers = poisson_times(rng, 2.4)
    shots = []
    for _ in lasers:
        time = np.linspace(0.0, 1.0, round(rng.uniform(0.12, 0.4) * sample_rate))
        top_hz = float(rng.uniform(1200.0, 3200.0))
        shots.append(_square(sample_rate, top_hz * 2.0 ** (-3.5 * time)) * (1.0 - time))
    out += 0.8 * scattered(n, sample_rate, lasers, shots)
    coins = poisson_times(rng, 0.9)
    steps_hz = np.repeat([988.0, 1319.0], [round(0.07 * sample_rate), round(0.4 * sample_rate)])
    coin = _square(sample_rate, steps_hz) * np.linspace(1.0, 0.0, steps_hz.size)
    out += 0.7 * scattered(n, sample_rate, coins, [coin] * coins.size)
    blasts = regular_times(rng, 0.8, 0.1)
    shape = attack_decay(sample_rate, 0.002, 0.8, 0.9)
    rumble = scattered(n, sample_rate, blasts, [shape] * blasts.size)
    out += 0.9 * rumble * band_noise(rng, n, sample_rate, (60.0, 4000.0), -3.0)
    hall = band_noise(rng, n, sample_rate, (200.0, 3000.0), -3.0)
    return tamed(in_room(rng, levelled(out) + levelled(hall, -26.0), sample_rate, 0.5, 0.15), 13.0)


def sonar(rng: Random, sample_rate: int) -> Signal:
    """Under the sea: a ping, its echoes from a hull and a long tail, over a deep murmur."""
    n = length(sample_rate)
    pings = np.array([0.85, 3.35, 5.85, 8.35])
    time = np.arange(round(0.6 * sample_rate)) / sample_rate
    tone = np.sin(2.0 * np.pi * (1420.0 * time - 30.0 * time**2))
    ping = tone * np.minimum(1.0, time / 0.008) * np.exp(-time / 0.16)
    out = scattered(n, sample_rate, pings, [ping] * 4)
    echo = low_pass(np.pad(ping, (0, ping.size)), sample_rate, 1800.0)
    for delay, gain in ((0.85, 0.16), (1.35, 0.07)):
        out += scattered(n, sample_rate, pings + delay, [gain * echo] * 4)
    wet = in_room(rng, levelled(out), sample_rate, 3.5, 0.28, 1500.0)
    sea = band_noise(rng, n, sample_rate, (30.0, 260.0), -4.0) * swell(
        rng, n, sample_rate, 0.5, 3.0
    )
    screw = 1.0 + 0.5 * np.cos(2.0 * np.pi * 2.2 * np.arange(n) / sample_rate)
    sea *= screw
    times = poisson_times(rng, 5.0)
    clicks = [bubble(sample_rate, radius, 0.1) for radius in rng.uniform(0.0015, 0.006, times.size)]
    life = scattered(n, sample_rate, times, clicks)
    groan = whistling(
        rng, n, sample_rate, 190.0 * 2.0 ** (0.3 * slow_noise(rng, n, sample_rate, 0.5)), 6.0
    )
    out = levelled(wet) + levelled(sea, -9.0) + levelled(life, -22.0) + levelled(groan, -18.0)
    return tamed(out, 16.0)


SOUNDS = (
    Sound(
        name="vinyl-crackle",
        title="Vinyl crackle",
        family="recordings and signals",
        tags=("lo-fi", "crackling", "dry", "rumbling"),
        description=(
            "A worn record between the songs: ticks and pops, a scratch at each turn, rumble below."
        ),
        recipe=vinyl_crackle,
    ),
    Sound(
        name="tape-hiss",
        title="Tape hiss",
        family="recordings and signals",
        tags=("lo-fi", "noisy", "bright", "steady"),
        description="Hiss that flutters and drops out, with hum and the whirr of the capstan.",
        recipe=tape_hiss,
    ),
    Sound(
        name="modem",
        title="Dial-up modem",
        family="recordings and signals",
        tags=("electric", "lo-fi", "tonal", "noisy"),
        description=(
            "Dialling, an answering tone, warbles and scrambled data, all within a telephone's "
            "band."
        ),
        recipe=modem,
    ),
    Sound(
        name="arcade",
        title="Arcade hall",
        family="recordings and signals",
        tags=("electric", "tonal", "rhythmic", "gliding"),
        description="Square-wave arpeggios, falling lasers, coins and eight-bit explosions.",
        recipe=arcade,
    ),
    Sound(
        name="sonar",
        title="Sonar",
        family="recordings and signals",
        tags=("tonal", "reverberant", "sparse", "slow"),
        description="A pure ping every two and a half seconds, echoes, and the murmur of the sea.",
        recipe=sonar,
    ),
)
