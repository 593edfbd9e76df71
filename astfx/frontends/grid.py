"""Time-frequency grids: windows and hops that last as long at any sample rate."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count, islice

_OVERLAP = 4


@dataclass(frozen=True, kw_only=True)
class Grid:
    """A time-frequency grid: sample rate, window and hop.

    Attributes
    ----------
    sample_rate : int, hertz
    n_fft, hop_length : int, samples
    """

    sample_rate: int
    n_fft: int
    hop_length: int

    def __post_init__(self) -> None:
        if min(self.sample_rate, self.n_fft, self.hop_length) < 1:
            raise ValueError(f"{self} must have sizes of at least 1")

    @classmethod
    def of(cls, window_ms: float, sample_rate: int) -> Grid:
        """The grid for a window of `window_ms`, with a hop of a quarter of the window."""
        hop_length = hop_length_for(window_ms, sample_rate, _OVERLAP)
        return cls(sample_rate=sample_rate, n_fft=_OVERLAP * hop_length, hop_length=hop_length)

    def frames(self, duration_ms: float) -> int:
        """Number of frames nearest to a duration, at least one."""
        return max(1, round(duration_ms * 1e-3 * self.sample_rate / self.hop_length))


def smooth_length(target: float) -> int:
    """Nearest integer, at least 4, whose prime factors are 2, 3, 5 and 7 (a fast FFT)."""
    nearest = max(4, round(target))
    candidates = (n for away in count() for n in sorted({nearest - away, nearest + away}))
    smooth = (n for n in candidates if n >= 4 and _is_smooth(n))
    # The next one may lie nearer to a target that is no integer.
    return min(islice(smooth, 2), key=lambda n: abs(n - target))


def _is_smooth(n: int) -> bool:
    for prime in (2, 3, 5, 7):
        while n % prime == 0:
            n //= prime
    return n == 1


def hop_length_for(window_ms: float, sample_rate: int, overlap: int = 4) -> int:
    """Hop in samples for a window of `window_ms` at any rate (512 for 92.88 ms at 22.05 kHz)."""
    return smooth_length(window_ms * 1e-3 * sample_rate / overlap)
