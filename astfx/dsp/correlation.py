"""Pearson's correlation: with NumPy for scores, with torch for losses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from torch import Tensor

_LEAST_NORM = 1e-9


def pearson(first: npt.NDArray[np.floating[Any]], second: npt.NDArray[np.floating[Any]]) -> float:
    """Correlation over all elements: exactly 1 for equal arrays, 0 if either is constant."""
    if np.array_equal(first, second):
        return 1.0
    ours, theirs = first - first.mean(), second - second.mean()
    norm = float(np.sqrt(np.sum(ours**2) * np.sum(theirs**2)))
    return float(np.sum(ours * theirs)) / norm if norm > 1e-12 else 0.0


class CorrelationWith:
    """Pearson's correlation with a fixed tensor, over all elements, and its gradient.

    Parameters
    ----------
    fixed : Tensor
        Any shape.
    """

    def __init__(self, fixed: Tensor) -> None:
        centred = fixed - fixed.mean()
        self._direction = centred.div_(centred.norm() + _LEAST_NORM)

    def __call__(self, x: Tensor) -> tuple[float, Tensor]:
        """Correlation, 0 if either is constant, and its gradient in the shape of x."""
        centred = x - x.mean()
        norm = float(centred.norm()) + _LEAST_NORM
        score = float((centred * self._direction).sum()) / norm
        # The direction has a mean of 0, so that the gradient has none either.
        return score, self._direction.sub(centred, alpha=score / norm).div_(norm)
