"""What a streaming engine is: fixed hops in, the same number of hops out, some hops later."""

from __future__ import annotations

from typing import Protocol

from astfx.audio import Waveform


class Engine(Protocol):
    """Stylise one hop after the other.

    Attributes
    ----------
    hop_length : int, samples
    delay_hops : int
        The output of hop m is the content of hop m - delay_hops, stylised.
    """

    hop_length: int
    delay_hops: int

    def process(self, hop: Waveform, strength: float) -> Waveform:
        """Take and give (channels, hop_length) finite samples; strength 0 to 1."""
        ...
