"""Wood and skin: wood blocks, a drum roll, footsteps, creaks, hand drums, a rainstick."""

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
    crossings,
    impulses,
    length,
    levelled,
    log_uniform,
    low_pass,
    poisson_times,
    regular_times,
    scattered,
    slow_noise,
    swell,
    tamed,
)
from presets.synthesis.physics import in_room, modal, resonant

# Modes of an ideal membrane relative to the lowest one (zeros of Bessel functions).
MEMBRANE = np.array([1.0, 1.594, 2.136, 2.296, 2.653, 2.918, 3.156, 3.501])


def wood_blocks(rng: Random, sample_rate: int) -> Signal:
    """Temple blocks in five sizes, each in a metre of its own."""
    n = length(sample_rate)
    out = np.zeros(n)
    for pitch_hz, beats in ((430.0, 22), (560.0, 27), (730.0, 33), (910.0, 19), (1240.0, 41)):
        times = regular_times(rng, beats / SECONDS, 0.03)
        block = modal(
            sample_rate,
            pitch_hz * np.array([1.0, 2.42, 3.9, 5.6]),
            [0.13, 0.05, 0.03, 0.02],
            [1.0, 0.45, 0.3, 0.2],
        )
        tap = modal(sample_rate, [2900.0, 4700.0], [0.008, 0.005], [0.3, 0.25])
        block[: tap.size] += tap[: block.size]
        accents = rng.choice([1.0, 0.6, 0.4], times.size)
        out += scattered(n, sample_rate, times, [accent * block for accent in accents])
    return in_room(rng, levelled(out), sample_rate, 0.35, 0.3)


def drum_roll(rng: Random, sample_rate: int) -> Signal:
    """A roll on a snare drum with two bouncing sticks; the wires follow the skin."""
    n = length(sample_rate)
    times = regular_times(rng, 26.0, 0.09)
    hands = np.where(np.arange(times.size) % 2 == 0, 1.0, 0.8) * rng.uniform(0.7, 1.0, times.size)
    hands *= swell(rng, times.size, 26.0, 0.4, 3.0)
    skin = modal(
        sample_rate,
        186.0 * MEMBRANE,
        np.linspace(0.16, 0.05, 8),
        [1.0, 0.8, 0.6, 0.5, 0.5, 0.4, 0.3, 0.3],
    )
    wires = attack_decay(sample_rate, 0.002, 0.09, 0.12)
    drum = scattered(n, sample_rate, times, [gain * skin for gain in hands])
    rattle = scattered(n, sample_rate, times + 0.002, [gain * wires for gain in hands])
    rattle *= band_noise(rng, n, sample_rate, (1600.0, 10000.0), 1.0)
    sticks = band_pass(impulses(n, sample_rate, times, hands), sample_rate, (2000.0, 9000.0), 1)
    out = levelled(drum) + levelled(rattle, -1.0) + levelled(sticks, -8.0)
    return tamed(in_room(rng, out, sample_rate, 0.6, 0.25), 15.0)


def footsteps(rng: Random, sample_rate: int) -> Signal:
    """Two walkers on gravel: heel and toe, and a crush of small stones under each."""
    n = length(sample_rate)
    starts, weights = [], []
    for pace in (1.6, 2.0):
        steps = regular_times(rng, pace, 0.03)
        for shift, gain in ((0.0, 1.0), (0.13, 0.7)):
            starts.append(steps + shift + 0.01 * rng.standard_normal(steps.size))
            weights.append(gain * rng.uniform(0.6, 1.0, steps.size))
    heels, forces = np.concatenate(starts), np.concatenate(weights)
    thump = modal(sample_rate, [78.0, 125.0, 210.0], [0.12, 0.09, 0.06], [1.0, 0.7, 0.4])
    body = scattered(n, sample_rate, heels, [force * thump for force in forces])
    out = levelled(low_pass(body, sample_rate, 500.0), -1.0)
    for band_hz, level_db in (
        ((300.0, 800.0), -5.0),
        ((700.0, 1700.0), -5.0),
        ((1500.0, 3400.0), -7.0),
        ((3000.0, 6500.0), -12.0),
    ):
        grains = [rng.gamma(1.5, 0.024, 70) for _ in heels]
        times = np.concatenate([heel + delays for heel, delays in zip(heels, grains, strict=True)])
        gains = np.concatenate([force * rng.pareto(2.0, 70) for force in forces])
        gains = gains.clip(0.0, 5.0) * rng.choice([-1.0, 1.0], gains.size)
        stones = impulses(n, sample_rate, times, gains)
        out += levelled(band_pass(stones, sample_rate, band_hz), level_db)
    yard = band_noise(rng, n, sample_rate, (150.0, 5000.0), -4.0)
    return tamed(out + levelled(yard, -28.0), 17.0)


