from __future__ import annotations

import torch

from astfx.dsp.linalg import symmetric_root

ATOL = 1e-10


def test_root_and_inverse_root_of_a_symmetric_matrix() -> None:
    factor = torch.randn(6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    matrix = factor @ factor.T
    root, inverse = symmetric_root(matrix)
    torch.testing.assert_close(root @ root, matrix, atol=ATOL, rtol=0)
    torch.testing.assert_close(root, root.T, atol=ATOL, rtol=0)
    torch.testing.assert_close(root @ inverse, torch.eye(6, dtype=torch.float64), atol=ATOL, rtol=0)


def test_the_root_of_a_singular_matrix_is_finite() -> None:
    root, inverse = symmetric_root(torch.zeros(3, 3, dtype=torch.float64))
    assert float(root.abs().max()) <= 1e-6
    assert bool(torch.isfinite(inverse).all())
