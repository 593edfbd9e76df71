from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt
import pytest

from astfx import errors
from astfx.metrics import patches
from astfx.metrics.patches import (
    classifier_accuracy,
    quantile_distance,
    quantiles,
    sliced_wasserstein,
    two_sample_accuracy,
)

Signal = npt.NDArray[np.float64]

RATE = 22050
DIRECTIONS = 0.2  # relative: 256 random directions stand for all
CHANCE = 0.12  # about 0.5, of four seconds


def noise_of(seconds: float, seed: int) -> Signal:
    return 0.1 * np.random.default_rng(seed).standard_normal(round(seconds * RATE))


def test_a_patch_is_a_quarter_of_a_second_of_levels_about_the_mean(noise: Signal) -> None:
    found = patches.log_mel_patches("style", noise, RATE)
    n_frames = 1 + noise.size // patches.HOP_LENGTH
    assert found.shape == (-(-(n_frames - 21) // 4), 40 * 22)
    assert 10.0 * np.log10(np.mean(10.0 ** (found / 10.0))) == pytest.approx(0.0, abs=0.5)
    np.testing.assert_allclose(
        patches.log_mel_patches("style", np.concatenate([noise, np.zeros(RATE)]), RATE).min(),
        -60.0,
        atol=1e-6,
    )


@pytest.mark.parametrize("shift_db", [1.0, 6.0])
def test_patches_that_are_all_louder_are_as_far_away_as_they_are_louder(
    shift_db: float, random: np.random.Generator
) -> None:
    cloud = random.standard_normal((300, 880))
    found = quantile_distance(quantiles(cloud + shift_db), quantiles(cloud))
    assert found == pytest.approx(shift_db, rel=DIRECTIONS)


def test_the_spread_of_patches_counts(random: np.random.Generator) -> None:
    """Along every direction, quantiles of N(0, s^2) and of N(0, 1) differ by (s - 1) N(0, 1)."""
    cloud = random.standard_normal((4000, 20))
    found = quantile_distance(quantiles(3.0 * cloud), quantiles(cloud))
    assert found == pytest.approx(2.0, rel=0.05)


def test_the_order_and_the_number_of_patches_do_not_count(random: np.random.Generator) -> None:
    cloud, other = random.standard_normal((2, 200, 30))
    base = quantile_distance(quantiles(cloud), quantiles(other))
    assert quantile_distance(quantiles(cloud[::-1]), quantiles(other)) == pytest.approx(base)
    twice = np.concatenate([cloud, cloud])
    assert quantile_distance(quantiles(twice), quantiles(other)) == pytest.approx(base, rel=0.02)


def test_a_sound_against_itself_has_distance_zero_and_chance(noise: Signal) -> None:
    assert sliced_wasserstein(noise, noise, RATE) == 0.0
    assert two_sample_accuracy(noise, noise, RATE) == 0.5


def test_level_channel_order_and_sign_do_not_matter(noise: Signal, melody: Signal) -> None:
    base = sliced_wasserstein(melody, noise, RATE)
    stereo = np.stack([0.5 * melody, 1.5 * melody])
    for other in (0.01 * melody, -melody, stereo, stereo[::-1]):
        assert sliced_wasserstein(other, noise, RATE) == pytest.approx(base, rel=1e-4)
    assert sliced_wasserstein(melody, 0.01 * noise, RATE) == pytest.approx(base, rel=1e-4)


def test_two_takes_of_noise_cannot_be_told_apart(noise: Signal, melody: Signal) -> None:
    other = noise_of(4.0, 99)
    assert two_sample_accuracy(other, noise, RATE) == pytest.approx(0.5, abs=CHANCE)
    assert sliced_wasserstein(other, noise, RATE) < 0.2 * sliced_wasserstein(melody, noise, RATE)


def test_a_melody_and_noise_are_always_told_apart(noise: Signal, melody: Signal) -> None:
    assert two_sample_accuracy(melody, noise, RATE) > 0.99


def test_more_noise_is_farther_from_a_melody(melody: Signal) -> None:
    hiss = noise_of(4.0, 5)
    mixed = [melody + gain * hiss for gain in (0.01, 0.1, 1.0, 10.0)]
    found = [sliced_wasserstein(clip, melody, RATE) for clip in mixed]
    assert found == sorted(found)
    assert found[-1] > 3.0 * found[0]


def test_figures_repeat_exactly(noise: Signal, melody: Signal) -> None:
    for metric in (sliced_wasserstein, two_sample_accuracy):
        assert metric(melody + noise, noise, RATE) == metric(melody + noise, noise, RATE)


def test_reversed_time_changes_the_distance(noise: Signal) -> None:
    """Struck noise fades out; reversed, it fades in."""
    struck = noise * np.tile(np.exp(-12.0 * np.arange(RATE // 2) / RATE), 8)
    other = noise_of(4.0, 3) * np.tile(np.exp(-12.0 * np.arange(RATE // 2) / RATE), 8)
    near = sliced_wasserstein(other, struck, RATE)
    assert sliced_wasserstein(other[::-1].copy(), struck, RATE) > 1.2 * near


def test_exact_repeats_bring_the_classifier_below_chance() -> None:
    """Patches that are in the other sound, at another time, are mistaken for it."""
    n = 40 * 4 * patches.HOP_LENGTH  # whole steps from patch to patch
    first, second = noise_of(n / RATE, 4), noise_of(n / RATE, 5)
    sound, swapped = np.concatenate([first, second]), np.concatenate([second, first])
    assert two_sample_accuracy(swapped, sound, RATE) < 0.2


def test_a_difference_in_the_second_moments_is_found(random: np.random.Generator) -> None:
    cloud = random.standard_normal((200, 20))
    wide = 3.0 * random.standard_normal((200, 20))
    assert classifier_accuracy(wide, cloud) > 0.9
    assert classifier_accuracy(random.standard_normal((200, 20)), cloud) < 0.6


def test_blocks_are_tested_by_trees_that_did_not_see_their_neighbours() -> None:
    """Patches resemble those that overlap them, which must not help to tell two sounds apart."""
    rng = np.random.default_rng(9)
    smooth = [
        np.lib.stride_tricks.sliding_window_view(part, 6, axis=0).mean(axis=2)
        for part in rng.standard_normal((2, 305, 20))
    ]
    assert classifier_accuracy(*smooth) == pytest.approx(0.5, abs=CHANCE)


@pytest.mark.parametrize("metric", [sliced_wasserstein, two_sample_accuracy])
def test_short_sounds_and_silent_styles_are_refused(metric: object, noise: Signal) -> None:
    assert callable(metric)
    for name, pair in (
        ("output", (noise[:10000], noise)),
        ("style", (noise, noise[:10000])),
    ):
        message = f"{name} lasts 0.454 s; patches need at least 2.0 s"
        with pytest.raises(errors.InvalidAudioError, match=re.escape(message)):
            metric(*pair, RATE)
    with pytest.raises(errors.InvalidAudioError, match="style is silent: a distance to silence"):
        metric(noise, np.zeros(3 * RATE), RATE)
