"""Machines: an engine, printer, clockwork, train, helicopter, typewriter and jet."""

from __future__ import annotations

import numpy as np

from presets.synthesis.common import (
    SECONDS,
    Random,
    Signal,
    Sound,
    band_noise,
    band_pass,
    closed_phase,
    crossings,
    harmonics,
    impulses,
    length,
    levelled,
    low_pass,
    regular_times,
    scattered,
    slow_noise,
    swell,
    tamed,
)
from presets.synthesis.physics import in_room, modal, piped, resonant, whistling


def engine(rng: Random, sample_rate: int) -> Signal:
    """A big two-cylinder engine, idling and revved: uneven firing into a pipe, and valves."""
    n = length(sample_rate)
    throttle = slow_noise(rng, n, sample_rate, 0.5)
    unrest = slow_noise(rng, n, sample_rate, 6.0)
    turns = closed_phase(17.0 * 2.0 ** (0.22 * throttle + 0.01 * unrest), sample_rate)
    turns += rng.uniform()
    seconds = np.arange(n) / sample_rate
    exhaust = np.zeros(n)
    for offset, strength in ((0.0, 1.0), (0.44, 0.85)):
        times = crossings(turns + offset, sample_rate)
        load = 2.0 ** (0.6 * np.interp(times, seconds, throttle))
        gains = strength * load * rng.uniform(0.75, 1.1, times.size)
        exhaust += impulses(n, sample_rate, times, gains)
    puffs = band_pass(exhaust, sample_rate, (45.0, 900.0), 1)
    gusts = low_pass(np.abs(exhaust), sample_rate, 60.0) * band_noise(
        rng, n, sample_rate, (100.0, 4000.0), -3.0
    )
    pipe = piped(levelled(puffs) + levelled(gusts, -9.0), sample_rate, 0.9, -0.75)
    valves = crossings(8.0 * turns, sample_rate)
    ticks = impulses(n, sample_rate, valves, rng.uniform(0.3, 1.0, valves.size))
    rattle = resonant(
        ticks, sample_rate, [1700.0, 2600.0, 3900.0, 5600.0], 0.012, [1.0, 0.8, 0.6, 0.4]
    )
    return tamed(np.tanh(0.9 * levelled(pipe)) + 0.12 * levelled(rattle), 12.0)


def printer(rng: Random, sample_rate: int) -> Signal:
    """A dot-matrix printer: pins in bursts like words, the carriage motor, the paper feed."""
    n = length(sample_rate)
    pins: list[float] = []
    steps: list[float] = []
    cursor = 0.0
    while cursor < SECONDS - 0.1:
        for _ in range(int(rng.integers(3, 7))):
            for _ in range(int(rng.integers(2, 8))):
                if cursor > SECONDS - 0.15:
                    break
                pattern = np.flatnonzero(rng.uniform(size=9) < 0.7)
                pins += list(cursor + pattern * 0.0011)
                cursor += 0.0135
            cursor += float(rng.uniform(0.012, 0.03))
        steps += list(cursor + 0.02 + np.arange(9) * 0.009)
        cursor += 0.13
    fired = np.array(pins)
    train = impulses(n, sample_rate, fired, rng.uniform(0.6, 1.0, fired.size))
    hammer = resonant(
        train,
        sample_rate,
        [980.0, 1870.0, 3050.0, 4700.0, 7400.0],
        [0.009, 0.008, 0.006, 0.005, 0.004],
        [0.7, 0.8, 1.0, 0.8, 0.5],
    )
    feed = impulses(n, sample_rate, np.array(steps), np.ones(len(steps)))
    ratchet = resonant(
        feed, sample_rate, [310.0, 640.0, 1250.0], [0.03, 0.02, 0.015], [1.0, 0.8, 0.6]
    )
    motor_hz = 440.0 * 2.0 ** (0.08 * np.tanh(3.0 * slow_noise(rng, n, sample_rate, 0.9)))
    motor = harmonics(closed_phase(motor_hz, sample_rate), np.array([1.0, 0.3, 0.5, 0.1, 0.25]))
    fan = band_noise(rng, n, sample_rate, (150.0, 2500.0), -3.0)
    out = levelled(hammer) + levelled(ratchet, -8.0) + levelled(motor, -17.0) + levelled(fan, -26.0)
    return tamed(in_room(rng, out, sample_rate, 0.25, 0.2), 14.0)


