"""The compiled decomposition of symmetric matrices, against its definition and LAPACK's."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from astfx.dsp.eigen import diagonalise, tridiagonalise

TOLERANCE = 1e-13  # of the largest eigenvalue, for each row of the matrix

Matrix = npt.NDArray[np.float64]


def eigen(matrix: Matrix, values: Matrix, vectors: Matrix) -> None:
    """Decompose a matrix, which is overwritten."""
    below = np.empty_like(values)
    tridiagonalise(matrix, values, below, vectors)
    diagonalise(values, below, vectors)


def decomposed(matrix: Matrix) -> tuple[Matrix, Matrix]:
    values, vectors = np.empty(len(matrix)), np.empty_like(matrix)
    eigen(matrix.copy(), values, vectors)
    return values, vectors


def random_matrix(n: int, seed: int) -> Matrix:
    x = np.cumsum(np.random.default_rng(seed).standard_normal((n, 3 * n)), axis=0)
    return np.atleast_2d(np.cov(x))


def special(name: str) -> Matrix:
    n = 12
    return {
        "zero": np.zeros((n, n)),
        "one": np.eye(n),
        "diagonal": np.diag(np.arange(n, dtype=float)),
        "repeated": np.diag([3.0] * 6 + [-1.0] * 6),
        "rank one": np.outer(np.arange(n), np.arange(n)).astype(float),
        "tridiagonal": np.diag(np.ones(n - 1), 1) + np.diag(np.ones(n - 1), -1),
        "tiny": 1e-30 * random_matrix(n, 1),
        "graded": np.outer(10.0 ** -np.arange(n), 10.0 ** -np.arange(n))
        + np.diag(10.0 ** -np.arange(n)),
    }[name]


def check(matrix: Matrix) -> None:
    values, vectors = decomposed(matrix)
    n, scale = len(matrix), max(float(np.abs(np.linalg.eigvalsh(matrix)).max()), 1e-300)
    most = n * TOLERANCE
    np.testing.assert_allclose(vectors @ vectors.T, np.eye(n), atol=most)
    np.testing.assert_allclose((vectors.T * values) @ vectors, matrix, rtol=0.0, atol=most * scale)
    np.testing.assert_allclose(
        np.sort(values), np.linalg.eigvalsh(matrix), rtol=0.0, atol=most * scale
    )


@pytest.mark.parametrize("n", [1, 2, 3, 5, 17, 64])
@pytest.mark.parametrize("seed", range(4))
def test_it_is_the_decomposition(n: int, seed: int) -> None:
    check(random_matrix(n, seed))


@pytest.mark.parametrize(
    "name", ["zero", "one", "diagonal", "repeated", "rank one", "tridiagonal", "tiny", "graded"]
)
def test_special_matrices(name: str) -> None:
    check(special(name))


def test_the_same_bits_wherever_it_lies_in_memory() -> None:
    matrix = random_matrix(33, 5)
    expected = decomposed(matrix)
    for offset in range(8):
        memory = np.empty(33 * 33 + 8)
        place = memory[offset : offset + 33 * 33].reshape(33, 33)
        place[:] = matrix
        values, vectors = np.empty(33 + offset)[offset:], np.empty_like(matrix)
        eigen(place, values, vectors)
        np.testing.assert_array_equal(values, expected[0])
        np.testing.assert_array_equal(vectors, expected[1])
