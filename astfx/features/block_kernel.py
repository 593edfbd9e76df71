"""Infinite-width Gram loss of a few new frames, given the frames before them.

This is the block-wise form of `astfx.features.arc_cosine`. New frames x are compared with the
style's frames s, which attract them, and with frames o already emitted, which repel them. The
output as a whole thus takes on the style's statistics, and each block costs the same however
long the output gets:

    L = sum_ij a_i a_j k_ij^2 + 2 sum_i a_i [ sum_p b_p k(x_i, o_p)^2 - sum_q c_q k(x_i, s_q)^2 ]
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from astfx.features.arc_cosine import make_references
from astfx.runtime.compiled import compiled

Array = npt.NDArray[np.float32]
_TINY = np.float32(1e-12)


@compiled(fastmath=True)
def _add_width(
    products: Array,
    squares: Array,
    width: int,
    bias: float,
    weights: Array,
    own: float,
    share: float,
    n_known: int,
    products_gradient: Array,
    squares_gradient: Array,
) -> float:
    """Loss of one kernel width; adds its gradients by products and squared norms of frames.

    The rows are the block's frames, known ones first. The columns are the references, then the
    block's frames again.

    products : (rows, columns), inner products of frames
    squares : (columns,), squared norms of frames
    weights : (references,), signed weight of the patch that begins at each frame
    own : weight of each of the block's own patches
    share : factor on the loss
    n_known : number of leading rows that are fixed
    products_gradient, squares_gradient : (rows, columns), (rows,), added to in place
    """
    n_rows, n_columns = products.shape
    n_references = n_columns - n_rows
    first = max(n_known - width + 1, 0)
    loss = 0.0
    for i in range(first, n_rows - width + 1):
        row_square = np.float32(bias)
        for d in range(width):
            row_square += squares[n_references + i + d]
        row_norm = math.sqrt(max(row_square, _TINY))
        slope = 0.0
        for j in range(n_columns - width + 1):
            if j < n_references:
                weight = weights[j]
                doubled = 2.0
            elif j - n_references >= first:
                weight = own
                doubled = 1.0
            else:
                continue
            if weight == 0.0:
                continue
            product = np.float32(bias)
            column_square = np.float32(bias)
            for d in range(width):
                product += products[i + d, j + d]
                column_square += squares[j + d]
            column_norm = math.sqrt(max(column_square, _TINY))
            scale = row_norm * column_norm
            cosine = float(product / scale)
            if cosine > 1.0:
                cosine = 1.0
            elif cosine < -1.0:
                cosine = -1.0
            sine = math.sqrt(1.0 - cosine * cosine)
            supplement = math.pi - math.acos(cosine)
            kernel = scale * (sine + supplement * cosine) / (2.0 * math.pi)
            loss += share * own * weight * doubled * kernel * kernel
            pull = kernel * weight * 4.0 * own * share
            slope += pull * sine * column_norm
            pull *= supplement / (2.0 * math.pi)
            for d in range(width):
                products_gradient[i + d, j + d] += pull
        slope /= row_norm * 4.0 * math.pi
        for d in range(width):
            squares_gradient[i + d] += slope
    return loss


class BlockLoss:
    """Infinite-width Gram loss of a block's new frames, with its gradient.

    Parameters
    ----------
    style_runs : sequence of (frames, bins)
        Runs of consecutive log-magnitude frames, each at least as long as the widest kernel.
    style_weights : sequence of float
        Weights of the runs, summing to one.
    widths : sequence of int, frames
    bias : float
        As in `astfx.methods.gram.GramOptions`.
    n_past : int
        Number of emitted frames that are remembered.
    n_new : int
        Number of new frames in a block, over which the loss is minimised.
    """

    def __init__(
        self,
        style_runs: Sequence[Tensor],
        style_weights: Sequence[float],
        widths: Sequence[int],
        bias: float,
        n_past: int,
        n_new: int,
    ) -> None:
        groups = [([run], -w) for run, w in zip(style_runs, style_weights, strict=True)]
        references = make_references(groups, widths, bias=bias)
        self.widths = tuple(widths)
        self.n_known = max(widths) - 1
        self._biases, self._scales = references.biases, references.scales
        n_style, n_bins = references.frames.shape
        self._n_style, self._n_past = n_style, n_past
        self._n_references = n_style + n_past
        n_rows = self.n_known + n_new
        self._frames = torch.zeros(self._n_references + n_rows, n_bins)
        self._frames[:n_style] = references.frames
        self._squares = self._frames.square().sum(dim=1)
        self._weights = [np.zeros(self._n_references, np.float32) for _ in widths]
        for weights, of_style in zip(self._weights, references.weights, strict=True):
            weights[: len(of_style)] = of_style.numpy()
        self._held = self._written = 0
        self._products = torch.zeros(n_rows, self._n_references + n_rows)
        self._products_gradient = np.zeros((n_rows, self._n_references + n_rows), np.float32)
        self._squares_gradient = np.zeros(n_rows, np.float32)
        self._latest = torch.zeros(len(self._frames))
        self._new_slots: list[int] = []
        self._mass = 1.0

    def remember(self, frame: Tensor) -> None:
        """Remember an emitted frame, (bins,), in place of the oldest of `n_past`."""
        slot = self._n_style + self._written % self._n_past
        self._frames[slot] = frame
        self._squares[slot] = frame.square().sum()
        self._written += 1
        self._new_slots.append(slot)
        self._held = min(self._held + 1, self._n_past)

    def begin(self, latest: Tensor) -> None:
        """Start on the next block.

        Parameters
        ----------
        latest : (bins,)
            The frame just before the block. Earlier ones are known from earlier calls.
        """
        n_references, n_known = self._n_references, self.n_known
        n_new = len(self._squares_gradient) - n_known
        first = n_references
        known = self._frames[first : first + n_known]
        products = self._products[:n_known]
        if n_known:  # patches of a single frame do not reach back
            # Shift everything by one frame, so that only products with new frames are computed.
            for rows in (known, self._squares[first : first + n_known]):
                rows[:-1] = rows[1:].clone()
            known[-1] = latest
            self._squares[first + n_known - 1] = latest.square().sum()
            products[:-1, :n_references] = products[1:, :n_references].clone()
            products[:-1, first : first + n_known - 1] = products[
                1:, first + 1 : first + n_known
            ].clone()
            torch.mv(self._frames, latest, out=self._latest)
            products[-1] = self._latest
            products[:, first + n_known - 1] = self._latest[first : first + n_known]
            if self._new_slots:
                slots = torch.tensor(self._new_slots)
                products[:, slots] = known @ self._frames[slots].T
        self._new_slots.clear()
        enough = self._held >= 2 * max(self.widths)
        self._mass = n_new / (n_new + self._held) if enough else 1.0
        newest = (self._written - 1) % self._n_past
        for width, weights in zip(self.widths, self._weights, strict=True):
            past = weights[self._n_style :]
            past[:] = 0.0
            if enough:
                past[: self._held - width + 1] = 1.0
                if self._held == self._n_past:  # leave out patches across newest and oldest frame
                    past[max(newest - width + 2, 0) : newest + 1] = 0.0
                past *= (1.0 - self._mass) / past.sum()

    def __call__(self, x: Tensor) -> tuple[float, Tensor]:
        """Loss and gradient at the new frames, (n_new, bins) -> (float, (n_new, bins)).

        Both are divided by the new frames' share of the whole output, so that a block has the
        same weight however long the past is.
        """
        n_known, n_new = self.n_known, len(x)
        own = slice(len(self._frames) - n_new, len(self._frames))
        self._frames[own] = x
        self._squares[own] = x.square().sum(dim=1)
        torch.mm(x, self._frames.T, out=self._products[n_known:])
        self._products[:n_known, own] = self._products[n_known:, own.start - n_known : own.start].T
        self._products_gradient[:] = 0.0
        self._squares_gradient[:] = 0.0
        loss = 0.0
        for width, weights, bias, scale in zip(
            self.widths, self._weights, self._biases, self._scales, strict=True
        ):
            loss += _add_width(
                self._products.numpy(),
                self._squares.numpy(),
                width,
                bias,
                weights,
                self._mass / n_new,
                1.0 / (scale * len(self.widths) * self._mass),
                n_known,
                self._products_gradient,
                self._squares_gradient,
            )
        gradient = torch.from_numpy(self._products_gradient[n_known:]) @ self._frames
        gradient.addcmul_(torch.from_numpy(self._squares_gradient[n_known:])[:, None], x, value=2.0)
        return loss, gradient
