"""Fire and electricity: fire, sparks, hum, a Geiger counter, radio static, fireworks."""

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
    log_uniform,
    poisson_times,
    scattered,
    slow_noise,
    swell,
    tamed,
)
from presets.synthesis.physics import in_room, modal, resonant, whistling
from presets.synthesis.vocal import babble, voiced


def fire(rng: Random, sample_rate: int) -> Signal:
    """A camp fire: crackle in bands that differ from pop to pop, a lapping roar, hiss."""
    n = length(sample_rate)
    crackle = np.zeros(n)
    activity = swell(rng, 1000, 100.0, 1.5, 7.0)
    for centre_hz in log_uniform(rng, 700.0, 9000.0, 16):
        times = poisson_times(rng, 5.0, intensity=np.minimum(activity, 8.0))
        # A pop is a short train of cracks.
        times = np.concatenate([times + gap for gap in (0.0, *rng.exponential(0.006, 3))])
        gains = (0.1 + rng.pareto(1.6, times.size)) * rng.choice([-1.0, 1.0], times.size)
        pops = impulses(n, sample_rate, times, np.clip(gains, -9.0, 9.0))
        crackle += band_pass(pops, sample_rate, (centre_hz / 1.25, centre_hz * 1.25), 1)
    roar = band_noise(rng, n, sample_rate, (35.0, 260.0), -3.0) * swell(
        rng, n, sample_rate, 7.0, 5.0
    )
    hiss = band_noise(rng, n, sample_rate, (3000.0, 12000.0)) * swell(rng, n, sample_rate, 3.0, 5.0)
    return tamed(levelled(crackle) + levelled(roar, -1.0) + levelled(hiss, -18.0), 18.0)


def sparks(rng: Random, sample_rate: int) -> Signal:
    """Three spark gaps: discharges whose rate glides, each with a sizzling tail."""
    n = length(sample_rate)
    out = levelled(band_noise(rng, n, sample_rate, (80.0, 9000.0), -3.0), -29.0)
    sizzle = band_noise(rng, n, sample_rate, (4000.0, 15000.0), 2.0)
    sizzle *= swell(rng, n, sample_rate, 90.0, 5.0)
    for low_hz, modes_hz in (
        (2800.0, [1480.0, 3100.0, 5200.0]),
        (4200.0, [2050.0, 4300.0, 7100.0]),
        (5600.0, [3350.0, 6100.0, 9800.0]),
    ):
        train, tails, onsets = np.zeros(n), [], poisson_times(rng, 1.3)
        for onset in onsets:
            lasting = float(rng.uniform(0.08, 0.6))
            rate_hz = float(log_uniform(rng, 70.0, 420.0, 1)[0])
            count = max(2, round(lasting * rate_hz))
            gaps = rng.gamma(6.0, 1.0 / 6.0, count) * np.linspace(1.0, rng.uniform(0.5, 2.0), count)
            level = float(rng.uniform(0.4, 1.0))
            strokes = level * rng.gamma(3.0, 1.0 / 3.0, count)
            train += impulses(n, sample_rate, onset + np.cumsum(gaps) / rate_hz, strokes)
            tails.append(level * attack_decay(sample_rate, 0.01, 2.2 * lasting, 2.0 * lasting))
        snap = band_pass(train, sample_rate, (low_hz, 16000.0), 1)
        body = resonant(train, sample_rate, modes_hz, [0.012, 0.01, 0.006], [0.5, 0.4, 0.6])
        fizz = scattered(n, sample_rate, onsets, tails) * sizzle
        out += levelled(snap) + levelled(body, -4.0) + levelled(fizz, -7.0)
    return tamed(out, 17.0)


