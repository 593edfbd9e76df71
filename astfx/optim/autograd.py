"""Minimisation by L-BFGS or Adam, with gradients from autograd.

`astfx.optim.lbfgs` needs an objective that returns its own gradient. `objective_of` makes one
from any differentiable function. `descend` offers Adam (Kingma & Ba 2015) as an alternative.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from astfx.errors import InvalidSettingError
from astfx.optim.lbfgs import Minimum, Objective, minimise

OPTIMISERS = ("lbfgs", "adam")


def objective_of(loss: Callable[[Tensor], Tensor]) -> Objective:
    """Make an objective from a differentiable function, x -> scalar."""

    def objective(x: Tensor) -> tuple[float, Tensor]:
        leaf = x.detach().requires_grad_()
        with torch.enable_grad():
            value = loss(leaf)
            (gradient,) = torch.autograd.grad(value, leaf)
        return float(value.detach()), gradient.contiguous()

    return objective


def check_optimiser(name: str, learning_rate: float) -> None:
    """Raise InvalidSettingError for an unknown optimiser or a learning rate out of range."""
    if name not in OPTIMISERS:
        raise InvalidSettingError(f"optimiser={name!r} must be one of {', '.join(OPTIMISERS)}")
    if not 1e-6 <= learning_rate <= 10.0:
        raise InvalidSettingError(f"learning_rate={learning_rate} must lie between 1e-06 and 10")


def descend(
    objective: Objective,
    x0: Tensor,
    *,
    optimiser: str,
    learning_rate: float,
    iterations: int,
    lower_bound: float = 0.0,
    first_step: float = 0.3,
    callback: Callable[[int, float], bool] | None = None,
) -> Minimum:
    """Minimise an objective by L-BFGS or Adam.

    Parameters
    ----------
    objective : callable
        x -> (loss, gradient).
    x0 : Tensor
        Starting point; it is not changed.
    optimiser : {"lbfgs", "adam"}
    learning_rate : float
        Adam only: about the change of each element in one iteration.
    iterations : int
        At most this many; L-BFGS stops earlier if no step lowers the loss any more.
    lower_bound : float
        Lower bound of every element of x; ``-math.inf`` is none.
    first_step : float
        L-BFGS only: length of the first trial step, relative to the length of x0.
    callback : callable, optional
        Called as ``callback(iteration, loss)`` after each iteration; True stops.

    Returns
    -------
    Minimum
        For Adam, whose loss may rise, the best x of all iterations.

    Raises
    ------
    InvalidSettingError
        For an unknown optimiser, or a learning rate outside 1e-6 to 10.
    """
    check_optimiser(optimiser, learning_rate)
    if optimiser == "lbfgs":
        return minimise(
            objective,
            x0,
            iterations=iterations,
            lower_bound=lower_bound,
            first_step=first_step,
            callback=callback,
        )
    x = x0.clone()
    if lower_bound > -math.inf:
        x.clamp_(min=lower_bound)
    adam = torch.optim.Adam([x], lr=learning_rate)
    losses: list[float] = []
    best, least = x.clone(), math.inf
    for iteration in range(iterations + 1):
        loss, gradient = objective(x)
        losses.append(loss)
        if loss < least:
            best, least = x.clone(), loss
        stop = iteration > 0 and callback is not None and callback(iteration, loss)
        if stop or iteration == iterations:
            break
        x.grad = gradient
        adam.step()
        if lower_bound > -math.inf:
            x.clamp_(min=lower_bound)
    return Minimum(x=best, losses=tuple(losses), evaluations=len(losses))
