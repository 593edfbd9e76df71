"""A ring of samples that are named by their place in a stream."""

from __future__ import annotations

import numpy as np

from astfx.audio import Waveform


class Ring:
    """Keeps the latest samples of a stream. One thread writes, another may read.

    Parameters
    ----------
    channels : int
    n_samples : int
        How many samples are kept at least.
    """

    def __init__(self, channels: int, n_samples: int) -> None:
        self._size = 1 << max(1, (n_samples - 1).bit_length())
        self._data = np.zeros((channels, self._size), np.float32)

    def write(self, first: int, samples: Waveform) -> None:
        """Write samples, (channels, n), as those from place `first` on."""
        start, n = first % self._size, samples.shape[1]
        head = min(n, self._size - start)
        self._data[:, start : start + head] = samples[:, :head]
        self._data[:, : n - head] = samples[:, head:]

    def read(self, first: int, into: Waveform) -> None:
        """Read samples from place `first` on. Those before place 0 are silence."""
        n = into.shape[1]
        missing = min(n, max(0, -first))
        into[:, :missing] = 0.0
        start = (first + missing) % self._size
        head = min(n - missing, self._size - start)
        into[:, missing : missing + head] = self._data[:, start : start + head]
        into[:, missing + head :] = self._data[:, : n - missing - head]
