from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from astfx.features.pooling import LEVELS_HZ, PooledBins
from astfx.frontends.grid import Grid

ROUNDING = 1e-12  # absolute, float64
NEAR_A_BORDER_BINS = 4.5

WINDOW_MS = 92.88
RATES_HZ = (8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000, 192_000)
grids = st.builds(
    lambda sample_rate, hop_length: Grid(
        sample_rate=sample_rate, n_fft=4 * hop_length, hop_length=hop_length
    ),
    st.integers(8_000, 192_000),
    st.integers(1, 1_000),
)
any_grid = pytest.mark.parametrize("sample_rate", RATES_HZ)


def random_frames(n_frames: int, n_bins: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n_frames, n_bins, generator=generator, dtype=torch.float64)


def n_bins_of(grid: Grid) -> int:
    return grid.n_fft // 2 + 1


def groups_of(grid: Grid) -> list[list[int]]:
    """The bins of each group, found by pooling a single bin at a time."""
    pooled = PooledBins(grid).pool(torch.eye(n_bins_of(grid)))
    assert ((pooled > 0.0).sum(dim=1) == 1).all()  # each bin belongs to one group
    return [torch.nonzero(column)[:, 0].tolist() for column in pooled.T]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(grid=grids)
def test_groups_are_neighbours_and_hold_every_bin_once(grid: Grid) -> None:
    groups = groups_of(grid)
    assert [b for group in groups for b in group] == list(range(n_bins_of(grid)))
    assert [len(group) for group in groups] == PooledBins(grid).sizes.tolist()


@settings(max_examples=60, deadline=None, derandomize=True)
@given(grid=grids)
def test_groups_that_are_spread_and_pooled_are_the_same(grid: Grid) -> None:
    bins = PooledBins(grid)
    groups = random_frames(3, len(bins.sizes))
    torch.testing.assert_close(bins.pool(bins.spread(groups)), groups, rtol=0, atol=ROUNDING)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(grid=grids)
def test_spreading_is_the_transpose_of_pooling(grid: Grid) -> None:
    bins = PooledBins(grid)
    frames, groups = random_frames(3, n_bins_of(grid)), random_frames(3, len(bins.sizes), seed=1)
    torch.testing.assert_close(
        (bins.pool(frames) * groups).sum(), (frames * bins.spread(groups)).sum(), atol=1e-9, rtol=0
    )


@any_grid
def test_even_groups_keep_inner_products_and_others_lose_length(sample_rate: int) -> None:
    grid = Grid.of(WINDOW_MS, sample_rate)
    bins = PooledBins(grid)
    uneven = random_frames(4, n_bins_of(grid))
    even = bins.spread(bins.pool(uneven))
    torch.testing.assert_close(bins.pool(even) @ bins.pool(even).T, even @ even.T)
    # What is uneven within the groups is at a right angle to what is even.
    torch.testing.assert_close(
        bins.pool(uneven).square().sum() + (uneven - even).square().sum(), uneven.square().sum()
    )


@any_grid
def test_a_bin_of_spread_frames_is_the_mean_of_its_group(sample_rate: int) -> None:
    grid = Grid.of(WINDOW_MS, sample_rate)
    bins = PooledBins(grid)
    frames = random_frames(2, n_bins_of(grid))
    spread = bins.spread(bins.pool(frames))
    for group in groups_of(grid):
        expected = frames[:, group].mean(dim=1, keepdim=True).expand(-1, len(group))
        torch.testing.assert_close(spread[:, group], expected, rtol=0, atol=ROUNDING)


@any_grid
def test_groups_grow_at_the_frequencies_of_the_table(sample_rate: int) -> None:
    """Borders are rounded to bins, and what is left below a border may be a smaller group."""
    grid = Grid.of(WINDOW_MS, sample_rate)
    spacing_hz = sample_rate / grid.n_fft
    inside = 0
    for group in groups_of(grid)[:-1]:
        centre_hz = sum(group) / len(group) * spacing_hz
        if all(abs(centre_hz - hz) > NEAR_A_BORDER_BINS * spacing_hz for hz, _ in LEVELS_HZ[1:]):
            assert len(group) == next(size for hz, size in reversed(LEVELS_HZ) if centre_hz >= hz)
            inside += 1
    assert inside > 0.98 * len(PooledBins(grid).sizes)


@pytest.mark.parametrize("sample_rate", [8_000, 11_025])
def test_nothing_is_pooled_at_low_sample_rates(sample_rate: int) -> None:
    grid = Grid.of(WINDOW_MS, sample_rate)
    bins = PooledBins(grid)
    frames = random_frames(3, n_bins_of(grid))
    assert bins.sizes.tolist() == [1] * n_bins_of(grid)
    assert torch.equal(bins.pool(frames), frames)
    assert torch.equal(bins.spread(frames), frames)


@pytest.mark.parametrize(("hop_length", "last"), [(16, 1), (17, 2), (18, 3), (19, 4)])
def test_what_is_left_at_the_top_is_a_group_of_its_own(hop_length: int, last: int) -> None:
    """At 44.1 kHz a quarter of the spectrum's bins is pooled in pairs and a half in fours."""
    grid = Grid(sample_rate=44_100, n_fft=4 * hop_length, hop_length=hop_length)
    first_of_fours = hop_length  # 11 025 Hz
    n_top = n_bins_of(grid) - first_of_fours
    assert (n_top - last) % 4 == 0
    assert PooledBins(grid).sizes[-1] == last


def test_half_the_bins_are_left_at_44_khz() -> None:
    """A quarter of the bins stays, a quarter is pooled in pairs and a half in fours."""
    grid = Grid.of(WINDOW_MS, 44_100)
    share = len(PooledBins(grid).sizes) / n_bins_of(grid)
    assert share == pytest.approx(0.25 + 0.25 / 2 + 0.5 / 4, abs=0.001)
