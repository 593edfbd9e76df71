"""Three neutral phrases to try a style on: speech-like, melodic, percussive."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import numpy as np

from presets.synthesis.common import (
    Random,
    Signal,
    Waveform,
    attack_decay,
    band_noise,
    finished,
    levelled,
    scattered,
)
from presets.synthesis.physics import in_room, modal, pluck, string
from presets.synthesis.vocal import babble, voiced

SECONDS = 6.0


def speech(rng: Random, sample_rate: int) -> Signal:
    """A voice without words: syllables, phrases and pauses, with moving formants and pitch."""
    n = round(SECONDS * sample_rate)
    utterance = babble(rng, SECONDS - 0.25, 118.0, 4.4, 0.3, 1.0, 0.25)
    return in_room(rng, levelled(voiced(rng, n, sample_rate, utterance)), sample_rate, 0.25, 0.15)


def melody(rng: Random, sample_rate: int) -> Signal:
    """A plucked tune over four chords, in E minor at 96 beats per minute."""
    n = round(SECONDS * sample_rate)
    beat_seconds = 0.625
    tune = (
        (0.0, 71), (0.5, 74), (1.0, 76), (2.0, 79), (2.5, 76), (3.0, 74), (3.5, 71),
        (4.0, 72), (5.0, 71), (5.5, 69), (6.0, 67), (6.5, 69), (7.0, 71), (8.0, 66),
    )  # fmt: skip
    chords = (
        (0.0, (40, 55, 59, 64)),
        (2.0, (43, 55, 59, 62)),
        (4.0, (45, 52, 57, 60)),
        (6.0, (47, 54, 57, 63)),
    )
    notes = [(when * beat_seconds, midi, 1.0) for when, midi in tune]
    for when, midis in chords:
        notes += [(when * beat_seconds + 0.018 * k, midi, 0.6) for k, midi in enumerate(midis)]
        notes += [
            ((when + 1.0) * beat_seconds + 0.012 * k, midi, 0.4) for k, midi in enumerate(midis[1:])
        ]
    times, grains = [], []
    for when, midi, gain in notes:
        pitch_hz = 440.0 * 2.0 ** ((midi - 69) / 12.0)
        ringing = min(1.3, SECONDS - 0.1 - when)
        finger = pluck(rng, sample_rate, pitch_hz, 0.22, ringing)
        tone = string(finger, sample_rate, pitch_hz, 2.2, 0.7)
        times.append(when)
        grains.append(gain * levelled(tone) * np.linspace(1.0, 0.0, tone.size) ** 0.5)
    return in_room(rng, scattered(n, sample_rate, np.array(times), grains), sample_rate, 0.5, 0.15)


def beat(rng: Random, sample_rate: int) -> Signal:
    """Two bars of a drum kit at 80 beats per minute: kick, snare, hi-hats."""
    n = round(SECONDS * sample_rate)
    step = SECONDS / 32.0
    time = np.arange(round(0.35 * sample_rate)) / sample_rate
    drop = 48.0 * time + 5.0 * (1.0 - np.exp(-time / 0.03))
    kick = np.sin(2.0 * np.pi * drop) * 10.0 ** (-3.0 * time / 0.4)
    shell = modal(sample_rate, [185.0, 330.0, 470.0], [0.18, 0.12, 0.08], [1.0, 0.7, 0.4])
    kicks = np.array([0, 6, 10, 16, 19, 26]) * step
    snares = np.array([4, 12, 15, 20, 28, 31]) * step
    hats = np.arange(0.0, 32.0, 2.0) * step
    wires = attack_decay(sample_rate, 0.001, 0.18, 0.2)
    closed = attack_decay(sample_rate, 0.0005, 0.06, 0.08)
    out = scattered(n, sample_rate, kicks, [1.4 * kick] * kicks.size)
    soft = np.array([1.0, 1.0, 0.4, 1.0, 1.0, 0.5])
    out += scattered(n, sample_rate, snares, [0.5 * gain * shell for gain in soft])
    rattle = scattered(n, sample_rate, snares, [0.55 * gain * wires for gain in soft])
    out += rattle * band_noise(rng, n, sample_rate, (1200.0, 10000.0))
    accents = np.where(np.arange(hats.size) % 2 == 0, 0.4, 0.25)
    tss = scattered(n, sample_rate, hats, [gain * closed for gain in accents])
    out += tss * band_noise(rng, n, sample_rate, (6500.0, 16000.0))
    return in_room(rng, out, sample_rate, 0.3, 0.12)


CONTENTS: dict[str, Callable[[Random, int], Signal]] = {
    "speech": speech,
    "melody": melody,
    "beat": beat,
}


def make_content(name: str, sample_rate: int = 44_100) -> Waveform:
    """Return 6 seconds of a phrase of `CONTENTS`, (samples,), with a peak of -3 dBFS.

    The seed is derived from the name, so the samples are always the same.
    """
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    return finished(CONTENTS[name](rng, sample_rate), sample_rate)
