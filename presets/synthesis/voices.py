"""Voices and crowds: applause, murmur, whispers, a choir, cheering, a vowel pad."""

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
    length,
    levelled,
    log_uniform,
    poisson_times,
    regular_times,
    scattered,
    slow_noise,
    swell,
    tamed,
    tilted,
)
from presets.synthesis.physics import in_room, whistling
from presets.synthesis.vocal import (
    VOWELS_HZ,
    babble,
    formant_grains,
    voiced,
    whispered,
)


def applause(rng: Random, sample_rate: int) -> Signal:
    """Fifty pairs of hands, each with its own rate, steadiness, timbre and distance."""
    n = length(sample_rate)
    out = np.zeros(n)
    bed = band_noise(rng, n, sample_rate, (300.0, 9000.0), -1.0)
    for _ in range(50):
        times = regular_times(rng, float(rng.uniform(2.8, 5.0)), float(rng.uniform(0.02, 0.1)))
        distance = float(rng.uniform(1.0, 5.0))
        centre_hz = float(log_uniform(rng, 700.0, 2600.0, 1)[0])
        snap = attack_decay(sample_rate, 0.0004, 0.022, 0.025) / distance
        grains = [force * snap for force in rng.uniform(0.5, 1.0, times.size)]
        claps = scattered(n, sample_rate, times, grains)
        claps *= np.roll(bed, round(rng.uniform() * n))
        hand = band_pass(claps, sample_rate, (centre_hz / 1.5, centre_hz * 1.5), 1)
        out += hand + 0.25 * claps
    hall = in_room(rng, levelled(out), sample_rate, 0.9, 0.55)
    return tamed(hall, 14.0)


def crowd_murmur(rng: Random, sample_rate: int) -> Signal:
    """A foyer: sixteen people who talk at once, near and far, and cannot be understood."""
    n = length(sample_rate)
    near, far = np.zeros(n), np.zeros(n)
    for k in range(16):
        woman = k % 2 == 1
        pitch_hz = float(rng.uniform(165.0, 235.0) if woman else rng.uniform(85.0, 140.0))
        talk = babble(
            rng,
            SECONDS,
            pitch_hz,
            float(rng.uniform(4.0, 6.0)),
            0.25,
            float(rng.uniform(1.08, 1.2) if woman else rng.uniform(0.92, 1.05)),
            0.2,
        )
        voice = levelled(voiced(rng, n, sample_rate, talk))
        if k < 5:
            near += voice
        else:
            far += voice + 0.7 * np.roll(voice, round(rng.uniform(0.2, 0.8) * n))
    room = in_room(rng, levelled(near, -2.0) + levelled(far), sample_rate, 1.3, 0.7, 2500.0)
    return tamed(room, 13.0)


def whisper(rng: Random, sample_rate: int) -> Signal:
    """Four people who whisper close to the ear: only breath and consonants."""
    n = length(sample_rate)
    out = np.zeros(n)
    for tract in (0.95, 1.05, 1.15, 1.22):
        talk = babble(rng, SECONDS, 120.0, float(rng.uniform(3.6, 5.2)), 0.3, tract)
        voice = levelled(whispered(rng, n, sample_rate, talk))
        out += voice
    breath = band_noise(rng, n, sample_rate, (500.0, 9000.0), -1.0) * swell(
        rng, n, sample_rate, 0.5, 6.0
    )
    # Breath excites all formants alike, where a voice falls by 12 dB per octave.
    airy = tilted(band_pass(out, sample_rate, (400.0, 15000.0), 1), 5.0, sample_rate)
    return tamed(levelled(airy) + levelled(breath, -18.0), 14.0)


