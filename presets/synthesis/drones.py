"""Tonal drones and strings: tanpura, bowed strings, organ, harp, didgeridoo."""

from __future__ import annotations

import numpy as np

from presets.synthesis.common import (
    SECONDS,
    Random,
    Signal,
    Sound,
    band_noise,
    closed_phase,
    crossings,
    harmonics,
    length,
    levelled,
    regular_times,
    scattered,
    slow_noise,
    swell,
    tamed,
)
from presets.synthesis.physics import in_room, pluck, resonant, string
from presets.synthesis.vocal import VOWELS_HZ, formant_grains


def tanpura(rng: Random, sample_rate: int) -> Signal:
    """Four strings over a curved bridge, whose buzz travels through each string's harmonics."""
    n = length(sample_rate)
    step = SECONDS / 16.0
    time = np.arange(round(3.2 * sample_rate)) / sample_rate
    voices = []
    for pitch_hz in (196.0, 261.63, 261.63 * 1.0012, 130.81):
        turn = np.exp(2j * np.pi * pitch_hz * time)
        power = np.ones_like(turn)
        tone = np.zeros(time.size)
        for k in range(1, 1 + min(64, int(0.45 * sample_rate / pitch_hz))):
            power *= turn
            # Jawari, the buzz: a formant that travels from high to low harmonics as they decay.
            summit = (2600.0 * np.exp(-time / 1.0) + 500.0) / pitch_hz
            sheen = np.exp(-0.5 * ((k - summit) / (0.3 * summit + 1.0)) ** 2)
            decay = 10.0 ** (-3.0 * time * (1.0 + 0.05 * k) / 5.5)
            # Without different phases, all harmonics would peak at once.
            shifted = (power * np.exp(0.08j * np.pi * k**2)).imag
            tone += (0.5 * sheen + 1.0 / k**1.1) * decay * shifted
        voices.append(levelled(tone * np.minimum(1.0, time / 0.012)))
    out = np.zeros(n)
    for beat in range(16):
        start = np.array([beat * step + 0.012 * rng.standard_normal()])
        out += scattered(n, sample_rate, start, [rng.uniform(0.8, 1.0) * voices[beat % 4]])
    return in_room(rng, levelled(out), sample_rate, 0.8, 0.25)


def bowed_strings(rng: Random, sample_rate: int) -> Signal:
    """Celli and violas on a chord: Helmholtz motion, vibrato, bow changes, rosin noise."""
    n = length(sample_rate)
    seconds = np.arange(n) / sample_rate
    out, rosin = np.zeros(n), np.zeros(n)
    for pitch_hz in (65.41, 98.0, 130.81, 164.81, 196.0, 246.94):
        for _ in range(2):
            strokes = regular_times(rng, float(rng.uniform(0.6, 1.1)), 0.1)
            since = np.min((seconds[::64, None] - strokes) % SECONDS, axis=1)
            bow = np.interp(seconds, seconds[::64], np.tanh(since / 0.09))
            bow *= swell(rng, n, sample_rate, 1.0, 2.5)
            rate = round(SECONDS * rng.uniform(4.8, 6.0)) / SECONDS
            vibrato = np.sin(2.0 * np.pi * rate * seconds + rng.uniform(0.0, 6.0))
            cents = (
                13.0 * vibrato
                + 5.0 * slow_noise(rng, n, sample_rate, 1.5)
                + 4.0 * rng.standard_normal()
            )
            phase = closed_phase(pitch_hz * 2.0 ** (cents / 1200.0), sample_rate) + rng.uniform()
            count = min(60, int(0.4 * sample_rate / pitch_hz))
            k = np.arange(1, count + 1)
            # A bow at a ninth of the string does not excite every ninth harmonic.
            tone = harmonics(phase, np.abs(np.sin(np.pi * k / 9.0)) / k)
            grit = np.maximum(0.0, np.sin(2.0 * np.pi * phase)) ** 4
            out += tone * bow
            rosin += grit * bow
    rosin *= band_noise(rng, n, sample_rate, (1500.0, 9000.0), -1.0)
    modes_hz = np.array([102.0, 185, 220, 290, 440, 610, 980, 1450, 2300, 2900, 3600])
    strength = np.array([0.3, 0.8, 0.9, 0.9, 1.0, 1.0, 1.1, 1.0, 1.6, 1.5, 0.9])
    # The gain of a resonator grows with its decay time, which is compensated here.
    body = resonant(out, sample_rate, modes_hz, 30.0 / modes_hz, strength * modes_hz / 500.0)
    mixed = levelled(out, -6.0) + levelled(body) + levelled(rosin, -14.0)
    return tamed(in_room(rng, mixed, sample_rate, 1.5, 0.4), 13.0)