def electric_hum(rng: Random, sample_rate: int) -> Signal:
    """A substation: transformer cores at multiples of 100 Hz, with fizz at every crest."""
    n = length(sample_rate)
    mains_hz = 50.0 * 2.0 ** (0.002 * slow_noise(rng, n, sample_rate, 0.3))
    phase = closed_phase(mains_hz, sample_rate) + rng.uniform()
    order = np.arange(1, 61)
    levels = np.where(order % 2 == 0, 1.0, 0.12) * order**-0.9
    levels *= 10.0 ** (rng.normal(0.0, 5.0, 60) / 20.0)
    core = np.zeros(n)
    for part in np.array_split(order - 1, 6):  # groups of harmonics that come and go
        own = np.zeros(60)
        own[part] = levels[part]
        core += harmonics(phase, own) * swell(rng, n, sample_rate, 1.5, 3.5)
    crest = np.maximum(0.0, np.sin(4.0 * np.pi * phase)) ** 12
    fizz = crest * band_noise(rng, n, sample_rate, (2500.0, 11000.0))
    fizz *= swell(rng, n, sample_rate, 2.5, 6.0)
    second = harmonics(closed_phase(mains_hz * 2.006, sample_rate), np.array([0.6, 0.3, 0.2, 0.1]))
    return tamed(levelled(core) + levelled(second, -7.0) + levelled(fizz, -11.0), 12.0)


def geiger_counter(rng: Random, sample_rate: int) -> Signal:
    """Clicks of a small loudspeaker at random times, denser as the source comes nearer."""
    n = length(sample_rate)
    nearness = swell(rng, 500, 50.0, 0.35, 5.0)
    times = poisson_times(rng, 42.0, intensity=nearness)
    click = modal(
        sample_rate,
        [1480.0, 2750.0, 4100.0, 6900.0],
        [0.02, 0.012, 0.008, 0.004],
        [1.0, 0.7, 0.5, 0.6],
    )
    grains = [gain * click for gain in rng.uniform(0.75, 1.0, times.size)]
    clicks = scattered(n, sample_rate, times, grains)
    whine = harmonics(closed_phase(np.full(n, 2210.0), sample_rate), np.array([1.0, 0.0, 0.3]))
    floor = band_noise(rng, n, sample_rate, (400.0, 7000.0), -2.0)
    return levelled(clicks) + levelled(whine, -38.0) + levelled(floor, -32.0)


def radio_static(rng: Random, sample_rate: int) -> Signal:
    """Between short-wave stations: heterodynes that sweep, fading noise, a voice underneath."""
    n = length(sample_rate)
    noise = band_noise(rng, n, sample_rate, (250.0, 4200.0), order=4) * swell(
        rng, n, sample_rate, 2.5, 4.0
    )
    out = levelled(noise)
    for centre_hz in (700.0, 1500.0, 2600.0):
        dial = slow_noise(rng, n, sample_rate, 0.35)
        carrier = whistling(rng, n, sample_rate, centre_hz * 2.0 ** (0.45 * dial), 3.0)
        out += levelled(carrier * 2.0 ** (1.5 * slow_noise(rng, n, sample_rate, 0.8)), -5.0)
    times = poisson_times(rng, 12.0)
    strokes = impulses(n, sample_rate, times, rng.pareto(1.6, times.size).clip(0.0, 10.0))
    out += levelled(band_pass(strokes, sample_rate, (400.0, 4000.0), 2), -6.0)
    talk = voiced(rng, n, sample_rate, babble(rng, n / sample_rate, 120.0))
    talk = band_pass(talk, sample_rate, (500.0, 2600.0), 3) * swell(rng, n, sample_rate, 1.0, 7.0)
    return tamed(out + levelled(talk, -6.0), 13.0)


