"""Square roots of matrices."""

from __future__ import annotations

import torch
from torch import Tensor

_LEAST_EIGENVALUE = 1e-12


def symmetric_root(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Square root of a symmetric positive semi-definite matrix, and the inverse of that root.

    Parameters
    ----------
    matrix : (n, n)
        Eigenvalues below 1e-12 are treated as 1e-12.
    """
    values, vectors = torch.linalg.eigh(matrix)
    root = values.clamp_min(_LEAST_EIGENVALUE).sqrt()
    return (vectors * root) @ vectors.T, (vectors / root) @ vectors.T
