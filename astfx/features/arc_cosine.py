r"""The infinite-width limit of random convolutional features, in closed form.

For a filter w ~ N(0, s2 I) and two patches p, q (a few consecutive frames each),
E[relu(w.p) relu(w.q)] = s2 k(p, q) with the order-1 arc-cosine kernel (Cho & Saul 2009)

    k(p, q) = (|p||q| sin t + (pi - t) p.q) / (2 pi),    t = angle between p and q.

The Gram-matrix style loss of a random convolution (Ulyanov & Lebedev 2016) needs only such
products, so in the limit of infinitely many filters it is a squared maximum mean
discrepancy with kernel k^2 (Li et al. 2017 for finite nets), and the patches need not even
be formed: their products are sums along the diagonals of one frame-by-frame matrix.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from astfx.errors import InvalidAudioError

_SMALLEST_NORM_SQUARED = 1e-12


def arc_cosine_kernel(p: Tensor, q: Tensor) -> Tensor:
    """Order-1 arc-cosine kernel of two vectors.

    Parameters
    ----------
    p, q : (..., dims) float

    Returns
    -------
    (...) float
        The mean of relu(w.p) relu(w.q) over w ~ N(0, I).

    References
    ----------
    Cho & Saul, "Kernel methods for deep learning", NIPS 2009.
    """
    product = (p * q).sum(-1)
    scale = (p.square().sum(-1) * q.square().sum(-1)).clamp_min(_SMALLEST_NORM_SQUARED).sqrt()
    cosine = (product / scale).clamp(-1.0, 1.0)
    sine = (1.0 - cosine.square()).sqrt()
    return scale * (sine + (math.pi - torch.acos(cosine)) * cosine) / (2.0 * math.pi)


def diagonal_sums(matrix: Tensor, width: int) -> Tensor:
    """Inner products of patches from inner products of frames.

    Parameters
    ----------
    matrix : (rows, columns)
        Products of frames.
    width : int, frames

    Returns
    -------
    (rows - width + 1, columns - width + 1)
        ``out[i, j] = sum(matrix[i + d, j + d] for d in range(width))``.
    """
    rows, columns = matrix.shape[0] - width + 1, matrix.shape[1] - width + 1
    out = matrix[:rows, :columns].clone()
    for d in range(1, width):
        out += matrix[d : d + rows, d : d + columns]
    return out


def spread_diagonals(matrix: Tensor, width: int, out: Tensor) -> None:
    """Add the transpose of `diagonal_sums` to `out`."""
    rows, columns = matrix.shape
    for d in range(width):
        out[d : d + rows, d : d + columns] += matrix


def box_sums(vector: Tensor, width: int) -> Tensor:
    """Sums of `width` consecutive elements, (n,) -> (n - width + 1,)."""
    return vector.unfold(0, width, 1).sum(-1)


@dataclass(frozen=True)
class ReferenceSet:
    """Frames that an output is compared with, and the signed weight of each patch of them.

    Parameters
    ----------
    frames : (frames, bins)
        Runs of consecutive frames, one after the other.
    weights : one (frames - width + 1,) per kernel width
        Negative attracts (style), positive repels (what was already emitted), zero for
        patches that straddle two runs.
    constants : one float per kernel width
        What the references add to the loss, whatever the output.
    scales : one float per kernel width
        What each width's loss is divided by: the style's own mean of k^2.
    biases : one float per kernel width
        Variance of the filters' bias over that of their weights, added to every product.
    """

    frames: Tensor
    weights: tuple[Tensor, ...]
    constants: tuple[float, ...]
    scales: tuple[float, ...]
    biases: tuple[float, ...]


def patch_weights(run_lengths: Sequence[int], width: int, like: Tensor) -> Tensor:
    """Equal weights that sum to one over the patches inside runs, zero across borders."""
    total = sum(run_lengths)
    weights = like.new_zeros(max(total - width + 1, 0))
    start = 0
    for length in run_lengths:
        if length >= width:
            weights[start : start + length - width + 1] = 1.0
        start += length
    if not float(weights.sum()) > 0.0:
        raise InvalidAudioError(
            f"a clip of {max(run_lengths, default=0)} frames is shorter than the kernel "
            f"width of {width} frames"
        )
    return weights / weights.sum()


def kernel_matrix(
    products: Tensor, norms_row: Tensor, norms_column: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Kernel of all pairs of patches (destroys `products`).

    Parameters
    ----------
    products : (rows, columns)
        Inner products of patches.
    norms_row, norms_column : (rows,), (columns,)
        Their norms, > 0.

    Returns
    -------
    kernel, sine, supplement : (rows, columns)
        k, sin t and pi - t.
    """
    cosine = products.mul_(1.0 / norms_column).mul_((1.0 / norms_row)[:, None]).clamp_(-1.0, 1.0)
    supplement = torch.acos(cosine).neg_().add_(math.pi)
    sine = cosine.square().neg_().add_(1.0).sqrt_()
    kernel = torch.addcmul(sine, supplement, cosine)
    kernel.mul_(norms_column).mul_((norms_row / (2.0 * math.pi))[:, None])
    return kernel, sine, supplement


