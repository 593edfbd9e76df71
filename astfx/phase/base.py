"""Interface of phase methods: the problem they solve, and their row of the registry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from astfx.frontends.stft import Stft


@dataclass(frozen=True, kw_only=True)
class PhaseProblem:
    """Input of a phase method: a magnitude that needs a phase.

    Attributes
    ----------
    magnitude : (frames, bins) float32
    content : (frames, bins) complex64
        The content's spectrogram, whose phase is a possible starting point.
    fixed : (n_fixed, bins) complex64
        Leading frames that are already emitted and must not change. May be empty.
    stft : Stft
    n_iter : int
        Number of iterations.
    rng : numpy.random.Generator
    """

    magnitude: Tensor
    content: Tensor
    fixed: Tensor
    stft: Stft
    n_iter: int
    rng: np.random.Generator


@dataclass(frozen=True, kw_only=True)
class PhaseMethod:
    """A phase method: one row of the registry.

    Attributes
    ----------
    summary, source : str
    n_iter : int
        Default number of iterations.
    reconstruct : callable
        PhaseProblem -> (frames, bins) complex64 with the magnitude of the problem.
    """

    summary: str
    source: str
    n_iter: int
    reconstruct: Callable[[PhaseProblem], Tensor]
