"""Joint time-frequency scattering: how a sound's energy moves over time and pitch at once.

A first layer of Morlet wavelets gives the scalogram. A second layer of two-dimensional wavelets,
over time and log frequency, gives the scalogram's modulations: their rates (Hz) and their scales
(cycles per octave), rising and falling. The means of both layers over time describe a texture.
astfx optimises none of these filters, bands and statistics.

References
----------
J. Andén and S. Mallat, "Deep scattering spectrum", IEEE TSP 62(16), 2014.
J. Andén, V. Lostanlen and S. Mallat, "Joint time-frequency scattering", IEEE TSP 67(14), 2019.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.fft

from astfx.errors import InvalidAudioError
from astfx.metrics._inputs import Signal, audible, check_sample_rate, level_to, mono, resample

ANALYSIS_RATE_HZ = 22050.0
SHORTEST_SECONDS = 1.0
BANDS_PER_OCTAVE = 8
LOWEST_HZ = 65.0
N_OCTAVES = 7
RATES_HZ = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
SCALES = (0.0, 0.25, 0.5, 1.0, 2.0)
"""Cycles per octave; all but the first rising and falling."""

_FRAME_RATE_HZ = 400.0
_LEVEL_RMS = 0.1
_FLOOR = 1e-4  # of the mean: 80 dB below
_LEAST_DB = -100.0


@dataclass(frozen=True, kw_only=True)
class Scattering:
    """Logarithms of a sound's scattering moments.

    Attributes
    ----------
    first : ndarray of shape (bands,)
        Of the mean scalogram, relative to its mean over bands.
    second : ndarray of shape (rates, scales, bands)
        Of the mean modulus of each modulation, relative to the mean scalogram. The scales are the
        first of `SCALES`, then each other one, rising and falling.
    """

    first: Signal
    second: Signal


def scalogram(signal: Signal, sample_rate: float) -> tuple[Signal, float]:
    """Return the moduli of Morlet bands, from the lowest up, and the rate of frames in Hz."""
    seconds = signal.size / sample_rate
    n_frames = max(16, round(seconds * _FRAME_RATE_HZ))
    spectrum = np.asarray(scipy.fft.rfft(signal))
    frequency_hz = np.asarray(scipy.fft.rfftfreq(signal.size, 1.0 / sample_rate))
    centres = LOWEST_HZ * 2.0 ** (np.arange(N_OCTAVES * BANDS_PER_OCTAVE) / BANDS_PER_OCTAVE)
    found = np.empty((centres.size, n_frames))
    for k, centre in enumerate(centres):
        width = centre * (2.0 ** (0.5 / BANDS_PER_OCTAVE) - 2.0 ** (-0.5 / BANDS_PER_OCTAVE))
        first, last = np.searchsorted(frequency_hz, (centre - 3 * width, centre + 3 * width))
        last = max(last, first + 1)
        response = np.exp(-0.5 * ((frequency_hz[first:last] - centre) / (0.6 * width)) ** 2)
        per_frame = max(2, -(-2 * (last - first) // n_frames))
        band = scipy.fft.ifft(2.0 * spectrum[first:last] * response, per_frame * n_frames)
        amplitude = np.abs(band) * (per_frame * n_frames / signal.size)
        found[k] = amplitude.reshape(n_frames, per_frame).mean(axis=1)
    return found, n_frames / seconds


def scattering(name: str, waveform: npt.NDArray[Any], sample_rate: float) -> Scattering:
    """Measure the joint scattering moments of a sound.

    Parameters
    ----------
    name : str
        Name of the waveform in error messages.
    waveform : ndarray of shape (samples,) or (channels, samples)
        At least one second; channels are averaged.
    sample_rate : float
        In Hz.

    Raises
    ------
    InvalidAudioError
        If the sound is shorter than a second, or samples are not finite.
    InvalidSettingError
        If the sample rate is out of range.
    """
    rate = check_sample_rate(sample_rate)
    signal = mono(name, waveform)
    if signal.size < SHORTEST_SECONDS * rate:
        raise InvalidAudioError(
            f"{name} lasts {signal.size / rate:.3f} s; scattering needs at least "
            f"{SHORTEST_SECONDS} s"
        )
    bands, frame_rate_hz = scalogram(
        level_to(resample(signal, rate, ANALYSIS_RATE_HZ), _LEVEL_RMS), ANALYSIS_RATE_HZ
    )
    mean = bands.mean(axis=1)
    overall = max(float(mean.mean()), 1e-30)
    n_bands, n_frames = bands.shape
    # Twice as many bands: the wavelets along frequency do not wrap round.
    plane = scipy.fft.fft2(bands, s=(2 * n_bands, n_frames), workers=1)
    rate_hz = scipy.fft.fftfreq(n_frames, 1.0 / frame_rate_hz)
    cycles = scipy.fft.fftfreq(2 * n_bands, 1.0 / BANDS_PER_OCTAVE)[:, None]
    signed = [0.0, *(sign * scale for scale in SCALES[1:] for sign in (1.0, -1.0))]
    along_bands = [
        np.exp(-0.5 * ((cycles - scale) / (0.4 * max(abs(scale), SCALES[1]))) ** 2)
        for scale in signed
    ]
    second = np.empty((len(RATES_HZ), len(signed), n_bands))
    for i, centre in enumerate(RATES_HZ):
        in_time = np.where(
            rate_hz > 0.0, np.exp(-0.5 * ((rate_hz - centre) / (0.35 * centre)) ** 2), 0.0
        )
        used = np.flatnonzero(in_time > 1e-4)
        if not used.size:
            used = np.array([1])
        # A band of modulation, moved down to 0 Hz, needs few frames.
        part = plane[:, used[0] : used[-1] + 1] * in_time[used[0] : used[-1] + 1]
        for j, weights in enumerate(along_bands):
            modulus = np.abs(scipy.fft.ifft2(part * weights, workers=1))
            second[i, j] = modulus[:n_bands].mean(axis=1) * (part.shape[1] / n_frames)
    floor = _FLOOR * overall
    return Scattering(
        first=np.log((mean + floor) / (overall + floor)),
        second=np.log((second + _FLOOR * mean + floor * _FLOOR) / (mean + floor)),
    )


def distance_db(found: Scattering, wanted: Scattering) -> float:
    """Return the distance of a sound's moments from a style's, as `scattering_db` defines it."""
    shares = [
        float(np.mean((ours - theirs) ** 2) / max(float(np.var(theirs)), 1e-20))
        for ours, theirs in ((found.first, wanted.first), (found.second, wanted.second))
    ]
    mean = float(np.mean(shares))
    return max(_LEAST_DB, float(10.0 * np.log10(mean))) if mean > 0.0 else _LEAST_DB


def scattering_db(output: npt.NDArray[Any], style: npt.NDArray[Any], sample_rate: float) -> float:
    """Return the distance between two sounds' joint scattering moments, in decibels.

    It is 10 log10 of the mean over both layers of the mean squared difference of the logarithms of
    the moments, each relative to the variance of the style's. Two takes of one texture are about
    -9 to -24 dB apart. At 0 dB, the output is as far away as moments that are all alike would be.
    -100 dB is identical.

    Parameters
    ----------
    output, style : ndarray of shape (samples,) or (channels, samples)
        At least one second; channels are averaged. They may differ in length and level.
    sample_rate : float
        Of both, in Hz.

    Raises
    ------
    AudioTypeError, InvalidAudioError
        If a sound is shorter than a second, the style is silent, or samples are not finite
        floating-point numbers.
    InvalidSettingError
        If the sample rate is out of range.
    """
    found = scattering("output", output, sample_rate)
    audible("style", mono("style", style))
    return distance_db(found, scattering("style", style, sample_rate))
