from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from astfx.features.arc_cosine import ArcCosineLoss, make_references
from astfx.stretches import even_borders, over_stretches

WIDTHS = (1, 4)


def frames(n: int, seed: int) -> Tensor:
    rng = np.random.default_rng(seed)
    return torch.from_numpy(np.abs(rng.standard_normal((n, 6))))


@pytest.fixture
def loss() -> ArcCosineLoss:
    return ArcCosineLoss(make_references([([frames(30, 0)], -1.0)], WIDTHS, bias=0.5), WIDTHS)


def test_lengths_of_up_to_one_and_a_half_stay_whole() -> None:
    assert even_borders(15, 10.0) == [0, 15]
    assert even_borders(16, 10.0) == [0, 8, 16]
    assert even_borders(40, 10.0) == [0, 10, 20, 30, 40]


def test_one_stretch_is_the_loss_itself(loss: ArcCosineLoss) -> None:
    assert over_stretches(loss, [0, 20], 3) is loss


def test_each_stretch_counts_by_its_length_with_the_patches_that_reach_into_it(
    loss: ArcCosineLoss,
) -> None:
    x = frames(25, 1)
    value, gradient = over_stretches(loss, [0, 10, 25], 3)(x)
    first, second = loss(x[:10]), loss(x[7:])
    assert value == pytest.approx(0.4 * first[0] + 0.6 * second[0], rel=1e-12)
    expected = torch.zeros_like(x)
    expected[:10] += 0.4 * first[1]
    expected[7:] += 0.6 * second[1]
    torch.testing.assert_close(gradient, expected, rtol=1e-12, atol=1e-15)


def test_gradient_is_that_of_finite_differences(loss: ArcCosineLoss) -> None:
    x, step = frames(25, 2), 1e-6
    objective = over_stretches(loss, [0, 12, 25], 3)
    gradient = objective(x)[1]
    for place in ((0, 1), (10, 3), (12, 0), (24, 5)):
        moved = [x.clone(), x.clone()]
        moved[0][place] += step
        moved[1][place] -= step
        slope = (objective(moved[0])[0] - objective(moved[1])[0]) / (2.0 * step)
        assert float(gradient[place]) == pytest.approx(slope, rel=1e-5, abs=1e-9)
