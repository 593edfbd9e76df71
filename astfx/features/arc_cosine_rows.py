"""The elementwise part of the arc-cosine loss, row by row, for the processor.

The matrices of kernel values have as many elements as there are pairs of frames, and each of
torch's operations passes over all of them in memory. Here, everything that concerns one row happens
while the row is in the cache.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from astfx.runtime.compiled import compiled
from astfx.runtime.pool import Pool

Array = npt.NDArray[np.float32]

_F = np.float32
_ZERO, _HALF, _ONE = _F(0.0), _F(0.5), _F(1.0)
_PI, _PER_2_PI = _F(math.pi), _F(0.5 / math.pi)
SLOPE = 4.0
"""2 * 2: d(k^2) = 2 k dk, and every pair of patches occurs twice."""

# acos(x) = sqrt(1 - x) times a polynomial, for x from 0 to 1, within 2e-8 (Abramowitz & Stegun
# 1964, 4.4.46).
_A0, _A1, _A2, _A3 = _F(1.5707963050), _F(-0.2145988016), _F(0.0889789874), _F(-0.0501743046)
_A4, _A5, _A6, _A7 = _F(0.0308918810), _F(-0.0170881256), _F(0.0066700901), _F(-0.0012624911)


@compiled(fastmath=True)
def _total(values: Array) -> np.float32:
    """Sum of all values, (n,)."""
    found = _ZERO
    for i in range(len(values)):
        found += values[i]
    return found


class Reference(NamedTuple):
    """What an output is compared with, for one kernel width.

    Attributes
    ----------
    width : int, frames
    bias : float
        Added to all inner products of patches.
    scale : float
        Factor of the sum of squared kernel values in the loss.
    norms, weights, loss_weights : (patches,)
        Norms of all patches, of the output and of the references; their weights in the gradient,
        and in the loss.
    """

    width: int
    bias: float
    scale: float
    norms: Tensor
    weights: Tensor
    loss_weights: Tensor


def by_rows(
    products: Tensor, references: Sequence[Reference], pool: Pool
) -> tuple[list[float], Tensor, Tensor]:
    """Sums of squared kernel values by weight, and the gradients of the loss.

    Parameters
    ----------
    products : (frames, columns), float32
        On the processor: inner products of the output's frames with all frames, its own first.
    references : sequence of Reference
        One for each kernel width.
    pool : Pool
        Threads that share the rows among them.

    Returns
    -------
    sums : list of float
        One for each kernel width.
    gradient : (frames, columns)
        Gradient with respect to the products.
    norms_gradient : (frames,)
        Gradient with respect to the squared norms of the output's frames.
    """
    n_frames, n_columns = products.shape
    beyond = max(reference.width for reference in references) - 1
    values, gradient = products.numpy(), np.empty(products.shape, np.float32)
    borders = [n_frames * part // pool.threads for part in range(pool.threads + 1)]

    def part(index: int) -> tuple[list[float], Array, Array]:
        start, end = borders[index], borders[index + 1]
        own = gradient[start:end]
        own[:] = 0.0
        rest = np.zeros((beyond, n_columns), np.float32)
        of_norms = np.zeros(n_frames, np.float32)
        sums = []
        for width, bias, scale, norms, weights, loss_weights in references:
            rows = (start, end, min(end, n_frames - width + 1), width)
            found = _add_rows(
                values,
                rows,
                bias,
                scale,
                norms.numpy(),
                weights.numpy(),
                loss_weights.numpy(),
                own,
                rest,
                of_norms,
            )
            sums.append(found)
        return sums, rest, of_norms

    parts = pool.map(part, range(pool.threads))
    for end, (_, rest, _) in zip(borders[1:-1], parts, strict=False):
        after = gradient[end : end + beyond]
        after += rest[: len(after)]
    sums = [sum(found) for found in zip(*(sums for sums, _, _ in parts), strict=True)]
    of_norms = np.sum([of_norms for _, _, of_norms in parts], axis=0)
    return sums, torch.from_numpy(gradient), torch.from_numpy(of_norms)


@compiled()
def _add_rows(
    products: Array,
    rows: tuple[int, int, int, int],
    bias: float,
    scale: float,
    norms: Array,
    weights: Array,
    loss_weights: Array,
    gradient: Array,
    rest: Array,
    norms_gradient: Array,
) -> float:
    """Add the gradients of some rows, of one kernel width, and return the sum of squared kernels.

    `rows` are the first of these rows, the end of the rows that `gradient` has, the end of the rows
    that have a patch, and the kernel's width. What belongs to later rows goes to `rest`.
    """
    start, end, last, width = rows
    n = len(norms)
    row, along, squares = np.empty(n, _F), np.empty(n, _F), np.empty(n, _F)
    inverse = _ONE / norms
    constant, factor = np.float32(bias), np.float32(SLOPE * scale)
    sum_of_squares = 0.0
    for i in range(start, last):
        row[:] = constant
        for d in range(width):
            source = products[i + d, d : d + n]
            for j in range(n):
                row[j] += source[j]
        inverse_norm, norm = inverse[i], norms[i] * _PER_2_PI
        for j in range(n):
            cosine = max(min(row[j] * inverse[j] * inverse_norm, _ONE), -_ONE)
            size = abs(cosine)
            root = math.sqrt(_ONE - size)
            y = (((_A7 * size + _A6) * size + _A5) * size + _A4) * size + _A3
            angle = root * ((((y * size + _A2) * size) + _A1) * size + _A0)
            supplement = _PI - angle if cosine >= _ZERO else angle
            sine = root * math.sqrt(_ONE + size)
            kernel = (sine + supplement * cosine) * norms[j] * norm
            change = kernel * weights[j] * factor
            squares[j] = kernel * kernel * loss_weights[j]
            along[j] = change * sine * norms[j]
            row[j] = change * supplement * _PER_2_PI
        sum_of_squares += float(_total(squares))
        of_norm = _total(along) * inverse_norm * _HALF * _PER_2_PI
        for d in range(width):
            norms_gradient[i + d] += of_norm
            place = i + d
            target = gradient[place - start] if place < end else rest[place - end]
            for j in range(n):
                target[d + j] += row[j]
    return sum_of_squares
