"""What every sound is made with: noises, times of events, grains, envelopes, levels.

Everything here is circular: grains that pass the end go on at the start, noises are shaped in
the frequency domain, filters start where the end left them. So a sound has no fade at either
end and loops without a seam. It is also the same sound at every sample rate: noise is drawn by
frequency, and from a stream of its own (`Generator.spawn`), not from that of the events.
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
STEPS = 2**15  # samples lie on this grid: a 16-bit file holds them exactly
LOWEST_HZ = 20.0
REFERENCE_HZ = 44_100.0  # noises and impulses have the level they would have at this rate

Random = np.random.Generator
Signal = npt.NDArray[np.float64]
Waveform = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Sound:
    """One sound of the library.

    Attributes
    ----------
    name : str
        Lower-case words joined by hyphens.
    title, family : str
    tags : tuple of str
    description : str
        One or two sentences for a sound designer.
    recipe : callable
        (generator, sample rate in Hz) -> samples at any level.
    """

    name: str
    title: str
    family: str
    tags: tuple[str, ...]
    description: str
    recipe: Callable[[Random, int], Signal]

    def synthesise(self, rng: Random, sample_rate: int) -> Waveform:
        """Return 10 seconds, (samples,), with a peak of -3 dBFS and no DC."""
        return finished(self.recipe(rng, sample_rate), sample_rate)


def length(sample_rate: int) -> int:
    """Samples of a whole sound."""
    return round(SECONDS * sample_rate)


def finished(samples: Signal, sample_rate: int, peak_db: float = PEAK_DB) -> Waveform:
    """Take out what lies below 20 Hz, set the peak and round to 16 bits.

    The rounding is for sameness: the last digits of a sine differ between processors, and on
    this grid, a million million times coarser, they practically never show.
    """
    spectrum = np.asarray(scipy.fft.rfft(samples))
    frequency_hz = scipy.fft.rfftfreq(samples.size, 1.0 / sample_rate)
    spectrum *= 1.0 / (1.0 + (LOWEST_HZ / np.maximum(frequency_hz, 1e-9)) ** 8)
    clean = scipy.fft.irfft(spectrum, samples.size)
    clean *= 10.0 ** (peak_db / 20.0) / np.abs(clean).max()
    return (np.round(clean * STEPS) / STEPS).astype(np.float32)


def from_db(level_db: float) -> float:
    """Amplitude of a level in dB."""
    return float(10.0 ** (level_db / 20.0))


def levelled(samples: Signal, level_db: float = 0.0) -> Signal:
    """Bring a layer to an RMS level in dB, to be mixed by plain sums."""
    rms = float(np.sqrt(np.mean(samples**2)))
    return samples * (from_db(level_db) / rms)


def tamed(samples: Signal, crest_db: float = 15.0) -> Signal:
    """Round off what rises further than this above the RMS level, as a tape would."""
    ceiling = float(np.sqrt(np.mean(samples**2))) * from_db(crest_db)
    return np.asarray(ceiling * np.tanh(samples / ceiling))


# noises


def white(rng: Random, n_samples: int, sample_rate: int) -> Signal:
    """White noise, RMS 1 at 44.1 kHz.

    Drawn from the lowest frequency up, so it is the same noise at every sample rate (for the
    same time), with less or more treble.
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
    """Noise between two frequencies, falling off on both sides as Butterworth filters do.

    `tilt_db` is the slope inside, in dB an octave. RMS 1 (for a rate of 44.1 kHz or more).
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
    """Smooth random movement about 0 of deviation 1, at about `rate_hz` and slower."""
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
    """A random gain, smooth in decibels, `depth_db` its deviation."""
    curve = slow_noise(rng, n_samples, sample_rate, rate_hz)
    return np.asarray(10.0 ** (depth_db * curve / 20.0))


# events


def poisson_times(
    rng: Random, per_second: float, seconds: float = SECONDS, intensity: Signal | None = None
) -> Signal:
    """Sorted times in seconds of independent events; a curve over the time makes them denser."""
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
    """Times in seconds of a whole number of beats, each off by a share of the period."""
    count = max(1, round(per_second * seconds))
    beats = np.arange(count) + jitter * rng.standard_normal(count) + rng.uniform()
    return np.asarray(np.sort((beats * seconds / count) % seconds))


def log_uniform(rng: Random, low: float, high: float, size: int) -> Signal:
    """Values spread evenly over octaves."""
    return np.exp(rng.uniform(np.log(low), np.log(high), size))


def scattered(
    n_samples: int, sample_rate: int, times_seconds: Signal, grains: Iterable[Signal]
) -> Signal:
    """Add a grain at each time, circularly; (n_samples,)."""
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
    """A train of impulses between the samples (shared out by nearness), (n_samples,)."""
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
    """A rise to about 1 and an exponential fall by 60 dB in `decay_seconds`."""
    time = np.arange(round(seconds * sample_rate)) / sample_rate
    rise = np.minimum(1.0, time / max(attack_seconds, 1e-6))
    return np.asarray(np.sin(0.5 * np.pi * rise) ** 2 * 10.0 ** (-3.0 * time / decay_seconds))


def band_pass(
    samples: Signal, sample_rate: int, band_hz: tuple[float, float], order: int = 2
) -> Signal:
    """Butterworth band-pass, circular; the band is kept below the Nyquist frequency."""
    top_hz = min(band_hz[1], 0.47 * sample_rate)
    low_hz = min(band_hz[0], 0.8 * top_hz)
    sections = signal.butter(order, [low_hz, top_hz], "bandpass", fs=sample_rate, output="sos")
    return circular(np.asarray(sections), samples)


def low_pass(samples: Signal, sample_rate: int, cutoff_hz: float, order: int = 2) -> Signal:
    """Butterworth low-pass, circular."""
    cutoff_hz = min(cutoff_hz, 0.47 * sample_rate)
    sections = signal.butter(order, cutoff_hz, "lowpass", fs=sample_rate, output="sos")
    return circular(np.asarray(sections), samples)


def circular(sections: Signal, samples: Signal) -> Signal:
    """Filter by second-order sections that start in the state in which a fifth more ends."""
    warm_up = samples.size // 5
    run = np.concatenate([samples[samples.size - warm_up :], samples])
    return np.asarray(signal.sosfilt(sections, run))[warm_up:]


def closed_phase(frequency_hz: Signal, sample_rate: int) -> Signal:
    """Phase in cycles of a moving frequency, stretched to end on a whole cycle."""
    cycles = np.cumsum(frequency_hz) / sample_rate
    total = float(cycles[-1])
    return np.asarray((cycles - frequency_hz / sample_rate) * (max(1.0, np.round(total)) / total))


def crossings(phase: Signal, sample_rate: int) -> Signal:
    """Times in seconds at which a rising phase in cycles passes whole numbers."""
    whole = np.arange(np.ceil(phase[0]), np.floor(phase[-1]) + 1.0)
    return np.asarray(np.interp(whole, phase, np.arange(phase.size) / sample_rate))


def harmonics(phase: Signal, amplitudes: Signal) -> Signal:
    """Sum of sines at whole multiples of a phase in cycles; `amplitudes` from the first on."""
    turn = np.exp(2j * np.pi * phase)
    power = np.ones_like(turn)
    out = np.zeros(phase.size)
    for amplitude in amplitudes:
        power *= turn
        out += amplitude * power.imag
    return out