def creaks(rng: Random, sample_rate: int) -> Signal:
    """The timbers of a ship: surfaces that stick and slip, slowly enough to hear each slip."""
    n = length(sample_rate)
    out = np.zeros(n)
    for _ in range(5):
        strain = np.maximum(0.0, slow_noise(rng, n, sample_rate, 0.9) + 0.45)
        rate_hz = 14.0 + 75.0 * strain * 2.0 ** (0.5 * slow_noise(rng, n, sample_rate, 3.0))
        times = crossings(closed_phase(rate_hz, sample_rate), sample_rate)
        times = times + 0.0012 * rng.standard_normal(times.size)
        force = np.interp(times, np.arange(n) / sample_rate, strain)
        slips = impulses(n, sample_rate, times, force * rng.uniform(0.5, 1.0, times.size))
        modes_hz = log_uniform(rng, 260.0, 3400.0, 9)
        body = resonant(slips, sample_rate, modes_hz, 45.0 / modes_hz, rng.uniform(0.3, 1.0, 9))
        out += levelled(body, float(rng.uniform(-4.0, 0.0)))
    knocks = poisson_times(rng, 1.6)
    knock = modal(
        sample_rate, [95.0, 172.0, 260.0, 430.0], [0.3, 0.2, 0.14, 0.08], [1.0, 0.8, 0.6, 0.4]
    )
    hull = scattered(
        n, sample_rate, knocks, [g * knock for g in rng.uniform(0.3, 1.0, knocks.size)]
    )
    swash = band_noise(rng, n, sample_rate, (60.0, 600.0), -3.0) * swell(
        rng, n, sample_rate, 0.4, 4.0
    )
    mixed = levelled(out) + levelled(hull, -7.0) + levelled(swash, -20.0)
    return tamed(in_room(rng, mixed, sample_rate, 0.5, 0.25, 2500.0), 15.0)


def hand_drums(rng: Random, sample_rate: int) -> Signal:
    """Three players on congas and a bass drum: open tones, slaps and heels, without pauses."""
    n = length(sample_rate)
    out = np.zeros(n)
    time = np.arange(round(0.5 * sample_rate)) / sample_rate
    for pitch_hz, per_second in ((104.0, 4.0), (196.0, 6.4), (262.0, 8.0), (330.0, 5.0)):
        times = regular_times(rng, per_second, 0.02)
        kinds = rng.choice(3, times.size, p=[0.5, 0.2, 0.3])
        accents = rng.uniform(0.35, 1.0, times.size)
        # A hard stroke stretches the skin, so the pitch starts sharp.
        bend = pitch_hz * (time + 0.004 * (1.0 - np.exp(-time / 0.02)))
        open_tone = np.zeros(time.size)
        for k, partial in enumerate(MEMBRANE[:5]):
            open_tone += (
                np.sin(2.0 * np.pi * partial * bend)
                * 10.0 ** (-3.0 * time * (1 + k) / 0.42)
                / (1 + k)
            )
        slap = (
            modal(sample_rate, pitch_hz * 2.1 * MEMBRANE[1:], 0.05, np.linspace(1.0, 0.5, 7)) * 0.5
        )
        heel = modal(sample_rate, pitch_hz * np.array([0.85, 1.4]), 0.07, [1.0, 0.4])
        voices = (open_tone, slap, heel)
        out += scattered(
            n,
            sample_rate,
            times,
            [gain * voices[kind] for kind, gain in zip(kinds, accents, strict=True)],
        )
        skin = attack_decay(sample_rate, 0.0005, 0.02, 0.025)
        palms = scattered(n, sample_rate, times, [gain * skin for gain in accents])
        out += 0.4 * palms * band_noise(rng, n, sample_rate, (700.0, 5000.0), -3.0)
    return tamed(in_room(rng, levelled(out), sample_rate, 0.5, 0.25), 15.0)


