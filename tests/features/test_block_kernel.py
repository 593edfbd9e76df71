from __future__ import annotations

import pytest
import torch
from torch import Tensor

from astfx.features.arc_cosine import ArcCosineLoss, make_references
from astfx.features.block_kernel import BlockLoss

BINS, N_NEW, N_PAST = 12, 3, 40
LOSS_TOLERANCE = 2e-4  # relative; float32 sums against float32 sums
GRADIENT_TOLERANCE = 2e-3  # of the largest entry, against the whole-clip loss
RING_TOLERANCE = 0.03  # of the loss, for a ring buffer that has wrapped around
DIFFERENCE_TOLERANCE = 0.02  # of the largest entry, against central differences in float32


def frames(n: int, seed: int) -> Tensor:
    return torch.rand(n, BINS, generator=torch.Generator().manual_seed(seed))


def begun(loss: BlockLoss, known: Tensor) -> None:
    """Begin a block after some known frames; if there are none, after one that no patch reaches."""
    for frame in known if len(known) else frames(1, 9):
        loss.begin(frame)


def whole(
    styles: list[Tensor],
    shares: list[float],
    past: Tensor | None,
    known: Tensor,
    x: Tensor,
    width: int,
    bias: float,
) -> tuple[float, Tensor]:
    """The same by `ArcCosineLoss`, over the patches that end in new frames."""
    like = make_references(
        [([s], -w) for s, w in zip(styles, shares, strict=True)], [width], bias=bias
    )
    groups = [([s], -w) for s, w in zip(styles, shares, strict=True)]
    mass = 1.0
    if past is not None:
        mass = len(x) / (len(x) + len(past))
        groups.append(([past], 1.0 - mass))
    references = make_references(groups, [width], bias=bias, like=like)
    with_known = torch.cat([known[len(known) - width + 1 :], x])
    loss, gradient = ArcCosineLoss(references, [width], mass)(with_known)
    constant = references.constants[0] / references.scales[0]
    return (loss - constant) / mass, gradient[width - 1 :] / mass


def largest(error: Tensor, reference: Tensor) -> float:
    return float(error.abs().max() / reference.abs().max())


@pytest.mark.parametrize("widths", [(1,), (2,), (4,), (1, 4), (2, 11)])
@pytest.mark.parametrize("bias", [0.0, 0.5])
@pytest.mark.parametrize("n_past", [0, 30])
def test_loss_and_gradient_are_the_whole_clips(
    widths: tuple[int, ...], bias: float, n_past: int
) -> None:
    styles, shares = [frames(25, 0), frames(40, 1)], [0.3, 0.7]
    known, x = frames(max(widths) - 1, 2), frames(N_NEW, 3)
    past = frames(n_past, 4) if n_past else None
    loss = BlockLoss(styles, shares, widths, bias, N_PAST, N_NEW)
    for frame in past if past is not None else ():
        loss.remember(frame)
    begun(loss, known)
    found, gradient = loss(x)
    parts = [whole(styles, shares, past, known, x, width, bias) for width in widths]
    expected = sum(part[0] for part in parts) / len(widths)
    expected_gradient = torch.stack([part[1] for part in parts]).mean(dim=0)
    assert found == pytest.approx(expected, rel=LOSS_TOLERANCE, abs=1e-5)
    assert largest(gradient - expected_gradient, expected_gradient) < GRADIENT_TOLERANCE


@pytest.mark.parametrize("n_past", [0, 25, 100])
def test_gradient_is_that_of_finite_differences(n_past: int) -> None:
    """This holds even if the ring buffer of the past has wrapped around."""
    loss = BlockLoss([frames(30, 0)], [1.0], (1, 4), 0.5, N_PAST, N_NEW)
    for frame in frames(n_past, 1):
        loss.remember(frame)
    begun(loss, frames(3, 2))
    x = frames(N_NEW, 3)
    _, gradient = loss(x)
    gradient = gradient.clone()
    step = 2e-2
    numeric = torch.zeros_like(x)
    for i in range(N_NEW):
        for j in range(BINS):
            change = torch.zeros_like(x)
            change[i, j] = step
            numeric[i, j] = (loss(x + change)[0] - loss(x - change)[0]) / (2.0 * step)
    assert largest(gradient - numeric, numeric) < DIFFERENCE_TOLERANCE


def test_only_the_latest_past_counts() -> None:
    """A ring buffer that has wrapped around gives the same loss as one that was filled once.

    The only difference is one patch of the wider kernel, which would span the buffer's end.
    """
    losses = []
    for earlier in (0, 7, 40, 93):
        loss = BlockLoss([frames(30, 0)], [1.0], (1, 2), 0.5, N_PAST, N_NEW)
        for frame in torch.cat([frames(earlier, 5), frames(N_PAST, 1)]):
            loss.remember(frame)
        begun(loss, frames(1, 2))
        losses.append(loss(frames(N_NEW, 3))[0])
    assert losses == pytest.approx([losses[0]] * 4, rel=RING_TOLERANCE)
    loss.remember(frames(1, 8)[0] + 5.0)
    begun(loss, frames(1, 2))
    assert loss(frames(N_NEW, 3))[0] > 1.5 * losses[0]


def test_blocks_one_after_the_other_are_blocks_begun_afresh() -> None:
    """What is kept from block to block equals what would be computed from scratch."""
    known, past = frames(20, 2), frames(60, 1)
    running = BlockLoss([frames(30, 0)], [1.0], (2, 5), 0.5, N_PAST, N_NEW)
    for index in range(20):
        for frame in past[3 * index : 3 * index + 3]:
            running.remember(frame)
        running.begin(known[index])
        running(frames(N_NEW, 100 + index))
    fresh = BlockLoss([frames(30, 0)], [1.0], (2, 5), 0.5, N_PAST, N_NEW)
    for frame in past:
        fresh.remember(frame)
    begun(fresh, known[-4:])
    found, gradient = running(frames(N_NEW, 3))
    expected, expected_gradient = fresh(frames(N_NEW, 3))
    assert found == pytest.approx(expected, rel=LOSS_TOLERANCE)
    assert largest(gradient - expected_gradient, expected_gradient) < GRADIENT_TOLERANCE


def test_a_style_block_scores_below_any_other() -> None:
    style = frames(60, 0)
    loss = BlockLoss([style], [1.0], (1, 4), 0.5, N_PAST, N_NEW)
    begun(loss, style[9:12])
    own = loss(style[12:15])[0]
    assert own < loss(torch.zeros(N_NEW, BINS) + 1e-3)[0]
    assert own < loss(3.0 * style[12:15])[0]
    assert own < loss(style[12:15].flip(1) ** 4)[0]