def clockwork(rng: Random, sample_rate: int) -> Signal:
    """A wall of clocks: escapements that tick at different rates, and a winding key."""
    n = length(sample_rate)
    out = np.zeros(n)
    for pace, size in ((2.0, 1.5), (2.7, 1.2), (3.6, 1.0), (5.0, 0.7), (5.3, 0.65), (8.0, 0.45)):
        times = regular_times(rng, pace, 0.0)
        plate_hz = (
            np.array([1350.0, 2280.0, 3700.0, 5900.0, 8100.0]) / size * rng.uniform(0.9, 1.1, 5)
        )
        tick = modal(
            sample_rate,
            plate_hz,
            0.05 * size * np.array([1.0, 0.8, 0.6, 0.4, 0.3]),
            [0.6, 1.0, 0.8, 0.6, 0.4],
        )
        tock = modal(sample_rate, 0.82 * plate_hz, 0.06 * size, [1.0, 0.8, 0.5, 0.3, 0.2])
        drop = 0.022 * size  # delay of the second sound of each beat, the lock after the impulse
        for shift, gain in ((0.0, 1.0), (drop, 0.45)):
            beats = [gain * size * (tick if k % 2 else tock) for k in range(times.size)]
            out += scattered(n, sample_rate, times + shift, beats)
    clicks: list[float] = []
    for onset in (1.3, 4.6, 7.9):
        clicks += list(onset + rng.uniform(0.0, 0.5) + np.arange(16) * 0.052)
    pawl = modal(
        sample_rate, [870.0, 1900.0, 3300.0, 6100.0], [0.04, 0.03, 0.02, 0.01], [1.0, 0.8, 0.7, 0.5]
    )
    winding = scattered(n, sample_rate, np.array(clicks), [pawl] * len(clicks))
    floor = band_noise(rng, n, sample_rate, (100.0, 3000.0), -5.0)
    mixed = levelled(out) + levelled(winding, -4.0) + levelled(floor, -36.0)
    return tamed(in_room(rng, mixed, sample_rate, 0.4, 0.25), 18.0)


def train(rng: Random, sample_rate: int) -> Signal:
    """Inside a carriage: pairs of axles over rail joints, rolling noise, a squealing flange."""
    n = length(sample_rate)
    joints = regular_times(rng, 1.3, 0.01)
    axles = np.concatenate([joints + shift for shift in (0.0, 0.11, 0.38, 0.49)])
    clack = modal(
        sample_rate,
        [68.0, 145.0, 320.0, 610.0, 1150.0, 2100.0],
        [0.16, 0.12, 0.1, 0.07, 0.05, 0.03],
        [1.0, 0.9, 0.9, 0.7, 0.6, 0.5],
    )
    hits = scattered(n, sample_rate, axles, [g * clack for g in rng.uniform(0.6, 1.0, axles.size)])
    roll = band_noise(rng, n, sample_rate, (35.0, 500.0), -3.0) * swell(
        rng, n, sample_rate, 8.0, 2.0
    )
    sing = band_noise(rng, n, sample_rate, (700.0, 2400.0), -2.0) * swell(
        rng, n, sample_rate, 1.2, 4.0
    )
    wander = slow_noise(rng, n, sample_rate, 0.5)
    squeal = np.zeros(n)
    for k in (1.0, 1.94, 2.87):
        squeal += whistling(rng, n, sample_rate, 1720.0 * k * 2.0 ** (0.03 * wander), 12.0) / k
    squeal *= np.maximum(0.0, slow_noise(rng, n, sample_rate, 0.7) - 0.1) ** 2
    out = levelled(hits) + levelled(roll, -3.0) + levelled(sing, -13.0) + levelled(squeal, -14.0)
    return tamed(out, 14.0)


