"""`histogram`: every bin gets the style's distribution of levels.

This is histogram matching of each channel, as used in the baselines of Deep Photo Style Transfer
and by Risser et al. 2017 ("Stable and controllable neural texture synthesis and style transfer
using histogram losses"). Here it works on log-magnitude frames, with the bins as channels. In
every bin, the loudest frame of the content gets the loudest level of the style, and so on down.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from astfx.frontends.grid import Grid
from astfx.methods.base import Method, Problem, check_tensor
from astfx.methods.optimising import check_range
from astfx.optim.lbfgs import Minimum


@dataclass(frozen=True, kw_only=True)
class HistogramOptions:
    """Options of the `histogram` method.

    Attributes
    ----------
    quantiles : int, 2 to 4096
        Number of levels that are kept for each bin.
    """

    quantiles: int = 512

    def __post_init__(self) -> None:
        check_range(self, 2, 4096, "quantiles")


def _interpolated(levels: Tensor, position: Tensor) -> Tensor:
    """Interpolate sorted columns at fractional rows, (rows, bins) and (n, bins) -> (n, bins)."""
    below = position.floor().clamp_(0, len(levels) - 1).long()
    above = (below + 1).clamp_(max=len(levels) - 1)
    return torch.lerp(levels.gather(0, below), levels.gather(0, above), position - below)


def prepare(
    runs: Sequence[Tensor], options: HistogramOptions, grid: Grid, seed: int
) -> dict[str, Tensor]:
    """Compute quantiles of every bin, evenly spaced from the smallest to the largest level."""
    levels = torch.cat(list(runs)).sort(dim=0).values
    row = torch.linspace(0.0, len(levels) - 1.0, options.quantiles, device=levels.device)
    return {"levels": _interpolated(levels, row[:, None].expand(-1, levels.shape[1]))}


def check(tensors: Mapping[str, Tensor], options: HistogramOptions, grid: Grid) -> None:
    """Refuse loaded tensors that `prepare` cannot have made."""
    levels = check_tensor(tensors, "levels", (options.quantiles, grid.n_fft // 2 + 1))
    if levels.dtype != torch.float32:
        raise ValueError("tensor 'levels' must be float32")
    if float(levels.min()) < 0.0 or bool((levels[1:] < levels[:-1]).any()):
        raise ValueError("tensor 'levels' must hold rising magnitudes")


def match(problem: Problem) -> Minimum:
    """Replace every level by the style's level of the same rank."""
    content, levels = problem.content, problem.targets["levels"]
    rank = content.argsort(dim=0, stable=True).argsort(dim=0)
    position = rank * ((len(levels) - 1) / max(len(content) - 1, 1))
    x = _interpolated(levels, position)
    x[: problem.n_fixed] = problem.start[: problem.n_fixed]
    return Minimum(x=x, losses=(), evaluations=0)


METHOD = Method(
    summary="every bin gets the style's distribution of levels",
    front_end="log1p STFT",
    features="the frames themselves",
    statistics="histogram of each bin",
    optimiser="none: closed form",
    needs="nothing",
    source="Risser et al. 2017 (document 000)",
    options=HistogramOptions,
    iterations={"draft": 1, "standard": 1, "best": 1},
    context_ms=lambda options: 1.0,
    prepare=prepare,
    match=match,
    check=check,
    prepared_options=("quantiles",),
)
