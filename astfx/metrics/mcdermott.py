"""Texture statistics of McDermott & Simoncelli (2011), and how far two sounds are apart in them.

What a listener keeps of a texture (rain, applause, a crowd) is not its
waveform but statistics of its cochlear envelopes. Seven classes of them are
measured here, each gives a signal-to-noise ratio in dB, and `style_distance_db`
is the negated mean: the further below zero, the closer to the style.

Where the paper leaves room or the figure needs it, this departs from it: means are
taken relative to their mean over bands (level-free), kurtosis is less the Gaussian's
3, modulation bands are as wide as centre / Q from zero to zero, C1 is normalised by
whole envelopes (a band of modulation that holds nothing then weighs nothing), and the
two edge bands are left out (near the Nyquist frequency they measure the file format).

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

_LEVEL_RMS = 0.1  # both sounds at one level: texture is heard apart from loudness
_STEADY = 1e-10  # an envelope whose variance over squared mean is below this does not move


@dataclass(frozen=True, kw_only=True)
class TextureStatistics:
    """The seven classes, for 30 bands from the lowest to the highest.

    Attributes
    ----------
    envelope_mean : ndarray of shape (30,)
        Mean compressed envelope over its mean across bands: the spectrum's shape.
    envelope_variance : ndarray of shape (30,)
        Variance over squared mean.
    envelope_skewness : ndarray of shape (30,)
        Third standardised moment.
    envelope_kurtosis : ndarray of shape (30,)
        Fourth standardised moment less 3, so that a Gaussian has 0.
    envelope_correlation : ndarray of shape (173,)
        Correlation of band k with band k + 1, 2, 3, 5, 8, 11, 16, 21.
    modulation_power : ndarray of shape (30, 20)
        Power in 20 modulation bands, 0.5-200 Hz, over the envelope's variance.
    modulation_correlation : ndarray of shape (342,)
        Covariance of band k with band k + 1, 2 within six octaves of modulation
        (C1), over the product of the two envelopes' standard deviations.
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
    """Return compressed Hilbert envelopes of the 30 bands, and their rate.

    Parameters
    ----------
    waveform : ndarray of shape (samples,) or (channels, samples)
        At least half a second; channels are averaged.
    sample_rate : float
        In Hz.

    Returns
    -------
    envelopes : ndarray of shape (30, frames)
        Envelope to the power 0.3, averaged over 2.5 ms, of the sound at an RMS
        amplitude of 0.1.
    envelope_rate_hz : float
        400 Hz, to the nearest whole frame.

    Raises
    ------
    InvalidAudioError
        Shorter than half a second, or not audio (see `texture_statistics`).
    InvalidSettingError
        A sample rate out of range.
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
        # A band moved down to 0 Hz keeps its envelope, so a short inverse FFT gives it.
        per_frame = max(8, -(-4 * (last - first) // n_frames))
        analytic = scipy.fft.ifft(
            2.0 * spectrum[first:last] * response[first:last], per_frame * n_frames
        )
        amplitude = np.abs(analytic) * (per_frame * n_frames / signal.size)
        envelopes[k] = np.mean((amplitude**COMPRESSION).reshape(n_frames, per_frame), axis=1)
    return envelopes, n_frames / seconds


def texture_statistics(waveform: npt.NDArray[Any], sample_rate: float) -> TextureStatistics:
    """Measure the seven statistic classes of a sound.

    Parameters
    ----------
    waveform : ndarray of shape (samples,) or (channels, samples)
        At least half a second (several, to be representative); channels are averaged.
    sample_rate : float
        In Hz.

    Raises
    ------
    AudioTypeError, InvalidAudioError, InvalidSettingError
        Samples that are no finite floating-point audio, too few of them, or a
        sample rate out of range.
    """
    envelopes, rate = band_envelopes(waveform, sample_rate)
    mean = envelopes.mean(axis=1)
    moving = envelopes - mean[:, None]
    variance = np.mean(moving**2, axis=1)
    # A steady or silent band has no shape; its other statistics are zero, not noise.
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
    """Return the signal-to-noise ratio of every statistic class, in dB.

    10 log10(sum s^2 / sum (s - s')^2), with s the style's and s' the output's
    statistic, no higher than 100 dB. Below 0 dB the output is further from the
    style than statistics of zero would be.

    Parameters
    ----------
    output, style : ndarray of shape (samples,) or (channels, samples)
        They may differ in length and level.
    sample_rate : float
        Of both, in Hz.

    Returns
    -------
    dict of str to float
        By the names in `TEXTURE_CLASSES`.

    Raises
    ------
    InvalidAudioError
        A silent style, and as in `texture_statistics`.
    """
    audible("style", mono("style", style))
    mono("output", output)
    target = texture_statistics(style, sample_rate)
    measured = texture_statistics(output, sample_rate)
    return {
        name: _snr_db(getattr(target, name), getattr(measured, name)) for name in TEXTURE_CLASSES
    }


def style_distance_db(
    output: npt.NDArray[Any], style: npt.NDArray[Any], sample_rate: float
) -> float:
    """Return the distance to the style over seven texture statistic classes, in dB.

    The negated mean of `class_snr_db`: about -20 dB and below is a close match,
    0 dB and above none at all, -100 dB identical.

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
    """Power of standardised envelopes in half-cosine bands as wide as centre / Q."""
    centres = np.geomspace(*MODULATION_RANGE_HZ, N_MODULATION_BANDS)
    offset = (frequency_hz - centres[:, None]) / (centres[:, None] / MODULATION_Q)
    weights = np.where(np.abs(offset) < 0.5, np.cos(np.pi * offset), 0.0) ** 2
    return np.asarray(2.0 * np.abs(spectrum) ** 2 @ weights.T)


def _modulation_correlation(spectrum: npt.NDArray[np.complex128], frequency_hz: Signal) -> Signal:
    """Cross-band covariance of standardised envelopes within octaves of modulation."""
    octave = np.log2(np.maximum(frequency_hz, 1e-6))
    found = []
    for centre_hz in OCTAVE_CENTRES_HZ:
        offset = octave - np.log2(centre_hz)
        weights = np.where(np.abs(offset) < 1.0, np.cos(np.pi / 2.0 * offset), 0.0)
        used = weights > 0.0
        band = spectrum[:, used] * weights[used]
        found.append(_diagonals(2.0 * np.real(band @ band.conj().T), OCTAVE_OFFSETS))
    return np.concatenate(found)
