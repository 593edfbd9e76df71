"""Pearson's correlation: with NumPy for scores, with torch for losses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from torch import Tensor


def pearson(first: npt.NDArray[np.floating[Any]], second: npt.NDArray[np.floating[Any]]) -> float:
    """Correlation over all elements: exactly 1 for equal arrays, 0 if either is constant."""
    if np.array_equal(first, second):
        return 1.0
    ours, theirs = first - first.mean(), second - second.mean()
    norm = float(np.sqrt(np.sum(ours**2) * np.sum(theirs**2)))
    return float(np.sum(ours * theirs)) / norm if norm > 1e-12 else 0.0


def differentiable_pearson(first: Tensor, second: Tensor) -> Tensor:
    """Correlation over all elements as a scalar tensor; 0 if either is constant."""
    ours, theirs = first - first.mean(), second - second.mean()
    product: Tensor = (ours * theirs).sum() / (ours.norm() * theirs.norm() + 1e-9)
    return product
