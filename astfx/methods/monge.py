"""`monge`: the closed-form map between two Gaussians, in one step and without a network.

This is the whitening and colouring transform (WCT) of Li et al. 2017 ("Universal style transfer
via feature transforms") in its optimal-transport form. Many linear maps give the content's frames
the style's mean and covariance; the Gaussian Monge map is the one that moves the frames least.
Over 64 mel bands it is applied as a smooth gain for each bin; over all bins it is exact.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from astfx.dsp.linalg import symmetric_root
from astfx.errors import InvalidSettingError
from astfx.frontends.filterbanks import mel_edges_hz, triangles
from astfx.frontends.grid import Grid
from astfx.methods.base import Method, Problem, check_tensor
from astfx.methods.optimising import check_range
from astfx.optim.lbfgs import Minimum

FRONT_ENDS = ("mel", "log")
_FLOOR = 1e-3  # of a mel band, in the magnitude's unit
_MOST_LOG_GAIN = 6.0


@dataclass(frozen=True, kw_only=True)
class MongeOptions:
    """Options of the `monge` method.

    Attributes
    ----------
    front_end : {"mel", "log"}
        "mel" maps log mel bands and applies the result as a gain. "log" maps every bin of the
        log1p STFT.
    bands : int, 8 to 256
        Number of mel bands.
    regularisation : float, 1e-6 to 1
        Added to the diagonals of both covariances, as a share of their mean variance.
    """

    front_end: str = "mel"
    bands: int = 64
    regularisation: float = 0.01

    def __post_init__(self) -> None:
        if self.front_end not in FRONT_ENDS:
            raise InvalidSettingError(
                f"front_end={self.front_end!r} must be one of {', '.join(FRONT_ENDS)}"
            )
        check_range(self, 8, 256, "bands")
        check_range(self, 1e-6, 1.0, "regularisation")


def monge_map(content_covariance: Tensor, style_covariance: Tensor) -> Tensor:
    """Return A = Cc^-1/2 (Cc^1/2 Cs Cc^1/2)^1/2 Cc^-1/2: symmetric, with A Cc A = Cs."""
    root, inverse = symmetric_root(content_covariance)
    middle, _ = symmetric_root(root @ style_covariance @ root)
    return inverse @ middle @ inverse


def moments(frames: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean and covariance of frames in float64, (frames, n) -> (n,), (n, n)."""
    wide = frames.double()
    mean = wide.mean(dim=0)
    moving = wide - mean
    return mean, moving.T @ moving / len(wide)


def _bank(options: MongeOptions, grid: Grid, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return weights from bins to mel bands, and from bands back to bins; (bins, bands) both."""
    nyquist = grid.sample_rate / 2.0
    bin_hz = np.arange(grid.n_fft // 2 + 1) * (grid.sample_rate / grid.n_fft)
    bank = triangles(mel_edges_hz(options.bands, nyquist), bin_hz)
    # Bins below the first centre or above the last take the nearest band alone.
    spread = bank.copy()
    spread[0, : int(bank[0].argmax())] = 1.0
    spread[-1, int(bank[-1].argmax()) :] = 1.0
    spread /= np.maximum(spread.sum(axis=0, keepdims=True), 1e-9)
    pair = (torch.from_numpy(part.T.astype(np.float32)).to(device) for part in (bank, spread))
    return next(pair), next(pair)


def _analysed(frames: Tensor, options: MongeOptions, grid: Grid) -> Tensor:
    if options.front_end == "log":
        return frames
    bank, _ = _bank(options, grid, frames.device)
    return torch.log(torch.expm1(frames) @ bank + _FLOOR)


def prepare(
    runs: Sequence[Tensor], options: MongeOptions, grid: Grid, seed: int
) -> dict[str, Tensor]:
    """Compute the style's mean and covariance."""
    mean, covariance = moments(_analysed(torch.cat(list(runs)), options, grid))
    return {"mean": mean.float(), "covariance": covariance.float()}


def check(tensors: Mapping[str, Tensor], options: MongeOptions, grid: Grid) -> None:
    """Refuse loaded tensors that `prepare` cannot have made."""
    n = options.bands if options.front_end == "mel" else grid.n_fft // 2 + 1
    for name, shape in (("mean", (n,)), ("covariance", (n, n))):
        if check_tensor(tensors, name, shape).dtype != torch.float32:
            raise ValueError(f"tensor {name!r} must be float32")


def match(problem: Problem) -> Minimum:
    """Map the content's frames to the style's mean and covariance."""
    options: MongeOptions = problem.options
    analysed = _analysed(problem.content, options, problem.grid)
    mean, covariance = moments(analysed)
    wanted_mean = problem.targets["mean"].double()
    wanted = problem.targets["covariance"].double()
    for matrix in (covariance, wanted):
        ridge = options.regularisation * float(matrix.diagonal().mean()) + 1e-9
        matrix.diagonal().add_(ridge)
    transport = monge_map(covariance, wanted)
    mapped = (wanted_mean + (analysed.double() - mean) @ transport).float()
    if options.front_end == "log":
        x = mapped.clamp_(min=0.0)
    else:
        _, spread = _bank(options, problem.grid, mapped.device)
        log_gain = ((mapped - analysed) @ spread.T).clamp_(-_MOST_LOG_GAIN, _MOST_LOG_GAIN)
        x = torch.expm1(problem.content).mul_(log_gain.exp_()).log1p_()
    x[: problem.n_fixed] = problem.start[: problem.n_fixed]
    return Minimum(x=x, losses=(), evaluations=0)


METHOD = Method(
    summary="one linear map between Gaussians (WCT), in a fraction of a second",
    front_end="64 mel bands of the STFT, or its log1p",
    features="the frames themselves",
    statistics="mean and covariance",
    optimiser="none: closed form",
    needs="nothing",
    source="Li et al. 2017 (document 000)",
    options=MongeOptions,
    iterations={"draft": 1, "standard": 1, "best": 1},
    context_ms=lambda options: 1.0,
    prepare=prepare,
    match=match,
    check=check,
    prepared_options=("front_end", "bands"),
)
