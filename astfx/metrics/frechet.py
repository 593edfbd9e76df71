"""Frechet distances between the frames of two sounds: their mean spectrum and its variation.

The frames of a sound are modelled as a Gaussian, and the distance is the squared Wasserstein-2
distance between the two Gaussians. `style_distance` is its root per mel band, in dB. It takes some
tens of milliseconds, and the command line shows it before and after a render.

References
----------
D. C. Dowson and B. V. Landau, "The Frechet distance between multivariate normal
distributions", Journal of Multivariate Analysis 12 (1982).
K. Kilgour et al., "Frechet audio distance", Interspeech (2019), for its use on audio.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.fft
import scipy.linalg

from astfx.errors import InvalidAudioError
from astfx.metrics._inputs import Signal, check_sample_rate, level_to, mono
from astfx.metrics._spectra import frame_settings, mel_power, power_to_db

N_MELS = 64
N_FFT_AT_22050 = 1024
FIRST_MFCC = 1
LAST_MFCC = 13
DELTA_FRAMES = 9

_LEVEL_RMS = 0.1  # both sounds are scaled to one level, so that their floors are the same


def gaussian_frechet(
    first_mean: Signal, first_covariance: Signal, second_mean: Signal, second_covariance: Signal
) -> float:
    """Return the squared Wasserstein-2 distance between two Gaussians.

    |m1 - m2|^2 + tr(C1 + C2 - 2 (C1^1/2 C2 C1^1/2)^1/2), in squared units of the features. It is
    never below 0.

    Parameters
    ----------
    first_mean, second_mean : ndarray of shape (features,)
    first_covariance, second_covariance : ndarray of shape (features, features)
        Symmetric and positive semi-definite; they may be singular.
    """
    # Imported here, because the metrics should not load torch when they are imported.
    import torch

    from astfx.dsp.linalg import symmetric_root

    root = symmetric_root(torch.from_numpy(first_covariance))[0].numpy()
    cross = scipy.linalg.eigvalsh(root @ second_covariance @ root)
    shift = float(np.sum((first_mean - second_mean) ** 2))
    spread = float(np.trace(first_covariance) + np.trace(second_covariance))
    return max(0.0, shift + spread - 2.0 * float(np.sum(np.sqrt(np.maximum(cross, 0.0)))))


def frechet_distance(output_frames: Signal, style_frames: Signal) -> float:
    """Return the Frechet distance between two sets of frames.

    Parameters
    ----------
    output_frames, style_frames : ndarray of shape (features, frames)
        At least 2 frames each; the numbers of frames may differ.

    Raises
    ------
    InvalidAudioError
        If there are fewer than 2 frames, or the numbers of features differ.
    """
    for name, frames in (("output", output_frames), ("style", style_frames)):
        if frames.ndim != 2 or frames.shape[1] < 2:
            raise InvalidAudioError(
                f"{name} frames have shape {frames.shape}; "
                "pass (features, frames) with at least 2 frames"
            )
    if output_frames.shape[0] != style_frames.shape[0]:
        raise InvalidAudioError(
            f"output frames have {output_frames.shape[0]} features, "
            f"style frames {style_frames.shape[0]}; they must be equal"
        )
    return gaussian_frechet(
        output_frames.mean(axis=1),
        np.atleast_2d(np.cov(output_frames)),
        style_frames.mean(axis=1),
        np.atleast_2d(np.cov(style_frames)),
    )


def mel_db_frames(waveform: npt.NDArray[Any], sample_rate: float) -> Signal:
    """Return 64-mel frames in dB, of the sound scaled to an RMS amplitude of 0.1.

    Frames last 46 ms (n_fft 1024 at 22.05 kHz), and the hop is a quarter of that. The floor is
    80 dB below the loudest cell.

    Returns
    -------
    ndarray of shape (64, frames)
    """
    rate = check_sample_rate(sample_rate)
    signal = level_to(mono("waveform", waveform), _LEVEL_RMS)
    n_fft, hop_length = frame_settings(rate, N_FFT_AT_22050)
    if signal.size < hop_length:
        raise InvalidAudioError(
            f"waveform has {signal.size} samples; at {rate:.0f} Hz at least {hop_length} are needed"
        )
    return power_to_db(mel_power(signal, rate, N_MELS, n_fft, hop_length))


def mfcc_frames(waveform: npt.NDArray[Any], sample_rate: float) -> Signal:
    """Return MFCCs 1 to 13 (counted from 0) of `mel_db_frames`, and their deltas.

    Returns
    -------
    ndarray of shape (26, frames)

    Raises
    ------
    InvalidAudioError
        If there are fewer than 9 frames (about 0.1 s), and as in `mel_db_frames`.
    """
    mel_db = mel_db_frames(waveform, sample_rate)
    if mel_db.shape[1] < DELTA_FRAMES:
        raise InvalidAudioError(
            f"waveform gives {mel_db.shape[1]} frames; MFCC deltas need at least {DELTA_FRAMES}"
        )
    from scipy.signal import savgol_filter  # slow to import, and only needed here

    cepstrum = np.asarray(scipy.fft.dct(mel_db, axis=0, norm="ortho"))[FIRST_MFCC : LAST_MFCC + 1]
    delta = savgol_filter(cepstrum, DELTA_FRAMES, polyorder=1, deriv=1, axis=1)
    return np.concatenate([cepstrum, delta])


def mel_db_frechet(output: npt.NDArray[Any], style: npt.NDArray[Any], sample_rate: float) -> float:
    """Return the Frechet distance between 64-mel frames, in squared dB.

    Parameters
    ----------
    output, style : ndarray of shape (samples,) or (channels, samples)
        Channels are averaged; level and length may differ.
    sample_rate : float
        Of both, in Hz.

    Raises
    ------
    AudioTypeError, InvalidAudioError, InvalidSettingError
        If samples are not finite floating-point numbers, or the sample rate is out of range.
    """
    mono("output", output), mono("style", style)
    return frechet_distance(mel_db_frames(output, sample_rate), mel_db_frames(style, sample_rate))


def mfcc_frechet(output: npt.NDArray[Any], style: npt.NDArray[Any], sample_rate: float) -> float:
    """Return the Frechet distance between MFCC frames with deltas, in squared dB.

    Parameters and errors are those of `mel_db_frechet`. The sounds must last about 0.1 s.
    """
    mono("output", output), mono("style", style)
    return frechet_distance(mfcc_frames(output, sample_rate), mfcc_frames(style, sample_rate))


def style_distance(output: npt.NDArray[Any], style: npt.NDArray[Any], sample_rate: float) -> float:
    """Return how far the output's spectrum is from the style's, in dB per mel band.

    This is the root of `mel_db_frechet` / 64: the RMS over bands and frames of the smallest change
    in dB that gives one sound's frames the mean and covariance of the other's. 0 is a perfect
    match, 3 is close, 15 is a different sound.

    Parameters and errors are those of `mel_db_frechet`.
    """
    return float(np.sqrt(mel_db_frechet(output, style, sample_rate) / N_MELS))
