"""Physical models of sound sources: struck bodies, bubbles, strings, whistling air, rooms."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy.fft
from scipy import signal

from presets.synthesis.common import REFERENCE_HZ, Random, Signal, closed_phase, slow_noise, white

HIGHEST_SHARE = 0.47  # of the sample rate: no partial lies higher
MINNAERT_METRE_HZ = 3.26  # frequency times radius of an air bubble in water (Minnaert 1933)


def modal(
    sample_rate: int,
    frequencies_hz: npt.ArrayLike,
    t60_seconds: npt.ArrayLike,
    gains: npt.ArrayLike,
) -> Signal:
    """Strike a body: return a sum of sines, each of which falls by 60 dB in its T60.

    Partials above 0.47 of the sample rate are left out. Each partial ends 72 dB below its start.
    """
    frequency, t60, gain = np.broadcast_arrays(
        *(
            np.atleast_1d(np.asarray(x, dtype=np.float64))
            for x in (frequencies_hz, t60_seconds, gains)
        )
    )
    out = np.zeros(max(1, round(1.2 * float(t60.max()) * sample_rate)))
    for f, t, g in zip(frequency, t60, gain, strict=True):
        if f < HIGHEST_SHARE * sample_rate:
            n = round(1.2 * t * sample_rate)
            pole = 10.0 ** (-3.0 / (t * sample_rate)) * np.exp(2j * np.pi * f / sample_rate)
            out[:n] += g * _powers(pole, n).imag
    return out


def _powers(pole: complex, count: int) -> npt.NDArray[np.complex128]:
    """Return 1, p, p^2 ... as an outer product of coarse and fine powers: faster than sines."""
    fine = max(1, int(np.sqrt(count)))
    coarse = -(-count // fine)
    steps = np.power(pole, np.arange(fine))
    return np.asarray(np.outer(np.power(pole, fine * np.arange(coarse)), steps).ravel()[:count])


def resonant(
    samples: Signal,
    sample_rate: int,
    frequencies_hz: npt.ArrayLike,
    t60_seconds: npt.ArrayLike,
    gains: npt.ArrayLike,
) -> Signal:
    """Drive a body, circularly: parallel resonators with the impulse responses of `modal`."""
    frequency, t60, gain = np.broadcast_arrays(
        *(
            np.atleast_1d(np.asarray(x, dtype=np.float64))
            for x in (frequencies_hz, t60_seconds, gains)
        )
    )
    warm_up = samples.size // 5
    run = np.concatenate([samples[samples.size - warm_up :], samples])
    out = np.zeros(samples.size)
    for f, t, g in zip(frequency, t60, gain, strict=True):
        if f < HIGHEST_SHARE * sample_rate:
            radius, angle = 10.0 ** (-3.0 / (t * sample_rate)), 2.0 * np.pi * f / sample_rate
            poles = [1.0, -2.0 * radius * np.cos(angle), radius**2]
            out += (
                g * np.asarray(signal.lfilter([0.0, radius * np.sin(angle)], poles, run))[warm_up:]
            )
    return out


def bubble(
    sample_rate: int, radius_metres: float, rise: float = 0.0, damping: float = 1.0
) -> Signal:
    """Return one air bubble in water: a damped sine that may rise as it nears the surface.

    The frequency is that of Minnaert, 3.26 m Hz divided by the radius. Damping and rise follow van
    den Doel, "Physically based models for liquid sounds" (2005): the decay rate is
    0.13 / r + 0.0072 r^-1.5 per second, and the frequency grows by `rise` times that rate.
    """
    frequency_hz = MINNAERT_METRE_HZ / radius_metres
    decay = damping * (0.13 / radius_metres + 0.0072 * radius_metres**-1.5)
    n_samples = max(8, round(7.0 / decay * sample_rate))
    time = np.arange(n_samples) / sample_rate
    cycles = frequency_hz * time * (1.0 + 0.5 * rise * decay * time)
    audible = frequency_hz * (1.0 + rise * decay * time) < HIGHEST_SHARE * sample_rate
    return np.asarray(np.exp(-decay * time) * np.sin(2.0 * np.pi * cycles) * audible)


def string(
    excitation: Signal,
    sample_rate: int,
    f0_hz: float,
    t60_seconds: float,
    damping: float = 0.5,
) -> Signal:
    """Ring a string: a digital waveguide (Karplus & Strong 1983, Jaffe & Smith 1983).

    The loop consists of a delay, a two-point mean that damps high partials (`damping` 0 to 1, as
    heard at 44.1 kHz) and third-order Lagrange interpolation, which tunes it to `f0_hz`. The
    fundamental falls by 60 dB in `t60_seconds`, or sooner if the damping alone is stronger. The
    result is as long as the excitation.
    """
    # A mean with weights 1 - a and a loses a (1 - a) w^2 / 2 at the angular frequency w.
    loss = 0.5 * damping * (1.0 - 0.5 * damping) * (sample_rate / REFERENCE_HZ) ** 2
    share = 0.5 - np.sqrt(0.25 - min(loss, 0.2499))
    blend = np.array([1.0 - share, share])
    period = sample_rate / f0_hz
    delay = int(np.floor(period - 1.0 - share))
    fraction = 0.5
    for _ in range(20):  # iterated, because the delay of the filters at f0 depends on the fraction
        taps = np.convolve(blend, _lagrange(1.0 + fraction))
        turn = np.sum(taps * np.exp(-2j * np.pi / period * np.arange(taps.size)))
        fraction += period - delay - float(-np.angle(turn) * period / (2.0 * np.pi))
    # The gain stays below 1 at 0 Hz, where the mean has no loss.
    taps *= min(10.0 ** (-3.0 / (f0_hz * t60_seconds)) / np.abs(turn), 0.99999)
    out = np.zeros(excitation.size + delay + taps.size)
    head = delay + taps.size - 1
    out[head : head + excitation.size] = excitation
    for start in range(head, head + excitation.size, delay):
        stop = min(start + delay, head + excitation.size)
        for k, tap in enumerate(taps):
            out[start:stop] += tap * out[start - delay - k : stop - delay - k]
    return out[head : head + excitation.size]


def _lagrange(delay: float) -> Signal:
    """Return the four taps of a Lagrange interpolator that delays by 1 to 2 samples."""
    points = np.arange(4.0)
    return np.array([np.prod([(delay - q) / (p - q) for q in points if q != p]) for p in points])


def pluck(rng: Random, sample_rate: int, f0_hz: float, position: float, seconds: float) -> Signal:
    """Return the excitation of a plucked string: one period of 64 partials of random phase.

    Partials with a node at `position`, a share of the string's length, are missing.
    """
    period = max(4, round(sample_rate / f0_hz))
    turns = rng.uniform(0.0, 1.0, 64)
    burst = np.zeros(round(seconds * sample_rate))
    time = np.arange(period) / period
    for k in range(1, min(64, (period - 1) // 2) + 1):
        strength = np.sin(np.pi * k * position) / k**0.6
        burst[:period] += strength * np.sin(2.0 * np.pi * (k * time + turns[k - 1]))
    return burst


def whistling(
    rng: Random, n_samples: int, sample_rate: int, centre_hz: Signal, bandwidth_hz: float
) -> Signal:
    """Return a narrow band of noise with a moving centre, RMS 1: wind, howling, squealing."""
    turn = np.exp(2j * np.pi * closed_phase(centre_hz, sample_rate))
    real = slow_noise(rng, n_samples, sample_rate, 0.5 * bandwidth_hz)
    imaginary = slow_noise(rng, n_samples, sample_rate, 0.5 * bandwidth_hz)
    return np.asarray(real * turn.real - imaginary * turn.imag)


def in_room(
    rng: Random,
    samples: Signal,
    sample_rate: int,
    t60_seconds: float,
    wet: float,
    damping_hz: float = 4000.0,
) -> Signal:
    """Add a room: circular convolution with noise that decays, faster above `damping_hz`.

    `wet` is the amplitude of the room relative to the direct sound.
    """
    n_tail = min(samples.size, round(1.2 * t60_seconds * sample_rate))
    time = np.arange(n_tail) / sample_rate
    noise = white(rng, n_tail, sample_rate)
    dark = np.asarray(
        signal.sosfilt(signal.butter(1, damping_hz, fs=sample_rate, output="sos"), noise)
    )
    tail = dark * 10.0 ** (-3.0 * time / t60_seconds)
    tail += (noise - dark) * 10.0 ** (-9.0 * time / t60_seconds)
    tail *= np.minimum(1.0, time / 0.008)
    tail /= np.sqrt(np.sum(tail**2))
    spectrum = np.asarray(scipy.fft.rfft(samples)) * scipy.fft.rfft(tail, samples.size)
    return np.asarray(samples + wet * scipy.fft.irfft(spectrum, samples.size))


def piped(samples: Signal, sample_rate: int, metres: float, reflection: float) -> Signal:
    """Send a sound through a pipe: a circular comb filter whose delay is two lengths at 343 m/s."""
    n_delay = max(1, round(2.0 * metres / 343.0 * sample_rate))
    frequency = np.arange(samples.size // 2 + 1) / samples.size
    delayed = np.exp(-2j * np.pi * frequency * n_delay)
    # Each reflection attenuates high frequencies.
    loss = reflection / (1.0 + (frequency * sample_rate / 3000.0) ** 2)
    spectrum = np.asarray(scipy.fft.rfft(samples)) / (1.0 - loss * delayed)
    return np.asarray(scipy.fft.irfft(spectrum, samples.size))
