from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from astfx.features.quantiles import (
    HIGHEST,
    N_LEVELS,
    N_QUANTILES,
    QuantileMap,
    RunningHistogram,
    _evenly_ranked,
    histogram_of,
)

LEVEL = HIGHEST / (N_LEVELS - 1)  # spacing of the levels, in nepers
RANK_TOLERANCE = 0.02
QUANTILE_TOLERANCE = 2.0 * LEVEL
RANKS = (np.arange(N_QUANTILES) + 0.5) / N_QUANTILES

Array = npt.NDArray[np.float32]


def draws(n: int, bins: int, seed: int, low: float = 1.0, high: float = 5.0) -> Array:
    """Uniform levels, a little higher in each further bin, (n, bins)."""
    rng = np.random.default_rng(seed)
    return (rng.uniform(low, high, (n, bins)) + 0.1 * np.arange(bins)).astype(np.float32)


def filled(frames: Array, memory: float = 1e5) -> RunningHistogram:
    histogram = RunningHistogram(np.zeros((frames.shape[1], N_LEVELS), np.float32), memory)
    histogram.total = 0.0
    for frame in frames:
        histogram.add(frame)
    return histogram


def test_ranks_of_a_known_distribution() -> None:
    histogram = filled(draws(20000, 3, 0))
    offset = 0.1 * np.arange(3)
    for share in (0.0, 0.1, 0.5, 0.77, 1.0):
        level = (1.0 + 4.0 * share + offset).astype(np.float32)
        np.testing.assert_allclose(histogram.ranks(level), share, atol=RANK_TOLERANCE)
    assert (histogram.ranks(np.zeros(3, np.float32)) == 0.0).all()
    np.testing.assert_allclose(histogram.ranks(np.full(3, 8.9, np.float32)), 1.0, atol=1e-3)


def test_ranks_rise_with_the_level() -> None:
    histogram = filled(draws(200, 1, 1))
    levels = np.linspace(0.0, HIGHEST, 500, dtype=np.float32)
    ranks = np.array([histogram.ranks(level[None])[0] for level in levels])
    assert (np.diff(ranks) >= -1e-6).all()


def test_quantiles_of_a_known_distribution() -> None:
    frames = draws(20000, 3, 2)
    expected = np.quantile(frames, RANKS, axis=0).T
    np.testing.assert_allclose(filled(frames).quantiles(), expected, atol=QUANTILE_TOLERANCE)


def test_levels_outside_the_range_are_counted_at_its_ends() -> None:
    histogram = filled(np.array([[-5.0], [50.0]], np.float32))
    assert histogram.counts.sum() == pytest.approx(2.0, rel=1e-3)
    assert np.isfinite(histogram.quantiles()).all()


def test_old_frames_are_forgotten() -> None:
    low, high = draws(3000, 2, 3, 0.5, 1.5), draws(3000, 2, 4, 6.0, 7.0)
    histogram = filled(np.concatenate([low, high]), memory=200.0)
    assert (histogram.ranks(np.full(2, 4.0, np.float32)) < 1e-3).all()


def test_long_streams_neither_overflow_nor_drift() -> None:
    """Weights grow by 1 / memory per frame and are rescaled; the result must not show it."""
    frames = draws(9000, 2, 5)
    histogram = filled(frames, memory=100.0)
    assert np.isfinite(histogram.counts).all()
    assert histogram.total == pytest.approx(float(histogram.counts[0].sum()), rel=1e-3)
    level = np.full(2, 3.0, np.float32)
    recent = filled(frames[-1000:], memory=100.0)
    np.testing.assert_allclose(histogram.ranks(level), recent.ranks(level), atol=1e-3)


def test_histogram_of_frames_sums_to_one() -> None:
    np.testing.assert_allclose(histogram_of(draws(50, 4, 6)).sum(axis=1), 1.0, atol=1e-5)


def test_the_map_gives_the_styles_distribution() -> None:
    style = draws(400, 4, 7, 3.0, 4.0) ** 1.2
    content = draws(4000, 4, 8, 1.0, 6.0)
    mapping = QuantileMap(style, memory=1500.0, every=10)
    output = np.stack([mapping(frame) for frame in content])[1500:]
    found = np.quantile(output, RANKS, axis=0)
    expected = np.quantile(style, RANKS, axis=0)
    np.testing.assert_allclose(found, expected, atol=QUANTILE_TOLERANCE)


def test_the_map_keeps_the_order_of_levels() -> None:
    mapping = QuantileMap(draws(300, 1, 9), memory=500.0, every=10)
    for frame in draws(600, 1, 10, 2.0, 4.0):
        mapping(frame)
    levels = np.linspace(0.0, 8.0, 200, dtype=np.float32)
    output = np.array([mapping(level[None], learn=False)[0] for level in levels])
    assert (np.diff(output) >= -1e-6).all()


def test_the_map_is_near_the_identity_for_the_style_itself() -> None:
    style = draws(2000, 3, 11)
    mapping = QuantileMap(style, memory=5000.0, every=10)
    output = np.stack([mapping(frame) for frame in style])
    assert np.abs(output - style)[500:].mean() < QUANTILE_TOLERANCE


def test_not_learning_changes_nothing() -> None:
    mapping = QuantileMap(draws(300, 2, 12), memory=500.0, every=10)
    frame = np.array([2.0, 3.0], np.float32)
    first = mapping(frame, learn=False)
    for _ in range(20):
        mapping(np.zeros(2, np.float32), learn=False)
    np.testing.assert_array_equal(mapping(frame, learn=False), first)


def test_requests_are_corrected_until_the_result_has_the_distribution() -> None:
    """If the synthesis loses half a neper, the requests rise by that much."""
    style, content = draws(400, 3, 13, 3.0, 5.0), draws(4000, 3, 14, 2.0, 6.0)
    mapping = QuantileMap(style, memory=800.0, every=10)
    lost = 0.5
    errors = []
    for frame in content:
        realised = np.maximum(mapping(frame) - np.float32(lost), 0.0).astype(np.float32)
        mapping.realised(realised)
        errors.append(realised)
    late = np.stack(errors[-800:])
    found, expected = np.quantile(late, RANKS, axis=0), np.quantile(style, RANKS, axis=0)
    assert np.abs(found - expected).mean() < 0.3 * lost


@pytest.mark.parametrize("n_frames", [1, 2, 50, 333])
def test_levels_at_even_ranks_are_numpys_quantiles(n_frames: int) -> None:
    frames = draws(n_frames, 7, 13)
    expected = np.quantile(frames.astype(np.float64), RANKS, axis=0).T
    np.testing.assert_allclose(_evenly_ranked(frames), expected, rtol=1e-6, atol=1e-7)
