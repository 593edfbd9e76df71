"""What methods that optimise share: initial value, optimiser, and kept runs of the style.

The source documents (`astfx.recipes`) start from the content, from noise, from the style, or
from silence followed by the style ("frameshift", document 003). In a frameshift, x is as long as
content and style together. It starts with silence of the content's length, and the part that the
optimiser grows there is the output.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from astfx.errors import InvalidSettingError
from astfx.frontends.grid import Grid
from astfx.methods.base import Problem, check_tensor, hold_fixed
from astfx.optim.autograd import check_optimiser, descend
from astfx.optim.lbfgs import Minimum, Objective

STARTS = ("content", "noise", "style", "frameshift")


@dataclass(frozen=True, kw_only=True)
class DescentOptions:
    """Options of methods that optimise.

    Attributes
    ----------
    start : {"content", "noise", "style", "frameshift"}
        Initial value of the optimisation.
    noise_level : float, 0 to 10
        Standard deviation of the noise for start="noise", relative to that of the content.
    optimiser : {"lbfgs", "adam"}
    learning_rate : float, 1e-6 to 10
        Learning rate of Adam.
    """

    start: str = "content"
    noise_level: float = 1.0
    optimiser: str = "lbfgs"
    learning_rate: float = 0.05

    def __post_init__(self) -> None:
        if self.start not in STARTS:
            raise InvalidSettingError(f"start={self.start!r} must be one of {', '.join(STARTS)}")
        check_range(self, 0.0, 10.0, "noise_level")
        check_optimiser(self.optimiser, self.learning_rate)


def check_range(options: object, low: float, high: float, *names: str) -> None:
    """Raise InvalidSettingError if a named option, or one of its values, is out of range."""
    for name in names:
        value = getattr(options, name)
        values = value if isinstance(value, tuple) else (value,)
        for one in values:
            if not low <= one <= high:
                raise InvalidSettingError(f"{name}={one} must lie between {low:g} and {high:g}")


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A problem with the initial value that the `start` option asks for.

    Time is the first axis of all tensors.

    Attributes
    ----------
    start, content : Tensor
        Initial value and content, of equal length: that of the problem, or longer for the
        frameshift start.
    style : list of Tensor
        Runs of the style (sequences of frames or samples without a gap) whose statistics are the
        target.
    problem : Problem
    options : DescentOptions
    """

    start: Tensor
    content: Tensor
    style: list[Tensor]
    problem: Problem
    options: DescentOptions

    def solve(
        self, objective: Objective, *, lower_bound: float = 0.0, first_step: float = 0.3
    ) -> Minimum:
        """Minimise an objective and return the part of x that is the output."""
        problem, options = self.problem, self.options
        found = descend(
            hold_fixed(objective, problem.n_fixed),
            self.start,
            optimiser=options.optimiser,
            learning_rate=options.learning_rate,
            iterations=problem.iterations,
            lower_bound=lower_bound,
            first_step=first_step,
            callback=problem.callback,
        )
        x = found.x[: len(problem.start)]
        return Minimum(x=x, losses=found.losses, evaluations=found.evaluations)


def set_stage(problem: Problem, options: DescentOptions, style: Sequence[Tensor]) -> Stage:
    """Build the initial value that `options.start` asks for.

    Parameters
    ----------
    style : sequence of Tensor
        The style's runs. The starts "style" and "frameshift" use them.
    """
    start, content, runs = problem.start.clone(), problem.content, list(style)
    n = len(start)
    if options.start == "noise":
        generator = torch.Generator().manual_seed(problem.seed)
        noise = torch.randn(start.shape, generator=generator)
        if start.ndim > 1:
            noise = noise.abs()  # magnitudes are not negative
        start = noise.to(start.device) * (content.std() * options.noise_level)
    elif options.start == "style":
        whole = torch.cat(runs)
        start = whole.repeat(-(-n // len(whole)), *[1] * (whole.ndim - 1))[:n].clone()
    elif options.start == "frameshift":
        whole = torch.cat(runs)
        runs = [torch.cat([torch.zeros_like(content), whole])]
        start = runs[0].clone()
        if start.ndim == 1:
            # ReLUs pass no gradient to digital silence, so noise at -60 dB is added.
            generator = torch.Generator().manual_seed(problem.seed)
            trace = torch.randn(n, generator=generator).to(start.device)
            start[:n] = trace * (1e-3 * content.std())
        content = torch.cat([content, torch.zeros_like(whole)])
    start[: problem.n_fixed] = problem.start[: problem.n_fixed]
    return Stage(start=start, content=content, style=runs, problem=problem, options=options)


def keep_runs(runs: Sequence[Tensor], options: object, grid: Grid, seed: int) -> dict[str, Tensor]:
    """Prepare a style for methods that need its frames or samples themselves."""
    return {
        "frames": torch.cat(list(runs)),
        "run_lengths": torch.tensor([len(run) for run in runs]),
    }


def kept_runs(targets: Mapping[str, Tensor]) -> list[Tensor]:
    """Return the runs that `keep_runs` kept."""
    return list(torch.split(targets["frames"], targets["run_lengths"].tolist()))


def check_runs(tensors: Mapping[str, Tensor], n_bins: int | None, least: int = 1) -> None:
    """Raise ValueError unless loaded tensors are what `keep_runs` makes.

    Parameters
    ----------
    n_bins : int or None
        Bins of each frame; None for waveforms.
    least : int
        Length that at least one run must have, in frames or samples.
    """
    if not all(tensors[name].numel() for name in ("frames", "run_lengths") if name in tensors):
        raise ValueError("tensors 'frames' and 'run_lengths' must not be empty")
    frames = check_tensor(tensors, "frames", (None,) if n_bins is None else (None, n_bins))
    lengths = check_tensor(tensors, "run_lengths", (None,))
    if frames.dtype != torch.float32 or lengths.dtype != torch.int64:
        raise ValueError("tensors 'frames' and 'run_lengths' must be float32 and int64")
    if n_bins is not None and float(frames.min()) < 0.0:
        raise ValueError("tensor 'frames' holds negative magnitudes")
    if int(lengths.sum()) != len(frames) or int(lengths.min()) < 1:
        raise ValueError("tensor 'run_lengths' does not add up to the frames")
    if int(lengths.max()) < least:
        raise ValueError(f"tensor 'frames' has no run of {least} or more")


def check_spectra(tensors: Mapping[str, Tensor], options: object, grid: Grid) -> None:
    """Check the tensors of frame methods that keep the style's runs."""
    check_runs(tensors, grid.n_fft // 2 + 1)


def check_waveforms(tensors: Mapping[str, Tensor], options: object, grid: Grid) -> None:
    """Check the tensors of waveform methods that keep the style's runs."""
    check_runs(tensors, None)