def _patch_norms(frame_products: Tensor, width: int, bias: float) -> Tensor:
    norms_squared = box_sums(frame_products, width).add_(bias)
    return norms_squared.clamp_min_(_SMALLEST_NORM_SQUARED).sqrt_()


def make_references(
    groups: Sequence[tuple[Sequence[Tensor], float]],
    widths: Sequence[int],
    *,
    bias: float = 0.0,
    like: ReferenceSet | None = None,
) -> ReferenceSet:
    """Make frames the target of a loss.

    Parameters
    ----------
    groups : sequence of (runs, mass)
        Runs are (frames, bins) tensors of consecutive frames, at least one of them as long
        as the widest kernel; the mass is the sum of their patches' signed weights, -1 for
        the whole of a style.
    widths : sequence of int, frames
    bias : float
        Variance of the filters' bias, in units that make 1 weigh as much as an average patch.
        Without a bias the kernel grows in proportion to the patches, and a few loud frames
        among many quiet ones look the same to it as an even level; a bias tells them apart.
    like : ReferenceSet, optional
        Take scales and biases from there; by default, those of these references, so that an
        output that matches nothing scores about 1.

    Returns
    -------
    ReferenceSet
    """
    frames = torch.cat([run for runs, _ in groups for run in runs])
    products = frames @ frames.T
    frame_norms = products.diagonal()
    weights, constants, biases = [], [], []
    for index, width in enumerate(widths):
        parts = []
        for runs, mass in groups:
            parts.append(patch_weights([len(run) for run in runs], width, frames) * mass)
            # A patch never spans two groups either: weightless entries stand at the border.
            parts.append(frames.new_zeros(width - 1))
        weight = torch.cat(parts[:-1])
        mean_norm_squared = width * float(frame_norms.mean())
        biases.append(like.biases[index] if like else bias * mean_norm_squared)
        norms = _patch_norms(frame_norms, width, biases[-1])
        patch_products = diagonal_sums(products, width).add_(biases[-1])
        kernel, _, _ = kernel_matrix(patch_products, norms, norms)
        constants.append(float(weight @ (kernel.square_() @ weight)))
        weights.append(weight)
    scales = like.scales if like else tuple(max(c, _SMALLEST_NORM_SQUARED) for c in constants)
    return ReferenceSet(frames, tuple(weights), tuple(constants), scales, tuple(biases))