def helicopter(rng: Random, sample_rate: int) -> Signal:
    """A helicopter overhead: blade slap 11 times per second, tail rotor, turbine, downwash."""
    n = length(sample_rate)
    sway = slow_noise(rng, n, sample_rate, 0.3)
    blades = closed_phase(11.2 * 2.0 ** (0.01 * sway), sample_rate)
    times = crossings(blades, sample_rate)
    time = np.arange(round(0.07 * sample_rate)) / sample_rate
    slap = -np.exp(-(((time - 0.012) / 0.0045) ** 2)) + 0.7 * np.exp(
        -(((time - 0.021) / 0.006) ** 2)
    )
    thumps = scattered(
        n, sample_rate, times, [g * slap for g in rng.uniform(0.75, 1.0, times.size)]
    )
    gate = 0.18 + np.exp(3.0 * (np.cos(2.0 * np.pi * (blades - 0.15)) - 1.0))
    wash = gate * band_noise(rng, n, sample_rate, (120.0, 2600.0), -2.5)
    tail = harmonics(
        closed_phase(62.0 * 2.0 ** (0.01 * sway), sample_rate), np.arange(1.0, 9.0) ** -0.8
    )
    whine = np.zeros(n)
    for pitch_hz, level in ((3150.0, 1.0), (4720.0, 0.6), (7900.0, 0.4)):
        whine += level * whistling(rng, n, sample_rate, pitch_hz * 2.0 ** (0.012 * sway), 6.0)
    out = levelled(thumps) + levelled(wash, -4.0) + levelled(tail, -10.0) + levelled(whine, -19.0)
    rush = band_noise(rng, n, sample_rate, (3000.0, 9000.0), -3.0) * gate
    return tamed((out + levelled(rush, -20.0)) * swell(rng, n, sample_rate, 0.3, 2.0), 13.0)


def typewriter(rng: Random, sample_rate: int) -> Signal:
    """A typewriter: keys in the rhythm of words, the bell at the margin, the carriage's return."""
    n = length(sample_rate)
    keys: list[float] = []
    teeth: list[float] = []
    bells: list[float] = []
    for start in (2.4, 7.4):
        cursor, margin = start, start + 3.75
        while cursor < margin:
            for _ in range(int(rng.integers(3, 8))):
                if cursor < margin:
                    keys.append(cursor)
                cursor += float(rng.gamma(9.0, 0.105 / 9.0))
            cursor += float(rng.uniform(0.04, 0.12))  # the space bar
        bells.append(margin - 0.25)
        teeth += list(margin + 0.32 + np.cumsum(np.linspace(0.016, 0.009, 42)))
    force = rng.uniform(0.6, 1.0, len(keys))
    slap = modal(
        sample_rate,
        [1150.0, 2350.0, 3600.0, 5300.0, 7900.0],
        [0.03, 0.026, 0.02, 0.014, 0.01],
        [0.7, 1.0, 0.9, 0.7, 0.4],
    )
    thud = modal(sample_rate, [118.0, 205.0, 390.0], [0.09, 0.07, 0.05], [1.0, 0.8, 0.5])
    times = np.array(keys)
    out = scattered(n, sample_rate, times, [f * slap for f in force])
    under = scattered(n, sample_rate, times - 0.004, [f * thud for f in force])
    release = scattered(n, sample_rate, times + 0.052, [0.3 * f * slap for f in force])
    click = modal(sample_rate, [1900.0, 3300.0, 6100.0], [0.012, 0.01, 0.007], [0.8, 1.0, 0.6])
    zip_ = scattered(n, sample_rate, np.array(teeth), [click] * len(teeth))
    stops = np.array(bells) + 1.15
    clunk = scattered(n, sample_rate, stops, [thud] * 2)
    bell = modal(sample_rate, [2640.0, 2652.0, 5480.0, 8350.0], [1.0, 0.9, 0.5, 0.3], 0.4)
    ding = scattered(n, sample_rate, np.array(bells), [bell] * 2)
    room = band_noise(rng, n, sample_rate, (120.0, 4000.0), -4.0)
    mixed = levelled(out + release) + levelled(under, -4.0) + levelled(zip_, -9.0)
    mixed += levelled(clunk, -12.0) + levelled(ding, -12.0) + levelled(room, -27.0)
    return tamed(in_room(rng, mixed, sample_rate, 0.35, 0.2), 18.0)


