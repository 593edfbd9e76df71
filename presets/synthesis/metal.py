"""Metal and glass: glass, bells, chimes, a gong, chains, a bowed cymbal."""

from __future__ import annotations

import numpy as np

from presets.synthesis.common import (
    SECONDS,
    Random,
    Signal,
    Sound,
    attack_decay,
    band_noise,
    length,
    levelled,
    log_uniform,
    poisson_times,
    regular_times,
    scattered,
    slow_noise,
    swell,
    tamed,
)
from presets.synthesis.physics import HIGHEST_SHARE, in_room, modal, resonant

# Partials of a church bell over its strike note: hum, prime, tierce, quint, nominal and higher.
BELL = np.array([0.5, 1.0, 1.183, 1.506, 2.0, 2.514, 2.662, 3.011, 4.166, 5.433, 6.796, 8.215])
# Partials of a bar that is free at both ends (Rossing & Fletcher).
TUBE = np.array([1.0, 2.756, 5.404, 8.933, 13.345])


def glass(rng: Random, sample_rate: int) -> Signal:
    """Shards that break, fall and settle: small plates that ring high and inharmonic."""
    n = length(sample_rate)
    breaks = np.arange(5) * 2.0 + rng.uniform(0.0, 0.8, 5)
    falls = np.concatenate([onset + rng.gamma(1.4, 0.35, 75) for onset in breaks])
    times = np.concatenate([falls, poisson_times(rng, 18.0)])
    grains = []
    for lowest_hz in log_uniform(rng, 1100.0, 6000.0, times.size):
        partials = lowest_hz * np.cumprod(np.concatenate([[1.0], rng.uniform(1.15, 1.75, 5)]))
        t60 = rng.uniform(0.12, 0.75) * (partials / 2000.0) ** -0.7
        gains = rng.uniform(0.2, 1.0, 6) * (1.0 + rng.pareto(2.5))
        grains.append(
            np.minimum(3.0, 2500.0 / lowest_hz) * modal(sample_rate, partials, t60, gains)
        )
    ringing = scattered(n, sample_rate, times, grains)
    shape = attack_decay(sample_rate, 0.001, 0.25, 0.3)
    crash = scattered(n, sample_rate, breaks, [shape] * breaks.size)
    crash *= band_noise(rng, n, sample_rate, (2500.0, 15000.0), 1.0)
    return tamed(levelled(ringing) + levelled(crash, -9.0), 16.0)


def bells(rng: Random, sample_rate: int) -> Signal:
    """Change ringing on six bells whose partials are beating doublets, in a reverberant tower."""
    n = length(sample_rate)
    strike_hz = 392.0 * 2.0 ** (np.array([0.0, 2.0, 4.0, 5.0, 7.0, 9.0]) / 12.0)
    t60 = 3.6 * BELL**-0.85
    gains = np.array([0.55, 0.5, 0.7, 0.3, 1.0, 0.35, 0.35, 0.55, 0.4, 0.3, 0.2, 0.15])
    voices = []
    for pitch_hz in strike_hz:
        warp = 1.0 + 0.004 * rng.standard_normal(BELL.size)
        pair = np.concatenate(
            [pitch_hz * BELL * warp, pitch_hz * BELL * warp + rng.uniform(0.4, 2.5, 12)]
        )
        voices.append(
            modal(sample_rate, pair, np.tile(t60, 2), np.concatenate([gains, 0.6 * gains]))
        )
    row = [5, 4, 3, 2, 1, 0]
    order: list[int] = []
    for change in range(7):  # plain hunt
        order += row
        for k in range(change % 2, 5, 2):
            row[k], row[k + 1] = row[k + 1], row[k]
    times = regular_times(rng, len(order) / 10.0, 0.04)
    strikes = [float(rng.uniform(0.8, 1.0)) * voices[bell] for bell in order[: times.size]]
    out = scattered(n, sample_rate, times, strikes)
    clank = attack_decay(sample_rate, 0.001, 0.05, 0.06)
    hits = scattered(n, sample_rate, times, [clank] * times.size)
    hits *= band_noise(rng, n, sample_rate, (1500.0, 6000.0))
    return in_room(rng, levelled(out) + levelled(hits, -20.0), sample_rate, 1.6, 0.35)