def organ(rng: Random, sample_rate: int) -> Signal:
    """A full organ on open fifths: ranks up to the mixture, the tremulant, wind noise."""
    n = length(sample_rate)
    seconds = np.arange(n) / sample_rate
    tremulant = np.sin(2.0 * np.pi * 6.0 * seconds)
    out = np.zeros(n)
    for pitch_hz in (73.42, 110.0, 146.83, 220.0, 293.66):
        for rank, level in (
            (1.0, 1.0),
            (2.0, 0.8),
            (3.0, 0.45),
            (4.0, 0.6),
            (6.0, 0.35),
            (8.0, 0.4),
            (12.0, 0.25),
        ):
            if pitch_hz * rank > 0.4 * sample_rate:
                continue
            detune = 1.0 + 0.0016 * rng.standard_normal()
            shaken_hz = pitch_hz * rank * detune * (1.0 + 0.0022 * tremulant)
            phase = closed_phase(shaken_hz, sample_rate) + rng.uniform()
            count = max(1, min(8, int(0.4 * sample_rate / (pitch_hz * rank))))
            pipe = harmonics(phase, 0.45 ** np.arange(count, dtype=np.float64))
            out += level * pipe * (1.0 + 0.22 * tremulant) * swell(rng, n, sample_rate, 0.8, 2.0)
    wind = band_noise(rng, n, sample_rate, (300.0, 5000.0), -3.0) * (1.0 + 0.3 * tremulant)
    return tamed(
        in_room(rng, levelled(out) + levelled(wind, -27.0), sample_rate, 3.0, 0.5, 3000.0), 12.0
    )


def harp(rng: Random, sample_rate: int) -> Signal:
    """Glissandi up and down a harp of waveguide strings."""
    n = length(sample_rate)
    scale = np.array([0, 2, 4, 6, 7, 9, 11])
    pitches_hz = [98.0 * 2.0 ** (octave + step / 12.0) for octave in range(4) for step in scale]
    ringing = 1.9
    strings = []
    for pitch_hz in pitches_hz:
        finger = pluck(rng, sample_rate, pitch_hz, 0.28, ringing)
        tone = string(finger, sample_rate, pitch_hz, 2.6 * (200.0 / pitch_hz) ** 0.4, 0.55)
        strings.append(levelled(tone) * np.linspace(1.0, 0.0, tone.size) ** 0.5)
    times, played = [], []
    cursor, place, direction = 0.0, 0, 1
    while cursor < SECONDS - 0.05:
        times.append(cursor)
        played.append(place)
        place += direction
        if not 0 <= place < len(strings) or rng.uniform() < 0.05:
            direction = -direction
            place = int(np.clip(place + 2 * direction, 0, len(strings) - 1))
        cursor += float(rng.uniform(0.055, 0.1))
    grains = [rng.uniform(0.5, 1.0) * strings[k] for k in played]
    plucked = scattered(n, sample_rate, np.array(times), grains)
    board = resonant(
        plucked,
        sample_rate,
        [112.0, 208.0, 355.0, 590.0],
        [0.15, 0.12, 0.09, 0.06],
        [1.0, 0.9, 0.7, 0.5],
    )
    return tamed(
        in_room(rng, levelled(plucked) + levelled(board, -9.0), sample_rate, 1.4, 0.4), 14.0
    )


