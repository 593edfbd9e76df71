"""Building blocks of all sounds: noises, times of events, grains, envelopes, levels.

Everything here is circular. Grains that pass the end continue at the start, noises are shaped in
the frequency domain, and filters start in the state in which the sound ends. A sound therefore
has no fade at either end and loops without a seam. It is also the same sound at every sample
rate, because noise is drawn by frequency and from a random stream of its own (`Generator.spawn`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.fft
from scipy import signal

SECONDS = 10.0
PEAK_DB = -3.0
STEPS = 2**15  # samples are multiples of 1 / STEPS, so that 16-bit files store them exactly
LOWEST_HZ = 20.0
REFERENCE_HZ = 44_100.0  # noises and impulses have the level they would have at this rate

Random = np.random.Generator
Signal = npt.NDArray[np.float64]
Waveform = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Sound:
    """One sound of the factory library.

    Attributes
    ----------
    name : str
        Lower-case words joined by hyphens.
    title, family : str
    tags : tuple of str
    description : str
        One or two sentences for sound designers.
    recipe : callable
        Maps a random generator and a sample rate in Hz to samples at any level.
    """

    name: str
    title: str
    family: str
    tags: tuple[str, ...]
    description: str
    recipe: Callable[[Random, int], Signal]

    def synthesise(self, rng: Random, sample_rate: int) -> Waveform:
        """Return 10 seconds of the sound, (samples,), with a peak of -3 dBFS and no DC."""
        return finished(self.recipe(rng, sample_rate), sample_rate)


def length(sample_rate: int) -> int:
    """Return the length of a sound in samples."""
    return round(SECONDS * sample_rate)


def finished(samples: Signal, sample_rate: int, peak_db: float = PEAK_DB) -> Waveform:
    """Remove everything below 20 Hz, set the peak and round to 16 bits.

    The rounding makes the samples reproducible: the last digits of a sine differ between
    processors, but steps that are some 10^12 times larger practically always hide that.
    """
    spectrum = np.asarray(scipy.fft.rfft(samples))
    frequency_hz = scipy.fft.rfftfreq(samples.size, 1.0 / sample_rate)
    spectrum *= 1.0 / (1.0 + (LOWEST_HZ / np.maximum(frequency_hz, 1e-9)) ** 8)
    clean = scipy.fft.irfft(spectrum, samples.size)
    clean *= 10.0 ** (peak_db / 20.0) / np.abs(clean).max()
    return (np.round(clean * STEPS) / STEPS).astype(np.float32)


def from_db(level_db: float) -> float:
    """Convert a level in dB to an amplitude."""
    return float(10.0 ** (level_db / 20.0))


def levelled(samples: Signal, level_db: float = 0.0) -> Signal:
    """Scale a layer to an RMS level in dB, so that layers can simply be added."""
    rms = float(np.sqrt(np.mean(samples**2)))
    return samples * (from_db(level_db) / rms)


def tamed(samples: Signal, crest_db: float = 15.0) -> Signal:
    """Limit peaks softly to `crest_db` above the RMS level, like tape saturation."""
    ceiling = float(np.sqrt(np.mean(samples**2))) * from_db(crest_db)
    return np.asarray(ceiling * np.tanh(samples / ceiling))


# noises


def white(rng: Random, n_samples: int, sample_rate: int) -> Signal:
    """Return white noise with an RMS of 1 at 44.1 kHz.

    It is drawn from the lowest frequency up. For the same duration it is therefore the same noise
    at every sample rate, with less or more treble.
    """
    return np.asarray(scipy.fft.irfft(_white_spectrum(rng, n_samples, sample_rate), n_samples))


def _white_spectrum(rng: Random, n_samples: int, sample_rate: int) -> npt.NDArray[np.complex128]:
    drawn = rng.spawn(1)[0].standard_normal((n_samples // 2 + 1, 2))
    scale = np.sqrt(0.5 * n_samples * sample_rate / REFERENCE_HZ)
    return np.asarray(scale * (drawn[:, 0] + 1j * drawn[:, 1]))


def band_noise(
    rng: Random,
    n_samples: int,
    sample_rate: int,
    band_hz: tuple[float, float],
    tilt_db: float = 0.0,
    order: int = 2,
) -> Signal:
    """Return noise between two frequencies, with the edges of Butterworth filters.

    `tilt_db` is the slope inside the band in dB per octave. The RMS is 1 at sample rates of
    44.1 kHz and more.
    """

    def response(frequency_hz: Signal) -> Signal:
        frequency = np.maximum(frequency_hz, 1e-3)
        low = 1.0 + (band_hz[0] / frequency) ** (2 * order)
        high = 1.0 + (frequency / band_hz[1]) ** (2 * order)
        return np.asarray((frequency / 1000.0) ** (tilt_db / 6.0206) / np.sqrt(low * high))

    full = response(np.linspace(1.0, REFERENCE_HZ / 2.0, 8192))
    spectrum = _white_spectrum(rng, n_samples, sample_rate)
    spectrum *= response(np.asarray(scipy.fft.rfftfreq(n_samples, 1.0 / sample_rate)))
    return np.asarray(scipy.fft.irfft(spectrum, n_samples) / np.sqrt(np.mean(full**2)))


def slow_noise(rng: Random, n_samples: int, sample_rate: float, rate_hz: float) -> Signal:
    """Return a smooth random curve of mean 0 and deviation 1, at about `rate_hz` and slower."""
    cycles = rate_hz * n_samples / sample_rate
    count = min(max(2, int(np.ceil(2.5 * cycles))), n_samples // 2)
    coefficients = rng.standard_normal(count) + 1j * rng.standard_normal(count)
    spectrum = np.zeros(n_samples // 2 + 1, dtype=np.complex128)
    spectrum[1 : count + 1] = coefficients * np.exp(-0.5 * (np.arange(count) / cycles) ** 2)
    curve = np.asarray(scipy.fft.irfft(spectrum, n_samples))
    return np.asarray(curve / curve.std())


def swell(
    rng: Random, n_samples: int, sample_rate: float, rate_hz: float, depth_db: float
) -> Signal:
    """Return a random gain that moves smoothly in decibels, with a deviation of `depth_db`."""
    curve = slow_noise(rng, n_samples, sample_rate, rate_hz)
    return np.asarray(10.0 ** (depth_db * curve / 20.0))


# events


def poisson_times(
    rng: Random, per_second: float, seconds: float = SECONDS, intensity: Signal | None = None
) -> Signal:
    """Return sorted times in seconds of independent events.

    Their density follows `intensity`, a curve over the whole time, if it is given.
    """
    count = int(rng.poisson(per_second * seconds))
    places = np.sort(rng.uniform(0.0, 1.0, count))
    if intensity is None:
        return places * seconds
    cumulated = np.concatenate([[0.0], np.cumsum(intensity)])
    grid = np.linspace(0.0, seconds, cumulated.size)
    return np.asarray(np.interp(places, cumulated / cumulated[-1], grid))


def regular_times(
    rng: Random, per_second: float, jitter: float, seconds: float = SECONDS
) -> Signal:
    """Return times in seconds of a whole number of beats.

    `jitter` is the deviation of each time, as a share of the period.
    """
    count = max(1, round(per_second * seconds))
    beats = np.arange(count) + jitter * rng.standard_normal(count) + rng.uniform()
    return np.asarray(np.sort((beats * seconds / count) % seconds))


def log_uniform(rng: Random, low: float, high: float, size: int) -> Signal:
    """Return random values that are spread evenly over octaves."""
    return np.exp(rng.uniform(np.log(low), np.log(high), size))


def scattered(
    n_samples: int, sample_rate: int, times_seconds: Signal, grains: Iterable[Signal]
) -> Signal:
    """Return the sum of grains at given times, (n_samples,). Grains wrap round at the end."""
    out = np.zeros(n_samples)
    starts = np.round(np.asarray(times_seconds) * sample_rate).astype(np.int64) % n_samples
    for start, grain in zip(starts, grains, strict=True):
        done = 0
        while done < grain.size:
            place = (start + done) % n_samples
            part = grain[done : done + n_samples - place]
            out[place : place + part.size] += part
            done += part.size
    return out


def impulses(n_samples: int, sample_rate: int, times_seconds: Signal, gains: Signal) -> Signal:
    """Return a train of impulses, (n_samples,).

    An impulse between two samples is split between them by linear interpolation.
    """
    places = np.asarray(times_seconds) * sample_rate
    first = np.floor(places).astype(np.int64)
    later = places - first
    weights = np.asarray(gains) * (sample_rate / REFERENCE_HZ)
    train = np.bincount(first % n_samples, weights * (1.0 - later), n_samples)
    return np.asarray(train + np.bincount((first + 1) % n_samples, weights * later, n_samples))


# envelopes, filters, phases


def attack_decay(
    sample_rate: int, attack_seconds: float, decay_seconds: float, seconds: float
) -> Signal:
    """Return an envelope that rises to about 1 and then falls by 60 dB in `decay_seconds`."""
    time = np.arange(round(seconds * sample_rate)) / sample_rate
    rise = np.minimum(1.0, time / max(attack_seconds, 1e-6))
    return np.asarray(np.sin(0.5 * np.pi * rise) ** 2 * 10.0 ** (-3.0 * time / decay_seconds))


def band_pass(
    samples: Signal, sample_rate: int, band_hz: tuple[float, float], order: int = 2
) -> Signal:
    """Apply a circular Butterworth band-pass; the band is kept below the Nyquist frequency."""
    top_hz = min(band_hz[1], 0.47 * sample_rate)
    low_hz = min(band_hz[0], 0.8 * top_hz)
    sections = signal.butter(order, [low_hz, top_hz], "bandpass", fs=sample_rate, output="sos")
    return circular(np.asarray(sections), samples)


def tilted(samples: Signal, db_per_octave: float, sample_rate: int) -> Signal:
    """Tilt the spectrum about 1 kHz, between 100 Hz and 10 kHz; it is level beyond them."""
    frequency_hz = np.clip(scipy.fft.rfftfreq(samples.size, 1.0 / sample_rate), 100.0, 10_000.0)
    gain = (frequency_hz / 1000.0) ** (db_per_octave / 6.0206)
    return np.asarray(scipy.fft.irfft(scipy.fft.rfft(samples) * gain, samples.size))


def low_pass(samples: Signal, sample_rate: int, cutoff_hz: float, order: int = 2) -> Signal:
    """Apply a circular Butterworth low-pass."""
    cutoff_hz = min(cutoff_hz, 0.47 * sample_rate)
    sections = signal.butter(order, cutoff_hz, "lowpass", fs=sample_rate, output="sos")
    return circular(np.asarray(sections), samples)


def circular(sections: Signal, samples: Signal) -> Signal:
    """Filter by second-order sections, circularly: the last fifth of the sound runs in first."""
    warm_up = samples.size // 5
    run = np.concatenate([samples[samples.size - warm_up :], samples])
    return np.asarray(signal.sosfilt(sections, run))[warm_up:]


def closed_phase(frequency_hz: Signal, sample_rate: int) -> Signal:
    """Return the phase in cycles of a moving frequency, scaled to end on a whole cycle."""
    cycles = np.cumsum(frequency_hz) / sample_rate
    total = float(cycles[-1])
    return np.asarray((cycles - frequency_hz / sample_rate) * (max(1.0, np.round(total)) / total))


def crossings(phase: Signal, sample_rate: int) -> Signal:
    """Return the times in seconds at which a rising phase in cycles passes whole numbers."""
    whole = np.arange(np.ceil(phase[0]), np.floor(phase[-1]) + 1.0)
    return np.asarray(np.interp(whole, phase, np.arange(phase.size) / sample_rate))


def harmonics(phase: Signal, amplitudes: Signal) -> Signal:
    """Return a sum of sines at whole multiples of a phase in cycles, from the first on."""
    turn = np.exp(2j * np.pi * phase)
    power = np.ones_like(turn)
    out = np.zeros(phase.size)
    for amplitude in amplitudes:
        power *= turn
        out += amplitude * power.imag
    return out
