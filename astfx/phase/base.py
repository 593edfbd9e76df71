"""What a phase method gets and gives, and how channels share one phase."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from astfx.frontends.stft import Stft

_TINY = 1e-20


@dataclass(frozen=True, kw_only=True)
class PhaseProblem:
    """A magnitude that needs a phase.

    Attributes
    ----------
    magnitude : (channels, frames, bins) float32
    content : (channels, frames, bins) complex64
        The content's spectrogram: where to start from, and how the channels relate.
    fixed : (channels, n_fixed, bins) complex64
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
        PhaseProblem -> (channels, frames, bins) complex64 with that magnitude.
    """

    summary: str
    source: str
    n_iter: int
    reconstruct: Callable[[PhaseProblem], Tensor]


def unit_phasor(spectrogram: Tensor) -> Tensor:
    """exp(j angle), 1 where the spectrogram is zero."""
    size = spectrogram.abs()
    return torch.where(size > _TINY, spectrogram / size.clamp_min(_TINY), 1.0)


def channel_phasors(content: Tensor) -> tuple[Tensor, Tensor]:
    """Split the content's phase into one that channels share, and what sets them apart.

    Parameters
    ----------
    content : (channels, frames, bins) complex64

    Returns
    -------
    shared : (frames, bins) complex64
        Phasor of the sum of the channels.
    apart : (channels, frames, bins) complex64
        Each channel's phasor relative to it. Kept in the output, they keep the image.
    """
    shared = unit_phasor(content.sum(dim=0))
    if content.shape[0] == 1:
        return shared, torch.ones_like(content)
    return shared, unit_phasor(content) * shared.conj()


def shared_phasor(spectrogram: Tensor, apart: Tensor) -> Tensor:
    """Undo `channel_phasors`: the phasor that channels share, loudest channels first."""
    return unit_phasor((spectrogram * apart.conj()).sum(dim=0))
