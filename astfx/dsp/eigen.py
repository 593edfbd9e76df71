"""Eigenvalues and eigenvectors of symmetric matrices, for compiled loops.

numba could call LAPACK, but takes seconds to compile that, and the last bits can depend on where in
memory a matrix lies. Here, the same matrix always gives the same bits, so a stream can be repeated.

References
----------
Householder's reduction and the QL algorithm with implicit shifts, as in EISPACK's `tred2` and
`tql2` (Smith et al. 1976).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from astfx.runtime.compiled import compiled

Numbers = npt.NDArray[np.float64]

_EPSILON = 2.0**-52
_MOST_TURNS = 60  # for one eigenvalue; two are usual


@compiled()
def tridiagonalise(matrix: Numbers, diagonal: Numbers, below: Numbers, rows: Numbers) -> None:
    """Do the first half of a decomposition: Householder's reduction to a tridiagonal matrix.

    Parameters
    ----------
    matrix : (n, n)
        Symmetric. It is overwritten.
    diagonal, below : (n,)
        Become the diagonal and the values below it, with a 0 at the end.
    rows : (n, n)
        Row i becomes the vector that the i-th unit vector stands for.
    """
    n = len(matrix)
    mirror, scale = np.zeros((n, n)), np.zeros(n)
    product = np.zeros(n)
    for k in range(n - 2):
        v = mirror[k]
        norm = 0.0
        for i in range(k + 1, n):
            v[i] = matrix[k, i]
            norm += v[i] * v[i]
        below[k] = -math.copysign(math.sqrt(norm), v[k + 1])
        rest = norm - v[k + 1] * v[k + 1]
        v[k + 1] -= below[k]
        rest += v[k + 1] * v[k + 1]
        if rest <= 0.0:
            continue
        scale[k] = 2.0 / rest
        along = 0.0
        for i in range(k + 1, n):
            product[i] = scale[k] * dot(matrix[i], v, k + 1, n)
            along += product[i] * v[i]
        along *= 0.5 * scale[k]
        for i in range(k + 1, n):
            product[i] -= along * v[i]
        for i in range(k + 1, n):
            row, first, second = matrix[i], v[i], product[i]
            for j in range(k + 1, n):
                row[j] -= first * product[j] + second * v[j]
    for i in range(n):
        diagonal[i] = matrix[i, i]
    below[n - 1] = 0.0
    if n > 1:
        below[n - 2] = matrix[n - 1, n - 2]
    # The reflections, one after the other, in a matrix whose rows are those of the vectors' parts.
    for i in range(n):
        for j in range(n):
            matrix[i, j] = 1.0 if i == j else 0.0
    for k in range(n - 3, -1, -1):
        v = mirror[k]
        for j in range(k + 1, n):
            product[j] = 0.0
        for i in range(k + 1, n):
            row, factor = matrix[i], v[i]
            for j in range(k + 1, n):
                product[j] += factor * row[j]
        for i in range(k + 1, n):
            row, factor = matrix[i], scale[k] * v[i]
            for j in range(k + 1, n):
                row[j] -= factor * product[j]
    for i in range(n):
        for j in range(n):
            rows[i, j] = matrix[j, i]


@compiled(fastmath=True)
def dot(first: Numbers, second: Numbers, begin: int, end: int) -> float:
    """Sum of the products of two vectors' values from one place to another."""
    total = 0.0
    for j in range(begin, end):
        total += first[j] * second[j]
    return total


@compiled()
def diagonalise(diagonal: Numbers, below: Numbers, rows: Numbers) -> None:
    """Do the second half: the QL algorithm with implicit shifts.

    Parameters
    ----------
    diagonal, below, rows
        As `tridiagonalise` leaves them. The diagonal becomes the eigenvalues, in no order, and the
        rows, which take part in each rotation, their eigenvectors.
    """
    n = len(diagonal)
    moved, largest = 0.0, 0.0
    for first in range(n):
        largest = max(largest, abs(diagonal[first]) + abs(below[first]))
        last = first
        while last < n - 1 and abs(below[last]) > _EPSILON * largest:
            last += 1
        turns = 0
        while last > first and abs(below[first]) > _EPSILON * largest and turns < _MOST_TURNS:
            turns += 1
            moved += _shift(diagonal, below, first)
            _rotate(diagonal, below, rows, first, last)
        diagonal[first] += moved
        below[first] = 0.0


@compiled()
def _shift(diagonal: Numbers, below: Numbers, first: int) -> float:
    """Subtract an estimate of an eigenvalue from the diagonal, and return it."""
    before = diagonal[first]
    p = (diagonal[first + 1] - before) / (2.0 * below[first])
    r = math.copysign(math.hypot(p, 1.0), p)
    diagonal[first] = below[first] / (p + r)
    diagonal[first + 1] = below[first] * (p + r)
    shift = before - diagonal[first]
    for i in range(first + 2, len(diagonal)):
        diagonal[i] -= shift
    return float(shift)


@compiled()
def _rotate(diagonal: Numbers, below: Numbers, rows: Numbers, first: int, last: int) -> None:
    """One turn of the QL algorithm: rotations from the last place to the first."""
    next_diagonal, next_below = diagonal[first + 1], below[first + 1]
    p, c, c2, c3, s, s2 = diagonal[last], 1.0, 1.0, 1.0, 0.0, 0.0
    for i in range(last - 1, first - 1, -1):
        c3, c2, s2 = c2, c, s
        g, h = c * below[i], c * p
        r = math.hypot(p, below[i])
        below[i + 1] = s * r
        s, c = below[i] / r, p / r
        p = c * diagonal[i] - s * g
        diagonal[i + 1] = h + s * (c * g + s * diagonal[i])
        lower, upper = rows[i], rows[i + 1]
        for k in range(len(lower)):
            h = upper[k]
            upper[k] = s * lower[k] + c * h
            lower[k] = c * lower[k] - s * h
    p = -s * s2 * c3 * next_below * below[first] / next_diagonal
    below[first], diagonal[first] = s * p, c * p
