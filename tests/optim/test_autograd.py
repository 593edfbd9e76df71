from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from astfx.errors import InvalidSettingError
from astfx.optim.autograd import OPTIMISERS, descend, objective_of

TARGET = torch.tensor([1.0, -2.0, 3.0])


def bowl(x: Tensor) -> Tensor:
    return ((x - TARGET) * torch.tensor([1.0, 3.0, 0.5])).square().sum()


@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_both_find_the_minimum_of_a_bowl(optimiser: str) -> None:
    found = descend(
        objective_of(bowl), torch.ones(3), optimiser=optimiser, learning_rate=0.1,
        iterations=300, lower_bound=-math.inf,
    )  # fmt: skip
    torch.testing.assert_close(found.x, TARGET, atol=0.02, rtol=0)
    assert found.losses[0] == pytest.approx(float(bowl(torch.ones(3))))


@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_both_respect_the_lower_bound(optimiser: str) -> None:
    found = descend(
        objective_of(bowl), torch.ones(3), optimiser=optimiser, learning_rate=0.1, iterations=300
    )
    torch.testing.assert_close(found.x, TARGET.clamp_min(0.0), atol=0.02, rtol=0)


def test_adam_is_torchs_adam() -> None:
    leaf = torch.ones(3, requires_grad=True)
    adam = torch.optim.Adam([leaf], lr=0.05)
    for _ in range(20):
        adam.zero_grad()
        bowl(leaf).backward()  # type: ignore[no-untyped-call]
        adam.step()
    found = descend(
        objective_of(bowl), torch.ones(3), optimiser="adam", learning_rate=0.05, iterations=20,
        lower_bound=-math.inf,
    )  # fmt: skip
    torch.testing.assert_close(found.x, leaf.detach())
    assert found.evaluations == 21


def test_adam_gives_back_the_best_it_saw() -> None:
    found = descend(
        objective_of(bowl), TARGET + 0.01, optimiser="adam", learning_rate=5.0, iterations=10,
        lower_bound=-math.inf,
    )  # fmt: skip
    assert float(bowl(found.x)) == pytest.approx(min(found.losses), rel=1e-4)


@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_a_callback_stops(optimiser: str) -> None:
    seen: list[int] = []

    def callback(iteration: int, loss: float) -> bool:
        seen.append(iteration)
        return iteration == 3

    descend(
        objective_of(bowl), torch.ones(3), optimiser=optimiser, learning_rate=0.01,
        iterations=50, callback=callback,
    )  # fmt: skip
    assert seen == [1, 2, 3]


def test_objective_of_leaves_its_argument_alone() -> None:
    x = torch.ones(3)
    value, gradient = objective_of(bowl)(x)
    assert not x.requires_grad
    assert value == pytest.approx(float(bowl(x)))
    torch.testing.assert_close(gradient, 2 * (x - TARGET) * torch.tensor([1.0, 9.0, 0.25]))


def test_an_unknown_optimiser_is_refused() -> None:
    with pytest.raises(InvalidSettingError, match="optimiser='x' must be one of lbfgs, adam"):
        descend(objective_of(bowl), torch.ones(3), optimiser="x", learning_rate=0.1, iterations=1)
