"""Cochlear filter bank: half-cosine bands on the ERB scale (equivalent rectangular bandwidth).

References
----------
B. R. Glasberg and B. C. J. Moore, "Derivation of auditory filter shapes from
notched-noise data", Hearing Research 47 (1990).
J. H. McDermott and E. P. Simoncelli, "Sound texture perception via statistics
of the auditory periphery: evidence from sound synthesis", Neuron 71 (2011).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

N_BANDS = 30
LOWEST_HZ = 20.0
HIGHEST_HZ = 10000.0

Array = npt.NDArray[np.float64]


def hz_to_erb(frequency_hz: npt.ArrayLike) -> Array:
    """Convert a frequency in Hz to an ERB number (Glasberg & Moore 1990)."""
    return np.asarray(9.265 * np.log1p(np.asarray(frequency_hz, dtype=np.float64) / 228.8455))


def erb_to_hz(erb: npt.ArrayLike) -> Array:
    """Convert an ERB number to a frequency in Hz (the inverse of `hz_to_erb`)."""
    return np.asarray(228.8455 * np.expm1(np.asarray(erb, dtype=np.float64) / 9.265))


def erb_centres_hz(sample_rate: float, n_bands: int = N_BANDS) -> Array:
    """Return the centres of the bands in Hz, lowest first."""
    lowest, highest = hz_to_erb([LOWEST_HZ, min(HIGHEST_HZ, sample_rate / 2.0)])
    return erb_to_hz(np.linspace(lowest, highest, n_bands + 2)[1:-1])


def erb_bands(
    n_samples: int, sample_rate: float, n_bands: int = N_BANDS, shift: float = 0.0
) -> tuple[list[tuple[int, Array]], Array, Array]:
    """Return the bands of a cochlear filter bank, each only where it is not zero.

    Parameters
    ----------
    n_samples : int
    sample_rate : float
        In Hz. Below 20 kHz the bands end at the Nyquist frequency.
    n_bands : int
    shift : float, 0 to 0.5
        By how much every band lies higher, as a share of the distance from band to band.

    Returns
    -------
    bands : list of (int, (n,) ndarray)
        Half-cosines: the first FFT bin of each, and its response from that bin on.
    low, high : ndarray of shape (n_samples // 2 + 1,)
        Responses of the low edge band and the high edge band.
    """
    erb = hz_to_erb(np.fft.rfftfreq(n_samples, 1.0 / sample_rate))
    lowest, highest = hz_to_erb([LOWEST_HZ, min(HIGHEST_HZ, sample_rate / 2.0)])
    centres = np.linspace(lowest, highest, n_bands + 2)[1:-1]
    spacing = centres[1] - centres[0]
    centres += shift * spacing
    bands = []
    total = np.zeros(erb.size)
    for centre in centres:
        first = int(np.searchsorted(erb, centre - spacing, side="right"))
        last = int(np.searchsorted(erb, centre + spacing))
        response = np.cos(np.pi / 2.0 * (erb[first:last] - centre) / spacing)
        total[first:last] += response**2
        bands.append((first, response))
    rest = np.sqrt(np.clip(1.0 - total, 0.0, 1.0))
    return bands, np.where(erb < centres[0], rest, 0.0), np.where(erb > centres[-1], rest, 0.0)


def erb_filterbank(n_samples: int, sample_rate: float) -> Array:
    """Return the magnitude responses of the cochlear filter bank at FFT bins.

    Parameters
    ----------
    n_samples : int
        Length of the signal that will be filtered.
    sample_rate : float
        In Hz. Below 20 kHz the bands end at the Nyquist frequency.

    Returns
    -------
    ndarray of shape (32, n_samples // 2 + 1)
        30 half-cosines from 20 Hz to 10 kHz, equally spaced on the ERB scale and
        overlapping by half. They lie between a low edge band and a high edge band,
        which complete the sum of squares to one at every bin.
    """
    bands, low, high = erb_bands(n_samples, sample_rate)
    bank = np.zeros((N_BANDS + 2, low.size))
    for row, (first, response) in zip(bank[1:-1], bands, strict=True):
        row[first : first + len(response)] = response
    bank[0], bank[-1] = low, high
    return bank
