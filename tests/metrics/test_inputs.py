from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from astfx import errors, metrics
from astfx.metrics import _inputs

CLIP = np.zeros(8000)

# Every metric of two waveforms and a rate: all of them must refuse the same inputs.
PAIRED: tuple[Callable[..., float], ...] = (
    metrics.random_banks_db,
    metrics.scattering_db,
    metrics.sliced_wasserstein,
    metrics.two_sample_accuracy,
    metrics.standard_bank_db,
    metrics.style_distance,
    metrics.mel_db_frechet,
    metrics.mfcc_frechet,
    metrics.gram_loss,
    metrics.cqt_gram_loss,
    metrics.largest_copy,
    metrics.excess_copy,
    metrics.onset_correlation,
    metrics.onset_f1,
    metrics.log_rms_correlation,
    metrics.chroma_cosine,
    metrics.mel_correlation,
    metrics.pitch_agreement,
    metrics.estoi,
    metrics.pre_echo_db,
    metrics.early_echo_db,
)


@pytest.mark.parametrize("metric", PAIRED)
@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        ([0.0, 0.1], errors.AudioTypeError, "output is a list; pass a NumPy array"),
        (
            np.zeros(8000, np.int16),
            errors.AudioTypeError,
            "output holds int16 samples; pass floating-point samples within -1..1",
        ),
        (
            np.zeros((1, 2, 3)),
            errors.InvalidAudioError,
            "output has shape (1, 2, 3); pass (samples,) or (channels, samples)",
        ),
        (np.zeros(0), errors.InvalidAudioError, "output has shape (0,); it must hold samples"),
        (
            np.zeros((8000, 2)),
            errors.InvalidAudioError,
            "output has shape (8000, 2), more channels than samples; pass (channels, samples)",
        ),
        (
            np.array([0.0, np.nan, np.inf]),
            errors.InvalidAudioError,
            "output holds 2 samples that are NaN or infinite",
        ),
    ],
)
def test_paired_metrics_refuse_what_is_no_audio(
    metric: Callable[..., float], bad: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=re.escape(message)):
        metric(bad, np.ones(44100), 22050)


@pytest.mark.parametrize("metric", PAIRED)
@pytest.mark.parametrize(
    ("rate", "message"),
    [
        (0, "sample_rate=0 must be a number from 2000 to 768000 (Hz)"),
        (-44100.0, "sample_rate=-44100.0 must be a number from 2000"),
        (float("nan"), "sample_rate=nan must be a number from 2000"),
        ("44100", "sample_rate='44100' must be a number from 2000 to"),
        (True, "sample_rate=True must be a number from 2000 to"),
    ],
)
def test_paired_metrics_refuse_sample_rates_out_of_range(
    metric: Callable[..., float], rate: Any, message: str
) -> None:
    with pytest.raises(errors.InvalidSettingError, match=re.escape(message)):
        metric(np.ones(44100), np.ones(44100), rate)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_mono_is_the_mean_of_the_channels_in_float64(dtype: type[np.floating[Any]]) -> None:
    stereo = np.array([[1.0, 0.5, 0.0], [0.0, 0.5, -1.0]], dtype=dtype)
    mixed = _inputs.mono("style", stereo)
    assert mixed.dtype == np.float64
    np.testing.assert_array_equal(mixed, [0.5, 0.5, -0.5])


def test_resample_keeps_a_tone_and_the_channel_axis_first() -> None:
    time_44, time_22 = np.arange(44100) / 44100, np.arange(22050) / 22050
    tone = np.sin(2 * np.pi * 1000.0 * time_44)
    result = _inputs.resample(np.stack([tone, -tone]), 44100.0, 22050.0)
    assert result.shape == (2, 22050)
    np.testing.assert_allclose(
        result[0, 500:-500], np.sin(2 * np.pi * 1000.0 * time_22)[500:-500], atol=1e-3
    )
    np.testing.assert_allclose(result[1], -result[0], atol=1e-9)


def test_level_to_scales_to_the_rms_and_leaves_silence() -> None:
    level = _inputs.level_to(np.array([3.0, -4.0]), 0.1)
    assert np.sqrt(np.mean(level**2)) == pytest.approx(0.1)
    np.testing.assert_array_equal(_inputs.level_to(CLIP, 0.1), CLIP)
