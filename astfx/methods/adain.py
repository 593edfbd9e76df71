"""`adain`: every bin gets the style's mean and standard deviation.

Adaptive instance normalisation (Huang & Belongie 2017, "Arbitrary style transfer in
real-time with adaptive instance normalization") on log-magnitude frames, with the bins as
channels.
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
class AdainOptions:
    """Options of the `adain` method.

    Attributes
    ----------
    most_gain : float, 1 to 1000
        Largest factor by which a bin's standard deviation is raised. Without it, bins that hardly
        move in the content would become noise.
    """

    most_gain: float = 20.0

    def __post_init__(self) -> None:
        check_range(self, 1.0, 1000.0, "most_gain")


def prepare(
    runs: Sequence[Tensor], options: AdainOptions, grid: Grid, seed: int
) -> dict[str, Tensor]:
    """Compute the style's mean and standard deviation of every bin."""
    frames = torch.cat(list(runs))
    return {"mean": frames.mean(dim=0), "deviation": frames.std(dim=0, correction=0)}


def check(tensors: Mapping[str, Tensor], options: AdainOptions, grid: Grid) -> None:
    """Refuse loaded tensors that `prepare` cannot have made."""
    for name in ("mean", "deviation"):
        if check_tensor(tensors, name, (grid.n_fft // 2 + 1,)).dtype != torch.float32:
            raise ValueError(f"tensor {name!r} must be float32")


def match(problem: Problem) -> Minimum:
    """Give every bin of the content the style's mean and standard deviation."""
    content = problem.content
    mean, deviation = content.mean(dim=0), content.std(dim=0, correction=0)
    gain = (problem.targets["deviation"] / deviation.clamp_min(1e-9)).clamp_max(
        problem.options.most_gain
    )
    x = (problem.targets["mean"] + (content - mean) * gain).clamp_(min=0.0)
    x[: problem.n_fixed] = problem.start[: problem.n_fixed]
    return Minimum(x=x, losses=(), evaluations=0)


METHOD = Method(
    summary="every bin gets the style's mean and standard deviation",
    front_end="log1p STFT",
    features="the frames themselves",
    statistics="mean and standard deviation of each bin",
    optimiser="none: closed form",
    needs="nothing",
    source="Huang & Belongie 2017 (document 000)",
    options=AdainOptions,
    iterations={"draft": 1, "standard": 1, "best": 1},
    context_ms=lambda options: 1.0,
    prepare=prepare,
    match=match,
    check=check,
)
