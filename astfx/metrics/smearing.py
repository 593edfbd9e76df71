"""Musical noise and pre-echo: how phase reconstruction and masks smear a sound in time.

None of these figures has a perfect value. Compare them with those of the content and of the style
(see `astfx.metrics.anchors`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.ndimage

from astfx.errors import InvalidAudioError, InvalidSettingError
from astfx.metrics._inputs import Signal, check_sample_rate, mono, same_length
from astfx.metrics._spectra import frame_settings, power_spectrogram

PEAK_PROMINENCE_DB = 15.0
PEAK_FLOOR_DB = 60.0
ATTACK_RISE_DB = 15.0

WINDOW_SECONDS = 2048 / 22050

_STEP_SECONDS = 0.0025
_SPAN = 8  # steps: 20 ms


def musical_noise_per_second(waveform: npt.NDArray[Any], sample_rate: float) -> float:
    """Return the number of isolated spectral peaks ("birdies") per second.

    A cell of the spectrogram (46 ms frames) counts as a peak if it is 15 dB above the median of
    the bins 3 to 10 away on both sides, and 15 dB above the same bin one whole frame before and
    after. Cells more than 60 dB below the loudest cell are ignored. White noise and steady tones
    have no such peaks, clean speech has some 10-25, and spectrograms with gated bins have hundreds.

    Parameters
    ----------
    waveform : ndarray of shape (samples,) or (channels, samples)
        At least 0.25 s; channels are averaged.
    sample_rate : float
        In Hz.

    Raises
    ------
    InvalidAudioError
        If the waveform lasts less than 0.25 s, or samples are not finite.
    """
    rate = check_sample_rate(sample_rate)
    signal = mono("waveform", waveform)
    if signal.size < 0.25 * rate:
        raise InvalidAudioError(
            f"waveform lasts {signal.size / rate:.3f} s; musical noise needs at least 0.25 s"
        )
    n_fft, hop_length = frame_settings(rate, 1024)
    power = power_spectrogram(signal, n_fft, hop_length).astype(np.float64)
    if not power.any():
        return 0.0
    level_db = 10.0 * np.log10(np.maximum(power, power.max() * 1e-12))
    ring = np.ones((21, 1), dtype=bool)
    ring[8:13] = False
    around = scipy.ndimage.median_filter(level_db, footprint=ring, mode="nearest")
    apart = n_fft // hop_length
    inner = level_db[:, apart:-apart]
    isolated = (
        (inner == scipy.ndimage.maximum_filter(level_db, size=3)[:, apart:-apart])
        & (inner > level_db.max() - PEAK_FLOOR_DB)
        & (inner > around[:, apart:-apart] + PEAK_PROMINENCE_DB)
        & (inner > level_db[:, : -2 * apart] + PEAK_PROMINENCE_DB)
        & (inner > level_db[:, 2 * apart :] + PEAK_PROMINENCE_DB)
    )
    return float(np.count_nonzero(isolated) / (signal.size / rate))


def pre_echo_db(output: npt.NDArray[Any], content: npt.NDArray[Any], sample_rate: float) -> float:
    """Return how much the output smears the content's attacks to earlier times, in dB.

    An attack is a rise of the content's level by 15 dB within 20 ms. The ratio is the level from
    22.5 to 2.5 ms before an attack over the level in the 20 ms after it. The figure is the mean
    ratio of the output minus that of the content. 0 is as crisp as the content. 10 and more is an
    audible ghost before each attack, or an attack that was lost.

    Returns
    -------
    float
        NaN if the content has no attack.

    Parameters and errors are those of `musical_noise_per_second`, but 0.1 s is long enough.
    """
    ours, theirs, attacks = _at_attacks(output, content, sample_rate)
    if attacks.size == 0:
        return float("nan")
    ratios = [_ratio_db(energy, attacks, attacks + _SPAN + 1, _SPAN) for energy in (ours, theirs)]
    return float(np.mean(ratios[0] - ratios[1]))


def early_echo_db(
    output: npt.NDArray[Any],
    content: npt.NDArray[Any],
    sample_rate: float,
    window_seconds: float = WINDOW_SECONDS,
) -> float:
    """Return how much the output swells more than one window before the content's attacks, in dB.

    The rise at an attack is the level in the window that ends one window before the attack, over
    the level in the window before that. A rise of the content itself is subtracted. The figure is
    the mean over those attacks of `pre_echo_db` that have room for the windows before them.
    Smearing by a phase algorithm reaches back one window at most, so it leaves this figure near 0,
    and so does a style that continues through a pause.

    Parameters
    ----------
    window_seconds : float
        0.01 to 1, by default the window of the front ends.

    Returns
    -------
    float
        NaN if the content has no attack with room before it.

    Raises
    ------
    InvalidSettingError
        If the window is out of range. Other parameters and errors are those of `pre_echo_db`.
    """
    if not 0.01 <= window_seconds <= 1.0:
        raise InvalidSettingError(
            f"window_seconds={window_seconds} must lie between 0.01 and 1 (seconds)"
        )
    ours, theirs, attacks = _at_attacks(output, content, sample_rate)
    window = round(window_seconds / _STEP_SECONDS)
    near = attacks + _SPAN - 2 * window
    near = near[near >= window]
    if near.size == 0:
        return float("nan")
    rise, own = (_ratio_db(energy, near, near - window, window) for energy in (ours, theirs))
    return float(np.mean(rise - np.maximum(own, 0.0)))


def _at_attacks(
    output: npt.NDArray[Any], content: npt.NDArray[Any], sample_rate: float
) -> tuple[Signal, Signal, npt.NDArray[np.int64]]:
    """Return energies of output and content in steps of 2.5 ms, and the steps of the attacks."""
    rate = check_sample_rate(sample_rate)
    first, second = same_length(mono("output", output), mono("content", content))
    step = max(1, round(_STEP_SECONDS * rate))
    n_steps = first.size // step
    if n_steps < 4 * _SPAN:
        raise InvalidAudioError(
            f"output and content share {first.size / rate:.3f} s; pre-echo needs at least 0.1 s"
        )
    ours, theirs = (_step_energy(signal, step, n_steps) for signal in (first, second))
    before = np.convolve(theirs, np.ones(_SPAN), "valid")[: -_SPAN - 1]
    after = np.convolve(theirs, np.ones(_SPAN), "valid")[_SPAN + 1 :]
    rise_db = 10.0 * np.log10(after / before)
    summit = scipy.ndimage.maximum_filter1d(rise_db, 2 * _SPAN + 1)
    loud = after > after.max() * 1e-4
    attacks = np.flatnonzero((rise_db == summit) & (rise_db >= ATTACK_RISE_DB) & loud)
    return ours, theirs, attacks


def _step_energy(signal: Signal, step: int, n_steps: int) -> Signal:
    energy = np.sum(signal[: n_steps * step].reshape(n_steps, step) ** 2, axis=1)
    # Steps more than 80 dB below the loudest count as silence, so that ratios stay finite.
    return np.asarray(np.maximum(energy, max(float(energy.max()) * 1e-8, 1e-30)))


def _ratio_db(
    energy: Signal, first: npt.NDArray[np.int64], second: npt.NDArray[np.int64], n_steps: int
) -> Signal:
    """Return the energy of `n_steps` steps from `first` over that from `second`, in dB."""
    sums = np.convolve(energy, np.ones(n_steps), "valid")
    return np.asarray(10.0 * np.log10(sums[first] / sums[second]))