def chimes(rng: Random, sample_rate: int) -> Signal:
    """Wind chimes: tubes in a pentatonic scale that gusts of wind throw together."""
    n = length(sample_rate)
    steps = np.array([0.0, 2.0, 4.0, 7.0, 9.0, 12.0, 14.0, 16.0])
    gusts = swell(rng, 400, 40.0, 0.5, 5.0)
    times = poisson_times(rng, 9.0, intensity=gusts)
    tubes = [
        modal(
            sample_rate,
            np.concatenate(
                [880.0 * 2.0 ** (step / 12.0) * TUBE, 880.0 * 2.0 ** (step / 12.0) * TUBE * 1.0013]
            ),
            np.tile([3.2, 1.9, 1.0, 0.5, 0.25], 2),
            np.tile([1.0, 0.55, 0.4, 0.25, 0.15], 2),
        )
        for step in steps + 0.05 * rng.standard_normal(steps.size)
    ]
    which = rng.integers(0, len(tubes), times.size)
    out = scattered(
        n,
        sample_rate,
        times,
        [g * tubes[k] for k, g in zip(which, rng.uniform(0.15, 1.0, times.size), strict=True)],
    )
    breeze = band_noise(rng, n, sample_rate, (300.0, 2500.0), -4.0) * swell(
        rng, n, sample_rate, 0.6, 4.0
    )
    return levelled(out) + levelled(breeze, -30.0)


def gong(rng: Random, sample_rate: int) -> Signal:
    """A tam-tam rolled with soft mallets: energy climbs from low modes to a shimmer."""
    n = length(sample_rate)
    times = regular_times(rng, 2.0, 0.12)
    force = swell(rng, times.size, 2.0, 0.3, 4.0)
    out = np.zeros(n)
    for low_hz, high_hz, count, rise_seconds in (
        (62.0, 400.0, 26, 0.006),
        (400.0, 1300.0, 40, 0.12),
        (1300.0, 3400.0, 44, 0.3),
        (3400.0, 8000.0, 36, 0.5),
    ):
        frequency_hz = log_uniform(rng, low_hz, high_hz, count)
        swelling = attack_decay(
            sample_rate, rise_seconds, 3.0 * rise_seconds + 0.02, 3.0 * rise_seconds + 0.05
        )
        # Harder strokes put more of their energy into high modes.
        gate = scattered(
            n, sample_rate, times, [f ** (1.0 + rise_seconds) * swelling for f in force]
        )
        drive = gate * band_noise(rng, n, sample_rate, (low_hz, high_hz))
        t60 = 4.5 * (frequency_hz / 100.0) ** -0.35
        band = resonant(drive, sample_rate, frequency_hz, t60, rng.uniform(0.3, 1.0, count))
        out += levelled(band, -4.0 * np.log2(low_hz / 62.0) * 0.55)
    return tamed(out, 13.0)


