"""Held-out Gram losses: those of random, untrained networks whose filters no render uses.

`gram_loss` is the held-out version of what the methods `gram` and `shallow-cnn` minimise: the
same kind of network on the same kind of spectrogram, with filters of its own. A low figure shows
that a render did not overfit its own filters, but the figure is not independent of these
methods. `cqt_gram_loss` has another front end and another network; no method minimises it.

References
----------
D. Ulyanov and V. Lebedev, "Audio texture synthesis and style transfer" (2016):
the one-layer net of 4096 filters.
S. Barry and Y. Kim, "Style transfer for musical audio using multiple time-frequency
representations" (2018): an 11 x 11 net on a constant-Q transform.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from astfx.errors import InvalidAudioError, InvalidSettingError
from astfx.metrics._inputs import (
    Signal,
    audible,
    check_sample_rate,
    level_to,
    mono,
    resample,
    short_signals_allowed,
)
from astfx.metrics._spectra import power_spectrogram
from astfx.runtime.librosa_import import import_librosa

ANALYSIS_RATE_HZ = 22050.0
N_FFT = 2048
HOP_LENGTH = 512
N_FILTERS = 4096
KERNEL_WIDTH = 11
HELD_OUT_SEED = 20160

_LEVEL_RMS = 0.1  # log1p depends on the level
_FILTERS_AT_ONCE = 256
_CQT_OCTAVES = 7
_CQT_CHANNELS = (32, 64)


def gram_loss_of_frames(
    output_frames: npt.NDArray[Any],
    style_frames: npt.NDArray[Any],
    *,
    seed: int = HELD_OUT_SEED,
    n_filters: int = N_FILTERS,
    kernel_width: int = KERNEL_WIDTH,
    relative: bool = False,
) -> float:
    """Return the Gram loss of two spectrograms under one random convolution.

    The network is one 1-D convolution over time with the bins as channels, weights
    N(0, 4 / ((bins + n_filters) * kernel_width)), no bias, ReLU. The loss is the squared
    Frobenius distance between the Gram matrices, each of which is a mean over its own frames.

    Parameters
    ----------
    output_frames, style_frames : ndarray of shape (bins, frames)
        Log magnitudes (log1p of the STFT magnitude, in the classic recipe).
    seed : int
        Seed of the filters. The same seed gives the same filters on every machine.
    n_filters, kernel_width : int
        Number of filters, and the number of frames that each one spans.
    relative : bool
        Divide by the squared norm of the style's Gram matrix, so that 0 is a perfect match and 1
        is the score of silence.

    Raises
    ------
    InvalidAudioError
        If there are fewer frames than `kernel_width`, or the numbers of bins differ.
    InvalidSettingError
        If `n_filters` or `kernel_width` is below 1, or `seed` below 0.
    """
    for name, value, least in (
        ("n_filters", n_filters, 1),
        ("kernel_width", kernel_width, 1),
        ("seed", seed, 0),
    ):
        if value < least:
            raise InvalidSettingError(f"{name}={value} must be at least {least}")
    for name, frames in (("output", output_frames), ("style", style_frames)):
        if frames.ndim != 2 or frames.shape[1] < kernel_width:
            raise InvalidAudioError(
                f"{name} frames have shape {frames.shape}; "
                f"pass (bins, frames) with at least {kernel_width} frames"
            )
    n_bins = output_frames.shape[0]
    if style_frames.shape[0] != n_bins:
        raise InvalidAudioError(
            f"output frames have {n_bins} bins, style frames {style_frames.shape[0]}; "
            "they must be equal"
        )
    patches = [_patches(frames, kernel_width) for frames in (output_frames, style_frames)]
    n_output = patches[0].shape[0]
    stacked = np.concatenate(patches)
    patches.clear()  # they are large, and `stacked` is a copy
    scale = np.float32(np.sqrt(4.0 / ((n_bins + n_filters) * kernel_width)))
    random = np.random.default_rng(seed)
    # ||P'P/T - S'S/U||^2 needs only inner products of frames, not a (filters, filters) matrix.
    products = np.zeros((stacked.shape[0], stacked.shape[0]))
    for first in range(0, n_filters, _FILTERS_AT_ONCE):
        count = min(_FILTERS_AT_ONCE, n_filters - first)
        filters = random.standard_normal((stacked.shape[1], count), dtype=np.float32) * scale
        features = np.maximum(stacked @ filters, 0.0)
        products += features @ features.T
    return _loss_of_products(products, n_output, relative)


def gram_loss(
    output: npt.NDArray[Any],
    style: npt.NDArray[Any],
    sample_rate: float,
    *,
    seed: int = HELD_OUT_SEED,
    n_filters: int = N_FILTERS,
    relative: bool = False,
) -> float:
    """Return the Gram loss of two sounds under the classic random network.

    Both sounds are resampled to 22.05 kHz and scaled to an RMS amplitude of 0.1. Frames are log1p
    STFT magnitudes with an n_fft of 2048 and a hop of 512.

    Parameters
    ----------
    output, style : ndarray of shape (samples,) or (channels, samples)
        At least 0.3 s; channels are averaged.
    sample_rate : float
        Of both, in Hz.
    seed, n_filters, relative
        As in `gram_loss_of_frames`.

    Raises
    ------
    AudioTypeError, InvalidAudioError, InvalidSettingError
        As in `gram_loss_of_frames`; and if the style is silent, or samples are not finite
        floating-point numbers.
    """
    rate = check_sample_rate(sample_rate)
    return gram_loss_of_frames(
        _log_magnitude(mono("output", output), rate),
        _log_magnitude(audible("style", mono("style", style)), rate),
        seed=seed,
        n_filters=n_filters,
        relative=relative,
    )


def cqt_gram_loss(
    output: npt.NDArray[Any],
    style: npt.NDArray[Any],
    sample_rate: float,
    *,
    seed: int = HELD_OUT_SEED,
    relative: bool = True,
) -> float:
    """Return the Gram loss of two sounds under a random 2-D network on a constant-Q transform.

    The input is seven octaves of log1p CQT magnitudes at 22.05 kHz. An 11 x 11 and a 5 x 5
    convolution with ReLU follow, with average pooling by 2 between them. The result is averaged
    within each octave, which gives 448 features per frame.

    Parameters
    ----------
    output, style : ndarray of shape (samples,) or (channels, samples)
        At least 1 s; channels are averaged.
    sample_rate : float
        Of both, in Hz.
    seed : int
        Seed of the filters.
    relative : bool
        As in `gram_loss_of_frames`.

    Raises
    ------
    AudioTypeError, InvalidAudioError, InvalidSettingError
        If a sound lasts less than 1 s, the style is silent, the seed is below 0, or samples are
        not finite floating-point numbers.
    """
    found = cqt_features("output", output, sample_rate, seed)
    audible("style", mono("style", style))
    return cqt_loss(found, cqt_features("style", style, sample_rate, seed), relative=relative)


def cqt_loss(found: Signal, wanted: Signal, *, relative: bool = True) -> float:
    """Return the loss of two sounds' `cqt_features`, as `cqt_gram_loss` defines it."""
    stacked = np.concatenate([found, wanted])
    return _loss_of_products(stacked @ stacked.T, found.shape[0], relative)


