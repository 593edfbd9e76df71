"""The interface of streaming engines: hops in, as many hops out, at a constant delay."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from astfx.audio import Waveform
from astfx.settings import position

_FULL_STRENGTH = 0.9999  # curves of strength are rounded

Strengths = npt.NDArray[np.float64]


def exponents_of(strengths: Strengths) -> Strengths:
    """Exponents of the gains for strengths, (n,); that of the full strength is exactly 1."""
    return np.array([1.0 if s > _FULL_STRENGTH else position(s) for s in strengths.tolist()])


class Engine(Protocol):
    """Stylises one hop after the other.

    Attributes
    ----------
    hop_length : int, samples
    delay_samples : int
        Sample n of the output is the stylised sample n - delay_samples of the content.
    """

    hop_length: int
    delay_samples: int

    def process(self, hops: Waveform, strengths: Strengths) -> Waveform:
        """Take some hops of finite samples, and return as many of output.

        Parameters
        ----------
        hops : (channels, n * hop_length) float32
        strengths : (n,), 0 to 1
            Strength of each hop.
        """
        ...