def fireworks(rng: Random, sample_rate: int) -> Signal:
    """Rockets that whistle up, burst with a boom, and rain down in crackling stars."""
    n = length(sample_rate)
    seconds = np.arange(n) / sample_rate
    bursts = np.arange(7) * SECONDS / 7.0 + rng.uniform(0.0, 0.5, 7)
    size = rng.uniform(0.5, 1.0, 7)
    whistles, crackle = np.zeros(n), np.zeros(n)
    for onset in bursts[::2]:
        since = (seconds - onset + 1.1) % SECONDS
        rising = np.clip(since / 1.1, 0.0, 1.0)
        gate = np.clip(since / 0.2, 0.0, 1.0) * np.clip((1.1 - since) / 0.08, 0.0, 1.0)
        pitch_hz = rng.uniform(1700.0, 2600.0) * 2.0 ** (0.5 * np.sin(np.pi * rising) - rising)
        whistles += gate * whistling(rng, n, sample_rate, pitch_hz, 60.0) * rng.uniform(0.5, 1.0)
    thump = modal(sample_rate, [34.0, 52.0, 77.0, 121.0], [0.7, 0.6, 0.45, 0.3], [1, 1, 0.8, 0.6])
    boom = scattered(n, sample_rate, bursts, [s * thump for s in size])
    blast = attack_decay(sample_rate, 0.001, 0.5, 0.6)
    shock = scattered(n, sample_rate, bursts, [s * blast for s in size])
    shock *= band_noise(rng, n, sample_rate, (60.0, 5000.0), -3.5)
    for onset, loud in zip(bursts, size, strict=True):
        times = onset + 0.15 + rng.gamma(2.5, 0.28, 170)
        gains = loud * np.minimum(0.1 + rng.pareto(1.8, 170), 5.0)
        centre_hz = float(log_uniform(rng, 1800.0, 5500.0, 1)[0])
        stars = impulses(n, sample_rate, times, gains * rng.choice([-1.0, 1.0], 170))
        crackle += band_pass(stars, sample_rate, (centre_hz / 1.6, centre_hz * 1.6), 1)
    air = band_noise(rng, n, sample_rate, (40.0, 500.0), -3.0)
    air *= swell(rng, n, sample_rate, 1.0, 3.0)
    mixed = levelled(boom) + levelled(shock, -3.0) + levelled(crackle, -1.0)
    mixed += levelled(whistles, -9.0) + levelled(air, -22.0)
    return tamed(in_room(rng, mixed, sample_rate, 1.6, 0.3, 1500.0), 15.0)


SOUNDS = (
    Sound(
        name="fire",
        title="Camp fire",
        family="fire and electricity",
        tags=("natural", "crackling", "noisy", "warm"),
        description="Dry wood that pops and crackles over a low lapping roar.",
        recipe=fire,
    ),
    Sound(
        name="sparks",
        title="Arcing sparks",
        family="fire and electricity",
        tags=("electric", "bright", "harsh", "bursts"),
        description=(
            "Sputtering discharges that buzz, slide in rate and burn out; bright and nervous."
        ),
        recipe=sparks,
    ),
    Sound(
        name="electric-hum",
        title="Substation hum",
        family="fire and electricity",
        tags=("electric", "tonal", "steady", "buzzing"),
        description=(
            "Mains at 50 Hz and a comb of harmonics that drift in and out, with fizz on the crests."
        ),
        recipe=electric_hum,
    ),
    Sound(
        name="geiger-counter",
        title="Geiger counter",
        family="fire and electricity",
        tags=("electric", "clicking", "sparse", "dry"),
        description=(
            "Identical hard clicks at random times, thicker and thinner as the source passes."
        ),
        recipe=geiger_counter,
    ),
    Sound(
        name="radio-static",
        title="Between the stations",
        family="fire and electricity",
        tags=("electric", "noisy", "whistling", "lo-fi"),
        description=(
            "Short-wave noise with sweeping whistles, crackle and a voice that fades in and out."
        ),
        recipe=radio_static,
    ),
    Sound(
        name="fireworks",
        title="Fireworks",
        family="fire and electricity",
        tags=("crackling", "bursts", "percussive", "wide"),
        description="Rockets that whistle up, burst with a boom and rain down in crackling stars.",
        recipe=fireworks,
    ),
)
