"""McDermott & Simoncelli's texture statistics under filter banks drawn at random.

An optimisation that matches statistics in one filter bank may match them in that bank only. Here,
the same classes of statistics are measured in banks that differ in the number of bands, scale,
edges, shape, compression and modulation bands. The banks are drawn from a seed. The distance is
the mean of the squared relative errors of all classes in all banks, in decibels. One class that is
met very well cannot make up for another that is missed, as it can in a mean of decibels.

References
----------
J. H. McDermott and E. P. Simoncelli, "Sound texture perception via statistics
of the auditory periphery: evidence from sound synthesis", Neuron 71 (2011).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.fft

from astfx.dsp.erb import erb_to_hz, hz_to_erb
from astfx.dsp.mel import hz_to_mel, mel_to_hz
from astfx.errors import InvalidAudioError, InvalidSettingError
from astfx.metrics._inputs import Signal, audible, check_sample_rate, level_to, mono

N_BANKS = 8
SEED = 2011
SHORTEST_SECONDS = 0.5
SCALES = ("erb", "bark", "mel")
SHAPES = ("cosine", "gaussian", "triangle")

_LEVEL_RMS = 0.1
_STEADY = 1e-10
_FLOOR = 1e-10  # -100 dB
_OCTAVE_CENTRES_HZ = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)


@dataclass(frozen=True, kw_only=True)
class Bank:
    """A model of the ear: bands, compression and modulation bands.

    Attributes
    ----------
    n_bands : int
    scale : {"erb", "bark", "mel"}
        On which bands are equally spaced.
    lowest_hz, highest_hz : float
        Outer edges of the outer bands.
    shape : {"cosine", "gaussian", "triangle"}
        Of a band's magnitude response over the scale.
    compression : float
        Exponent of the envelopes.
    envelope_rate_hz : float
    n_modulation_bands : int
    modulation_q : float
    """

    n_bands: int
    scale: str
    lowest_hz: float
    highest_hz: float
    shape: str
    compression: float
    envelope_rate_hz: float
    n_modulation_bands: int
    modulation_q: float


def random_banks(n_banks: int = N_BANKS, seed: int = SEED) -> list[Bank]:
    """Draw models of the ear; the same seed draws the same."""
    rng = np.random.default_rng(seed)
    return [
        Bank(
            n_bands=int(rng.integers(22, 45)),
            scale=str(rng.choice(SCALES)),
            lowest_hz=float(rng.uniform(20.0, 90.0)),
            highest_hz=float(rng.uniform(7000.0, 10_500.0)),
            shape=str(rng.choice(SHAPES)),
            compression=float(rng.uniform(0.2, 0.4)),
            envelope_rate_hz=float(rng.uniform(320.0, 480.0)),
            n_modulation_bands=int(rng.integers(12, 27)),
            modulation_q=float(rng.uniform(1.4, 2.8)),
        )
        for _ in range(n_banks)
    ]


def _to_scale(frequency_hz: npt.ArrayLike, scale: str) -> Signal:
    if scale == "erb":
        return hz_to_erb(frequency_hz)
    if scale == "mel":
        return hz_to_mel(frequency_hz, htk=True)
    # Traunmüller 1990.
    frequency = np.asarray(frequency_hz, dtype=np.float64)
    return np.asarray(26.81 * frequency / (1960.0 + frequency) - 0.53)


def _from_scale(value: npt.ArrayLike, scale: str) -> Signal:
    if scale == "erb":
        return erb_to_hz(value)
    if scale == "mel":
        return mel_to_hz(value, htk=True)
    bark = np.asarray(value, dtype=np.float64)
    return np.asarray(1960.0 * (bark + 0.53) / (26.28 - bark))


def _responses(bank: Bank, frequency_hz: Signal, nyquist_hz: float) -> Iterator[tuple[int, Signal]]:
    """First bin and response of each band, where it is not zero."""
    low, high = _to_scale([bank.lowest_hz, min(bank.highest_hz, nyquist_hz)], bank.scale)
    edges = np.linspace(low, high, bank.n_bands + 2)
    spacing = edges[1] - edges[0]
    position = _to_scale(frequency_hz, bank.scale)
    for centre in edges[1:-1]:
        first = int(np.searchsorted(position, centre - spacing, side="right"))
        last = max(int(np.searchsorted(position, centre + spacing)), first + 1)
        distance = (position[first:last] - centre) / spacing
        if bank.shape == "cosine":
            response = np.cos(np.pi / 2.0 * np.clip(distance, -1.0, 1.0))
        elif bank.shape == "triangle":
            response = np.sqrt(np.clip(1.0 - np.abs(distance), 0.0, 1.0))
        else:
            response = np.exp(-0.5 * (distance / 0.45) ** 2)
        yield first, response


def band_envelopes(
    spectrum: npt.NDArray[Any], n_samples: int, sample_rate: float, bank: Bank
) -> tuple[Signal, float]:
    """Return the compressed envelopes of a bank's bands, and their rate in Hz.

    Parameters
    ----------
    spectrum : ndarray of shape (n_samples // 2 + 1,)
        Of the whole sound, from `scipy.fft.rfft`.
    n_samples : int
    sample_rate : float
        In Hz.
    bank : Bank

    Returns
    -------
    envelopes : ndarray of shape (bands, frames)
    envelope_rate_hz : float
        The bank's, up to the rounding to whole frames.
    """
    seconds = n_samples / sample_rate
    n_frames = max(8, round(seconds * bank.envelope_rate_hz))
    frequency_hz = np.asarray(scipy.fft.rfftfreq(n_samples, 1.0 / sample_rate))
    envelopes = np.empty((bank.n_bands, n_frames))
    responses = _responses(bank, frequency_hz, sample_rate / 2.0)
    for k, (first, response) in enumerate(responses):
        # A band moved down to 0 Hz keeps its envelope, so a short inverse FFT is enough.
        per_frame = max(4, -(-3 * len(response) // n_frames))
        band = spectrum[first : first + len(response)] * response
        analytic = scipy.fft.ifft(band, per_frame * n_frames)
        power = analytic.real**2 + analytic.imag**2
        power *= (2.0 * per_frame * n_frames / n_samples) ** 2
        power **= 0.5 * bank.compression
        envelopes[k] = power.reshape(n_frames, per_frame).mean(axis=1)
    return envelopes, n_frames / seconds


def statistics_of_envelopes(envelopes: Signal, rate_hz: float, bank: Bank) -> dict[str, Signal]:
    """Measure the seven classes of statistics of a bank's envelopes, each as a flat array."""
    n_frames = envelopes.shape[1]
    mean = envelopes.mean(axis=1)
    moving = envelopes - mean[:, None]
    variance = np.mean(moving**2, axis=1)
    alive = variance > _STEADY * np.maximum(mean**2, 1e-30)
    moving[~alive] = 0.0
    standard = moving / np.where(alive, np.sqrt(variance), 1.0)[:, None]
    cubed = standard**2
    kurtosis = np.mean(cubed**2, axis=1)
    cubed *= standard
    spectrum = np.fft.rfft(standard, axis=1) / n_frames
    frequency_hz: Signal = np.asarray(np.fft.rfftfreq(n_frames, 1.0 / rate_hz), dtype=np.float64)
    offsets = sorted(
        {1, 2, *(round(bank.n_bands * share) for share in (0.1, 0.17, 0.27, 0.5, 0.7))}
    )
    correlation = standard @ standard.T / n_frames
    return {
        "envelope_mean": mean / max(float(mean.mean()), 1e-30),
        "envelope_variance": np.where(alive, variance / np.maximum(mean, 1e-15) ** 2, 0.0),
        "envelope_skewness": np.mean(cubed, axis=1),
        # A few outliers would decide the moment itself, so its logarithm is compared.
        "envelope_kurtosis": np.where(alive, np.log(kurtosis + 1e-9), 0.0),
        "envelope_correlation": np.concatenate([np.diagonal(correlation, k) for k in offsets]),
        "modulation_power": _modulation_power(spectrum, frequency_hz, bank),
        "modulation_correlation": _modulation_correlation(spectrum, frequency_hz),
    }


def _modulation_power(spectrum: npt.NDArray[Any], frequency_hz: Signal, bank: Bank) -> Signal:
    highest_hz = 0.45 * bank.envelope_rate_hz
    centres = np.geomspace(0.5, highest_hz, bank.n_modulation_bands)[:, None]
    offset = (frequency_hz - centres) / (centres / bank.modulation_q)
    weights = np.where(np.abs(offset) < 0.5, np.cos(np.pi * offset), 0.0) ** 2
    return np.asarray(2.0 * np.abs(spectrum) ** 2 @ weights.T).ravel()


def _modulation_correlation(spectrum: npt.NDArray[Any], frequency_hz: Signal) -> Signal:
    octave = np.log2(np.maximum(frequency_hz, 1e-6))
    found = []
    for centre_hz in _OCTAVE_CENTRES_HZ:
        offset = octave - np.log2(centre_hz)
        weights = np.where(np.abs(offset) < 1.0, np.cos(np.pi / 2.0 * offset), 0.0)
        used = weights > 0.0
        band = spectrum[:, used] * weights[used]
        product = 2.0 * np.real(band @ band.conj().T)
        found += [np.diagonal(product, k) for k in (1, 2)]
    return np.concatenate(found)


def bank_statistics(
    name: str,
    waveform: npt.NDArray[Any],
    sample_rate: float,
    *,
    n_banks: int = N_BANKS,
    seed: int = SEED,
) -> list[dict[str, Signal]]:
    """Measure the statistics of a sound in every bank.

    Parameters
    ----------
    name : str
        Name of the waveform in error messages.
    waveform : ndarray of shape (samples,) or (channels, samples)
        At least half a second; channels are averaged.
    sample_rate : float
        In Hz.
    n_banks : int
        At least 1.
    seed : int
        Of the banks, at least 0.

    Raises
    ------
    InvalidAudioError
        If the sound is shorter than half a second, or samples are not finite.
    InvalidSettingError
        If the sample rate, the number of banks or the seed is out of range.
    """
    rate = check_sample_rate(sample_rate)
    for setting, value, least in (("n_banks", n_banks, 1), ("seed", seed, 0)):
        if value < least:
            raise InvalidSettingError(f"{setting}={value} must be at least {least}")
    signal = mono(name, waveform)
    if signal.size < SHORTEST_SECONDS * rate:
        raise InvalidAudioError(
            f"{name} lasts {signal.size / rate:.3f} s; texture statistics need at least "
            f"{SHORTEST_SECONDS} s"
        )
    spectrum = np.asarray(scipy.fft.rfft(level_to(signal, _LEVEL_RMS)))
    return [
        statistics_of_envelopes(*band_envelopes(spectrum, signal.size, rate, bank), bank)
        for bank in random_banks(n_banks, seed)
    ]


def distance_db(found: list[dict[str, Signal]], wanted: list[dict[str, Signal]]) -> float:
    """Return the distance of a sound's statistics from a style's, as `random_banks_db` defines."""
    errors = [
        float(np.sum((ours[name] - target) ** 2)) / max(float(np.sum(target**2)), 1e-20)
        for ours, theirs in zip(found, wanted, strict=True)
        for name, target in theirs.items()
    ]
    return float(10.0 * np.log10(max(float(np.mean(errors)), _FLOOR)))


def random_banks_db(
    output: npt.NDArray[Any],
    style: npt.NDArray[Any],
    sample_rate: float,
    *,
    n_banks: int = N_BANKS,
    seed: int = SEED,
) -> float:
    """Return the distance to a style's texture under random filter banks, in decibels.

    It is 10 log10 of the mean, over banks and classes of statistics, of the squared relative
    error. Two takes of one texture are about -13 to -28 dB apart, but two takes of noise without
    any structure only -8 dB, because the correlations of its bands are nearly zero. At 0 dB, the
    output is as far away as statistics of zero would be. -100 dB is identical.

    Parameters
    ----------
    output, style : ndarray of shape (samples,) or (channels, samples)
        At least half a second; channels are averaged. They may differ in length and level.
    sample_rate : float
        Of both, in Hz.
    n_banks : int
        How many banks are drawn, at least 1.
    seed : int
        Of the banks, at least 0. The default is the seed of all published figures.

    Raises
    ------
    AudioTypeError, InvalidAudioError
        If a sound is shorter than half a second, the style is silent, or samples are not finite
        floating-point numbers.
    InvalidSettingError
        If the sample rate, the number of banks or the seed is out of range.
    """
    rate = check_sample_rate(sample_rate)
    found = bank_statistics("output", output, rate, n_banks=n_banks, seed=seed)
    audible("style", mono("style", style))
    return distance_db(found, bank_statistics("style", style, rate, n_banks=n_banks, seed=seed))
