"""Texture statistics of McDermott & Simoncelli (2011), and the distance of two sounds in them.

Listeners do not remember the waveform of a texture (rain, applause, a crowd), but statistics of
its cochlear envelopes. Seven classes of these statistics are measured here, in one standard bank
of filters. Each class gives a signal-to-noise ratio in dB, and `standard_bank_db` is the negated
mean: the further below zero, the closer to the style.

The texture rounds of the default method and the method `texture` minimise nearly the same
statistics in the same bank (`astfx.features.texture_statistics`), so the distance is not
independent of them. It is also a mean of decibels, so one class that is met very well can make up
for others that are missed. `random_banks_db` has neither flaw.

The statistics differ from the paper in these points:

- The mean of each band is divided by the mean over all bands, so that the level does not matter.
- 3 is subtracted from the kurtosis, so that a Gaussian has 0.
- The width of a modulation band, from zero to zero, is its centre / Q.
- C1 is normalised by the standard deviations of the whole envelopes, so that modulation bands
  without power have no weight.
- The two edge bands are left out, because near the Nyquist frequency they measure the file format.

References
----------
J. H. McDermott and E. P. Simoncelli, "Sound texture perception via statistics
of the auditory periphery: evidence from sound synthesis", Neuron 71 (2011).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.fft

from astfx.dsp.erb import N_BANDS, erb_filterbank
from astfx.errors import InvalidAudioError
from astfx.metrics._inputs import Signal, audible, check_sample_rate, level_to, mono

COMPRESSION = 0.3
ENVELOPE_RATE_HZ = 400.0
CORRELATION_OFFSETS = (1, 2, 3, 5, 8, 11, 16, 21)
N_MODULATION_BANDS = 20
MODULATION_RANGE_HZ = (0.5, 200.0)
MODULATION_Q = 2.0
OCTAVE_CENTRES_HZ = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
OCTAVE_OFFSETS = (1, 2)
SHORTEST_SECONDS = 0.5
HIGHEST_SNR_DB = 100.0

_LEVEL_RMS = 0.1  # both sounds are scaled to one level, since texture does not depend on loudness
_STEADY = 1e-10  # envelopes whose variance over squared mean is below this count as constant


@dataclass(frozen=True, kw_only=True)
class TextureStatistics:
    """Seven classes of statistics of 30 bands, from the lowest to the highest.

    Attributes
    ----------
    envelope_mean : ndarray of shape (30,)
        Mean of the compressed envelope, divided by its mean over bands: the shape of the spectrum.
    envelope_variance : ndarray of shape (30,)
        Variance divided by the squared mean.
    envelope_skewness : ndarray of shape (30,)
        Third standardised moment.
    envelope_kurtosis : ndarray of shape (30,)
        Fourth standardised moment minus 3, so that a Gaussian has 0.
    envelope_correlation : ndarray of shape (173,)
        Correlation of band k with band k + 1, 2, 3, 5, 8, 11, 16, 21.
    modulation_power : ndarray of shape (30, 20)
        Power in 20 modulation bands, 0.5-200 Hz, divided by the envelope's variance.
    modulation_correlation : ndarray of shape (342,)
        Covariance of band k with band k + 1, 2 within each of six octaves of modulation (C1),
        divided by the product of the standard deviations of the two envelopes.
    """

    envelope_mean: Signal
    envelope_variance: Signal
    envelope_skewness: Signal
    envelope_kurtosis: Signal
    envelope_correlation: Signal
    modulation_power: Signal
    modulation_correlation: Signal


TEXTURE_CLASSES = tuple(field.name for field in fields(TextureStatistics))


def band_envelopes(waveform: npt.NDArray[Any], sample_rate: float) -> tuple[Signal, float]:
    """Return compressed Hilbert envelopes of the 30 bands, and their frame rate.

    Parameters
    ----------
    waveform : ndarray of shape (samples,) or (channels, samples)
        At least half a second; channels are averaged.
    sample_rate : float
        In Hz.

    Returns
    -------
    envelopes : ndarray of shape (30, frames)
        Envelopes to the power of 0.3, averaged over 2.5 ms, of the sound scaled to an RMS
        amplitude of 0.1.
    envelope_rate_hz : float
        400 Hz, up to the rounding to whole frames.

    Raises
    ------
    InvalidAudioError
        If the waveform is shorter than half a second or not finite (see `texture_statistics`).
    InvalidSettingError
        If the sample rate is out of range.
    """
    rate = check_sample_rate(sample_rate)
    signal = level_to(mono("waveform", waveform), _LEVEL_RMS)
    seconds = signal.size / rate
    if seconds < SHORTEST_SECONDS:
        raise InvalidAudioError(
            f"waveform lasts {seconds:.3f} s; texture statistics need at least {SHORTEST_SECONDS} s"
        )
    n_frames = round(seconds * ENVELOPE_RATE_HZ)
    spectrum = np.asarray(scipy.fft.rfft(signal))
    bank = erb_filterbank(signal.size, rate)[1:-1]
    envelopes = np.empty((N_BANDS, n_frames))
    for k, response in enumerate(bank):
        support = np.flatnonzero(response)
        first, last = support[0], support[-1] + 1
        # Shifting a band down to 0 Hz keeps its envelope, so a short inverse FFT is enough.
        per_frame = max(8, -(-4 * (last - first) // n_frames))
        analytic = scipy.fft.ifft(
            2.0 * spectrum[first:last] * response[first:last], per_frame * n_frames
        )
        amplitude = np.abs(analytic) * (per_frame * n_frames / signal.size)
        envelopes[k] = np.mean((amplitude**COMPRESSION).reshape(n_frames, per_frame), axis=1)
    return envelopes, n_frames / seconds


def texture_statistics(waveform: npt.NDArray[Any], sample_rate: float) -> TextureStatistics:
    """Measure the seven classes of statistics of a sound.

    Parameters
    ----------
    waveform : ndarray of shape (samples,) or (channels, samples)
        At least half a second, several seconds to be representative; channels are averaged.
    sample_rate : float
        In Hz.

    Raises
    ------
    AudioTypeError, InvalidAudioError, InvalidSettingError
        If samples are not finite floating-point numbers, there are too few of them, or the
        sample rate is out of range.
    """
    envelopes, rate = band_envelopes(waveform, sample_rate)
    mean = envelopes.mean(axis=1)
    moving = envelopes - mean[:, None]
    variance = np.mean(moving**2, axis=1)
    # The other statistics of a constant or silent band would be rounding noise, so they are zero.
    alive = variance > _STEADY * np.maximum(mean**2, 1e-30)
    moving[~alive] = 0.0
    deviation = np.where(alive, np.sqrt(variance), 1.0)
    standard = moving / deviation[:, None]
    n_frames = envelopes.shape[1]
    spectrum = np.fft.rfft(standard, axis=1) / n_frames
    frequency_hz: Signal = np.asarray(np.fft.rfftfreq(n_frames, 1.0 / rate), dtype=np.float64)
    overall = mean.mean()
    return TextureStatistics(
        envelope_mean=mean / overall if overall > 0.0 else mean,
        envelope_variance=np.where(alive, variance / np.maximum(mean, 1e-15) ** 2, 0.0),
        envelope_skewness=np.mean(standard**3, axis=1),
        envelope_kurtosis=np.where(alive, np.mean(standard**4, axis=1) - 3.0, 0.0),
        envelope_correlation=_diagonals(standard @ standard.T / n_frames, CORRELATION_OFFSETS),
        modulation_power=_modulation_power(spectrum, frequency_hz),
        modulation_correlation=_modulation_correlation(spectrum, frequency_hz),
    )


def class_snr_db(
    output: npt.NDArray[Any], style: npt.NDArray[Any], sample_rate: float
) -> dict[str, float]:
    """Return the signal-to-noise ratio of every class of statistics, in dB.

    10 log10(sum s^2 / sum (s - s')^2), where s are the style's statistics and s' the output's, and
    at most 100 dB. Below 0 dB, the output is further from the style than statistics of zero would
    be.

    Parameters
    ----------
    output, style : ndarray of shape (samples,) or (channels, samples)
        They may differ in length and level.
    sample_rate : float
        Of both, in Hz.

    Returns
    -------
    dict of str to float
        Keys are the names in `TEXTURE_CLASSES`.

    Raises
    ------
    InvalidAudioError
        If the style is silent, and as in `texture_statistics`.
    """
    audible("style", mono("style", style))
    mono("output", output)
    target = texture_statistics(style, sample_rate)
    measured = texture_statistics(output, sample_rate)
    return {
        name: _snr_db(getattr(target, name), getattr(measured, name)) for name in TEXTURE_CLASSES
    }


def standard_bank_db(
    output: npt.NDArray[Any], style: npt.NDArray[Any], sample_rate: float
) -> float:
    """Return the distance to the style in the standard bank of 30 ERB bands, in dB.

    This is the negated mean of `class_snr_db` over seven classes of texture statistics. About
    -20 dB and below is a close match, 0 dB and above is no match at all, and -100 dB is identical.
    The texture rounds minimise nearly this figure, so judge them by `random_banks_db` instead.

    Parameters and errors are those of `class_snr_db`.
    """
    return -float(np.mean(list(class_snr_db(output, style, sample_rate).values())))


def _snr_db(target: Signal, measured: Signal) -> float:
    signal = float(np.sum(target**2))
    error = float(np.sum((target - measured) ** 2))
    if error <= signal * 10.0 ** (-HIGHEST_SNR_DB / 10.0):
        return HIGHEST_SNR_DB
    if signal == 0.0:
        return -HIGHEST_SNR_DB
    return float(10.0 * np.log10(signal / error))


def _diagonals(matrix: Signal, offsets: tuple[int, ...]) -> Signal:
    return np.concatenate([np.diagonal(matrix, offset) for offset in offsets])


def _modulation_power(spectrum: npt.NDArray[np.complex128], frequency_hz: Signal) -> Signal:
    """Return the power of standardised envelopes in half-cosine bands of width centre / Q."""
    centres = np.geomspace(*MODULATION_RANGE_HZ, N_MODULATION_BANDS)
    offset = (frequency_hz - centres[:, None]) / (centres[:, None] / MODULATION_Q)
    weights = np.where(np.abs(offset) < 0.5, np.cos(np.pi * offset), 0.0) ** 2
    return np.asarray(2.0 * np.abs(spectrum) ** 2 @ weights.T)


def _modulation_correlation(spectrum: npt.NDArray[np.complex128], frequency_hz: Signal) -> Signal:
    """Return the covariance of standardised envelopes of two bands in each modulation octave."""
    octave = np.log2(np.maximum(frequency_hz, 1e-6))
    found = []
    for centre_hz in OCTAVE_CENTRES_HZ:
        offset = octave - np.log2(centre_hz)
        weights = np.where(np.abs(offset) < 1.0, np.cos(np.pi / 2.0 * offset), 0.0)
        used = weights > 0.0
        band = spectrum[:, used] * weights[used]
        found.append(_diagonals(2.0 * np.real(band @ band.conj().T), OCTAVE_OFFSETS))
    return np.concatenate(found)
