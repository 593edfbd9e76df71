"""Griffin-Lim, classic and fast: alternate between the magnitude and consistency.

Griffin & Lim 1984 (LSEE-MSTFTM); Perraudin, Balazs & Søndergaard 2013, "A fast
Griffin-Lim algorithm", adds momentum.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from astfx.frontends.stft import Stft
from astfx.phase.base import PhaseProblem, channel_phasors, shared_phasor, unit_phasor

FAST_MOMENTUM = 0.99


def refine(
    start: Tensor,
    magnitude: Tensor,
    fixed: Tensor,
    stft: Stft,
    *,
    n_iter: int,
    momentum: float,
) -> Tensor:
    """Make a spectrogram more consistent, keeping its magnitude.

    Parameters
    ----------
    start : (channels, frames, bins) complex64
    magnitude : (channels, frames, bins) float32
    fixed : (channels, n_fixed, bins) complex64
        Leading frames that stay as they are.
    stft : Stft
    n_iter : int
        0 returns the start.
    momentum : float
        0 is the classic algorithm, 0.99 the fast one.

    Returns
    -------
    (channels, frames, bins) complex64
        With exactly the given magnitude.

    References
    ----------
    Griffin & Lim, IEEE TASSP 32(2), 1984; Perraudin et al., WASPAA 2013.
    """
    n_fixed = fixed.shape[1]
    spectrogram = start
    previous: Tensor | None = None
    for _ in range(n_iter):
        spectrogram = unit_phasor(spectrogram).mul_(magnitude)
        spectrogram[:, :n_fixed] = fixed
        consistent = stft.forward(stft.inverse(spectrogram))
        if momentum > 0.0 and previous is not None:
            spectrogram = consistent + (consistent - previous).mul_(momentum)
        else:
            spectrogram = consistent
        previous = consistent
    result = unit_phasor(spectrogram).mul_(magnitude)
    result[:, :n_fixed] = fixed
    return result


def _from_random(problem: PhaseProblem, momentum: float) -> Tensor:
    """Start every channel from one random phase, set apart as in the content."""
    _, apart = channel_phasors(problem.content)
    n_fixed = problem.fixed.shape[1]
    angle = problem.rng.random(tuple(problem.magnitude.shape[1:]), dtype=np.float32)
    turns = torch.from_numpy(angle).to(problem.magnitude.device)
    shared = torch.polar(torch.ones_like(turns), turns * (2.0 * torch.pi))
    if n_fixed:
        shared[:n_fixed] = shared_phasor(problem.fixed, apart[:, :n_fixed])
    return refine(
        shared * apart,
        problem.magnitude,
        problem.fixed,
        problem.stft,
        n_iter=problem.n_iter,
        momentum=momentum,
    )


def griffin_lim(problem: PhaseProblem) -> Tensor:
    """Classic Griffin-Lim from a random phase."""
    return _from_random(problem, 0.0)


def fast_griffin_lim(problem: PhaseProblem) -> Tensor:
    """Fast Griffin-Lim (momentum 0.99) from a random phase."""
    return _from_random(problem, FAST_MOMENTUM)
