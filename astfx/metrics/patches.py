"""Short patches of a sound as samples of a distribution: how far two distributions are apart.

A patch is a quarter of a second of a log-mel spectrogram. The sliced Wasserstein distance compares
two sets of patches along random directions. The accuracy of a classifier says whether any other
difference tells the two sets apart.

References
----------
N. Bonneel et al., "Sliced and Radon Wasserstein barycenters of measures", JMIV 51 (2015).
D. Lopez-Paz and M. Oquab, "Revisiting classifier two-sample tests", ICLR 2017.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from astfx.errors import InvalidAudioError
from astfx.metrics._inputs import Signal, audible, check_sample_rate, level_to, mono, resample
from astfx.metrics._spectra import mel_power

ANALYSIS_RATE_HZ = 22050.0
N_FFT = 1024
HOP_LENGTH = 256
N_MELS = 40
PATCH_SECONDS = 0.25
N_FRAMES = round(PATCH_SECONDS * ANALYSIS_RATE_HZ / HOP_LENGTH)
SHORTEST_SECONDS = 2.0
N_DIRECTIONS = 256
N_QUANTILES = 256
SEED = 1951

_LEVEL_RMS = 0.1
_FLOOR_DB = -60.0
_FOLDS = 4
_TREES = 100
_STEP = 4  # frames from patch to patch


def log_mel_patches(name: str, waveform: npt.NDArray[Any], sample_rate: float) -> Signal:
    """Return the patches of a sound in decibels, (patches, 40 bands * 22 frames).

    The sound is scaled to one level, and levels are relative to its mean power. A patch starts
    every 46 ms.

    Parameters
    ----------
    name : str
        Name of the waveform in error messages.
    waveform : ndarray of shape (samples,) or (channels, samples)
        At least two seconds; channels are averaged.
    sample_rate : float
        In Hz.

    Raises
    ------
    InvalidAudioError
        If the sound is shorter than two seconds, or samples are not finite.
    InvalidSettingError
        If the sample rate is out of range.
    """
    rate = check_sample_rate(sample_rate)
    signal = mono(name, waveform)
    if signal.size < SHORTEST_SECONDS * rate:
        raise InvalidAudioError(
            f"{name} lasts {signal.size / rate:.3f} s; patches need at least {SHORTEST_SECONDS} s"
        )
    signal = level_to(resample(signal, rate, ANALYSIS_RATE_HZ), _LEVEL_RMS)
    power = mel_power(signal, ANALYSIS_RATE_HZ, N_MELS, N_FFT, HOP_LENGTH).astype(np.float64)
    # Relative to the mean, because the loudest moment of a sound may be an exception.
    floor = 10.0 ** (_FLOOR_DB / 10.0)
    level_db = 10.0 * np.log10(power / max(float(power.mean()), 1e-30) + floor)
    windows = np.lib.stride_tricks.sliding_window_view(level_db, N_FRAMES, axis=1)
    patches = windows.transpose(1, 0, 2)[::_STEP]
    return np.ascontiguousarray(patches.reshape(len(patches), -1))


def quantiles(patches: Signal) -> Signal:
    """Return 256 quantiles of the patches along 256 random directions, (quantiles, directions)."""
    rng = np.random.default_rng(SEED)
    directions = rng.standard_normal((patches.shape[1], N_DIRECTIONS))
    directions /= np.linalg.norm(directions, axis=0)
    share = (np.arange(N_QUANTILES) + 0.5) / N_QUANTILES
    return np.asarray(np.quantile(patches @ directions, share, axis=0))


def quantile_distance(found: Signal, wanted: Signal) -> float:
    """Return the root mean square difference of two sounds' `quantiles`."""
    return float(np.sqrt(np.mean((found - wanted) ** 2)))


def classifier_accuracy(found: Signal, wanted: Signal) -> float:
    """Return how often trees tell two sets of patches apart, as `two_sample_accuracy` defines."""
    from sklearn import config_context
    from sklearn.ensemble import ExtraTreesClassifier

    sets = (found, wanted)
    blocks = [np.arange(len(part)) * _FOLDS // len(part) for part in sets]
    reach = -(-N_FRAMES // _STEP)
    scores = []
    for fold in range(_FOLDS):
        train, test = [], []
        for part, block in zip(sets, blocks, strict=True):
            inside = np.flatnonzero(block == fold)
            test.append(part[inside])
            # Patches that share frames with the tested block are left out.
            far = np.ones(len(part), bool)
            far[max(0, inside[0] - reach) : inside[-1] + reach + 1] = False
            train.append(part[far])
        least = min(len(part) for part in train)
        rng = np.random.default_rng([SEED, fold])
        chosen = [part[rng.permutation(len(part))[:least]] for part in train]
        # The checks of every tree's input take as long as the trees.
        with config_context(assume_finite=True, skip_parameter_validation=True):
            trees = ExtraTreesClassifier(_TREES, random_state=SEED + fold, n_jobs=1)
            trees.fit(np.concatenate(chosen), np.repeat([0, 1], least))
            guesses = trees.predict(np.concatenate(test))
        ours, theirs = guesses[: len(test[0])], guesses[len(test[0]) :]
        scores.append(0.5 * (float(np.mean(ours == 0)) + float(np.mean(theirs == 1))))
    return float(np.mean(scores))


def sliced_wasserstein(
    output: npt.NDArray[Any], style: npt.NDArray[Any], sample_rate: float
) -> float:
    """Return the sliced Wasserstein-2 distance of two sounds' patches, in decibels.

    Patches are projected on 256 random directions of unit length. The distance is the root mean
    square difference of the quantiles along them. 0 is identical. Compare it with that of the
    content: a share of it says more than the distance itself.

    Parameters
    ----------
    output, style : ndarray of shape (samples,) or (channels, samples)
        At least two seconds; channels are averaged. They may differ in length and level.
    sample_rate : float
        Of both, in Hz.

    Raises
    ------
    AudioTypeError, InvalidAudioError
        If a sound is shorter than two seconds, the style is silent, or samples are not finite
        floating-point numbers.
    InvalidSettingError
        If the sample rate is out of range.
    """
    return quantile_distance(*(quantiles(part) for part in _both(output, style, sample_rate)))


def two_sample_accuracy(
    output: npt.NDArray[Any], style: npt.NDArray[Any], sample_rate: float
) -> float:
    """Return how often a classifier tells patches of the output from those of the style.

    The classifier is made of randomised trees. Each sound is divided into four blocks in time,
    and each block is tested once by trees that were trained on the other three.

    Parameters and errors are those of `sliced_wasserstein`.

    Returns
    -------
    float
        0.5 is chance: the two cannot be told apart. 1 means always right. Much less than 0.5 means
        that the two share patches exactly, as the halves of a loop do: a patch that is also in the
        other sound is mistaken for it.
    """
    return classifier_accuracy(*_both(output, style, sample_rate))


def _both(
    output: npt.NDArray[Any], style: npt.NDArray[Any], sample_rate: float
) -> tuple[Signal, Signal]:
    found = log_mel_patches("output", output, sample_rate)
    audible("style", mono("style", style))
    return found, log_mel_patches("style", style, sample_rate)
