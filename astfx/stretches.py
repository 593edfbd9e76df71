"""The style is matched over stretches of ten seconds, however long the segments are.

Over more, different parts of a content could take different parts of the style. So where a
clip is cut into segments, which bounds memory, changes little in its sound.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor

from astfx.optim import Objective

STRETCH_SECONDS = 10.0

_LONGEST_SINGLE = 1.5


def even_borders(length: int, about: float) -> list[int]:
    """Borders that cut a length into equal parts of about `about`; up to 1.5 of it stays whole."""
    count = round(length / about) if length > _LONGEST_SINGLE * about else 1
    return [round(i * length / count) for i in range(count + 1)]


def over_stretches(loss: Objective, borders: Sequence[int], n_before: int) -> Objective:
    """Mean of a loss over stretches of frames, by their lengths.

    Parameters
    ----------
    loss : callable
        (frames, bins) -> (float, (frames, bins)), the loss and its gradient.
    borders : sequence of int, frames
        Where each stretch begins, and where the last ends.
    n_before : int, frames
        How far patches that end in a stretch reach back beyond its beginning.

    Returns
    -------
    callable
        Of all frames, as `loss`.
    """
    if len(borders) == 2:
        return loss

    def objective(x: Tensor) -> tuple[float, Tensor]:
        total, gradient = 0.0, torch.zeros_like(x)
        for first, last in pairwise(borders):
            share = (last - first) / len(x)
            reach = slice(max(first - n_before, 0), last)
            value, change = loss(x[reach])
            total += share * value
            gradient[reach].add_(change, alpha=share)
        return total, gradient

    return objective