def rainstick(rng: Random, sample_rate: int) -> Signal:
    """A dried cactus with thorns, turned over twice: pebbles trickle down, and the tube rings."""
    n = length(sample_rate)
    grid = np.arange(2000) / 200.0
    out = np.zeros(n)
    for turn, onset in enumerate((0.3, 5.3)):
        since = (grid - onset) % SECONDS
        # The pebbles start together and arrive over four seconds, each at a pace of its own.
        flow = np.minimum(1.0, since / 0.25) * np.exp(-((since / 3.4) ** 3)) + 0.02
        for k in range(9):
            centre_hz = 1500.0 * 2.0 ** (0.32 * k)
            times = poisson_times(rng, 150.0, intensity=flow)
            gone = ((times - onset) % SECONDS) / 4.5
            # The pitch of the tube that is still open rises as the pebbles fill it.
            share = np.exp(
                -0.5 * ((k - 1.0 - (6.0 * gone if turn == 0 else 6.0 - 6.0 * gone)) / 1.6) ** 2
            )
            gains = share * np.minimum(0.1 + rng.pareto(2.2, times.size), 5.0)
            hits = impulses(n, sample_rate, times, gains * rng.choice([-1.0, 1.0], times.size))
            out += band_pass(hits, sample_rate, (centre_hz / 1.2, centre_hz * 1.2), 1)
    tube = resonant(
        out,
        sample_rate,
        [310.0, 640.0, 985.0, 1340.0],
        [0.09, 0.07, 0.05, 0.04],
        [1, 0.8, 0.6, 0.4],
    )
    return tamed(levelled(out) + levelled(tube, -15.0), 17.0)


SOUNDS = (
    Sound(
        name="wood-blocks",
        title="Temple blocks",
        family="wood and skin",
        tags=("percussive", "hollow", "pitched", "rhythmic"),
        description="Five hollow blocks in five metres, a round and dry clatter.",
        recipe=wood_blocks,
    ),
    Sound(
        name="drum-roll",
        title="Snare roll",
        family="wood and skin",
        tags=("percussive", "dense", "noisy", "rhythmic"),
        description="Twenty-six strokes a second on a snare drum, swelling and sinking.",
        recipe=drum_roll,
    ),
    Sound(
        name="footsteps",
        title="Footsteps on gravel",
        family="wood and skin",
        tags=("percussive", "crunchy", "noisy", "rhythmic"),
        description=(
            "Two walkers out of step, a soft thump and a crush of stones at each heel and toe."
        ),
        recipe=footsteps,
    ),
    Sound(
        name="creaks",
        title="Creaking timber",
        family="wood and skin",
        tags=("organic", "rough", "gliding", "dark"),
        description=(
            "A wooden hull under strain, groans that speed up into squeaks and the odd deep knock."
        ),
        recipe=creaks,
    ),
    Sound(
        name="hand-drums",
        title="Hand drums",
        family="wood and skin",
        tags=("percussive", "warm", "pitched", "rhythmic"),
        description="Congas and a bass drum in crossing rhythms: open tones, slaps, heels.",
        recipe=hand_drums,
    ),
    Sound(
        name="rainstick",
        title="Rainstick",
        family="wood and skin",
        tags=("percussive", "bright", "cascading", "dry"),
        description="Pebbles that trickle through thorns in two long falls, while the tube rings.",
        recipe=rainstick,
    ),
)
