"""An effect that processes a stream, with the places of its samples in the input."""

from __future__ import annotations

from typing import Any

import numpy as np

from astfx.audio import Waveform


class Stage:
    """An effect that processes a stream, with the places of its samples in the input.

    Parameters
    ----------
    board : effect
    sample_rate : int, hertz
    channels : int
    block_size : int, samples
        The longest block that `process` will get.
    shift : int
        Place of the first sample.

    Attributes
    ----------
    n_fed : int
        Number of samples that the effect has taken.
    shift : int
        Number of samples that were left out before the latest.
    block : (channels, block_size)
        Room for the next block.
    """

    def __init__(
        self, board: Any, sample_rate: int, channels: int, block_size: int, shift: int = 0
    ) -> None:
        self._board, self._rate = board, sample_rate
        self.block = np.zeros((channels, block_size), np.float32)
        self.n_fed, self.shift, self._n_out = 0, shift, 0
        self._unplayed = 0  # output up to this sample belongs to earlier input

    @property
    def place(self) -> int:
        """Place of the next sample in the input."""
        return self.n_fed + self.shift

    def skip(self, n: int) -> None:
        """Leave out the next n samples of the input."""
        self.shift += n
        self._unplayed = self.n_fed

    def process(self, block: Waveform) -> tuple[Waveform, int]:
        """Process a block. Returns the output, and the place of its first sample in the input."""
        output = self._board.process(block, self._rate, reset=False)
        first = self._n_out
        self.n_fed += block.shape[1]
        self._n_out += output.shape[1]
        dropped = min(output.shape[1], max(0, self._unplayed - first))
        return output[:, dropped:], first + dropped + self.shift
