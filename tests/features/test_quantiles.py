from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from astfx.features.quantiles import (
    FLOOR,
    HIGHEST,
    N_LEVELS,
    N_QUANTILES,
    QuantileMap,
    RunningHistogram,
    add_frame,
    correct,
    evenly_ranked,
    grouped,
    groups_of_bins,
    histogram_of,
    learn_realised,
    level_of,
    quantile_gains,
)

LEVEL = HIGHEST / (N_LEVELS - 1)  # spacing of the levels, in nepers
QUANTILE_TOLERANCE = 2.0 * LEVEL
RANKS = (np.arange(N_QUANTILES) + 0.5) / N_QUANTILES

Array = npt.NDArray[np.float32]


def magnitude_of(level: npt.NDArray[np.floating]) -> Array:
    """Magnitudes of levels in nepers above the floor."""
    return np.asarray(FLOOR * np.expm1(level), np.float32)


def draws(n: int, bins: int, seed: int, low: float = 1.0, high: float = 5.0) -> Array:
    """Magnitudes of uniform levels, a little higher in each further bin, (n, bins)."""
    rng = np.random.default_rng(seed)
    return magnitude_of(rng.uniform(low, high, (n, bins)) + 0.1 * np.arange(bins))


def alone(bins: int) -> npt.NDArray[np.int64]:
    """Borders of groups of one bin each."""
    return np.arange(bins + 1)


def filled(magnitudes: Array, memory: float = 1e5) -> RunningHistogram:
    bins = magnitudes.shape[1]
    histogram = RunningHistogram.of(np.zeros((bins, N_LEVELS), np.float32), memory)
    histogram.total[0] = 0.0
    unused = np.zeros((2, bins), np.float32)
    for magnitude in magnitudes:
        add_frame(histogram, alone(bins), magnitude, *unused)
    return histogram


def map_to(style: Array, memory: float, every: int = 10, share: float = 1.0) -> QuantileMap:
    return QuantileMap.of(style, alone(style.shape[1]), memory, every, share)


def gain_of(mapping: QuantileMap, magnitude: Array, *, learn: bool = True) -> Array:
    """Gain of a frame, (bins,)."""
    gain = np.empty_like(magnitude)
    quantile_gains(mapping, magnitude, learn, gain)
    return gain


def mapped(mapping: QuantileMap, magnitudes: Array) -> Array:
    """Levels of what a map makes of frames, (frames, bins)."""
    return level_of(np.stack([frame * gain_of(mapping, frame) for frame in magnitudes]))


def test_gains_follow_a_part_of_the_way() -> None:
    """The logarithm of a gain is an exponential mean of those that would come at once."""
    style, content = draws(300, 3, 23), draws(40, 3, 24, 2.0, 8.0)
    follow = 0.4
    at_once = QuantileMap.of(style, alone(3), 500.0, 10)
    later = QuantileMap.of(style, alone(3), 500.0, 10, follow=follow)
    wanted = np.log([gain_of(at_once, frame) for frame in content])
    found = np.log([gain_of(later, frame) for frame in content])
    expected = wanted.copy()
    for now in range(1, len(wanted)):
        expected[now] = expected[now - 1] + follow * (wanted[now] - expected[now - 1])
    np.testing.assert_allclose(found, expected, atol=1e-4)


def realise(mapping: QuantileMap, heard: Array, hop: int) -> None:
    """What a stage does after a frame: every second one is checked, the others correct."""
    if hop % 2:
        correct(mapping)
    else:
        learn_realised(mapping, heard)


def test_levels_are_nepers_above_the_floor() -> None:
    np.testing.assert_allclose(level_of(np.zeros(1, np.float32)), 0.0)
    loud = np.array([1.0, np.e], np.float32)
    assert np.diff(level_of(loud))[0] == pytest.approx(1.0, abs=2.0 * FLOOR)


def test_magnitudes_outside_the_range_are_counted_at_its_ends() -> None:
    histogram = filled(np.array([[0.0], [1e30]], np.float32))
    np.testing.assert_allclose(histogram.counts[0, [0, -1]], 1.0, rtol=2e-3)
    assert histogram.counts.sum() == pytest.approx(2.0, rel=1e-3)


def test_long_streams_neither_overflow_nor_drift() -> None:
    """Weights grow by 1 / memory per frame and are rescaled; the result must not show it."""
    frames = draws(9000, 2, 5)
    histogram = filled(frames, memory=100.0)
    assert np.isfinite(histogram.counts).all()
    assert histogram.total[0] == pytest.approx(float(histogram.counts[0].sum()), rel=1e-3)
    recent = filled(frames[-1000:], memory=100.0)
    shares = (histogram.counts / histogram.total, recent.counts / recent.total)
    np.testing.assert_allclose(*shares, atol=1e-3)


def test_histogram_of_frames_sums_to_one() -> None:
    np.testing.assert_allclose(histogram_of(draws(50, 4, 6)).sum(axis=1), 1.0, atol=1e-5)


def test_the_map_gives_the_styles_distribution() -> None:
    style = draws(400, 4, 7, 5.0, 6.5)
    mapping = map_to(style, 1500.0)
    output = mapped(mapping, draws(4000, 4, 8, 1.0, 6.0))[1500:]
    expected = np.quantile(level_of(style), RANKS, axis=0)
    np.testing.assert_allclose(
        np.quantile(output, RANKS, axis=0), expected, atol=QUANTILE_TOLERANCE
    )


