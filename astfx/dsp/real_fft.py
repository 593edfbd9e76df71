"""The Fourier transform of real frames, for compiled loops.

A hop of a block engine is one compiled call, which lets other threads run meanwhile. So its Fourier
transforms are compiled too. They are Stockham's: each pass reads and writes its values in order,
so the compiler uses vector instructions, and they are about as fast as NumPy's. A real frame is
transformed as a complex one of half its length.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from astfx.runtime.compiled import compiled

Array = npt.NDArray[np.float32]
Places = npt.NDArray[np.int64]

_RADICES = (4, 2, 3, 5, 7)
_HALF = np.float32(0.5)


class RealFFT(NamedTuple):
    """Tables and memory for the transform of real frames of one length.

    Attributes
    ----------
    passes : (passes, 3)
        Radix of each pass, its stride, and where its turns begin. The product of the radices is
        half the length.
    turns : (n,)
        Cosines and sines of the passes, one after the other.
    matrices : (8, 14)
        Row r: cosines and sines of the transform of length r.
    split : (2, n_fft // 2)
        Cosines and sines that split the transform of half the length.
    work : (4, n_fft // 2)
        Memory: two times a real and an imaginary part.
    """

    passes: Places
    turns: Array
    matrices: Array
    split: Array
    work: Array

    @classmethod
    def of(cls, n_fft: int) -> RealFFT:
        """Make the tables for frames of a length.

        Parameters
        ----------
        n_fft : int, samples
            Even; no prime factor is above 7.
        """
        half = n_fft // 2
        radices, rest = [], half
        for radix in _RADICES:
            while rest % radix == 0:
                radices.append(radix)
                rest //= radix
        if rest != 1 or n_fft % 2:
            raise ValueError(f"n_fft={n_fft} must be even, without prime factors above 7")
        passes, turns, length = [], [np.zeros(0)], half
        for radix in radices:
            passes.append((radix, half // length, sum(map(len, turns))))
            part = np.arange(length // radix)
            for j in range(1, radix):
                angle = 2.0 * math.pi * j * part / length
                turns += [np.cos(angle), np.sin(angle)]
            length //= radix
        matrices = np.zeros((8, 14))
        for radix in _RADICES:
            angle = 2.0 * math.pi * np.arange(radix) / radix
            matrices[radix, :radix], matrices[radix, 7 : 7 + radix] = np.cos(angle), np.sin(angle)
        angle = 2.0 * math.pi * np.arange(half) / n_fft
        split = np.stack([np.cos(angle), np.sin(angle)])
        return cls(
            np.array(passes, np.int64).reshape(-1, 3),
            np.concatenate(turns).astype(np.float32),
            matrices.astype(np.float32),
            split.astype(np.float32),
            np.zeros((4, half), np.float32),
        )


@compiled()
def _first_pass_of_4(xr: Array, xi: Array, yr: Array, yi: Array, turns: Array) -> None:
    """The first pass, of radix 4."""
    m = len(xr) // 4
    for p in range(m):
        c1, s1 = turns[p], turns[m + p]
        c2, s2 = turns[2 * m + p], turns[3 * m + p]
        c3, s3 = turns[4 * m + p], turns[5 * m + p]
        ar, ai, cr, ci = xr[p], xi[p], xr[2 * m + p], xi[2 * m + p]
        br, bi, dr, di = xr[m + p], xi[m + p], xr[3 * m + p], xi[3 * m + p]
        yr[4 * p], yi[4 * p] = ar + cr + br + dr, ai + ci + bi + di
        tr, ti = ar - cr + bi - di, ai - ci - br + dr
        yr[4 * p + 1], yi[4 * p + 1] = c1 * tr + s1 * ti, c1 * ti - s1 * tr
        tr, ti = ar + cr - br - dr, ai + ci - bi - di
        yr[4 * p + 2], yi[4 * p + 2] = c2 * tr + s2 * ti, c2 * ti - s2 * tr
        tr, ti = ar - cr - bi + di, ai - ci + br - dr
        yr[4 * p + 3], yi[4 * p + 3] = c3 * tr + s3 * ti, c3 * ti - s3 * tr


@compiled()
def _pass_of_4(xr: Array, xi: Array, yr: Array, yi: Array, turns: Array, stride: int) -> None:
    """A later pass of radix 4, on values that are `stride` places apart."""
    m = len(xr) // (4 * stride)
    step = stride * m
    for p in range(m):
        c1, s1 = turns[p], turns[m + p]
        c2, s2 = turns[2 * m + p], turns[3 * m + p]
        c3, s3 = turns[4 * m + p], turns[5 * m + p]
        x0, y0 = stride * p, 4 * stride * p
        for q in range(stride):
            a, y = x0 + q, y0 + q
            b, c, d = a + step, a + 2 * step, a + 3 * step
            sum_r, sum_i = xr[a] + xr[c], xi[a] + xi[c]
            gap_r, gap_i = xr[a] - xr[c], xi[a] - xi[c]
            other_r, other_i = xr[b] + xr[d], xi[b] + xi[d]
            turned_r, turned_i = xi[b] - xi[d], xr[d] - xr[b]
            yr[y], yi[y] = sum_r + other_r, sum_i + other_i
            tr, ti = gap_r + turned_r, gap_i + turned_i
            yr[y + stride], yi[y + stride] = c1 * tr + s1 * ti, c1 * ti - s1 * tr
            tr, ti = sum_r - other_r, sum_i - other_i
            yr[y + 2 * stride], yi[y + 2 * stride] = c2 * tr + s2 * ti, c2 * ti - s2 * tr
            tr, ti = gap_r - turned_r, gap_i - turned_i
            yr[y + 3 * stride], yi[y + 3 * stride] = c3 * tr + s3 * ti, c3 * ti - s3 * tr


@compiled()
def _pass_of(
    radix: int,
    xr: Array,
    xi: Array,
    yr: Array,
    yi: Array,
    turns: Array,
    stride: int,
    matrix: Array,
) -> None:
    """A pass of any radix."""
    m = len(xr) // (radix * stride)
    step = stride * m
    for p in range(m):
        for j in range(radix):
            y = stride * (radix * p + j)
            for q in range(stride):
                yr[y + q], yi[y + q] = xr[stride * p + q], xi[stride * p + q]
            for i in range(1, radix):
                c, s = matrix[i * j % radix], matrix[7 + i * j % radix]
                x = stride * p + i * step
                for q in range(stride):
                    yr[y + q] += c * xr[x + q] + s * xi[x + q]
                    yi[y + q] += c * xi[x + q] - s * xr[x + q]
            if j > 0:
                c, s = turns[(2 * j - 2) * m + p], turns[(2 * j - 1) * m + p]
                for q in range(stride):
                    tr, ti = yr[y + q], yi[y + q]
                    yr[y + q], yi[y + q] = c * tr + s * ti, c * ti - s * tr


@compiled()
def _transform(fft: RealFFT) -> int:
    """Transform the first two rows of `work`; they end in rows 0 and 1, or 2 and 3."""
    ends = 0
    for i in range(len(fft.passes)):
        radix, stride = int(fft.passes[i, 0]), int(fft.passes[i, 1])
        xr, xi = fft.work[ends], fft.work[ends + 1]
        yr, yi = fft.work[2 - ends], fft.work[3 - ends]
        turns = fft.turns[fft.passes[i, 2] :]
        if radix == 4 and stride == 1:
            _first_pass_of_4(xr, xi, yr, yi, turns)
        elif radix == 4:
            _pass_of_4(xr, xi, yr, yi, turns, stride)
        else:
            _pass_of(radix, xr, xi, yr, yi, turns, stride, fft.matrices[radix])
        ends = 2 - ends
    return ends


@compiled()
def forward(fft: RealFFT, frame: Array, window: Array, real: Array, imag: Array) -> None:
    """Transform of a real frame under a window, (n_fft,) -> two times (n_fft // 2 + 1,)."""
    half = len(frame) // 2
    zr, zi = fft.work[0], fft.work[1]
    for n in range(half):
        zr[n] = frame[2 * n] * window[2 * n]
        zi[n] = frame[2 * n + 1] * window[2 * n + 1]
    ends = _transform(fft)
    zr, zi = fft.work[ends], fft.work[ends + 1]
    cosine, sine = fft.split[0], fft.split[1]
    real[0], imag[0], real[half], imag[half] = zr[0] + zi[0], 0.0, zr[0] - zi[0], 0.0
    for k in range(1, half):
        even_r, even_i = _HALF * (zr[k] + zr[half - k]), _HALF * (zi[k] - zi[half - k])
        odd_r, odd_i = _HALF * (zi[k] + zi[half - k]), _HALF * (zr[half - k] - zr[k])
        real[k] = even_r + cosine[k] * odd_r + sine[k] * odd_i
        imag[k] = even_i + cosine[k] * odd_i - sine[k] * odd_r


@compiled()
def inverse(fft: RealFFT, real: Array, imag: Array, frame: Array) -> None:
    """The frame with a transform, two times (n_fft // 2 + 1,) -> (n_fft,).

    It is `n_fft // 2` times as large as it should be, which a window can make up for.
    """
    half = len(frame) // 2
    # With real and imaginary parts swapped, the transform is the inverse one.
    zr, zi = fft.work[1], fft.work[0]
    cosine, sine = fft.split[0], fft.split[1]
    zr[0], zi[0] = _HALF * (real[0] + real[half]), _HALF * (real[0] - real[half])
    for k in range(1, half):
        even_r, even_i = _HALF * (real[k] + real[half - k]), _HALF * (imag[k] - imag[half - k])
        gap_r, gap_i = _HALF * (real[k] - real[half - k]), _HALF * (imag[k] + imag[half - k])
        zr[k] = even_r - cosine[k] * gap_i - sine[k] * gap_r
        zi[k] = even_i + cosine[k] * gap_r - sine[k] * gap_i
    ends = _transform(fft)
    zr, zi = fft.work[ends + 1], fft.work[ends]
    for n in range(half):
        frame[2 * n], frame[2 * n + 1] = zr[n], zi[n]
