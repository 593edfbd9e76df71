"""What a style transfer method is: one row of the registry, one file of code."""

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
    """One segment to stylise, or a stretch of a long one.

    Time runs along the first axis: frames of log magnitude, (frames, bins), or for a method
    of the "waveform" domain samples at an RMS of 0.1, (samples,).

    Attributes
    ----------
    grid : Grid
    content : (frames, bins) or (samples,)
        Features of the content.
    start : (frames, bins) or (samples,)
        Where to start from: the content, or what is already known of the output.
    n_fixed : int
        Leading frames of `start` that were already emitted and must stay.
    past : (frames, bins) or None
        Frames of the one before: they count towards the output's statistics. None
        in the "waveform" domain, where `n_fixed` is 0 as well.
    targets : mapping of str to Tensor
        What the method's `prepare` made of the style.
    options : Any
        The method's own options, an instance of its `Options`.
    iterations : int
    seed : int
    callback : callable
        ``callback(iteration, loss)`` after each iteration; True stops.
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
        What `astfx methods` and the docs say of it.
    options : type
        Frozen keyword-only dataclass of the method's own settings, validated when made.
    iterations : mapping of str to int
        How many by default, for each quality.
    context_ms : callable
        ``context_ms(options)``: how far in time the method looks around a frame.
    prepare : callable
        ``prepare(runs, options, grid, seed)``: the style's runs of frames -> named tensors,
        enough to stylise without the style.
    match : callable
        Problem -> Minimum: the features of the output.
    check : callable
        ``check(tensors, options, grid)``: raises ValueError unless loaded tensors are what
        `prepare` would make.
    seeded : bool
        Whether what `prepare` makes fits that seed only.
    prepared_options : tuple of str
        Options that `prepare` depends on.
    texture_rounds : mapping of str to int
        How many rounds of texture statistics follow, for each quality; none by default.
    domain : {"frames", "waveform"}
        What `prepare` and `match` work on: log-magnitude frames, whose phase is found
        afterwards, or the waveform of all channels together.
    weighs_runs : bool
        Whether it takes a style whose runs have weights, as blends of presets have.
    streams : bool
        Whether the block engines `stream` and `live` work with it.
    distil : callable or None
        `prepare` with a progress callback behind, for methods that take minutes.
    phase_iterations : int or None
        Of the default phase method, where fewer do; None is that method's own number.
    note : callable
        ``note(options)``: what the user must know of a render with these options, or "".
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
    texture_rounds: Mapping[str, int] = field(default_factory=dict)
    domain: str = "frames"
    weighs_runs: bool = False
    streams: bool = False
    distil: Callable[..., dict[str, Tensor]] | None = None
    phase_iterations: int | None = None
    note: Callable[[Any], str] = lambda options: ""

    @property
    def works_on_waveforms(self) -> bool:
        """Whether its domain is the waveform: no phase is looked for then."""
        return self.domain == "waveform"

    def tensors(
        self,
        runs: Sequence[Tensor],
        options: Any,
        grid: Grid,
        seed: int,
        progress: Callable[[float], object] | None = None,
    ) -> dict[str, Tensor]:
        """What the method keeps of a style: by `distil` where it has one, else by `prepare`."""
        if self.distil is not None:
            return self.distil(runs, options, grid, seed, progress)
        return self.prepare(runs, options, grid, seed)


def check_tensor(tensors: Mapping[str, Tensor], name: str, shape: Sequence[int | None]) -> Tensor:
    """Return a loaded tensor, or raise ValueError if it is missing, misshapen or not finite.

    Parameters
    ----------
    shape : sequence of int or None
        None leaves a length free.
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
    """Keep the first `n_fixed` frames where they are."""
    if n_fixed == 0:
        return objective

    def held(x: Tensor) -> tuple[float, Tensor]:
        loss, gradient = objective(x)
        gradient[:n_fixed] = 0.0
        return loss, gradient

    return held
