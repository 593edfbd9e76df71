"""Lengths at which a Fourier transform is fast."""

from __future__ import annotations

_FAST_FACTORS = (2, 3, 5, 7, 11)


def fast_length(least: int) -> int:
    """Return the smallest length, at least `least`, whose prime factors are at most 11.

    `scipy.fft.next_fast_len` returns the same, but `scipy.fft` is slow to import, and
    short commands such as `astfx presets make` should not wait for it.

    Parameters
    ----------
    least : int, > 0
    """
    length = least
    while True:
        rest = length
        for factor in _FAST_FACTORS:
            while rest % factor == 0:
                rest //= factor
        if rest == 1:
            return length
        length += 1