def _loss_of_products(products: Signal, n_output: int, relative: bool) -> float:
    squared = products**2
    within_style = float(squared[n_output:, n_output:].mean())
    within_output = float(squared[:n_output, :n_output].mean())
    across = float(squared[:n_output, n_output:].mean())
    loss = max(0.0, within_output - 2.0 * across + within_style)
    return loss / within_style if relative and within_style > 0.0 else loss


def _patches(frames: npt.NDArray[Any], kernel_width: int) -> npt.NDArray[np.float32]:
    """Return every patch of `kernel_width` consecutive frames as a row."""
    windows = np.lib.stride_tricks.sliding_window_view(
        np.asarray(frames, dtype=np.float32), kernel_width, axis=1
    )
    return windows.transpose(1, 0, 2).reshape(windows.shape[1], -1)


def _log_magnitude(signal: Signal, sample_rate: float) -> npt.NDArray[np.float32]:
    level = level_to(resample(signal, sample_rate, ANALYSIS_RATE_HZ), _LEVEL_RMS)
    return np.log1p(np.sqrt(power_spectrogram(level, N_FFT, HOP_LENGTH)))


def cqt_features(
    name: str, waveform: npt.NDArray[Any], sample_rate: float, seed: int = HELD_OUT_SEED
) -> Signal:
    """Return the features of the network of `cqt_gram_loss`, (frames, octaves * channels).

    `name` is the name of the waveform in error messages. Parameters and errors are those of
    `cqt_gram_loss`.
    """
    import torch

    librosa = import_librosa()

    rate = check_sample_rate(sample_rate)
    if seed < 0:
        raise InvalidSettingError(f"seed={seed} must be at least 0")
    signal = mono(name, waveform)
    if signal.size < rate:
        raise InvalidAudioError(
            f"{name} lasts {signal.size / rate:.3f} s; the CQT net needs at least 1 s"
        )
    level = level_to(resample(signal, rate, ANALYSIS_RATE_HZ), _LEVEL_RMS)
    with short_signals_allowed():
        cqt = librosa.cqt(
            level, sr=ANALYSIS_RATE_HZ, hop_length=HOP_LENGTH, n_bins=12 * _CQT_OCTAVES
        )
    random = np.random.default_rng(seed)
    layer = torch.from_numpy(np.log1p(np.abs(cqt)).astype(np.float32))[None, None]
    with torch.no_grad():
        for n_out, width in zip(_CQT_CHANNELS, (11, 5), strict=True):
            n_in = layer.shape[1]
            weights = random.standard_normal((n_out, n_in, width, width), dtype=np.float32)
            weights *= np.float32(np.sqrt(2.0 / (n_in * width * width)))
            layer = torch.relu(
                torch.nn.functional.conv2d(layer, torch.from_numpy(weights), padding=width // 2)
            )
            if n_out != _CQT_CHANNELS[-1]:
                layer = torch.nn.functional.avg_pool2d(layer, 2)
        octaves = torch.nn.functional.adaptive_avg_pool2d(layer, (_CQT_OCTAVES, layer.shape[3]))
    features = octaves[0].flatten(end_dim=1).T.double().numpy()
    return np.asarray(features)
