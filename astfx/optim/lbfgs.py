"""L-BFGS in float32, for objectives that return their own gradient.

The algorithm is that of Liu & Nocedal 1989, with the iterates projected onto bounds, because
a log magnitude cannot be negative. SciPy's L-BFGS-B works on flat float64 copies on the CPU.
This one works on float32 tensors on any device.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Objective = Callable[[Tensor], tuple[float, Tensor]]
"""Maps x to (loss, gradient in the shape of x)."""

_ARMIJO = 1e-4
_SMALLEST_STEP = 1e-6


@dataclass(frozen=True, kw_only=True)
class Minimum:
    """Result of a minimisation.

    Attributes
    ----------
    x : Tensor
    losses : tuple of float
        The objective at the start and after each iteration.
    evaluations : int
        Number of calls of the objective.
    """

    x: Tensor
    losses: tuple[float, ...]
    evaluations: int


def _dot(a: Tensor, b: Tensor) -> float:
    return float(torch.dot(a.view(-1), b.view(-1)))


def minimise(
    objective: Objective,
    x0: Tensor,
    *,
    iterations: int,
    memory: int = 10,
    lower_bound: float | Tensor = 0.0,
    upper_bound: Tensor | None = None,
    first_step: float = 0.3,
    callback: Callable[[int, float], bool] | None = None,
) -> Minimum:
    """Minimise an objective by projected L-BFGS with a backtracking line search.

    Parameters
    ----------
    objective : callable
        x -> (loss, gradient).
    x0 : Tensor
        Starting point; it is not changed.
    iterations : int
        At most this many; fewer if no step lowers the loss any more.
    memory : int
        Number of past steps kept for the curvature estimate.
    lower_bound : float or Tensor
        Lower bound of x; a tensor must broadcast with x.
    upper_bound : Tensor, optional
        Upper bound of x; it must broadcast with x.
    first_step : float
        Length of the first trial step, relative to the length of x0.
    callback : callable, optional
        Called as ``callback(iteration, loss)`` after each iteration; True stops.

    Returns
    -------
    Minimum
    """

    def project(x: Tensor) -> Tensor:
        x.clamp_(min=lower_bound)
        return x if upper_bound is None else torch.minimum(x, upper_bound, out=x)

    x = project(x0.clone())
    loss, gradient = objective(x)
    losses, evaluations = [loss], 1
    pairs: deque[tuple[Tensor, Tensor, float]] = deque(maxlen=memory)
    for iteration in range(iterations):
        free = None
        if upper_bound is not None or bool((x <= lower_bound).any()):
            inside = (x > lower_bound) | (gradient < 0)
            if upper_bound is not None:
                inside &= (x < upper_bound) | (gradient > 0)
            free = inside.to(x)  # a product of numbers is quicker than one with truth values
        direction = _two_loop(gradient.clone() if free is None else gradient * free, pairs)
        if not pairs:
            length = float(gradient.norm())
            if length == 0.0:
                break
            direction.mul_(first_step * max(float(x.norm()), 1.0) / length)
        if free is not None:
            direction.mul_(free)

        step = 1.0
        while True:
            x_new = project(x.sub(direction, alpha=step))
            change = x_new - x
            slope = _dot(gradient, change)
            if slope >= 0.0 or step < _SMALLEST_STEP:
                return Minimum(x=x, losses=tuple(losses), evaluations=evaluations)
            loss_new, gradient_new = objective(x_new)
            evaluations += 1
            if loss_new <= loss + _ARMIJO * slope:
                break
            excess = loss_new - loss - slope  # minimise a parabola through known values
            best = -slope * step / (2.0 * excess) if excess > 0.0 else 0.25 * step
            step = min(max(best, 0.1 * step), 0.5 * step)

        gradient_change = gradient_new - gradient
        curvature = _dot(change, gradient_change)
        if curvature > 1e-10 * _dot(gradient_change, gradient_change):
            pairs.append((change, gradient_change, 1.0 / curvature))
        x, loss, gradient = x_new, loss_new, gradient_new
        losses.append(loss)
        if callback is not None and callback(iteration + 1, loss):
            break
    return Minimum(x=x, losses=tuple(losses), evaluations=evaluations)


def _two_loop(gradient: Tensor, pairs: deque[tuple[Tensor, Tensor, float]]) -> Tensor:
    """Apply the inverse Hessian estimate to a gradient (Nocedal & Wright, algorithm 7.4)."""
    direction = gradient
    weights = []
    for change, gradient_change, rho in reversed(pairs):
        weight = rho * _dot(change, direction)
        weights.append(weight)
        direction.sub_(gradient_change, alpha=weight)
    if pairs:
        _, gradient_change, rho = pairs[-1]
        direction.mul_(1.0 / (rho * _dot(gradient_change, gradient_change)))
    for (change, gradient_change, rho), weight in zip(pairs, reversed(weights), strict=True):
        direction.add_(change, alpha=weight - rho * _dot(gradient_change, direction))
    return direction
