"""`shallow-cnn`: the classic recipe of one random convolution, as published.

This is the recipe of Ulyanov & Lebedev 2016, and the "Shallow" system of Grinstein et al. 2018:
one random convolution over the log-magnitude STFT, Gram matrices, L-BFGS. It takes about a second
per iteration for ten seconds of audio. It is the reference for everything else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from astfx.errors import InvalidAudioError, InvalidSettingError
from astfx.features.random_conv import RandomConv, RandomConvLoss, gram_matrix
from astfx.frontends.filterbanks import Picture, check_front_end
from astfx.frontends.grid import Grid
from astfx.methods.base import Method, Problem, check_tensor
from astfx.methods.optimising import (
    DescentOptions,
    check_runs,
    keep_runs,
    kept_runs,
    set_stage,
)
from astfx.optim.lbfgs import Minimum, Objective

STYLE_STARTS = ("style", "frameshift")


@dataclass(frozen=True, kw_only=True)
class ShallowCnnOptions(DescentOptions):
    """Options of the `shallow-cnn` method, besides those of `DescentOptions`.

    Attributes
    ----------
    filters : int, 1 to 16384
        Number of random filters.
    kernel_ms : float, milliseconds, 1 to 2000
        Duration of a filter; 255 is 11 frames at the default window.
    content_weight : float, 0 to 1000
        Alpha of the recipe.
    front_end : {"log", "linear", "mel-db", "cqt"}
        Spectrogram that the filters are applied to. Gradients pass through it to the log
        magnitudes.
    """

    filters: int = 4096
    kernel_ms: float = 255.0
    content_weight: float = 0.01
    front_end: str = "log"

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
        super().__post_init__()
        check_front_end(self.front_end)


def _conv(
    options: ShallowCnnOptions, grid: Grid, n_bins: int, seed: int, device: torch.device
) -> RandomConv:
    return RandomConv(n_bins, options.filters, grid.frames(options.kernel_ms), seed, device)


def _picture(options: ShallowCnnOptions, grid: Grid, device: torch.device) -> Picture:
    return Picture(
        front_end=options.front_end,
        n_bands=None,
        sample_rate=grid.sample_rate,
        n_fft=grid.n_fft,
        device=device,
    )


def prepare(
    runs: Sequence[Tensor], options: ShallowCnnOptions, grid: Grid, seed: int
) -> dict[str, Tensor]:
    """Compute the Gram matrix of the style's features over all its runs (frames without a gap)."""
    picture = _picture(options, grid, runs[0].device)
    seen = [picture(run) for run in runs]
    conv = _conv(options, grid, seen[0].shape[1], seed, runs[0].device)
    long_enough = [run for run in seen if len(run) >= conv.width]
    if not long_enough:
        raise InvalidAudioError(
            f"a style of {max(len(run) for run in runs)} frames is shorter than the filters' "
            f"{conv.width} frames"
        )
    tensors = {"gram": gram_matrix(torch.cat([conv(run) for run in long_enough]))}
    if options.start in STYLE_STARTS:
        tensors.update(keep_runs(runs, options, grid, seed))
    return tensors


def check(tensors: Mapping[str, Tensor], options: ShallowCnnOptions, grid: Grid) -> None:
    """Refuse loaded tensors that `prepare` cannot have made."""
    gram = check_tensor(tensors, "gram", (options.filters, options.filters))
    if gram.dtype != torch.float32:
        raise ValueError("tensor 'gram' must be float32")
    if options.start in STYLE_STARTS:
        check_runs(tensors, grid.n_fft // 2 + 1)


def match(problem: Problem) -> Minimum:
    """Find the frames whose Gram matrix is the style's."""
    options: ShallowCnnOptions = problem.options
    device = problem.start.device
    picture = _picture(options, problem.grid, device)
    style = kept_runs(problem.targets) if options.start in STYLE_STARTS else []
    stage = set_stage(problem, options, style)
    content = picture(stage.content)
    conv = _conv(options, problem.grid, content.shape[1], problem.seed, device)
    gram = problem.targets["gram"]
    if options.start == "frameshift":
        gram = gram_matrix(conv(picture(stage.style[0])))
    loss = RandomConvLoss(conv, gram, conv(content), options.content_weight)
    return stage.solve(loss if options.front_end == "log" else _through_picture(picture, loss))


def _through_picture(picture: Picture, loss: Objective) -> Objective:
    """Turn an objective of the front end's output into one of log-magnitude frames."""

    def objective(x: Tensor) -> tuple[float, Tensor]:
        leaf = x.detach().requires_grad_()
        with torch.enable_grad():
            seen = picture(leaf)
        value, gradient = loss(seen.detach())
        return value, torch.autograd.grad(seen, leaf, gradient)[0].contiguous()

    return objective


METHOD = Method(
    summary="the classic recipe: 4096 random filters",
    front_end="log1p STFT",
    features="one random convolution, 4096 x 255 ms, ReLU",
    statistics="Gram matrix",
    optimiser="L-BFGS, 300 iterations",
    needs="minutes, or a GPU",
    source="Ulyanov & Lebedev 2016; Grinstein et al. 2018 (documents 000, 001, 004)",
    options=ShallowCnnOptions,
    iterations={"draft": 300, "standard": 300, "best": 300},
    context_ms=lambda options: options.kernel_ms,
    prepare=prepare,
    match=match,
    check=check,
    seeded=True,
    prepared_options=("filters", "kernel_ms", "front_end"),
)
