"""Short patches of a sound as samples of a distribution: how far two distributions are apart.

A patch is a quarter of a second of a log-mel spectrogram. The sliced Wasserstein distance compares
the two sets along random directions; a classifier that tells the two sets apart better than by
chance finds any other difference.

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
SHORTEST_SECONDS = 2.0
N_DIRECTIONS = 256
SEED = 1951

_LEVEL_RMS = 0.1
_FLOOR_DB = -60.0
_FOLDS = 4
_TREES = 100
_STEP = 4  # frames from patch to patch


def log_mel_patches(name: str, waveform: npt.NDArray[Any], sample_rate: float) -> Signal:
    """Patches of a sound at one level, (patches, 40 * frames) in decibels."""
    signal = mono(name, waveform)
    if signal.size < SHORTEST_SECONDS * sample_rate:
        raise InvalidAudioError(
            f"{name} lasts {signal.size / sample_rate:.3f} s; patches need at least "
            f"{SHORTEST_SECONDS} s"
        )
    signal = level_to(resample(signal, sample_rate, ANALYSIS_RATE_HZ), _LEVEL_RMS)
    power = mel_power(signal, ANALYSIS_RATE_HZ, N_MELS, N_FFT, HOP_LENGTH).astype(np.float64)
    # Where the frames of an average sound lie, whatever its loudest moment is.
    floor = 10.0 ** (_FLOOR_DB / 10.0)
    level_db = 10.0 * np.log10(power / max(float(power.mean()), 1e-30) + floor)
    n_frames = round(PATCH_SECONDS * ANALYSIS_RATE_HZ / HOP_LENGTH)
    windows = np.lib.stride_tricks.sliding_window_view(level_db, n_frames, axis=1)
    patches = windows.transpose(1, 0, 2)[::_STEP]
    return np.ascontiguousarray(patches.reshape(len(patches), -1))


def _sliced_wasserstein(first: Signal, second: Signal) -> float:
    rng = np.random.default_rng(SEED)
    directions = rng.standard_normal((first.shape[1], N_DIRECTIONS))
    directions /= np.linalg.norm(directions, axis=0)
    share = (np.arange(256) + 0.5) / 256
    ours, theirs = (np.quantile(part @ directions, share, axis=0) for part in (first, second))
    return float(np.sqrt(np.mean((ours - theirs) ** 2)))


def sliced_wasserstein(
    output: npt.NDArray[Any], style: npt.NDArray[Any], sample_rate: float
) -> float:
    """Return the sliced Wasserstein-2 distance of two sounds' patches, in decibels a cell.

    Parameters
    ----------
    output, style : ndarray of shape (samples,) or (channels, samples)
        At least two seconds; channels are averaged. They may differ in length and level.
    sample_rate : float
        Of both, in Hz.

    Raises
    ------
    InvalidAudioError
        Shorter than two seconds, a silent style, or samples that are no finite audio.
    InvalidSettingError
        A sample rate out of range.
    """
    rate = check_sample_rate(sample_rate)
    audible("style", mono("style", style))
    return _sliced_wasserstein(
        log_mel_patches("output", output, rate), log_mel_patches("style", style, rate)
    )


def two_sample_accuracy(
    output: npt.NDArray[Any], style: npt.NDArray[Any], sample_rate: float
) -> float:
    """Return how often a classifier tells patches of the output from those of the style.

    Trees on patches of 250 ms, tested on parts of both sounds that it was not trained on: four
    blocks in time, each tested once. 0.5 is chance: the two cannot be told apart; 1 is always.

    Parameters and errors are those of `sliced_wasserstein`.
    """
    from sklearn.ensemble import ExtraTreesClassifier

    rate = check_sample_rate(sample_rate)
    audible("style", mono("style", style))
    sets = [log_mel_patches(name, clip, rate) for name, clip in (("output", output), ("style", style))]
    blocks = [np.arange(len(part)) * _FOLDS // len(part) for part in sets]
    reach = -(-round(PATCH_SECONDS * ANALYSIS_RATE_HZ / HOP_LENGTH) // _STEP)
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
        if min(len(part) for part in (*train, *test)) == 0:
            continue
        least = min(len(part) for part in train)
        rng = np.random.default_rng([SEED, fold])
        chosen = [part[rng.permutation(len(part))[:least]] for part in train]
        trees = ExtraTreesClassifier(_TREES, random_state=SEED + fold, n_jobs=1)
        trees.fit(np.concatenate(chosen), np.repeat([0, 1], least))
        right = [float(np.mean(trees.predict(part) == label)) for label, part in enumerate(test)]
        scores.append(float(np.mean(right)))
    return float(np.mean(scores))
