from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from astfx.errors import InvalidAudioError
from astfx.features.arc_cosine import (
    ArcCosineContentLoss,
    ArcCosineLoss,
    arc_cosine_kernel,
    by_matrices,
    diagonal_sums,
    make_references,
    patch_weights,
    spread_diagonals,
)
from astfx.features.arc_cosine_rows import Reference, by_rows
from astfx.features.random_conv import RandomConv, RandomConvLoss, gram_matrix
from astfx.runtime.pool import Pool

GRADIENT_TOLERANCE = 1e-6  # relative, float64 against central differences
FLOAT32_TOLERANCE = 1e-3
ROWS_TOLERANCE = 2e-6  # of the largest value, float32 against float64
# The angle of a patch with itself is the root of the rounding error of its cosine.
SAME_DIRECTION_TOLERANCE = math.sqrt(2.0 * np.finfo(np.float32).eps)


def frames(n: int, bins: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(n, bins, generator=generator, dtype=torch.float64)


def numeric_gradient(function: Callable[[Tensor], tuple[float, Tensor]], x: Tensor) -> Tensor:
    step = 1e-6
    gradient = torch.zeros_like(x)
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            change = torch.zeros_like(x)
            change[i, j] = step
            gradient[i, j] = (function(x + change)[0] - function(x - change)[0]) / (2 * step)
    return gradient


def test_kernel_of_a_vector_with_itself_is_half_its_square() -> None:
    p = frames(5, 7, 0)
    torch.testing.assert_close(arc_cosine_kernel(p, p), p.square().sum(-1) / 2)


def test_kernel_of_orthogonal_and_opposite_vectors() -> None:
    p, q = torch.tensor([3.0, 0.0]), torch.tensor([0.0, 5.0])
    assert float(arc_cosine_kernel(p, q)) == pytest.approx(15.0 / (2 * math.pi))
    assert float(arc_cosine_kernel(p, -p)) == pytest.approx(0.0, abs=1e-6)


def test_kernel_is_the_mean_over_sampled_filters() -> None:
    """A Monte Carlo estimate stays within five of its own standard errors."""
    p, q = frames(1, 20, 1)[0], frames(1, 20, 2)[0] - 0.5
    generator = torch.Generator().manual_seed(3)
    w = torch.randn(400_000, 20, generator=generator, dtype=torch.float64)
    samples = torch.relu(w @ p) * torch.relu(w @ q)
    error = float(samples.std()) / math.sqrt(len(samples))
    assert abs(float(samples.mean()) - float(arc_cosine_kernel(p, q))) < 5 * error


def test_diagonal_sums_are_products_of_patches() -> None:
    x, y = frames(9, 4, 4), frames(7, 4, 5)
    width = 3
    expected = torch.stack(
        [
            torch.stack([(x[i : i + width] * y[j : j + width]).sum() for j in range(5)])
            for i in range(7)
        ]
    )
    torch.testing.assert_close(diagonal_sums(x @ y.T, width), expected)


def test_spread_diagonals_is_the_transpose_of_diagonal_sums() -> None:
    matrix, weights = frames(9, 7, 6), frames(7, 5, 7)
    spread = torch.zeros_like(matrix)
    spread_diagonals(weights, 3, spread)
    torch.testing.assert_close((diagonal_sums(matrix, 3) * weights).sum(), (matrix * spread).sum())


@pytest.mark.parametrize("widths", [(1,), (4,), (1, 3, 5)])
@pytest.mark.parametrize("bias", [0.0, 0.5])
def test_gradient_matches_finite_differences(widths: tuple[int, ...], bias: float) -> None:
    runs = [frames(9, 6, 1), frames(8, 6, 2)]
    past = [frames(7, 6, 3)]
    style = make_references([(runs, -1.0)], widths, bias=bias)
    for references, mass in [
        (style, 1.0),
        (make_references([(runs, -1.0), (past, 0.4)], widths, like=style), 0.6),
    ]:
        loss = ArcCosineLoss(references, widths, mass)
        x = frames(12, 6, 0)
        gradient = loss(x)[1]
        expected = numeric_gradient(loss, x)
        assert float((gradient - expected).abs().max() / expected.abs().max()) < GRADIENT_TOLERANCE


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_rows_give_what_matrices_give(threads: int) -> None:
    """With patches of all widths across the borders between threads, at all angles."""
    x, others = (frames(n, 9, seed) - 0.4 for n, seed in ((23, 5), (31, 6)))
    everything = torch.cat([x, others])
    products = x @ everything.T
    references = []
    for width in (1, 5, 11):
        n_patches = len(everything) - width + 1
        norms = everything.square().sum(-1).unfold(0, width, 1).sum(-1).add(0.3).sqrt()
        weights, loss_weights = frames(2, n_patches, width) - 0.5
        references.append(Reference(width, 0.3, 1.7, norms, weights, loss_weights))
    wanted = by_matrices(products, references)
    in_float32 = [
        found._replace(
            norms=found.norms.float(),
            weights=found.weights.float(),
            loss_weights=found.loss_weights.float(),
        )
        for found in references
    ]
    with Pool(threads) as pool:
        found = by_rows(products.float(), in_float32, pool)
    np.testing.assert_allclose(found[0], wanted[0], rtol=1e-5)
    errors = [
        (ours - theirs).abs() / theirs.abs().max()
        for ours, theirs in zip(found[1:], wanted[1:], strict=True)
    ]
    assert max(float(error.max()) for error in errors) < SAME_DIRECTION_TOLERANCE
    assert float(errors[0].fill_diagonal_(0.0).max()) < ROWS_TOLERANCE


def test_a_loss_in_float32_is_that_in_float64() -> None:
    """Single precision takes the compiled rows, double precision takes whole matrices."""
    style, past, x = (frames(n, 12, seed) for n, seed in ((40, 7), (25, 8), (30, 9)))
    groups = [([style], -1.0), ([past], 0.4)]
    widths = (1, 5)
    exact = ArcCosineLoss(make_references(groups, widths, bias=0.5), widths, 0.6)(x)
    rounded = make_references([([f.float() for f in r], m) for r, m in groups], widths, bias=0.5)
    with Pool(2) as pool:
        loss, gradient = ArcCosineLoss(rounded, widths, 0.6, pool)(x.float())
    assert loss == pytest.approx(exact[0], abs=1e-5)
    assert float((gradient - exact[1]).norm() / exact[1].norm()) < FLOAT32_TOLERANCE


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_outputs_shorter_than_the_kernel_are_refused(dtype: torch.dtype) -> None:
    references = make_references([([frames(40, 12, 7).to(dtype)], -1.0)], (1, 11))
    message = "an output of 10 frames is shorter than the kernel width of 11 frames"
    with pytest.raises(InvalidAudioError, match=message):
        ArcCosineLoss(references, (1, 11))(frames(10, 12, 1).to(dtype))


def test_content_gradient_matches_finite_differences() -> None:
    loss, x = ArcCosineContentLoss(frames(8, 5, 1)), frames(8, 5, 2)
    expected = numeric_gradient(loss, x)
    assert float((loss(x)[1] - expected).abs().max() / expected.abs().max()) < GRADIENT_TOLERANCE


def test_content_loss_is_zero_at_the_content_and_one_at_silence() -> None:
    content = frames(8, 5, 1)
    loss = ArcCosineContentLoss(content)
    assert loss(content)[0] == pytest.approx(0.0, abs=1e-12)
    assert loss(torch.zeros_like(content))[0] == pytest.approx(1.0, abs=1e-6)


def test_content_loss_is_the_mean_over_sampled_filters() -> None:
    content, x = frames(6, 8, 1), frames(6, 8, 2)
    generator = torch.Generator().manual_seed(4)
    w = torch.randn(8, 400_000, generator=generator, dtype=torch.float64)
    sampled = (torch.relu(x @ w) - torch.relu(content @ w)).square().mean()
    scale = content.square().mean() * 8 / 2  # E relu(w.c)^2 = |c|^2 / 2 a frame
    assert ArcCosineContentLoss(content)(x)[0] == pytest.approx(float(sampled / scale), rel=0.02)


def test_loss_of_the_style_itself_is_zero_and_of_silence_one() -> None:
    style = frames(20, 6, 1)
    loss = ArcCosineLoss(make_references([([style], -1.0)], (1, 5)), (1, 5))
    value, gradient = loss(style)
    assert value == pytest.approx(0.0, abs=1e-12)
    assert float(gradient.abs().max()) < 1e-9
    assert loss(torch.full_like(style, 1e-9))[0] == pytest.approx(1.0, abs=1e-6)


def test_loss_is_the_limit_of_sampled_gram_losses() -> None:
    """Ulyanov & Lebedev's loss with N filters tends to the closed form; its excess falls as 1/N."""
    width, bins = 3, 10
    style, x = frames(30, bins, 1).float(), frames(40, bins, 2).float() * 1.5
    exact = ArcCosineLoss(make_references([([style], -1.0)], (width,)), (width,))(x)[0]
    sampled = {}
    for n_filters in (250, 4000):
        values = []
        for seed in range(8):
            conv = RandomConv(bins, n_filters, width, seed, torch.device("cpu"))
            target = gram_matrix(conv(style))
            values.append(RandomConvLoss(conv, target)(x)[0] * float(target.square().sum()))
        # In units of the kernel: a squared Gram entry is proportional to the variance s2 squared.
        s2 = 4.0 / ((bins + n_filters) * width)
        sampled[n_filters] = np.mean(values) / (n_filters * s2) ** 2
    scale = make_references([([style], -1.0)], (width,)).scales[0]
    few, many = (sampled[n] / scale for n in (250, 4000))
    assert many == pytest.approx(exact, rel=0.05)
    assert abs(many - exact) < abs(few - exact)


def test_bias_tells_an_even_level_from_loud_and_quiet_frames() -> None:
    """Without a bias both have the same Gram matrix; with one they differ."""
    shape = frames(1, 6, 1)
    even = shape.repeat(20, 1)
    uneven = even.clone()
    uneven[:10] *= math.sqrt(2.0)
    uneven[10:] *= 1e-6
    without = ArcCosineLoss(make_references([([even], -1.0)], (1,), bias=0.0), (1,))
    assert without(uneven)[0] == pytest.approx(0.0, abs=1e-6)
    biased = ArcCosineLoss(make_references([([even], -1.0)], (1,), bias=0.5), (1,))
    assert biased(uneven)[0] > 0.01
    assert biased(even)[0] == pytest.approx(0.0, abs=1e-12)


def test_past_and_present_together_reach_zero() -> None:
    """Half of the style is emitted and the other half is the output: together they match it."""
    first, second = frames(10, 6, 1), frames(10, 6, 2)
    style = make_references([([first, second], -1.0)], (1,))
    both = make_references([([first, second], -1.0), ([first], 0.5)], (1,), like=style)
    assert ArcCosineLoss(both, (1,), 0.5)(second)[0] == pytest.approx(0.0, abs=1e-12)
    assert ArcCosineLoss(both, (1,), 0.5)(first)[0] > 0.001


def test_patches_across_runs_do_not_count() -> None:
    weights = patch_weights([4, 2, 5], 3, torch.zeros(1))
    assert weights.tolist() == pytest.approx([0.2, 0.2, 0, 0, 0, 0, 0.2, 0.2, 0.2])


def test_runs_shorter_than_the_kernel_are_refused() -> None:
    with pytest.raises(
        InvalidAudioError, match="a clip of 4 frames is shorter than the kernel width of 5 frames"
    ):
        patch_weights([4, 2], 5, torch.zeros(1))


def test_silent_frames_have_a_finite_gradient() -> None:
    style = frames(8, 5, 1)
    x = torch.zeros(8, 5, dtype=torch.float64)
    for loss in (
        ArcCosineLoss(make_references([([style], -1.0)], (1, 3)), (1, 3)),
        ArcCosineContentLoss(style),
    ):
        value, gradient = loss(x)
        assert math.isfinite(value)
        assert bool(torch.isfinite(gradient).all())
