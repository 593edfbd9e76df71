"""The interface of streaming engines: one hop in, one hop out, at a constant delay."""

from __future__ import annotations

from typing import Protocol

from astfx.audio import Waveform


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

    def process(self, hop: Waveform, strength: float) -> Waveform:
        """Take a hop of finite samples, (channels, hop_length), and return one of output.

        Parameters
        ----------
        hop : (channels, hop_length) float32
        strength : float, 0 to 1
        """
        ...
