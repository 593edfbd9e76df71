"""Synthetic contents to train networks on: random phrases of tones, plucks, glides and noises.

A network that stylises any content must be trained on contents of every kind, and astfx uses no
recordings for that. Each phrase is a mix of one or two layers: a pitched line, percussion, noise
of a slowly moving level, or speech-like syllables with pauses.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Waveform = npt.NDArray[np.float32]
_RMS = 0.1


def phrase(rng: np.random.Generator, n_samples: int, sample_rate: int) -> Waveform:
    """Return a random phrase, (samples,) float32 at an RMS of 0.1."""
    kinds = (_line, _hits, _hiss, _speech_like)
    chosen = rng.choice(len(kinds), size=int(rng.integers(1, 3)), replace=False)
    total = np.zeros(n_samples)
    for kind in chosen:
        layer = kinds[kind](rng, n_samples, sample_rate)
        total += layer * (rng.uniform(0.3, 1.0) / max(float(np.sqrt(np.mean(layer**2))), 1e-9))
    total += 1e-4 * rng.standard_normal(n_samples)
    levelled = total * (_RMS / np.sqrt(np.mean(total**2)))
    return np.asarray(levelled, dtype=np.float32)


def _events(rng: np.random.Generator, n: int, sample_rate: int, per_second: float) -> list[int]:
    gaps = rng.gamma(2.0, 0.5 / per_second, size=int(4 * per_second * n / sample_rate) + 4)
    starts = (np.cumsum(gaps) * sample_rate).astype(int)
    return [int(start) for start in starts if start < n]


def _harmonics(
    rng: np.random.Generator, pitch_hz: npt.NDArray[np.float64], sample_rate: int, slope: float
) -> npt.NDArray[np.float64]:
    """Return the sum of the harmonics of a moving pitch, each weaker by a power of its number."""
    phase = 2.0 * np.pi * np.cumsum(pitch_hz) / sample_rate
    total = np.zeros(pitch_hz.size)
    for k in range(1, 25):
        if k * float(pitch_hz.max()) > 0.45 * sample_rate:
            break
        total += np.sin(k * phase + rng.uniform(0.0, 6.28)) / k**slope
    return total


def _line(rng: np.random.Generator, n: int, sample_rate: int) -> npt.NDArray[np.float64]:
    """Return notes of one instrument, plucked or held."""
    total = np.zeros(n)
    pitch, slope = rng.uniform(80.0, 600.0), rng.uniform(0.7, 2.0)
    decay = rng.uniform(0.08, 2.0)
    for start in _events(rng, n, sample_rate, rng.uniform(1.0, 6.0)):
        length = min(int(rng.uniform(0.1, 1.2) * sample_rate), n - start)
        time = np.arange(length) / sample_rate
        pitch = float(np.clip(pitch * 2.0 ** (rng.integers(-7, 8) / 12.0), 60.0, 2000.0))
        vibrato = 1.0 + rng.uniform(0.0, 0.01) * np.sin(2 * np.pi * 5.5 * time)
        envelope = np.minimum(time / 0.005, 1.0) * np.exp(-time / decay)
        note = _harmonics(rng, pitch * vibrato, sample_rate, slope)
        total[start : start + length] += rng.uniform(0.2, 1.0) * envelope * note
    return total


def _hits(rng: np.random.Generator, n: int, sample_rate: int) -> npt.NDArray[np.float64]:
    """Return drums and clicks: short noises and falling tones."""
    total = np.zeros(n)
    for start in _events(rng, n, sample_rate, rng.uniform(2.0, 10.0)):
        length = min(int(0.4 * sample_rate), n - start)
        time = np.arange(length) / sample_rate
        noise = _coloured(rng, length, rng.uniform(-2.0, 1.0))
        thump = np.sin(2 * np.pi * rng.uniform(50, 200) * (1 - np.exp(-time / 0.03)) * 0.06 * 6)
        sound = noise + rng.uniform(0.0, 2.0) * thump
        total[start : start + length] += sound * np.exp(-time / rng.uniform(0.005, 0.12))
    return total


def _hiss(rng: np.random.Generator, n: int, sample_rate: int) -> npt.NDArray[np.float64]:
    """Return coloured noise that swells and fades."""
    knots = rng.uniform(0.02, 1.0, size=max(3, int(3 * n / sample_rate))) ** 2
    envelope = np.interp(np.linspace(0, knots.size - 1, n), np.arange(knots.size), knots)
    return _coloured(rng, n, rng.uniform(-3.0, 1.0)) * envelope


def _speech_like(rng: np.random.Generator, n: int, sample_rate: int) -> npt.NDArray[np.float64]:
    """Return voiced syllables with gliding pitch and two resonances, with pauses."""
    total = np.zeros(n)
    pitch = rng.uniform(90.0, 260.0)
    for start in _events(rng, n, sample_rate, rng.uniform(2.0, 5.0)):
        length = min(int(rng.uniform(0.08, 0.35) * sample_rate), n - start)
        if length < 64:
            continue
        time = np.linspace(0.0, 1.0, length)
        glide = pitch * np.exp(rng.uniform(-0.3, 0.3) * time)
        voice = _harmonics(rng, glide, sample_rate, 0.6)
        spectrum = np.fft.rfft(voice)
        frequency = np.fft.rfftfreq(length, 1.0 / sample_rate)
        shape = np.full(frequency.size, 0.02)
        for centre in (rng.uniform(250, 900), rng.uniform(900, 3000)):
            shape += np.exp(-(((frequency - centre) / (0.15 * centre + 60.0)) ** 2))
        shaped = np.fft.irfft(spectrum * shape, n=length)
        total[start : start + length] += shaped * np.sin(np.pi * time) ** 0.5
    return total


def _coloured(rng: np.random.Generator, n: int, power: float) -> npt.NDArray[np.float64]:
    """Return noise whose power is proportional to a power of frequency, with deviation 1."""
    frequency = np.maximum(np.arange(n // 2 + 1), 1.0)
    spectrum = np.fft.rfft(rng.standard_normal(n)) * frequency ** (power / 2.0)
    noise = np.fft.irfft(spectrum, n=n)
    return np.asarray(noise / max(float(noise.std()), 1e-12))
