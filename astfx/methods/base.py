"""What a style transfer method is: the problem it is given, and its row in the registry."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from astfx.frontends.grid import Grid
from astfx.optim.lbfgs import Minimum, Objective


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One piece of content to stylise: a segment, or a stretch of a long segment.

    The engine renders long audio in segments, and matches at most about ten seconds (a stretch)
    to the style at a time. Time is the first axis of all tensors. They contain log-magnitude
    frames, (frames, bins), or, for a method of the "waveform" domain, samples at an RMS of 0.1,
    (samples,).

    Attributes
    ----------
    grid : Grid
    content : (frames, bins) or (samples,)
        Features of the content.
    start : (frames, bins) or (samples,)
        Initial value of the output: the content, or frames of the output that are known already.
    n_fixed : int
        Number of leading frames of `start` that were already emitted and must not change.
    past : (frames, bins) or None
        Output frames of the previous stretch. They count towards the output's statistics. None
        in the "waveform" domain, where `n_fixed` is 0 as well.
    targets : mapping of str to Tensor
        What the method's `prepare` computed from the style.
    options : Any
        The method's own options, an instance of `Method.options`.
    iterations : int
    seed : int
    callback : callable
        Called as ``callback(iteration, loss)`` after each iteration; True stops.
    """

    grid: Grid
    content: Tensor
    start: Tensor
    n_fixed: int
    past: Tensor | None
    targets: Mapping[str, Tensor]
    options: Any
    iterations: int
    seed: int
    callback: Callable[[int, float], bool]


@dataclass(frozen=True, kw_only=True)
class Method:
    """A row of the registry.

    Attributes
    ----------
    summary, front_end, features, statistics, optimiser, needs, source : str
        Descriptions for `astfx methods` and the docs.
    options : type
        Frozen keyword-only dataclass of the method's own settings, which checks its values.
    iterations : mapping of str to int
        Default number of iterations for each quality.
    context_ms : callable
        ``context_ms(options)``: duration in milliseconds of the longest patch of frames that the
        method compares.
    prepare : callable
        ``prepare(runs, options, grid, seed)``: the style's runs -> named tensors, the targets. A
        run is a sequence of frames (or samples) without a gap. The targets are all that `match`
        needs of the style.
    match : callable
        Problem -> Minimum, whose `x` contains the features of the output.
    check : callable
        ``check(tensors, options, grid)``: raises ValueError unless loaded tensors are what
        `prepare` would make.
    seeded : bool
        Whether prepared targets are only valid for the seed that they were prepared with.
    prepared_options : tuple of str
        Options that `prepare` depends on.
    texture_rounds : mapping of str to tuple of int
        Iterations of each texture round, by quality; no rounds by default. After the match, these
        rounds impose the style's envelope statistics (`astfx.engine.texture_rounds`).
    domain : {"frames", "waveform"}
        What `prepare` and `match` work on: log-magnitude frames, whose phase is found
        afterwards, or the waveform that all channels share.
    weighs_runs : bool
        Whether the method takes a style whose runs have weights, as in blends of presets.
    streams : bool
        Whether the block engines `stream` and `live` work with the method.
    distil : callable or None
        Replaces `prepare` in methods whose preparation takes minutes. It takes the same
        arguments, and a progress callback as the last one.
    phase_iterations : int or None
        Iterations of the default phase method if fewer than usual are enough. None keeps the
        phase method's own number.
    note : callable
        ``note(options)``: what the user must know about a render with these options, or "".
    """

    summary: str
    front_end: str
    features: str
    statistics: str
    optimiser: str
    needs: str
    source: str
    options: type[Any]
    iterations: Mapping[str, int]
    context_ms: Callable[[Any], float]
    prepare: Callable[[Sequence[Tensor], Any, Grid, int], dict[str, Tensor]]
    match: Callable[[Problem], Minimum]
    check: Callable[[Mapping[str, Tensor], Any, Grid], None]
    seeded: bool = False
    prepared_options: tuple[str, ...] = ()
    texture_rounds: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    domain: str = "frames"
    weighs_runs: bool = False
    streams: bool = False
    distil: Callable[..., dict[str, Tensor]] | None = None
    phase_iterations: int | None = None
    note: Callable[[Any], str] = lambda options: ""

    @property
    def works_on_waveforms(self) -> bool:
        """Whether the domain is the waveform, so that no phase has to be found."""
        return self.domain == "waveform"

    def tensors(
        self,
        runs: Sequence[Tensor],
        options: Any,
        grid: Grid,
        seed: int,
        progress: Callable[[float], object] | None = None,
    ) -> dict[str, Tensor]:
        """Compute the targets of a style, by `distil` if the method has one, else by `prepare`."""
        if self.distil is not None:
            return self.distil(runs, options, grid, seed, progress)
        return self.prepare(runs, options, grid, seed)


def check_tensor(tensors: Mapping[str, Tensor], name: str, shape: Sequence[int | None]) -> Tensor:
    """Return a loaded tensor, or raise ValueError if it is missing, misshapen or not finite.

    Parameters
    ----------
    shape : sequence of int or None
        Expected shape. None allows any length of that axis.
    """
    if name not in tensors:
        raise ValueError(f"tensor {name!r} is missing")
    tensor = tensors[name]
    if tensor.ndim != len(shape) or any(
        want is not None and want != have for want, have in zip(shape, tensor.shape, strict=True)
    ):
        raise ValueError(f"tensor {name!r} has shape {tuple(tensor.shape)}, not {tuple(shape)}")
    if not bool(torch.isfinite(tensor).all()):
        raise ValueError(f"tensor {name!r} holds numbers that are not finite")
    return tensor


def hold_fixed(objective: Objective, n_fixed: int) -> Objective:
    """Wrap an objective so that the first `n_fixed` frames do not change."""
    if n_fixed == 0:
        return objective

    def held(x: Tensor) -> tuple[float, Tensor]:
        loss, gradient = objective(x)
        gradient[:n_fixed] = 0.0
        return loss, gradient

    return held
