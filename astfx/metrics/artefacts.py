"""Faults of a render: missed magnitudes, clipping, NaN, clicks at borders, lost stereo."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from astfx.dsp.correlation import pearson
from astfx.errors import InvalidAudioError, InvalidSettingError
from astfx.metrics._inputs import channels

LOWEST_DB = -200.0


def spectral_convergence_db(
    requested: npt.NDArray[np.floating[Any]], realised: npt.NDArray[np.floating[Any]]
) -> float:
    """Return how far realised magnitudes are from the requested ones, in dB.

    This is the error of phase reconstruction, 20 log10(|requested - realised| / |requested|)
    with Frobenius norms. -25 dB is good, 0 dB is as bad as silence. It is never below -200 dB.

    Parameters
    ----------
    requested, realised : ndarray of shape (..., bins, frames)
        Magnitudes; `realised` is the analysis of the rendered waveform.

    Raises
    ------
    InvalidAudioError
        If the shapes differ, or the requested magnitudes are all zero.
    """
    if requested.shape != realised.shape:
        raise InvalidAudioError(
            f"requested magnitudes have shape {requested.shape}, realised ones {realised.shape}; "
            "they must be equal"
        )
    norm = float(np.linalg.norm(requested))
    if norm == 0.0:
        raise InvalidAudioError(
            "requested magnitudes are all zero; there is nothing to converge to"
        )
    return _db(float(np.linalg.norm(requested - realised)) ** 2 / norm**2)


def clipping_share(waveform: npt.NDArray[Any], ceiling: float = 1.0) -> float:
    """Return the share of samples at or beyond `ceiling`, 0 to 1, over all channels.

    Raises
    ------
    InvalidSettingError
        If the ceiling is not above 0.
    """
    if not ceiling > 0.0:
        raise InvalidSettingError(f"ceiling={ceiling} must be above 0 (full scale is 1)")
    return float(np.mean(np.abs(channels("waveform", waveform)) >= ceiling))


def non_finite_count(waveform: npt.NDArray[Any]) -> int:
    """Return the number of samples that are NaN or infinite, over all channels."""
    signal = channels("waveform", waveform, finite=False)
    return int(np.count_nonzero(~np.isfinite(signal)))


def border_excess_db(waveform: npt.NDArray[Any], borders: Sequence[int]) -> float:
    """Return how much more the waveform jumps at segment borders than elsewhere, in dB.

    This is the mean squared first difference at the borders, divided by the median squared first
    difference elsewhere. Long audio is rendered in segments, and seamless borders score as any
    other places of the same signal would: 3.4 dB for Gaussian noise, 10 dB and more for sparse
    sounds.

    Parameters
    ----------
    waveform : ndarray of shape (samples,) or (channels, samples)
    borders : sequence of int
        Index of the first sample of every new segment, 1 to samples - 1.

    Returns
    -------
    float
        Between -200 and 200.

    Raises
    ------
    InvalidSettingError
        If there is no border, or one lies outside the waveform.
    """
    signal = channels("waveform", waveform)
    places = np.asarray(list(borders), dtype=np.int64)
    if places.size == 0:
        raise InvalidSettingError("borders is empty; pass the first sample of every new segment")
    n_samples = signal.shape[1]
    outside = places[(places < 1) | (places >= n_samples)]
    if outside.size:
        raise InvalidSettingError(
            f"border {outside[0]} lies outside 1..{n_samples - 1} (samples of the waveform)"
        )
    jumps = np.mean(np.diff(signal, axis=1) ** 2, axis=0)
    elsewhere = np.delete(jumps, places - 1)
    usual = float(np.median(elsewhere)) if elsewhere.size else 0.0
    at_borders = float(jumps[places - 1].mean())
    if usual == 0.0:
        return 0.0 if at_borders == 0.0 else -LOWEST_DB
    return min(-LOWEST_DB, _db(at_borders / usual))


def stereo_correlation(waveform: npt.NDArray[Any]) -> float:
    """Return the correlation of left and right: 1 for mono, 0 for unrelated channels.

    Raises
    ------
    InvalidAudioError
        If there are more than 2 channels, or samples are not finite.
    """
    signal = channels("waveform", waveform)
    if signal.shape[0] == 1:
        return 1.0
    if signal.shape[0] > 2:
        raise InvalidAudioError(
            f"waveform has {signal.shape[0]} channels; stereo correlation takes 1 or 2"
        )
    return pearson(signal[0], signal[1])


def _db(ratio: float) -> float:
    return max(LOWEST_DB, float(10.0 * np.log10(ratio))) if ratio > 0.0 else LOWEST_DB
