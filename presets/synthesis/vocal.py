"""Synthesis of voices: glottal pulses that excite formants, and random utterances."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from presets.synthesis.common import (
    REFERENCE_HZ,
    Random,
    Signal,
    band_noise,
    closed_phase,
    crossings,
    poisson_times,
    scattered,
    slow_noise,
)

CONTROL_HZ = 200.0
# First four formants of male vowels (Peterson & Barney 1952; the fourth from Klatt 1980).
VOWELS_HZ = {
    "ee": (270.0, 2290.0, 3010.0, 3700.0),
    "eh": (530.0, 1840.0, 2480.0, 3500.0),
    "a": (660.0, 1720.0, 2410.0, 3500.0),
    "ah": (730.0, 1090.0, 2440.0, 3400.0),
    "aw": (570.0, 840.0, 2410.0, 3300.0),
    "oo": (300.0, 870.0, 2240.0, 3300.0),
    "er": (490.0, 1350.0, 1690.0, 3300.0),
}
BANDWIDTHS_HZ = np.array([70.0, 90.0, 130.0, 190.0])
FORMANT_LEVELS = np.array([1.0, 0.5, 0.28, 0.14])
# Bands of the noise of consonants in Hz, and their durations in seconds.
CONSONANTS = (
    ((4500.0, 9000.0), 0.09),  # s
    ((2200.0, 6000.0), 0.09),  # sh
    ((1200.0, 8000.0), 0.06),  # f
    ((2500.0, 7000.0), 0.018),  # t
    ((1200.0, 3000.0), 0.02),  # k
    ((300.0, 1500.0), 0.015),  # p
)
_GRAIN_SECONDS = 0.022
_BATCH = 64  # pulses at a time: their grains fit into a processor's cache


@dataclass(frozen=True, kw_only=True)
class Utterance:
    """The course of one voice, as curves with 200 values per second.

    Attributes
    ----------
    pitch_hz, level : ndarray of shape (frames,)
    formants_hz : ndarray of shape (frames, 4)
    consonants : list of (time in seconds, index in `CONSONANTS`, level)
    """

    pitch_hz: Signal
    level: Signal
    formants_hz: Signal
    consonants: list[tuple[float, int, float]]


def formant_grains(
    n_samples: int,
    sample_rate: int,
    times_seconds: Signal,
    gains: Signal,
    formants_hz: Signal,
    attack_seconds: float = 0.0012,
) -> Signal:
    """Excite four formants at each time (formant wave functions, Rodet 1984); circular.

    Parameters
    ----------
    times_seconds, gains : ndarray of shape (pulses,)
    formants_hz : ndarray of shape (pulses, 4)
        Formants above 0.47 of the sample rate are silent.
    """
    n_grain = round(_GRAIN_SECONDS * sample_rate)
    batches = []
    steps = np.arange(n_grain)
    n_rise = min(n_grain, 1 + int(np.ceil(attack_seconds * sample_rate)))
    fall = 0.5 + 0.5 * np.cos(np.pi * steps / n_grain)
    for begin in range(0, times_seconds.size, _BATCH):
        part = slice(begin, begin + _BATCH)
        starts = np.ceil(times_seconds[part] * sample_rate)
        first = starts / sample_rate - times_seconds[part]
        grains = np.zeros((first.size, n_grain))
        for k, bandwidth_hz in enumerate(BANDWIDTHS_HZ):
            formant_hz = formants_hz[part, k]
            level = FORMANT_LEVELS[k] * (formant_hz < 0.47 * sample_rate) * gains[part]
            rate = 2j * np.pi * formant_hz - np.pi * bandwidth_hz
            grains += _damped_sines(
                level * np.exp(rate * first), np.exp(rate / sample_rate), n_grain
            )
        since = first[:, None] + steps[:n_rise] / sample_rate
        grains[:, :n_rise] *= 0.5 - 0.5 * np.cos(np.pi * np.minimum(1.0, since / attack_seconds))
        grains *= fall
        places = starts.astype(np.int64)[:, None] + steps
        earliest = int(places.min())
        batches.append((earliest, np.bincount((places - earliest).ravel(), grains.ravel())))
    earliest_of_all = np.array([float(earliest) for earliest, _ in batches])
    together = [np.asarray(batch, dtype=np.float64) for _, batch in batches]
    return scattered(n_samples, 1, earliest_of_all, together)  # at 1 Hz, times are samples


def _damped_sines(
    start: npt.NDArray[np.complex128], pole: npt.NDArray[np.complex128], count: int
) -> Signal:
    """Return the imaginary parts of start * pole^k for k from 0 to `count` - 1, a row per pole.

    They are products of coarse and fine powers, which is faster than to compute sines.
    """
    fine = int(np.sqrt(count))
    coarse = -(-count // fine)
    small = np.repeat(pole[:, None], fine, axis=1)
    small[:, 0] = 1.0
    small = np.asarray(np.cumprod(small, axis=1), dtype=np.complex128)
    large = np.repeat((small[:, -1] * pole)[:, None], coarse, axis=1)
    large[:, 0] = start
    large = np.asarray(np.cumprod(large, axis=1), dtype=np.complex128)
    rows = large.real[:, :, None] * small.imag[:, None, :]
    rows += large.imag[:, :, None] * small.real[:, None, :]
    return np.asarray(rows.reshape(-1, coarse * fine)[:, :count])


def babble(
    rng: Random,
    seconds: float,
    pitch_hz: float,
    syllables_per_second: float = 4.5,
    pause_share: float = 0.2,
    tract: float = 1.0,
    liveliness: float = 0.12,
) -> Utterance:
    """Return random phrases of syllables: gliding vowels, consonants, falling pitch, pauses.

    Parameters
    ----------
    tract : float
        Factor of all formants relative to a male voice: 1.15 for a woman, 1.3 for a child.
    liveliness : float
        Movement of the pitch, in octaves.
    """
    n_frames = round(seconds * CONTROL_HZ)
    vowels = np.array(list(VOWELS_HZ.values()))
    level = np.zeros(n_frames)
    pitch = np.full(n_frames, pitch_hz)
    formants = np.tile(vowels[-1], (n_frames, 1))
    consonants = []
    time = float(rng.uniform(0.0, 0.3))
    while time < seconds - 0.15:
        n_syllables = int(rng.integers(4, 10))
        for k in range(n_syllables):
            stress = float(rng.choice([1.0, 0.65, 0.45]))
            spoken = float(rng.lognormal(-np.log(syllables_per_second), 0.25)) * (
                0.75 + 0.4 * stress
            )
            lead = 0.0
            if rng.uniform() < 0.75:
                kind = int(rng.integers(0, len(CONSONANTS)))
                lead = CONSONANTS[kind][1]
                consonants.append((time, kind, 0.35 + 0.4 * stress))
            first, last = (
                int(np.clip((time + lead * 0.8) * CONTROL_HZ, 0, n_frames)),
                int(np.clip((time + spoken) * CONTROL_HZ, 0, n_frames)),
            )
            ramp = np.linspace(0.0, 1.0, max(0, last - first))
            level[first:last] = stress * np.sin(np.pi * np.sqrt(ramp)) ** 0.7
            fall = 0.35 - 0.7 * k / n_syllables
            bend = fall + 1.2 * stress * np.sin(np.pi * ramp) - 0.4
            pitch[first:last] = pitch_hz * 2.0 ** (liveliness * bend)
            start, end = vowels[rng.integers(0, len(vowels), 2)]
            formants[first:last] = start + (end - start) * (0.15 + 0.5 * ramp[:, None])
            time += spoken
        time += float(rng.exponential(pause_share * n_syllables / syllables_per_second)) + 0.08
    level[-12:] *= np.linspace(1.0, 0.0, 12)  # fade out
    smooth = np.hanning(11) / np.hanning(11).sum()
    pitch = np.convolve(np.pad(pitch, 5, "edge"), smooth, "valid")
    formants = np.stack(
        [np.convolve(np.pad(track, 5, "edge"), smooth, "valid") for track in formants.T], axis=1
    )
    shake = slow_noise(rng, n_frames, CONTROL_HZ, 6.0)
    return Utterance(
        pitch_hz=pitch * (1.0 + 0.012 * shake),
        level=level,
        formants_hz=formants * tract,
        consonants=[(when, kind, gain) for when, kind, gain in consonants if when < seconds - 0.1],
    )


def voiced(rng: Random, n_samples: int, sample_rate: int, utterance: Utterance) -> Signal:
    """Speak an utterance with a voice, (n_samples,)."""
    frames = np.arange(utterance.level.size) / CONTROL_HZ
    phase = closed_phase(utterance.pitch_hz, int(CONTROL_HZ))
    times = crossings(phase, int(CONTROL_HZ))
    gains = np.interp(times, frames, utterance.level)
    heard = gains > 0.003
    times, gains = times[heard], gains[heard]
    gains = gains * (1.0 + 0.06 * rng.standard_normal(times.size))
    sound = formant_grains(n_samples, sample_rate, times, gains, _formants_at(utterance, times))
    return sound + 0.5 * consonant_noise(rng, n_samples, sample_rate, utterance)


def whispered(rng: Random, n_samples: int, sample_rate: int, utterance: Utterance) -> Signal:
    """Whisper an utterance: the same formants, excited by breath noise, (n_samples,)."""
    seconds = utterance.level.size / CONTROL_HZ
    times = poisson_times(rng, 1800.0, seconds)
    frames = np.arange(utterance.level.size) / CONTROL_HZ
    gains = np.interp(times, frames, utterance.level) * rng.standard_normal(times.size)
    heard = np.abs(gains) > 0.003
    times, gains = times[heard], gains[heard]
    # Unlike the glottis, breath has no falling spectrum: a very short attack raises the upper
    # formants.
    formants = _formants_at(utterance, times)
    sound = formant_grains(n_samples, sample_rate, times, gains, formants, 0.0002)
    return sound + 1.2 * consonant_noise(rng, n_samples, sample_rate, utterance)


def consonant_noise(rng: Random, n_samples: int, sample_rate: int, utterance: Utterance) -> Signal:
    """Return the hisses and bursts of an utterance's consonants, (n_samples,)."""
    out = np.zeros(n_samples)
    for kind, (band_hz, lasting) in enumerate(CONSONANTS):
        said = [(when, gain) for when, which, gain in utterance.consonants if which == kind]
        if not said:
            continue
        n_grain = max(8, round(lasting * sample_rate))
        ramp = np.linspace(0.0, 1.0, n_grain)
        # Plosives burst and decay, fricatives swell.
        shape = np.exp(-4.0 * ramp) if lasting < 0.03 else np.sin(np.pi * ramp) ** 0.8
        bed = band_noise(rng, n_samples, sample_rate, band_hz, order=3) * np.sqrt(
            band_hz[1] / REFERENCE_HZ
        )
        times = np.array([when for when, _ in said])
        gates = scattered(n_samples, sample_rate, times, [gain * shape for _, gain in said])
        out += bed * gates
    return out


def _formants_at(utterance: Utterance, times_seconds: Signal) -> Signal:
    frames = np.arange(utterance.level.size) / CONTROL_HZ
    return np.stack(
        [np.interp(times_seconds, frames, track) for track in utterance.formants_hz.T], axis=1
    )
