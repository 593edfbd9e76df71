"""Log magnitudes with fewer bins at high frequencies.

Linear bins are finer there than hearing, and than most sounds are: above 5.5 kHz lie three quarters
of the bins of a clip at 44.1 kHz. A kernel of all bins spends its time on them. Here, groups of
neighbouring bins are replaced by one value each, such that norms and inner products of frames stay
what they are wherever a group is even.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from astfx.frontends.grid import Grid

LEVELS_HZ = ((0.0, 1), (5512.5, 2), (11025.0, 4))
"""From which frequency on, how many bins make a group."""


class PooledBins:
    """Groups of bins, of frames of a grid.

    Parameters
    ----------
    grid : Grid
    """

    def __init__(self, grid: Grid) -> None:
        n_bins = grid.n_fft // 2 + 1
        starts = [min(round(hz * grid.n_fft / grid.sample_rate), n_bins) for hz, _ in LEVELS_HZ]
        self._parts = []
        for (_, size), first, last in zip(LEVELS_HZ, starts, [*starts[1:], n_bins], strict=True):
            whole = first + (last - first) // size * size
            self._parts += [(first, whole, size), (whole, last, last - whole)]
        self._parts = [(first, last, size) for first, last, size in self._parts if last > first]
        self.sizes: Tensor = torch.cat(
            [torch.full(((last - first) // size,), size) for first, last, size in self._parts]
        )

    def pool(self, frames: Tensor) -> Tensor:
        """Groups of frames, (frames, bins) -> (frames, groups): mean times root of the size."""
        parts = []
        for first, last, size in self._parts:
            part = frames[:, first:last]
            if size > 1:
                part = part.reshape(len(frames), -1, size).sum(dim=2).mul_(1.0 / math.sqrt(size))
            parts.append(part)
        return torch.cat(parts, dim=1)

    def spread(self, groups: Tensor) -> Tensor:
        """Frames whose bins are their group's mean, (frames, groups) -> (frames, bins)."""
        parts, begin = [], 0
        for first, last, size in self._parts:
            end = begin + (last - first) // size
            part = groups[:, begin:end]
            if size > 1:
                part = part.mul(1.0 / math.sqrt(size)).repeat_interleave(size, dim=1)
            parts.append(part)
            begin = end
        return torch.cat(parts, dim=1)
