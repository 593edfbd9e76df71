from __future__ import annotations

import re
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from astfx import errors
from astfx.metrics import random_networks

Signal = npt.NDArray[np.float64]

RATE = 22050
SAMPLING = 0.08  # relative, of the mean of 150 draws about their expectation
FLOAT32 = 1e-4


def kernel_loss(output: Signal, style: Signal, width: int, n_filters: int) -> float:
    """Return the expectation of the sampled loss, by arc-cosine kernels."""

    def patches(frames: Signal) -> Signal:
        count = frames.shape[1] - width + 1
        return np.stack([frames[:, i : i + width].ravel() for i in range(count)])

    def mean_squares(first: Signal, second: Signal) -> float:
        norms = np.outer(np.linalg.norm(first, axis=1), np.linalg.norm(second, axis=1))
        cosine = np.clip(first @ second.T / norms, -1.0, 1.0)
        t = np.arccos(cosine)
        k = norms * (np.sin(t) + (np.pi - t) * cosine) / (2 * np.pi)
        q = norms**2 * (3 * np.sin(t) * cosine + (np.pi - t) * (1 + 2 * cosine**2)) / (2 * np.pi)
        return float(np.mean((1 - 1 / n_filters) * k**2 + q / n_filters))

    x, s = patches(output), patches(style)
    scale = n_filters * 4.0 / ((output.shape[0] + n_filters) * width)
    return float(scale**2) * (mean_squares(x, x) - 2 * mean_squares(x, s) + mean_squares(s, s))


def test_sampled_loss_has_its_infinite_width_expectation(random: np.random.Generator) -> None:
    output = np.abs(random.standard_normal((30, 60))) * np.linspace(0.2, 3.0, 30)[:, None]
    style = np.abs(random.standard_normal((30, 80)))
    losses = [
        random_networks.gram_loss_of_frames(output, style, seed=seed, n_filters=64)
        for seed in range(150)
    ]
    expected = kernel_loss(output, style, 11, 64)
    assert np.mean(losses) == pytest.approx(expected, rel=SAMPLING)


def test_loss_equals_the_gram_matrices_of_the_filters(random: np.random.Generator) -> None:
    output, style = random.standard_normal((5, 20)), random.standard_normal((5, 25))
    filters = np.random.default_rng(3).standard_normal((15, 8), dtype=np.float32)
    filters *= np.sqrt(4.0 / ((5 + 8) * 3))
    grams = []
    for frames in (output, style):
        patches = np.stack([frames[:, i : i + 3].ravel() for i in range(frames.shape[1] - 2)])
        features = np.maximum(patches @ filters, 0.0)
        grams.append(features.T @ features / len(features))
    expected = np.sum((grams[0] - grams[1]) ** 2)
    arguments: dict[str, Any] = {"seed": 3, "n_filters": 8, "kernel_width": 3}
    found = random_networks.gram_loss_of_frames(output, style, **arguments)
    assert found == pytest.approx(expected, rel=FLOAT32)
    relative = random_networks.gram_loss_of_frames(output, style, relative=True, **arguments)
    assert relative == pytest.approx(expected / np.sum(grams[1] ** 2), rel=FLOAT32)


@pytest.mark.parametrize("scale", [1e-3, 1e3])
def test_a_relative_loss_knows_no_scale(scale: float, random: np.random.Generator) -> None:
    output, style = np.abs(random.standard_normal((2, 10, 30)))
    one, other = (
        random_networks.gram_loss_of_frames(x * output, x * style, n_filters=32, relative=True)
        for x in (1.0, scale)
    )
    assert other == pytest.approx(one, rel=FLOAT32)


def test_the_seed_decides(random: np.random.Generator) -> None:
    output, style = np.abs(random.standard_normal((2, 10, 30)))
    losses = [
        random_networks.gram_loss_of_frames(output, style, seed=seed, n_filters=32)
        for seed in (1, 1, 2)
    ]
    assert losses[0] == losses[1] != losses[2]


def test_losses_of_sounds_rank_them(noise: Signal, melody: Signal) -> None:
    other = 0.1 * np.random.default_rng(8).standard_normal(2 * RATE)
    for loss in (random_networks.gram_loss, random_networks.cqt_gram_loss):
        near = loss(other, noise, RATE, relative=True)
        far = loss(melody, noise, RATE, relative=True)
        assert loss(noise, noise, RATE, relative=True) == pytest.approx(0.0, abs=1e-6)
        assert 0.0 < near < 0.1 * far


def test_silence_scores_one(noise: Signal) -> None:
    silence = np.zeros(2 * RATE)
    assert random_networks.gram_loss(silence, noise, RATE, n_filters=64, relative=True) == 1.0
    assert random_networks.cqt_gram_loss(silence, noise, RATE) == 1.0


def test_level_and_sample_rate_do_not_matter_much(noise: Signal, melody: Signal) -> None:
    from astfx.metrics._inputs import resample

    base = random_networks.gram_loss(melody, noise, RATE, n_filters=256)
    quiet = random_networks.gram_loss(0.01 * melody, noise, RATE, n_filters=256)
    doubled = random_networks.gram_loss(
        resample(melody, RATE, 2 * RATE), resample(noise, RATE, 2 * RATE), 2 * RATE, n_filters=256
    )
    assert quiet == pytest.approx(base, rel=FLOAT32)
    assert doubled == pytest.approx(base, rel=0.05)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"n_filters": 0}, "n_filters=0 must be at least 1"),
        ({"kernel_width": 0}, "kernel_width=0 must be at least 1"),
        ({"seed": -1}, "seed=-1 must be at least 0"),
    ],
)
def test_settings_out_of_range_are_refused(setting: dict[str, int], message: str) -> None:
    frames = np.ones((4, 20))
    with pytest.raises(errors.InvalidSettingError, match=message):
        random_networks.gram_loss_of_frames(frames, frames, **setting)  # type: ignore[arg-type]


def test_frames_that_do_not_fit_are_refused() -> None:
    with pytest.raises(
        errors.InvalidAudioError,
        match=re.escape("style frames have shape (4, 10); pass (bins, frames) with at least 11"),
    ):
        random_networks.gram_loss_of_frames(np.ones((4, 20)), np.ones((4, 10)))
    with pytest.raises(
        errors.InvalidAudioError,
        match="output frames have 4 bins, style frames 5; they must be equal",
    ):
        random_networks.gram_loss_of_frames(np.ones((4, 20)), np.ones((5, 20)))


def test_the_cqt_net_refuses_short_sounds_silent_styles_and_negative_seeds(noise: Signal) -> None:
    with pytest.raises(
        errors.InvalidAudioError,
        match=re.escape("output lasts 0.454 s; the CQT net needs at least 1 s"),
    ):
        random_networks.cqt_gram_loss(noise[:10000], noise, RATE)
    for loss in (random_networks.gram_loss, random_networks.cqt_gram_loss):
        with pytest.raises(errors.InvalidAudioError, match="style is silent"):
            loss(noise, np.zeros(RATE), RATE)
    with pytest.raises(errors.InvalidSettingError, match="seed=-1 must be at least 0"):
        random_networks.cqt_gram_loss(noise, noise, RATE, seed=-1)
