r"""Gram-matrix loss of infinitely many random convolution filters, in closed form.

For a filter w ~ N(0, s2 I) and two patches p, q (a few consecutive frames each),
E[relu(w.p) relu(w.q)] = s2 k(p, q) with the order-1 arc-cosine kernel (Cho & Saul 2009)

    k(p, q) = (|p||q| sin t + (pi - t) p.q) / (2 pi),    t = angle between p and q.

The Gram-matrix style loss of a random convolution (Ulyanov & Lebedev 2016) depends only on
such products. In the limit of infinitely many filters it is therefore a squared maximum mean
discrepancy with kernel k^2 (Li et al. 2017 show this for finite networks). The patches are
never formed: their inner products are sums along the diagonals of one frame-by-frame matrix.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from astfx.errors import InvalidAudioError
from astfx.features.arc_cosine_rows import SLOPE, Reference, by_rows
from astfx.runtime.pool import Pool

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
        Inner products of frames.
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
    """Add to `out` the transpose of `diagonal_sums`, applied to `matrix`."""
    rows, columns = matrix.shape
    for d in range(width):
        out[d : d + rows, d : d + columns] += matrix


def box_sums(vector: Tensor, width: int) -> Tensor:
    """Sums of `width` consecutive elements, (n,) -> (n - width + 1,)."""
    return vector.unfold(0, width, 1).sum(-1)


@dataclass(frozen=True)
class ReferenceSet:
    """Frames that an output is compared with, and a signed weight for each of their patches.

    Parameters
    ----------
    frames : (frames, bins)
        Runs, one after the other. A run is a sequence of consecutive frames.
    weights : one (frames - width + 1,) per kernel width
        Negative weights attract (style), positive weights repel (frames already emitted).
        Patches that straddle two runs have weight zero.
    constants : one float per kernel width
        The part of the loss that does not depend on the output.
    scales : one float per kernel width
        Divisors of each width's loss: the style's own mean of k^2.
    biases : one float per kernel width
        Variance of the filters' bias over that of their weights, added to every inner product.
    """

    frames: Tensor
    weights: tuple[Tensor, ...]
    constants: tuple[float, ...]
    scales: tuple[float, ...]
    biases: tuple[float, ...]


def patch_weights(run_lengths: Sequence[int], width: int, like: Tensor) -> Tensor:
    """Equal weights, summing to one, for patches inside a run; zero for patches across runs."""
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
    """Arc-cosine kernel of all pairs of patches; overwrites `products`.

    Parameters
    ----------
    products : (rows, columns)
        Inner products of patches.
    norms_row, norms_column : (rows,), (columns,)
        Their norms, > 0.

    Returns
    -------
    kernel, sine, supplement : (rows, columns)
        k, sin t and pi - t, with t the angle between two patches.
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
    """Build the references of a loss from groups of frames.

    Parameters
    ----------
    groups : sequence of (runs, mass)
        A run is a (frames, bins) tensor of consecutive frames. At least one run of a group
        must be as long as the widest kernel. The mass is the sum of the signed weights of
        the group's patches, -1 for a whole style.
    widths : sequence of int, frames
    bias : float
        Variance of the filters' bias; 1 weighs as much as an average patch. Without a bias the
        kernel is proportional to the patches' norms, so a few loud frames among many quiet
        ones look the same as an even level. A bias tells them apart.
    like : ReferenceSet, optional
        Where to take scales and biases from. By default they are those of the new references,
        so that an output that matches nothing scores about 1.

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
            # Entries of weight zero separate the groups, because no patch may span two of them.
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


def by_matrices(
    products: Tensor, references: Sequence[Reference]
) -> tuple[list[float], Tensor, Tensor]:
    """Do as `astfx.features.arc_cosine_rows.by_rows`, on any device, in any floating-point type."""
    gradient, norms_gradient = torch.zeros_like(products), products.new_zeros(len(products))
    sums = []
    for width, bias, scale, norms, weights, loss_weights in references:
        n_patches = len(products) - width + 1
        row_norms = norms[:n_patches]
        patch_products = diagonal_sums(products, width).add_(bias)
        kernel, sine, supplement = kernel_matrix(patch_products, row_norms, norms)
        sums.append(float((kernel.square() @ loss_weights).sum()))
        change = kernel.mul_(weights).mul_(SLOPE * scale)
        of_norms = (change * sine) @ norms
        of_norms.div_(row_norms).div_(4.0 * math.pi)
        for d in range(width):
            norms_gradient[d : d + n_patches] += of_norms
        change.mul_(supplement).div_(2.0 * math.pi)
        spread_diagonals(change, width, gradient)
    return sums, gradient, norms_gradient


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
        Share of `x` in the whole output: 1, or less if references stand for the rest.
    pool : Pool, optional
        Threads that share the work among them.
    """

    def __init__(
        self,
        references: ReferenceSet,
        widths: Sequence[int],
        mass: float = 1.0,
        pool: Pool | None = None,
    ) -> None:
        self._pool = pool or Pool(1)
        self.references = references
        self.widths = tuple(widths)
        self.mass = mass
        self._reference_norms = references.frames.square().sum(-1)
        self._everything = references.frames
        self._shares = [1.0 / (scale * len(self.widths)) for scale in references.scales]
        parts = zip(references.constants, self._shares, strict=True)
        self._constant = sum(constant * share for constant, share in parts)

    def __call__(self, x: Tensor) -> tuple[float, Tensor]:
        """Loss and gradient at x, (frames, bins) -> (float, (frames, bins))."""
        everything = self._with_references(x)
        products = x @ everything.T
        references = list(self._compared(products))
        if x.device.type == "cpu" and x.dtype == torch.float32:
            sums, of_products, of_norms = by_rows(products, references, self._pool)
        else:
            sums, of_products, of_norms = by_matrices(products, references)
        weighted = zip(references, sums, strict=True)
        loss = self._constant + sum(reference.scale * part for reference, part in weighted)
        gradient = of_products @ everything
        gradient.addcmul_(of_norms[:, None], x, value=2.0)
        return loss, gradient

    def _compared(self, products: Tensor) -> Iterator[Reference]:
        """For each kernel width, what the output is compared with.

        The columns are the output's patches, patches across the border (weight 0), and those of
        the references.
        """
        n_frames, found = len(products), self.references
        frame_norms = torch.cat([products.diagonal(), self._reference_norms])
        for width, reference_weights, share, bias in zip(
            self.widths, found.weights, self._shares, found.biases, strict=True
        ):
            n_patches = n_frames - width + 1
            if n_patches < 1:
                raise InvalidAudioError(
                    f"an output of {n_frames} frames is shorter than the kernel width of "
                    f"{width} frames"
                )
            own = self.mass / n_patches
            norms = _patch_norms(frame_norms, width, bias)
            weights = torch.zeros_like(norms)
            weights[:n_patches] = own
            weights[n_frames:] = reference_weights
            loss_weights = weights.clone()
            loss_weights[n_frames:] *= 2.0
            yield Reference(width, bias, own * share, norms, weights, loss_weights)

    def _with_references(self, x: Tensor) -> Tensor:
        """Frames of `x` before those of the references. The references are copied only once."""
        total = len(x) + len(self.references.frames)
        if len(self._everything) != total:
            self._everything = torch.cat([x, self.references.frames])
        self._everything[: len(x)] = x
        return self._everything


class ArcCosineContentLoss:
    """Infinite-width limit of the squared distance between two clips' random features.

    It compares frame by frame: sum_t [|x_t|^2 + |c_t|^2 - 4 k(x_t, c_t)] / sum_t |c_t|^2. 0 is
    the content itself, 1 is silence.

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
