"""`shallow-cnn`: the classic random-network recipe, as published.

Ulyanov & Lebedev 2016, and the "Shallow" system of Grinstein et al. 2018: one random
convolution over the log-magnitude STFT, Gram matrices, L-BFGS. Slow (about a second an
iteration for ten seconds of audio), and the reference that everything is measured against.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from astfx.errors import InvalidAudioError, InvalidSettingError
from astfx.features.random_conv import RandomConv, RandomConvLoss, gram_matrix
from astfx.methods.base import Grid, Method, Problem, check_tensor, hold_fixed
from astfx.optim import Minimum, minimise

STARTS = ("content", "noise")


@dataclass(frozen=True, kw_only=True)
class ShallowCnnOptions:
    """Options of the `shallow-cnn` method.

    Attributes
    ----------
    filters : int
        Random filters, 1 to 16384.
    kernel_ms : float, milliseconds
        Duration of a filter, 1 to 2000; 255 is 11 frames at the default window.
    content_weight : float
        Alpha of the recipe, 0 to 1000.
    start : {"content", "noise"}
    """

    filters: int = 4096
    kernel_ms: float = 255.0
    content_weight: float = 0.01
    start: str = "content"

    def __post_init__(self) -> None:
        if not 1 <= self.filters <= 16384:
            raise InvalidSettingError(f"filters={self.filters} must lie between 1 and 16384")
        if not 1.0 <= self.kernel_ms <= 2000.0:
            raise InvalidSettingError(
                f"kernel_ms={self.kernel_ms} must lie between 1 and 2000 (milliseconds)"
            )
        if not 0.0 <= self.content_weight <= 1000.0:
            raise InvalidSettingError(
                f"content_weight={self.content_weight} must lie between 0 and 1000"
            )
        if self.start not in STARTS:
            raise InvalidSettingError(f"start={self.start!r} must be one of {', '.join(STARTS)}")


def _conv(
    options: ShallowCnnOptions, grid: Grid, n_bins: int, seed: int, device: torch.device
) -> RandomConv:
    return RandomConv(n_bins, options.filters, grid.frames(options.kernel_ms), seed, device)


def prepare(
    runs: Sequence[Tensor], options: ShallowCnnOptions, grid: Grid, seed: int
) -> dict[str, Tensor]:
    """Gram matrix of the style's features, over all its runs."""
    conv = _conv(options, grid, runs[0].shape[1], seed, runs[0].device)
    long_enough = [run for run in runs if len(run) >= conv.width]
    if not long_enough:
        raise InvalidAudioError(
            f"a style of {max(len(run) for run in runs)} frames is shorter than the filters' "
            f"{conv.width} frames"
        )
    return {"gram": gram_matrix(torch.cat([conv(run) for run in long_enough]))}


def check(tensors: Mapping[str, Tensor], options: ShallowCnnOptions, grid: Grid) -> None:
    """Refuse loaded tensors that `prepare` cannot have made."""
    gram = check_tensor(tensors, "gram", (options.filters, options.filters))
    if gram.dtype != torch.float32:
        raise ValueError("tensor 'gram' must be float32")


def match(problem: Problem) -> Minimum:
    """Find the frames whose Gram matrix is the style's."""
    options: ShallowCnnOptions = problem.options
    device = problem.start.device
    conv = _conv(options, problem.grid, problem.start.shape[1], problem.seed, device)
    start = problem.start
    if options.start == "noise":
        generator = torch.Generator().manual_seed(problem.seed)
        noise = torch.randn(start.shape, generator=generator).abs_().to(device)
        start = start.clone()
        start[problem.n_fixed :] = noise[problem.n_fixed :] * problem.content.std()
    loss = RandomConvLoss(
        conv, problem.targets["gram"], conv(problem.content), options.content_weight
    )
    return minimise(
        hold_fixed(loss, problem.n_fixed),
        start,
        iterations=problem.iterations,
        callback=problem.callback,
    )


METHOD = Method(
    summary="the classic recipe: 4096 random filters",
    front_end="log1p STFT",
    features="one random convolution, 4096 x 255 ms, ReLU",
    statistics="Gram matrix",
    optimiser="L-BFGS, 300 iterations",
    needs="patience, or a GPU",
    source="Ulyanov & Lebedev 2016; Grinstein et al. 2018",
    options=ShallowCnnOptions,
    iterations={"draft": 300, "standard": 300, "best": 300},
    context_ms=lambda options: options.kernel_ms,
    prepare=prepare,
    match=match,
    check=check,
    seeded=True,
    prepared_options=("filters", "kernel_ms"),
)