def choir(rng: Random, sample_rate: int) -> Signal:
    """Sixteen singers on a wide chord, who move through open vowels, each at their own time."""
    n = length(sample_rate)
    out = np.zeros(n)
    vowels = np.array([VOWELS_HZ[v] for v in ("ah", "aw", "oo", "aw", "ah", "eh")])
    seconds = np.arange(n) / sample_rate
    for pitch_hz in (98.0, 146.8, 196.0, 246.9, 293.7, 392.0, 440.0, 587.3):
        for _ in range(2):
            detune = 2.0 ** (0.009 * rng.standard_normal())
            vibrato = np.sin(
                2.0 * np.pi * (round(10.0 * rng.uniform(4.8, 6.2)) / 10.0) * seconds
                + rng.uniform(0.0, 6.0)
            )
            drift = slow_noise(rng, n, sample_rate, 1.2)
            pitch = (
                pitch_hz
                * detune
                * 2.0 ** (0.018 * vibrato * (0.6 + 0.4 * np.tanh(drift)) + 0.006 * drift)
            )
            times = crossings(closed_phase(pitch, sample_rate) + rng.uniform(), sample_rate)
            place = (times / SECONDS * len(vowels) + rng.uniform(0.0, 0.8)) % len(vowels)
            here = place.astype(np.int64) % len(vowels)
            blend = (0.5 - 0.5 * np.cos(np.pi * np.clip(2.0 * (place % 1.0) - 0.5, 0.0, 1.0)))[
                :, None
            ]
            formants = vowels[here] * (1.0 - blend) + vowels[(here + 1) % len(vowels)] * blend
            tract = 1.0 + 0.16 * float(pitch_hz > 240.0) + 0.03 * rng.standard_normal()
            swelling = 1.0 + 0.3 * np.tanh(
                np.interp(times, seconds, slow_noise(rng, n, sample_rate, 0.6))
            )
            voice = formant_grains(n, sample_rate, times, swelling, formants * tract, 0.002)
            out += levelled(voice)
    breath = band_noise(rng, n, sample_rate, (1500.0, 8000.0), -2.0)
    return tamed(
        in_room(rng, levelled(out) + levelled(breath, -32.0), sample_rate, 2.6, 0.8, 3500.0), 13.0
    )


def cheering(rng: Random, sample_rate: int) -> Signal:
    """A stadium after a goal: soaring shouts, whistles, the roar of the far side."""
    n = length(sample_rate)
    seconds = np.arange(n) / sample_rate
    excitement = swell(rng, n, sample_rate, 0.4, 3.0)
    shouts = np.zeros(n)
    vowels = np.array([VOWELS_HZ[v] for v in ("ah", "eh", "oo", "aw", "a")])
    for _ in range(70):
        onset, lasting = float(rng.uniform(0.0, SECONDS)), float(rng.uniform(0.5, 1.8))
        pitch_hz = float(log_uniform(rng, 220.0, 620.0, 1)[0])
        ramp = np.linspace(0.0, 1.0, round(lasting * 200.0))
        bend = pitch_hz * 2.0 ** (
            0.45 * np.sin(np.pi * ramp**0.7) - 0.2 + 0.02 * slow_noise(rng, ramp.size, 200.0, 9.0)
        )
        times = crossings(np.cumsum(bend) / 200.0, 200)
        start, end = vowels[rng.integers(0, 5, 2)]
        share = (times / lasting)[:, None]
        gains = np.sin(np.pi * np.clip(times / lasting, 0.0, 1.0)) ** 0.6 * rng.uniform(0.3, 1.0)
        formants = (start * (1.0 - share) + end * share) * 1.15
        shouts += formant_grains(n, sample_rate, onset + times, gains, formants, 0.0007)
    roar = np.zeros(n)
    for formant_hz, bandwidth_hz, level in (
        (650.0, 260.0, 1.0),
        (1250.0, 420.0, 0.6),
        (2600.0, 900.0, 0.5),
    ):
        crowd = band_noise(
            rng, n, sample_rate, (formant_hz - 0.5 * bandwidth_hz, formant_hz + 0.5 * bandwidth_hz)
        )
        roar += level * crowd * swell(rng, n, sample_rate, 4.0, 1.5)
    whistles = np.zeros(n)
    for onset in poisson_times(rng, 1.1):
        since = (seconds - onset) % SECONDS
        gate = np.clip(since / 0.03, 0.0, 1.0) * np.clip((0.55 - since) / 0.05, 0.0, 1.0)
        curve = rng.uniform(1900.0, 3100.0) * 2.0 ** (
            0.35 * np.sin(np.pi * np.clip(since / 0.55, 0.0, 1.0))
        )
        whistles += gate * whistling(rng, n, sample_rate, curve, 25.0) * rng.uniform(0.3, 1.0)
    # A voice that is shouted with force has strong upper partials.
    forced = tilted(shouts, 4.5, sample_rate)
    spray = band_noise(rng, n, sample_rate, (2000.0, 9000.0), -2.0) * swell(
        rng, n, sample_rate, 5.0, 1.5
    )
    out = levelled(forced) + levelled(roar, -5.0)
    out += levelled(whistles, -11.0) + levelled(spray, -12.0)
    return tamed(in_room(rng, out * excitement, sample_rate, 1.8, 0.6, 3000.0), 12.0)


