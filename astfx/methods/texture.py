"""`texture`: McDermott and Simoncelli's sound texture statistics, imposed on the waveform.

This is the "McDermott" system of Grinstein et al. 2018 (document 004 of `astfx.recipes`). It
starts from the content and optimises the waveform itself, without a network and without a content
term. It comes close to the style but loses the rhythm. `gram` imposes most of the same statistics
on envelopes and keeps both.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from astfx.errors import InvalidAudioError, InvalidSettingError
from astfx.features.modulation import (
    ALL_CLASSES,
    ALL_SIZES,
    LEVEL_CLASS,
    WaveformStatistics,
    distance_db,
)
from astfx.frontends.grid import Grid
from astfx.methods.base import Method, Problem, check_tensor
from astfx.methods.optimising import DescentOptions, check_range, set_stage
from astfx.optim.autograd import descend, objective_of
from astfx.optim.lbfgs import Minimum

SHORTEST_SECONDS = 0.5
_WAVEFORM_STARTS = ("content", "noise")
_NOISE_LEVEL = 0.01
_MOST_GAIN_DB = 30.0


@dataclass(frozen=True, kw_only=True)
class TextureOptions(DescentOptions):
    """Options of the `texture` method.

    Attributes
    ----------
    start : {"content", "noise"}
        Initial waveform. With "noise" this is the paper's texture synthesis.
    classes : tuple of str
        Classes of statistics to impose, all nine by default.
    floor : float, 1e-8 to 0.1
        Squared relative error at which a class counts as matched.
    """

    learning_rate: float = 0.001
    classes: tuple[str, ...] = ALL_CLASSES
    floor: float = 1e-3

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.start not in _WAVEFORM_STARTS:
            raise InvalidSettingError(
                f"start={self.start!r} must be one of {', '.join(_WAVEFORM_STARTS)}"
            )
        check_range(self, 1e-8, 0.1, "floor")
        for name in self.classes:
            if name not in ALL_CLASSES:
                raise InvalidSettingError(
                    f"classes={name!r} must be one of {', '.join(ALL_CLASSES)}"
                )


def prepare(
    runs: Sequence[Tensor], options: TextureOptions, grid: Grid, seed: int
) -> dict[str, Tensor]:
    """Compute the style's statistics: the mean over its clips of at least half a second."""
    least = SHORTEST_SECONDS * grid.sample_rate
    found = [
        WaveformStatistics(len(run), grid.sample_rate, run.device)(run)
        for run in runs
        if len(run) >= least
    ]
    if not found:
        longest = max(len(run) for run in runs) / grid.sample_rate
        raise InvalidAudioError(
            f"a style of {longest:.2f} seconds is too short for method 'texture', which needs "
            f"at least {SHORTEST_SECONDS} seconds"
        )
    return {
        name: torch.stack(values).mean(dim=0)
        for name, values in zip(ALL_CLASSES, zip(*found, strict=True), strict=True)
    }


def check(tensors: Mapping[str, Tensor], options: TextureOptions, grid: Grid) -> None:
    """Refuse loaded tensors that `prepare` cannot have made."""
    for name, size in zip(ALL_CLASSES, ALL_SIZES, strict=True):
        if check_tensor(tensors, name, (size,)).dtype != torch.float32:
            raise ValueError(f"tensor {name!r} must be float32")


def match(problem: Problem) -> Minimum:
    """Find the waveform whose statistics are the style's.

    As in the paper's synthesis, each band first gets the style's power. The optimiser then works
    on a waveform that is filtered so that all bands are about equally loud. A step of some
    decibels is therefore equally long in a quiet band and in a loud one.
    """
    options: TextureOptions = problem.options
    n_samples = len(problem.start)
    stage = set_stage(problem, options, [])
    start = _lengthened(stage.start, problem.grid.sample_rate)
    n = len(start)
    statistics = WaveformStatistics(n, problem.grid.sample_rate, start.device)
    wanted_db = problem.targets[LEVEL_CLASS]
    # Silence has no envelope to shape, so some noise of the style's spectrum is added.
    generator = torch.Generator().manual_seed(problem.seed)
    noise = torch.fft.rfft(torch.randn(n, generator=generator).to(start.device))
    spectrum = torch.fft.rfft(start)
    size = float(spectrum.norm())
    spectrum += noise * statistics.coloured(wanted_db) * (_NOISE_LEVEL * size / float(noise.norm()))
    present_db = statistics.levels_db(spectrum)
    gain_db = (wanted_db - present_db).clamp_(-_MOST_GAIN_DB, _MOST_GAIN_DB)
    shape = statistics.coloured(present_db + gain_db).clamp_min(1e-4)
    spectrum *= shape / statistics.coloured(present_db).clamp_min(1e-6)
    spectrum *= size / max(float(spectrum.norm()), 1e-12)

    used = [ALL_CLASSES.index(name) for name in options.classes]
    targets = [problem.targets[name] for name in options.classes]
    offset = -10.0 * math.log10(options.floor)  # the loss of a full match is about zero

    def loss(x: Tensor) -> Tensor:
        found = statistics.of_spectrum(torch.fft.rfft(x) * shape)
        return distance_db([found[i] for i in used], targets, options.floor) + offset

    found = descend(
        objective_of(loss),
        torch.fft.irfft(spectrum / shape, n=n),
        optimiser=options.optimiser,
        learning_rate=options.learning_rate,
        iterations=problem.iterations,
        lower_bound=-math.inf,
        first_step=0.05,
        callback=problem.callback,
    )
    x = torch.fft.irfft(torch.fft.rfft(found.x) * shape, n=n)[:n_samples]
    return Minimum(x=x, losses=found.losses, evaluations=found.evaluations)


def _lengthened(waveform: Tensor, sample_rate: int) -> Tensor:
    """Mirror the end, up to at least half a second and a length with a fast FFT."""
    from scipy import fft

    least = math.ceil(SHORTEST_SECONDS * sample_rate)
    wanted = fft.next_fast_len(max(len(waveform), least), real=True)
    while len(waveform) < wanted:
        part = min(wanted - len(waveform), len(waveform) - 1)
        waveform = functional.pad(waveform[None], (0, part), mode="reflect")[0]
    return waveform


METHOD = Method(
    summary="the statistics of a model of the ear, imposed on the waveform",
    front_end="30 ERB bands of the waveform, envelopes ^0.3 at 400 Hz",
    features="envelopes and their modulation bands",
    statistics="moments, band correlations, modulation power, C1 and C2",
    optimiser="L-BFGS on the waveform",
    needs="seconds",
    source="McDermott & Simoncelli 2011; Grinstein et al. 2018 (document 004)",
    options=TextureOptions,
    iterations={"draft": 30, "standard": 100, "best": 300},
    context_ms=lambda options: 1.0,
    prepare=prepare,
    match=match,
    check=check,
    domain="waveform",
)
