from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import numpy.typing as npt
import pytest
import torch
from scipy import optimize
from torch import Tensor

from astfx.optim.lbfgs import Objective, minimise


def quadratic(n: int, seed: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    root = torch.randn(n, n, generator=generator)
    return root @ root.T / n + torch.eye(n), torch.randn(n, generator=generator)


def parabola(matrix: Tensor, vector: Tensor) -> Objective:
    return lambda x: (float(0.5 * x @ matrix @ x - vector @ x), matrix @ x - vector)


def scipys_minimum(
    matrix: Tensor, vector: Tensor, bounds: Sequence[tuple[float, float | None]]
) -> npt.NDArray[np.float64]:
    a, b = matrix.double().numpy(), vector.double().numpy()
    found = optimize.minimize(  # type: ignore[call-overload]
        lambda x: 0.5 * x @ a @ x - b @ x,
        np.array([low for low, _ in bounds]),
        bounds=bounds,
        method="L-BFGS-B",
    )
    minimum: npt.NDArray[np.float64] = found.x
    return minimum


def test_unbounded_minimum_is_the_linear_solution() -> None:
    matrix, vector = quadratic(30, 0)

    result = minimise(parabola(matrix, vector), torch.zeros(30), iterations=60, lower_bound=-1e9)
    torch.testing.assert_close(result.x, torch.linalg.solve(matrix, vector), rtol=1e-3, atol=1e-3)


def test_bounded_minimum_is_scipys_non_negative_least_squares() -> None:
    generator = torch.Generator().manual_seed(1)
    matrix, vector = torch.rand(40, 15, generator=generator), torch.randn(40, generator=generator)

    def objective(x: Tensor) -> tuple[float, Tensor]:
        error = matrix @ x - vector
        return float(0.5 * error @ error), matrix.T @ error

    result = minimise(objective, torch.ones(15), iterations=300)
    expected, _ = optimize.nnls(matrix.double().numpy(), vector.double().numpy())
    np.testing.assert_allclose(result.x.numpy(), expected, atol=1e-3)
    assert float(result.x.min()) >= 0.0


def test_each_element_may_have_its_own_lower_bound() -> None:
    matrix, vector = quadratic(20, 5)
    bound = torch.linspace(-1.0, 1.0, 20)

    result = minimise(parabola(matrix, vector), torch.ones(20), iterations=200, lower_bound=bound)
    expected = scipys_minimum(matrix, vector, [(low, None) for low in bound.tolist()])
    assert 0 < int((result.x <= bound).sum()) < 20
    np.testing.assert_allclose(result.x.numpy(), expected, atol=1e-3)


def test_upper_bound_holds() -> None:
    matrix, vector = quadratic(20, 2)
    bound = torch.full((20,), 0.1)

    result = minimise(parabola(matrix, vector), torch.ones(20), iterations=100, upper_bound=bound)
    expected = scipys_minimum(matrix, vector, [(0.0, 0.1)] * 20)
    np.testing.assert_allclose(result.x.numpy(), expected, atol=1e-3)


def test_losses_never_rise_and_count_iterations() -> None:
    def rosenbrock(x: Tensor) -> tuple[float, Tensor]:
        a, b = float(x[0]), float(x[1])
        gradient = torch.tensor([-2 * (1 - a) - 400 * a * (b - a * a), 200 * (b - a * a)])
        return (1 - a) ** 2 + 100 * (b - a * a) ** 2, gradient

    result = minimise(rosenbrock, torch.tensor([0.0, 2.0]), iterations=80)
    assert all(b <= a for a, b in zip(result.losses, result.losses[1:], strict=False))
    assert result.evaluations >= len(result.losses)
    torch.testing.assert_close(result.x, torch.ones(2), rtol=0, atol=0.05)


def test_start_is_not_changed_and_a_flat_objective_stops() -> None:
    start = torch.ones(3)
    result = minimise(lambda x: (1.0, torch.zeros(3)), start, iterations=5)
    assert result.losses == (1.0,)
    assert torch.equal(start, torch.ones(3))


@pytest.mark.parametrize("stop_after", [1, 3])
def test_callback_stops(stop_after: int) -> None:
    matrix, vector = quadratic(10, 3)
    result = minimise(
        lambda x: (float(0.5 * x @ matrix @ x - vector @ x), matrix @ x - vector),
        torch.zeros(10),
        iterations=50,
        lower_bound=-1e9,
        callback=lambda iteration, loss: iteration == stop_after,
    )
    assert len(result.losses) == stop_after + 1


def test_ten_steps_are_remembered_unless_told_otherwise() -> None:
    """Another memory makes no difference until there are more steps than it keeps."""
    scales = torch.logspace(0.0, 4.0, 200)  # far from converged after 20 steps, on any processor

    def objective(x: Tensor) -> tuple[float, Tensor]:
        return float((scales * x * (0.5 * x - 1.0)).sum()), scales * (x - 1.0)

    found = partial(minimise, objective, torch.zeros(200), iterations=20, lower_bound=-1e9)
    usual, more = found().losses, found(memory=11).losses
    assert usual == found(memory=10).losses
    assert usual[:12] == more[:12]  # the twelfth step is the first that follows eleven others
    assert usual[12:] != more[12:]
