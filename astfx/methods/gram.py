"""`gram`: the Gram matrix loss of infinitely many random filters, minimised over log magnitudes.

The loss has a closed form (`astfx.features.arc_cosine`) and is averaged over several kernel widths.
No filters are drawn, and one evaluation costs a small part of that of a network of random filters.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from astfx.errors import InvalidSettingError
from astfx.features.arc_cosine import ArcCosineContentLoss, ArcCosineLoss, make_references
from astfx.features.pooling import PooledBins
from astfx.features.texture_loss import TextureWeights
from astfx.frontends.grid import Grid
from astfx.methods.base import Method, Problem, hold_fixed
from astfx.methods.optimising import check_runs, keep_runs
from astfx.optim.lbfgs import Minimum, Objective, minimise
from astfx.runtime.device import pool_on

_MEMORY = 6  # steps that L-BFGS remembers
_BEST_ROUNDS = (
    *(23, 21, 20, 18, 17, 15, 14, 13, 12, 11, 10, 9, 8),
    *(8, 7, 6, 6, 5, 5, 5, 4, 4, 3, 3, 3),
)


@dataclass(frozen=True, kw_only=True)
class GramOptions:
    """Options of the `gram` method.

    Attributes
    ----------
    kernel_ms : tuple of float, milliseconds
        Durations of the patches that are compared: one to eight values of 1 to 2000.
    bias : float, 0 to 100
        Variance of the random filters' bias, relative to that of an average patch. A bias lets
        the loss distinguish an even level from a few loud frames.
    headroom : float, 1 to 1000
        No bin of the output exceeds this times its largest log magnitude in the style.
    level_weight : float, 0 to 1000
        Weight of the squared difference of level between output and style, in nepers. Without
        it, a match may lie at another level than the style, and `log1p` depends on the level: at
        the style's level, the output's statistics are then others.
    content_weight : float, 0 to 1000
        Weight of the distance from the content. 0.1 is clearly audible.
    contour_weight, onset_weight : float, 0 to 1000
        Weights of the content in the texture rounds, which impose envelope statistics after the
        match. They are the decibels of texture distance that a complete loss of the content's
        band contour, or of its onsets, counts as much as. At less strength they count more, up to
        twice as much.
    """

    kernel_ms: tuple[float, ...] = (23.0, 116.0, 255.0)
    bias: float = 0.5
    headroom: float = 1.1
    level_weight: float = 0.02
    content_weight: float = 0.0
    contour_weight: float = TextureWeights.contour
    onset_weight: float = TextureWeights.onset

    def __post_init__(self) -> None:
        if not 1 <= len(self.kernel_ms) <= 8:
            raise InvalidSettingError(
                f"kernel_ms={self.kernel_ms} must name one to eight durations"
            )
        for duration in self.kernel_ms:
            if not 1.0 <= duration <= 2000.0:
                raise InvalidSettingError(
                    f"kernel_ms={duration} must lie between 1 and 2000 (milliseconds)"
                )
        if not 0.0 <= self.bias <= 100.0:
            raise InvalidSettingError(f"bias={self.bias} must lie between 0 and 100")
        if not 1.0 <= self.headroom <= 1000.0:
            raise InvalidSettingError(f"headroom={self.headroom} must lie between 1 and 1000")
        for name in ("level_weight", "content_weight", "contour_weight", "onset_weight"):
            if not 0.0 <= getattr(self, name) <= 1000.0:
                raise InvalidSettingError(
                    f"{name}={getattr(self, name)} must lie between 0 and 1000"
                )


def kernel_widths(options: GramOptions, grid: Grid) -> tuple[int, ...]:
    """Return the kernel durations in whole frames, sorted, each width once."""
    return tuple(sorted({grid.frames(duration) for duration in options.kernel_ms}))


def check(tensors: Mapping[str, Tensor], options: GramOptions, grid: Grid) -> None:
    """Refuse loaded tensors that `keep_runs` cannot have made."""
    check_runs(tensors, grid.n_fft // 2 + 1, max(kernel_widths(options, grid)))


def style_groups(
    targets: Mapping[str, Tensor], runs: Sequence[Tensor]
) -> list[tuple[Sequence[Tensor], float]]:
    """Group a style's runs by signed weight: one group with -1, or the weights of a blend."""
    if "run_weights" not in targets:
        return [(runs, -1.0)]
    weights = targets["run_weights"].tolist()
    return [([run], -weight) for run, weight in zip(runs, weights, strict=True)]


