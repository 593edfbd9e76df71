"""Weights of frequency bands, stored as the contiguous bins of each band, for compiled loops."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from astfx.dsp.vector_math import exp_all
from astfx.runtime.compiled import compiled

Array = npt.NDArray[np.float32]
Places = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.float64]


class BandRows(NamedTuple):
    """Rows of a (bands, bins) matrix of weights, each without the zeros at its ends.

    Attributes
    ----------
    first : (bands,)
        First bin of each band.
    begin : (bands + 1,)
        Where each band's weights begin in `weights`, and where the last one's end.
    weights : (n,)
    """

    first: Places
    begin: Places
    weights: Array

    @classmethod
    def of(cls, matrix: npt.NDArray[np.floating]) -> BandRows:
        """Take the rows of a matrix, (bands, bins). Each must have a weight that is not zero."""
        first, begin, parts = [], [0], []
        for row in matrix:
            used = np.flatnonzero(row)
            first.append(used[0])
            parts.append(row[used[0] : used[-1] + 1])
            begin.append(begin[-1] + len(parts[-1]))
        weights = np.concatenate(parts).astype(np.float32)
        return cls(np.array(first, np.int64), np.array(begin, np.int64), weights)


@compiled(fastmath=True)
def band_sums(rows: BandRows, values: Array, out: Array) -> None:
    """Weighted sum of the bins of each band, (bins,) -> (bands,)."""
    first, begin, weights = rows.first, rows.begin, rows.weights
    for band in range(len(first)):
        total = np.float32(0.0)
        offset = first[band] - begin[band]
        for i in range(begin[band], begin[band + 1]):
            total += weights[i] * values[offset + i]
        out[band] = total


@compiled()
def spread_exp(rows: BandRows, values: Array, out: Array) -> None:
    """Exponential of the bands' values spread over the bins, (bands,) -> (bins,)."""
    first, begin, weights = rows.first, rows.begin, rows.weights
    for k in range(len(out)):
        out[k] = 0.0
    for band in range(len(first)):
        offset, value = first[band] - begin[band], values[band]
        for i in range(begin[band], begin[band + 1]):
            out[offset + i] += weights[i] * value
    exp_all(out)


@compiled(fastmath=True)
def sum_of(values: Array, n: int) -> np.float32:
    """Sum of the first n values."""
    total = np.float32(0.0)
    for i in range(n):
        total += values[i]
    return total
