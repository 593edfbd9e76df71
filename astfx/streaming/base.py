"""The interface of streaming engines: one hop in, one hop out, at a constant delay."""

from __future__ import annotations

from typing import Protocol

from astfx.audio import Waveform


class Engine(Protocol):
    """Stylises one hop after the other.

    Attributes
    ----------
    hop_length : int, samples
    delay_hops : int
        Hop m of the output is the stylised hop m - delay_hops of the content.
    """

    hop_length: int
    delay_hops: int

    def process(self, hop: Waveform, strength: float) -> Waveform:
        """Take a hop of finite samples, (channels, hop_length), and return one of output.

        Parameters
        ----------
        hop : (channels, hop_length) float32
        strength : float, 0 to 1
        """
        ...