def test_a_share_of_the_way_is_a_share_of_the_level() -> None:
    style, content = draws(300, 3, 21), draws(50, 3, 22, 2.0, 8.0)
    whole, half = (mapped(map_to(style, 500.0, 10, share), content) for share in (1.0, 0.5))
    np.testing.assert_allclose(half, 0.5 * (level_of(content) + whole), rtol=1e-4)


def test_the_map_keeps_the_order_of_levels() -> None:
    mapping = map_to(draws(300, 1, 9), 500.0)
    mapped(mapping, draws(600, 1, 10, 2.0, 4.0))
    levels = magnitude_of(np.linspace(0.01, 8.0, 200))
    output = np.array([level * gain_of(mapping, level[None], learn=False)[0] for level in levels])
    assert (np.diff(output) >= -1e-6).all()


def test_the_map_is_near_the_identity_for_the_style_itself() -> None:
    style = draws(2000, 3, 11)
    output = mapped(map_to(style, 5000.0), style)
    assert np.abs(output - level_of(style))[500:].mean() < QUANTILE_TOLERANCE


def test_old_frames_are_forgotten() -> None:
    """After a change of level, the loudest frames of the present have the highest rank again."""
    style = draws(400, 2, 3, 4.0, 6.0)
    mapping = map_to(style, 200.0)
    mapped(mapping, draws(1500, 2, 4, 8.0, 9.0))
    late = mapped(mapping, draws(1500, 2, 5, 1.0, 2.0))[-500:]
    assert late.max() > 5.5


def test_not_learning_changes_nothing() -> None:
    mapping = map_to(draws(300, 2, 12), 500.0)
    frame = magnitude_of(np.array([2.0, 3.0]))
    first = gain_of(mapping, frame, learn=False)
    for _ in range(20):
        gain_of(mapping, np.zeros(2, np.float32), learn=False)
    np.testing.assert_allclose(gain_of(mapping, frame, learn=False), first, rtol=1e-6)


def test_requests_are_corrected_until_the_result_has_the_distribution() -> None:
    """If the synthesis loses half a neper, the requests rise by that much, in all bins."""
    style, content = draws(400, 7, 13, 3.0, 5.0), draws(6000, 7, 14, 2.0, 6.0)
    mapping = map_to(style, 800.0, every=4)
    lost = 0.5
    realised = []
    for hop, magnitude in enumerate(content):
        aim = level_of(magnitude * gain_of(mapping, magnitude))
        heard = magnitude_of(np.maximum(aim - lost, 0.0))
        realise(mapping, heard, hop)
        realised.append(level_of(heard))
    late = np.stack(realised[-800:])
    found = np.quantile(late, RANKS, axis=0)
    expected = np.quantile(level_of(style), RANKS, axis=0)
    assert (np.abs(found - expected).mean(axis=0) < 0.35 * lost).all()


def test_corrections_are_bounded() -> None:
    """A bin that never sounds, whatever is requested, gets a neper more at most."""
    style = draws(400, 1, 15, 3.0, 5.0)
    mapping = map_to(style, 100.0, every=1)
    for hop in range(1000):
        realise(mapping, np.zeros(1, np.float32), hop)
    loudest = magnitude_of(np.array([9.0]))
    highest = level_of(loudest * gain_of(mapping, loudest, learn=False))
    assert highest[0] - level_of(style).max() == pytest.approx(1.0, abs=QUANTILE_TOLERANCE)


@pytest.mark.parametrize(("sample_rate", "n_fft"), [(22050, 2048), (44100, 4096), (192000, 16384)])
def test_groups_cover_each_bin_once(sample_rate: int, n_fft: int) -> None:
    borders = groups_of_bins(sample_rate, n_fft)
    sizes, hz = np.diff(borders), borders[:-1] * sample_rate / n_fft
    assert borders[0] == 0
    assert borders[-1] == n_fft // 2 + 1
    assert (sizes[hz < 5_500.0] == 1).all()
    assert (sizes[:-1][(hz[:-1] >= 5_500.0) & (hz[:-1] < 11_000.0)] == 2).all()
    assert (sizes[:-1][hz[:-1] >= 11_000.0] == 4).all()


def test_a_group_has_one_gain_for_its_root_mean_square() -> None:
    borders = np.array([0, 1, 3, 7])
    style, content = draws(200, 7, 16), draws(50, 7, 17)
    groups = map_to(grouped(style, borders), 500.0)
    bins = QuantileMap.of(style, borders, 500.0, 10)
    for frame in content:
        expected = np.repeat(gain_of(groups, grouped(frame, borders)), np.diff(borders))
        np.testing.assert_allclose(gain_of(bins, frame), expected, rtol=1e-5)


@pytest.mark.parametrize("n_frames", [1, 2, 50, 333])
def test_values_at_even_ranks_are_numpys_quantiles(n_frames: int) -> None:
    frames = draws(n_frames, 7, 13)
    expected = np.quantile(frames.astype(np.float64), RANKS, axis=0).T
    np.testing.assert_allclose(evenly_ranked(frames), expected, rtol=1e-6, atol=1e-7)