def didgeridoo(rng: Random, sample_rate: int) -> Signal:
    """Lips on a long tube: a low pulse train whose formants are swept by mouth and tongue."""
    n = length(sample_rate)
    seconds = np.arange(n) / sample_rate
    pitch_hz = 69.0 * 2.0 ** (0.015 * slow_noise(rng, n, sample_rate, 2.0))
    times = crossings(closed_phase(pitch_hz, sample_rate), sample_rate)
    beat = 2.0 * np.pi * 3.2 * times
    mouth = 0.5 + 0.5 * np.sin(beat + 0.8 * np.sin(2.0 * np.pi * 0.8 * times))
    tongue = 0.5 + 0.5 * np.sin(2.0 * np.pi * 0.7 * times + 1.0)
    low = (
        np.array(VOWELS_HZ["oo"]) * (1.0 - mouth[:, None])
        + np.array(VOWELS_HZ["ah"]) * mouth[:, None]
    )
    formants = (
        low * (1.0 - 0.7 * tongue[:, None]) + np.array(VOWELS_HZ["ee"]) * 0.7 * tongue[:, None]
    )
    gains = (0.55 + 0.45 * np.sin(beat - 0.6)) * rng.uniform(0.9, 1.0, times.size)
    tone = formant_grains(n, sample_rate, times, gains, formants, 0.0008)
    drone = harmonics(
        closed_phase(pitch_hz, sample_rate), np.array([1.0, 0.25, 0.5, 0.15, 0.3, 0.1, 0.2])
    )
    growl = harmonics(closed_phase(pitch_hz * 2.53, sample_rate), np.arange(1.0, 10.0) ** -0.5)
    growl *= np.maximum(0.0, slow_noise(rng, n, sample_rate, 0.7)) * harmonics(
        closed_phase(pitch_hz, sample_rate), np.array([1.0])
    )
    breath = band_noise(rng, n, sample_rate, (400.0, 5000.0), -3.0)
    breath *= np.interp(seconds, times, gains)
    out = levelled(tone) + levelled(drone, -3.0) + levelled(growl, -11.0) + levelled(breath, -20.0)
    return tamed(in_room(rng, out, sample_rate, 0.7, 0.25), 12.0)


SOUNDS = (
    Sound(
        name="tanpura",
        title="Tanpura",
        family="tonal drones and strings",
        tags=("tonal", "buzzing", "slow", "drone"),
        description="Four open strings plucked in turn, their harmonics lit one after the other.",
        recipe=tanpura,
    ),
    Sound(
        name="bowed-strings",
        title="Bowed strings",
        family="tonal drones and strings",
        tags=("tonal", "warm", "dense", "drone"),
        description=(
            "A section of celli and violas on a wide major seventh, vibrato and rosin included."
        ),
        recipe=bowed_strings,
    ),
    Sound(
        name="organ",
        title="Organ",
        family="tonal drones and strings",
        tags=("tonal", "steady", "reverberant", "drone"),
        description="Open fifths on a full organ with the tremulant running, in a stone church.",
        recipe=organ,
    ),
    Sound(
        name="harp",
        title="Harp glissandi",
        family="tonal drones and strings",
        tags=("tonal", "plucked", "ringing", "cascading"),
        description="Plucked strings run up and down a Lydian scale and ring into one another.",
        recipe=harp,
    ),
    Sound(
        name="didgeridoo",
        title="Didgeridoo",
        family="tonal drones and strings",
        tags=("tonal", "dark", "pulsing", "vocal", "drone"),
        description=(
            "A low drone that speaks: vowels swept three times a second, growls between them."
        ),
        recipe=didgeridoo,
    ),
)