def vowel_pad(rng: Random, sample_rate: int) -> Signal:
    """A synthesiser's choir: detuned pulses on a ninth chord through vowels that move together."""
    n = length(sample_rate)
    seconds = np.arange(n) / sample_rate
    vowels = np.array([VOWELS_HZ[v] for v in ("oo", "ah", "ee", "eh", "aw")])
    out = np.zeros(n)
    for pitch_hz in (82.41, 123.47, 164.81, 196.0, 246.94, 369.99):
        for cents in (-11.0, 0.0, 9.0):
            steady = pitch_hz * 2.0 ** (cents / 1200.0)
            pitch = steady * 2.0 ** (0.003 * slow_noise(rng, n, sample_rate, 0.5))
            times = crossings(closed_phase(pitch, sample_rate) + rng.uniform(), sample_rate)
            place = (times / SECONDS * len(vowels)) % len(vowels)
            here = place.astype(np.int64) % len(vowels)
            share = (0.5 - 0.5 * np.cos(np.pi * (place % 1.0)))[:, None]
            formants = vowels[here] * (1.0 - share) + vowels[(here + 1) % len(vowels)] * share
            gains = np.full(times.size, 1.0)
            out += levelled(formant_grains(n, sample_rate, times, gains, 1.1 * formants, 0.0003))
    pumping = 1.0 - 0.25 * np.cos(2.0 * np.pi * seconds / SECONDS)
    air = band_noise(rng, n, sample_rate, (3000.0, 12000.0), 1.0) * pumping
    bright = tilted(out, 5.0, sample_rate) * pumping
    mixed = levelled(bright) + levelled(air, -21.0)
    return tamed(in_room(rng, mixed, sample_rate, 3.2, 0.5, 6000.0), 13.0)


SOUNDS = (
    Sound(
        name="applause",
        title="Applause",
        family="voices and crowds",
        tags=("human", "noisy", "dense", "percussive"),
        description="Fifty pairs of hands in a hall, near ones distinct, far ones a hiss.",
        recipe=applause,
    ),
    Sound(
        name="crowd-murmur",
        title="Murmuring crowd",
        family="voices and crowds",
        tags=("human", "vocal", "dense", "warm"),
        description="A room full of talk with no word to be made out.",
        recipe=crowd_murmur,
    ),
    Sound(
        name="whisper",
        title="Whispers",
        family="voices and crowds",
        tags=("human", "vocal", "noisy", "intimate"),
        description="Four whispering voices around the head, all breath, hisses and clicks.",
        recipe=whisper,
    ),
    Sound(
        name="choir",
        title="Choir",
        family="voices and crowds",
        tags=("human", "vocal", "tonal", "reverberant", "slow"),
        description="A held open chord that drifts through the vowels in a large church.",
        recipe=choir,
    ),
    Sound(
        name="cheering",
        title="Cheering stadium",
        family="voices and crowds",
        tags=("human", "vocal", "dense", "bright"),
        description="Shouts that soar and fall, whistles on fingers and the roar of thousands.",
        recipe=cheering,
    ),
    Sound(
        name="vowel-pad",
        title="Vowel pad",
        family="voices and crowds",
        tags=("vocal", "tonal", "slow", "synthetic"),
        description="A synthesised choir on a ninth chord that moves through five vowels at once.",
        recipe=vowel_pad,
    ),
)
