"""What a phase method gets and gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from astfx.frontends.stft import Stft


@dataclass(frozen=True, kw_only=True)
class PhaseProblem:
    """A magnitude that needs a phase.

    Attributes
    ----------
    magnitude : (frames, bins) float32
    content : (frames, bins) complex64
        The content's spectrogram: where to start from.
    fixed : (n_fixed, bins) complex64
        Leading frames that were already emitted; they stay and lead on. May be empty.
    stft : Stft
    n_iter : int
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
    """A row of the registry.

    Attributes
    ----------
    summary, source : str
    n_iter : int
        Iterations by default.
    reconstruct : callable
        PhaseProblem -> (frames, bins) complex64 with that magnitude.
    """

    summary: str
    source: str
    n_iter: int
    reconstruct: Callable[[PhaseProblem], Tensor]