def chains(rng: Random, sample_rate: int) -> Signal:
    """A heavy chain, dragged and dropped: links that knock in flurries."""
    n = length(sample_rate)
    drag = np.maximum(0.05, np.sin(2.0 * np.pi * 2.6 * np.arange(2000) / 200.0)) ** 1.5
    drag *= swell(rng, 2000, 200.0, 1.0, 3.0)
    times = poisson_times(rng, 120.0, intensity=drag)
    links_hz = [np.sort(log_uniform(rng, 900.0, 8500.0, 7)) for _ in range(18)]
    grains = []
    for link, force in zip(
        rng.integers(0, 18, times.size), rng.pareto(1.8, times.size), strict=True
    ):
        t60 = rng.uniform(0.025, 0.11) * (links_hz[link] / 2500.0) ** -0.5
        grains.append(
            min(0.1 + force, 4.0)
            * modal(sample_rate, links_hz[link], t60, rng.uniform(0.2, 1.0, 7))
        )
    knocks = scattered(n, sample_rate, times, grains)
    thud_times = times[:: max(1, times.size // 60)]
    thuds = scattered(
        n,
        sample_rate,
        thud_times,
        [modal(sample_rate, [190.0, 310.0, 540.0], [0.06, 0.05, 0.04], 1.0)] * thud_times.size,
    )
    scrape = band_noise(rng, n, sample_rate, (1800.0, 7000.0), 1.0)
    scrape *= np.interp(np.linspace(0.0, 2000.0, n, endpoint=False), np.arange(2000), drag)
    out = levelled(knocks) + levelled(thuds, -11.0) + levelled(scrape, -12.0)
    return tamed(in_room(rng, out, sample_rate, 0.5, 0.25), 16.0)


def bowed_cymbal(rng: Random, sample_rate: int) -> Signal:
    """A cymbal under a cello bow: each stroke makes other high modes scream out of a shimmer."""
    n = length(sample_rate)
    grid = np.arange(2000) / 200.0
    # In whole tenths of a hertz, a mode has whole cycles in 10 seconds.
    modes_hz = np.round(np.sort(log_uniform(rng, 600.0, 11_000.0, 70)), 1)
    out = np.zeros(n)
    strokes = regular_times(rng, 0.5, 0.06)
    levels = rng.uniform(0.02, 0.12, (strokes.size, modes_hz.size))
    for row in levels:
        row[rng.choice(60, 8, replace=False)] = rng.uniform(0.6, 1.4, 8)
    for k, mode_hz in enumerate(modes_hz):
        bow = np.zeros(grid.size)
        rise, late = float(rng.uniform(0.25, 0.6)), float(rng.uniform(0.0, 0.35))
        fall = 0.45 * (mode_hz / 1000.0) ** -0.4
        for onset, level in zip(strokes, levels[:, k], strict=True):
            since = (grid - onset - late) % SECONDS
            bow += level * np.where(
                since < 1.1, np.tanh(since / rise) ** 2, np.exp((1.1 - since) / fall)
            )
        bow *= 1.0 + 0.35 * np.tanh(slow_noise(rng, grid.size, 200.0, 9.0))
        turn = rng.uniform()
        if mode_hz < HIGHEST_SHARE * sample_rate:
            seconds = np.arange(n) / sample_rate
            out += np.interp(seconds, grid, bow, period=SECONDS) * np.sin(
                2.0 * np.pi * (mode_hz * seconds + turn)
            )
    hair = band_noise(rng, n, sample_rate, (2500.0, 12000.0), -1.0) * swell(
        rng, n, sample_rate, 14.0, 4.0
    )
    mixed = levelled(out) + levelled(hair, -22.0)
    return tamed(in_room(rng, mixed, sample_rate, 1.8, 0.3, 6000.0), 13.0)


SOUNDS = (
    Sound(
        name="glass",
        title="Falling glass",
        family="metal and glass",
        tags=("bright", "inharmonic", "ringing", "cascading"),
        description="Panes that shatter and shards that tinkle down; nearly all above 1 kHz.",
        recipe=glass,
    ),
    Sound(
        name="bells",
        title="Tower bells",
        family="metal and glass",
        tags=("tonal", "inharmonic", "ringing", "reverberant"),
        description=(
            "Six church bells rung in changes, with the minor third and slow beats of cast bronze."
        ),
        recipe=bells,
    ),
    Sound(
        name="chimes",
        title="Wind chimes",
        family="metal and glass",
        tags=("tonal", "bright", "ringing", "pentatonic"),
        description=(
            "Thin metal tubes in a pentatonic scale, long and sweet, thrown together by gusts."
        ),
        recipe=chimes,
    ),
    Sound(
        name="gong",
        title="Rolled gong",
        family="metal and glass",
        tags=("inharmonic", "dense", "slow", "deep"),
        description="A tam-tam under soft mallets: a dark bloom that climbs into shimmer.",
        recipe=gong,
    ),
    Sound(
        name="chains",
        title="Rattling chain",
        family="metal and glass",
        tags=("metallic", "percussive", "harsh", "dense"),
        description="Iron links dragged in pulls, short hard knocks with a rough scrape.",
        recipe=chains,
    ),
    Sound(
        name="bowed-cymbal",
        title="Bowed cymbal",
        family="metal and glass",
        tags=("metallic", "inharmonic", "bright", "slow"),
        description="A cello bow on the edge of a cymbal: clusters of high modes swell and scream.",
        recipe=bowed_cymbal,
    ),
)