def jet(rng: Random, sample_rate: int) -> Signal:
    """Jets that pass: the whine of their fans falls in pitch, and the roar behind them deepens."""
    n = length(sample_rate)
    seconds = np.arange(n) / sample_rate
    turn = 4.0 * np.pi / SECONDS  # two of them in 10 seconds
    place = np.cos(turn * (seconds - 1.3))  # 1 where it is nearest
    near = 0.16 + 0.84 * (0.5 + 0.5 * place) ** 3
    doppler = 2.0 ** (-0.28 * np.sin(turn * (seconds - 1.3)))
    fan_hz = 2750.0 * doppler
    whine = np.zeros(n)
    for k, level in ((1.0, 1.0), (1.37, 0.4), (2.0, 0.6), (3.0, 0.25)):
        whine += level * whistling(rng, n, sample_rate, k * fan_hz, 22.0 * k)
    shaft = closed_phase(118.0 * doppler, sample_rate)
    order = np.arange(1, 40)
    saw = harmonics(shaft, rng.uniform(0.2, 1.0, 39) * order**-0.2)  # shocks at the blades' tips
    saw *= 1.0 + 0.3 * slow_noise(rng, n, sample_rate, 12.0)
    front = (0.5 + 0.5 * np.cos(turn * (seconds - 0.9))) ** 2
    behind = (0.5 + 0.5 * np.cos(turn * (seconds - 1.75))) ** 2
    roar = band_noise(rng, n, sample_rate, (45.0, 700.0), -2.0) * swell(
        rng, n, sample_rate, 9.0, 2.5
    )
    tear = band_noise(rng, n, sample_rate, (500.0, 9000.0), -2.5) * swell(
        rng, n, sample_rate, 25.0, 1.5
    )
    out = levelled(roar * (0.15 + behind)) + levelled(tear * (0.1 + near), -4.0)
    out += levelled(whine * (0.05 + front * near), -4.0) + levelled(saw * front * near, -11.0)
    return tamed(out, 13.0)


SOUNDS = (
    Sound(
        name="engine",
        title="Twin engine",
        family="machines",
        tags=("mechanical", "dark", "pulsing", "rough"),
        description=(
            "A big two-cylinder engine that idles unevenly and is revved, heard at the exhaust."
        ),
        recipe=engine,
    ),
    Sound(
        name="printer",
        title="Dot-matrix printer",
        family="machines",
        tags=("mechanical", "buzzing", "rhythmic", "bright"),
        description="Pins that buzz in words and lines, ratchet and motor between them.",
        recipe=printer,
    ),
    Sound(
        name="clockwork",
        title="Wall of clocks",
        family="machines",
        tags=("mechanical", "clicking", "rhythmic", "sparse"),
        description="Six escapements that drift against one another, and a key that winds.",
        recipe=clockwork,
    ),
    Sound(
        name="train",
        title="Train over joints",
        family="machines",
        tags=("mechanical", "dark", "rhythmic", "rumbling"),
        description="Axles that clack in pairs over a deep roll, with a passing squeal of flanges.",
        recipe=train,
    ),
    Sound(
        name="helicopter",
        title="Helicopter overhead",
        family="machines",
        tags=("mechanical", "pulsing", "noisy", "deep"),
        description=(
            "Everything breathes with the blades, eleven times a second, under a thin turbine "
            "whine."
        ),
        recipe=helicopter,
    ),
    Sound(
        name="typewriter",
        title="Typewriter",
        family="machines",
        tags=("mechanical", "percussive", "rhythmic", "dry"),
        description="Keys in the rhythm of words, the bell at the margin, the carriage's return.",
        recipe=typewriter,
    ),
    Sound(
        name="jet",
        title="Passing jets",
        family="machines",
        tags=("mechanical", "noisy", "gliding", "dense"),
        description="Whines that fall as they pass, and the tearing roars that follow them.",
        recipe=jet,
    ),
)