class ArcCosineLoss:
    """Infinite-width Gram loss of output frames against references, with its gradient.

    For each kernel width, with a_i the weights of the output's patches (equal, summing to
    `mass`) and r_j those of the references:

        loss = [sum_ij a_i a_j k(x_i, x_j)^2 + 2 sum_ij a_i r_j k(x_i, r_j)^2 + constant] / scale

    averaged over the widths: 0 is a perfect match, 1 is silence.

    Parameters
    ----------
    references : ReferenceSet
    widths : sequence of int, frames
    mass : float
        Share of the output in the whole: 1, or less where references stand for the rest.
    """

    def __init__(self, references: ReferenceSet, widths: Sequence[int], mass: float = 1.0) -> None:
        self.references = references
        self.widths = tuple(widths)
        self.mass = mass
        self._reference_norms = references.frames.square().sum(-1)

    def __call__(self, x: Tensor) -> tuple[float, Tensor]:
        """Loss and gradient at x, (frames, bins) -> (float, (frames, bins))."""
        n_frames = x.shape[0]
        everything = torch.cat([x, self.references.frames])
        products = x @ everything.T
        frame_norms = torch.cat([products.diagonal(), self._reference_norms])
        products_gradient = torch.zeros_like(products)
        norms_gradient = x.new_zeros(n_frames)
        loss = 0.0
        for width, reference_weights, constant, scale, bias in zip(
            self.widths,
            self.references.weights,
            self.references.constants,
            self.references.scales,
            self.references.biases,
            strict=True,
        ):
            n_patches = n_frames - width + 1
            own = self.mass / n_patches
            norms = _patch_norms(frame_norms, width, bias)
            row_norms = norms[:n_patches]
            patch_products = diagonal_sums(products, width).add_(bias)
            kernel, sine, supplement = kernel_matrix(patch_products, row_norms, norms)
            # Columns: the output's own patches, those across the border (none), references.
            weights = x.new_zeros(kernel.shape[1])
            weights[:n_patches] = own
            weights[n_frames:] = reference_weights
            loss_weights = weights.clone()
            loss_weights[n_frames:] *= 2.0
            share = 1.0 / (scale * len(self.widths))
            loss += share * (own * float((kernel.square() @ loss_weights).sum()) + constant)
            # d(k^2) = 2 k dk; both halves of the symmetric part, hence 4.
            change = kernel.mul_(weights).mul_(4.0 * own * share)
            gradient = (change * sine) @ norms
            gradient.div_(row_norms).div_(4.0 * math.pi)
            for d in range(width):
                norms_gradient[d : d + n_patches] += gradient
            change.mul_(supplement).div_(2.0 * math.pi)
            spread_diagonals(change, width, products_gradient)
        gradient = products_gradient @ everything
        gradient.addcmul_(norms_gradient[:, None], x, value=2.0)
        return loss, gradient


class ArcCosineContentLoss:
    """Infinite-width limit of the squared distance between two clips' random features.

    Frame by frame: sum_t [|x_t|^2 + |c_t|^2 - 4 k(x_t, c_t)] over sum_t |c_t|^2: 0 is the
    content itself, 1 is silence.

    Parameters
    ----------
    content : (frames, bins)
    """

    def __init__(self, content: Tensor) -> None:
        self.content = content
        self._norms_squared = content.square().sum(-1).clamp_min_(_SMALLEST_NORM_SQUARED)
        self._scale = 1.0 / float(self._norms_squared.sum())

    def __call__(self, x: Tensor) -> tuple[float, Tensor]:
        """Loss and gradient at x, (frames, bins) -> (float, (frames, bins))."""
        norms_squared = x.square().sum(-1).clamp_min_(_SMALLEST_NORM_SQUARED)
        product = (x * self.content).sum(-1)
        scale = (norms_squared * self._norms_squared).sqrt()
        cosine = (product / scale).clamp_(-1.0, 1.0)
        supplement = math.pi - torch.acos(cosine)
        sine = (1.0 - cosine.square()).sqrt_()
        kernel = scale * (sine + supplement * cosine) / (2.0 * math.pi)
        loss = float((norms_squared + self._norms_squared - 4.0 * kernel).sum()) * self._scale
        along_x = 2.0 - 2.0 / math.pi * sine * (self._norms_squared / norms_squared).sqrt()
        gradient = x * along_x[:, None]
        gradient.addcmul_(self.content, (-2.0 / math.pi * supplement)[:, None])
        return loss, gradient.mul_(self._scale)