def mean_power(groups: Sequence[tuple[Sequence[Tensor], float]], sizes: Tensor) -> float:
    """Mean over a style's frames of their summed squared magnitudes, by its groups' weights."""
    total = sum(mass for _, mass in groups)
    powers = [float(_power(torch.cat(list(runs)), sizes)) for runs, _ in groups]
    return sum(p * mass for p, (_, mass) in zip(powers, groups, strict=True)) / total


def _power(pooled: Tensor, sizes: Tensor) -> Tensor:
    """Mean over frames of their summed squared magnitudes."""
    return torch.expm1(pooled / sizes.sqrt()).square().mean(dim=0) @ sizes


class LevelLoss:
    """Squared difference between the level of log-magnitude frames and a given one, in nepers.

    Parameters
    ----------
    power : float
        Sum over bins of the mean squared magnitude wanted, > 0.
    sizes : (groups,)
        Number of bins in each group of bins (`astfx.features.pooling`).
    """

    def __init__(self, power: float, sizes: Tensor) -> None:
        self._power, self._sizes = power, sizes
        self._roots = sizes.sqrt()

    def __call__(self, x: Tensor) -> tuple[float, Tensor]:
        """Loss and gradient at x, (frames, groups) -> (float, (frames, groups))."""
        magnitude = (x / self._roots).expm1_()
        square = magnitude.square()
        power = float(square.mean(dim=0) @ self._sizes) + 1e-12
        excess = 0.5 * math.log(power / self._power)
        slope = square.add_(magnitude)  # half the derivative of the square
        return excess**2, slope.mul_(self._roots * (2.0 * excess / (power * len(x))))


def match(problem: Problem) -> Minimum:
    """Find the frames whose statistics are the style's.

    The search works on groups of bins, and changes all bins of a group alike.
    """
    bins = PooledBins(problem.grid)
    sizes = bins.sizes.to(problem.start)
    widths = kernel_widths(problem.options, problem.grid)
    frames = problem.targets["frames"]
    runs = torch.split(bins.pool(frames), problem.targets["run_lengths"].tolist())
    style = style_groups(problem.targets, runs)
    references = make_references(style, widths, bias=problem.options.bias)
    mass = 1.0
    if problem.past is not None and len(problem.past) >= max(widths):
        n_new = len(problem.start) - problem.n_fixed
        mass = n_new / (n_new + len(problem.past))
        groups = [*style, ([bins.pool(problem.past)], 1.0 - mass)]
        references = make_references(groups, widths, like=references)
    terms: list[tuple[float, Objective]] = []
    if problem.options.level_weight > 0.0:
        level = LevelLoss(mean_power(style, sizes), sizes)
        terms.append((problem.options.level_weight, level))
    if problem.options.content_weight > 0.0:
        content = ArcCosineContentLoss(bins.pool(problem.content))
        terms.append((problem.options.content_weight, content))
    most = frames.amax(dim=0, keepdim=True) * problem.options.headroom
    start = bins.pool(problem.start)
    with pool_on(start.device) as pool:
        style_loss = ArcCosineLoss(references, widths, mass, pool)

        def objective(x: Tensor) -> tuple[float, Tensor]:
            total, gradient = style_loss(x)
            for weight, term in terms:
                loss, pull = term(x)
                total += weight * loss
                gradient.add_(pull, alpha=weight)
            return total, gradient

        found = minimise(
            hold_fixed(objective, problem.n_fixed),
            start,
            iterations=problem.iterations,
            memory=_MEMORY,
            upper_bound=bins.pool(most)[0],
            callback=problem.callback,
        )
    x = bins.spread(found.x - start).add_(problem.start)
    x[problem.n_fixed :].clamp_(min=torch.zeros_like(most), max=most)
    return replace(found, x=x)


METHOD = Method(
    summary="the style loss of infinitely many random filters, in closed form: the default",
    front_end="log1p STFT",
    features="infinitely many random filters, several widths",
    statistics="Gram matrices, as a squared MMD",
    optimiser="L-BFGS from the content",
    needs="nothing",
    source="Ulyanov & Lebedev 2016; Cho & Saul 2009; docs/design/engine.md",
    options=GramOptions,
    iterations={"draft": 16, "standard": 12, "best": 12},
    context_ms=lambda options: max(options.kernel_ms),
    prepare=keep_runs,
    match=match,
    check=check,
    texture_rounds={
        "standard": (21, 17, 14, 12, 10, 8, 7, 6, 5, 4, 3, 3, 2),
        "best": _BEST_ROUNDS,
    },
    weighs_runs=True,
    streams=True,
)
