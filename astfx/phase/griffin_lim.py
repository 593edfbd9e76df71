"""Griffin-Lim and fast Griffin-Lim phase reconstruction.

The algorithm alternates between two projections. One imposes the requested magnitude. The
other makes the spectrogram consistent, that is, the STFT of a signal. Griffin & Lim 1984 give
two forms of the second: LSEE-MSTFTM takes the signal nearest to the spectrogram (least
squares), OA-MSTFTM takes the plain overlap-add of its frames. Perraudin, Balazs & Søndergaard
2013, "A fast Griffin-Lim algorithm", add momentum to LSEE-MSTFTM.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from astfx.dsp.phasors import with_magnitude
from astfx.frontends.stft import Stft
from astfx.phase.base import PhaseProblem

FAST_MOMENTUM = 0.99


def refine(
    start: Tensor,
    magnitude: Tensor,
    fixed: Tensor,
    stft: Stft,
    *,
    n_iter: int,
    momentum: float,
    least_squares: bool = True,
) -> Tensor:
    """Make a spectrogram more consistent by Griffin-Lim iterations, at a given magnitude.

    Parameters
    ----------
    start : (..., frames, bins) complex64
    magnitude : (..., frames, bins) float32
    fixed : (..., n_fixed, bins) complex64
        Leading frames that do not change.
    stft : Stft
    n_iter : int
        0 returns the start.
    momentum : float
        0 is the classic algorithm, 0.99 the fast one.
    least_squares : bool
        True is LSEE-MSTFTM, False is OA-MSTFTM.

    Returns
    -------
    (..., frames, bins) complex64
        It has exactly the given magnitude, and the fixed frames.

    References
    ----------
    Griffin & Lim, IEEE TASSP 32(2), 1984; Perraudin et al., WASPAA 2013.
    """
    n_fixed = fixed.shape[-2]
    inverse = stft.inverse if least_squares else stft.inverse_unweighted
    result = with_magnitude(start, magnitude)
    previous: Tensor | None = None
    for _ in range(n_iter):
        result[..., :n_fixed, :] = fixed
        consistent = stft.forward(inverse(result))
        result = with_magnitude(consistent, magnitude, previous, momentum)
        previous = consistent
    result[..., :n_fixed, :] = fixed
    return result


def _from_random(problem: PhaseProblem, momentum: float, *, least_squares: bool = True) -> Tensor:
    angle = problem.rng.random(tuple(problem.magnitude.shape), dtype=np.float32)
    turns = torch.from_numpy(angle).to(problem.magnitude.device)
    return refine(
        torch.polar(torch.ones_like(turns), turns * (2.0 * torch.pi)),
        problem.magnitude,
        problem.fixed,
        problem.stft,
        n_iter=problem.n_iter,
        momentum=momentum,
        least_squares=least_squares,
    )


def griffin_lim(problem: PhaseProblem) -> Tensor:
    """Classic Griffin-Lim (LSEE-MSTFTM) from a random phase."""
    return _from_random(problem, 0.0)


def overlap_add_griffin_lim(problem: PhaseProblem) -> Tensor:
    """Griffin and Lim's second form (OA-MSTFTM) from a random phase."""
    return _from_random(problem, 0.0, least_squares=False)


def fast_griffin_lim(problem: PhaseProblem) -> Tensor:
    """Fast Griffin-Lim (momentum 0.99) from a random phase."""
    return _from_random(problem, FAST_MOMENTUM)
