from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from astfx.features.pooling import PooledBins
from astfx.features.texture_loss import TextureWeights
from astfx.frontends.grid import Grid
from astfx.methods.gram import METHOD, GramOptions, LevelLoss, mean_power, style_groups
from tests.methods.conftest import MakeProblem, noise_frames

GRADIENT_TOLERANCE = 1e-6  # relative, float64 against central differences
SAME_ATOL = 1e-5  # log magnitude, float32
GRID_44_KHZ = Grid(sample_rate=44_100, n_fft=256, hop_length=64)


def test_the_usual_weights_of_the_content_are_those_of_the_texture_loss() -> None:
    options, weights = GramOptions(), TextureWeights()
    assert options.contour_weight == weights.contour
    assert options.onset_weight == weights.onset


def small_level_loss() -> tuple[LevelLoss, Tensor]:
    """A loss for groups of one, two and four bins, and log magnitudes of nine frames of them."""
    sizes = torch.tensor([1.0, 1.0, 2.0, 2.0, 4.0, 3.0], dtype=torch.float64)
    generator = torch.Generator().manual_seed(0)
    x = 2.0 * torch.rand(9, 6, generator=generator, dtype=torch.float64) * sizes.sqrt()
    return LevelLoss(3.0, sizes), x


def test_gradient_of_the_level_matches_finite_differences() -> None:
    loss, x = small_level_loss()
    _, gradient = loss(x)
    numeric = torch.zeros_like(x)
    for index in range(x.numel()):
        change = torch.zeros_like(x)
        change.view(-1)[index] = 1e-6
        numeric.view(-1)[index] = (loss(x + change)[0] - loss(x - change)[0]) / 2e-6
    assert float((gradient - numeric).abs().max() / numeric.abs().max()) < GRADIENT_TOLERANCE


@pytest.mark.parametrize("gain_db", [-20.0, 0.0, 6.0])
def test_the_level_loss_is_the_squared_difference_in_nepers(gain_db: float) -> None:
    sizes = torch.tensor([1.0, 2.0, 4.0], dtype=torch.float64)
    generator = torch.Generator().manual_seed(1)
    magnitude = torch.rand(50, 3, generator=generator, dtype=torch.float64)
    power = float(magnitude.square().mean(dim=0) @ sizes)  # a group counts for all of its bins
    louder = torch.log1p(magnitude * 10.0 ** (gain_db / 20.0)) * sizes.sqrt()
    loss, _ = LevelLoss(power, sizes)(louder)
    assert loss == pytest.approx((gain_db * math.log(10.0) / 20.0) ** 2, abs=1e-9)


def test_silence_has_a_finite_level_and_gradient() -> None:
    loss, x = small_level_loss()
    value, gradient = loss(torch.zeros_like(x))
    assert math.isfinite(value)
    assert bool(torch.isfinite(gradient).all())


def test_the_level_of_a_blend_is_that_of_its_parents_by_weight() -> None:
    quiet, loud = (torch.full((n, 2), math.log1p(level)) for n, level in ((5, 1.0), (20, 3.0)))
    sizes = torch.ones(2)
    blend = style_groups({"run_weights": torch.tensor([0.25, 0.75])}, [quiet, loud])
    assert mean_power(blend, sizes) == pytest.approx(2.0 * (0.25 * 1.0 + 0.75 * 9.0))
    # Without weights, every frame counts the same.
    whole = style_groups({}, [quiet, loud])
    assert mean_power(whole, sizes) == pytest.approx(2.0 * (5 * 1.0 + 20 * 9.0) / 25)


def test_a_heavier_level_brings_the_match_nearer_to_the_level(make_problem: MakeProblem) -> None:
    content, style = noise_frames(40, 0), noise_frames(50, 1)
    wanted = float(torch.expm1(style).square().sum(dim=1).mean())
    away = []
    for weight in (0.0, 0.02, 10.0):
        options = {"level_weight": weight, "kernel_ms": (5.0,)}
        found = METHOD.match(make_problem("gram", content, [style], iterations=2, **options)).x
        level = float(torch.expm1(found).square().sum(dim=1).mean())
        away.append(abs(math.log(level / wanted)))
    assert away == sorted(away, reverse=True)
    assert away[2] < 0.5 * away[0]


def test_a_match_changes_all_bins_of_a_group_alike(make_problem: MakeProblem) -> None:
    content, style = (noise_frames(n, seed, GRID_44_KHZ) for n, seed in ((30, 0), (40, 1)))
    problem = make_problem(
        "gram",
        content + 1.0,
        [style],
        grid=GRID_44_KHZ,
        iterations=4,
        kernel_ms=(5.0,),
        headroom=1000.0,
    )
    found = METHOD.match(problem).x
    assert float(found.min()) > 0.0  # no bin is held by a bound
    change = found - problem.start
    bins = PooledBins(GRID_44_KHZ)
    assert len(bins.sizes) < change.shape[1]
    torch.testing.assert_close(change, bins.spread(bins.pool(change)), rtol=0, atol=SAME_ATOL)
    assert float(change.abs().max()) > 0.1
