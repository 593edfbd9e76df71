"""Phase reconstruction by local weighted sums: bin by bin, loud bins first.

The method is that of Le Roux, Kameoka, Ono & Sagayama 2010, "Fast signal reconstruction from
magnitude STFT spectrogram based on spectrogram consistency" (DAFx). The STFT of the inverse
STFT is a convolution in the time-frequency plane whose kernel falls off quickly. A bin's
consistent phase therefore follows from a few dozen neighbours, and no transform is computed.
Each iteration skips the bins below a threshold, which falls from iteration to iteration:
quiet bins cost as much as loud ones and contribute less.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from astfx.dsp.phasors import with_magnitude
from astfx.dsp.windows import hann
from astfx.frontends.stft import Stft
from astfx.phase.base import PhaseProblem
from astfx.runtime.compiled import compiled

REACH_BINS = 5
"""Neighbours on each side along frequency; they have nearly all of the kernel's energy."""

_FIRST_THRESHOLD = 100.0  # times the mean magnitude
_LAST_THRESHOLD = 0.005
_THRESHOLD_SHARE = 0.9  # of the iterations have a threshold; the others update every bin

Complex = npt.NDArray[np.complex64]


@lru_cache(maxsize=8)
def consistency_kernel(n_fft: int, hop_length: int, reach_bins: int) -> npt.NDArray[np.complex128]:
    """Weights of a bin's neighbours in the STFT of the inverse STFT.

    Parameters
    ----------
    n_fft, hop_length : int, samples
        Of a Hann-windowed STFT whose phase refers to each frame's first sample.
    reach_bins : int
        Neighbours on each side along frequency.

    Returns
    -------
    (overlap, 2 * overlap - 1, 2 * reach_bins + 1) complex
        The weight for bin n, frame offset q and bin offset p is at ``[n % overlap,
        q + overlap - 1, p + reach_bins]``, because the phase of a shift by q hops repeats
        every `overlap` bins.
    """
    overlap = n_fft // hop_length
    window = hann(n_fft)
    synthesis = window * (8.0 / (3.0 * overlap))
    offsets = np.arange(-reach_bins, reach_bins + 1)
    time = np.arange(n_fft)
    turns = np.exp(2j * math.pi / n_fft * offsets[:, None] * time)
    kernel = np.zeros((overlap, 2 * overlap - 1, offsets.size), np.complex128)
    for q in range(1 - overlap, overlap):
        shifted = np.zeros(n_fft)
        start, stop = max(0, q * hop_length), min(n_fft, n_fft + q * hop_length)
        shifted[start:stop] = synthesis[start - q * hop_length : stop - q * hop_length]
        weights = turns @ (window * shifted) / n_fft
        for n in range(overlap):
            phase = np.exp(-2j * math.pi * (n + offsets) * q / overlap)
            kernel[n, q + overlap - 1] = weights * phase
    return kernel


@compiled(fastmath=True)
def _sweep(
    spectrogram: Complex,
    magnitude: npt.NDArray[np.float32],
    kernel: Complex,
    n_fixed: int,
    threshold: float,
) -> None:
    """Update the phase of every bin above the threshold in place, one bin after another."""
    n_frames, n_bins = magnitude.shape
    overlap, n_shifts, n_offsets = kernel.shape
    reach = n_offsets // 2
    for t in range(n_fixed, n_frames):
        for m in range(n_bins):
            size = magnitude[t, m]
            if size <= threshold:
                continue
            real = np.float32(0.0)
            imaginary = np.float32(0.0)
            for shift in range(n_shifts):
                u = t + shift - overlap + 1
                if u < 0 or u >= n_frames:
                    continue
                for offset in range(n_offsets):
                    v = m + offset - reach
                    weight = kernel[m % overlap, shift, offset]
                    if v < 0:
                        value = np.conj(spectrogram[u, -v])
                    elif v >= n_bins:
                        value = np.conj(spectrogram[u, 2 * (n_bins - 1) - v])
                    else:
                        value = spectrogram[u, v]
                    real += weight.real * value.real - weight.imag * value.imag
                    imaginary += weight.real * value.imag + weight.imag * value.real
            length = math.sqrt(real * real + imaginary * imaginary)
            if length > 1e-20:
                spectrogram[t, m] = complex(real / length * size, imaginary / length * size)


def consistent_bins(spectrogram: Complex, stft: Stft, *, reach_bins: int) -> Complex:
    """STFT of the inverse STFT by weighted sums, (frames, bins); exact for a reach of n_fft / 2."""
    kernel = consistency_kernel(stft.n_fft, stft.hop_length, reach_bins)
    n_frames, n_bins = spectrogram.shape
    overlap = stft.overlap
    both_halves = np.concatenate([spectrogram, np.conj(spectrogram[:, -2:0:-1])], axis=1)
    result = np.zeros((n_frames, n_bins), np.complex128)
    bins = np.arange(n_bins)
    for q in range(1 - overlap, overlap):
        first, last = max(0, -q), min(n_frames, n_frames - q)
        for p in range(-reach_bins, reach_bins + 1):
            weight = kernel[bins % overlap, q + overlap - 1, p + reach_bins]
            neighbours = both_halves[first + q : last + q, (bins + p) % stft.n_fft]
            result[first:last] += weight * neighbours
    return result.astype(np.complex64)


def local_sums(problem: PhaseProblem) -> Tensor:
    """Reconstruct the phase by local weighted sums, from a random phase.

    The sums run on the CPU, one bin after another. Each uses the bins already updated.
    """
    magnitude = np.ascontiguousarray(problem.magnitude.cpu().numpy())
    stft = problem.stft
    angle = problem.rng.random(magnitude.shape, dtype=np.float32) * np.float32(2.0 * np.pi)
    spectrogram = (magnitude * np.exp(1j * angle)).astype(np.complex64)
    n_fixed = len(problem.fixed)
    spectrogram[:n_fixed] = problem.fixed.cpu().numpy()
    kernel = consistency_kernel(stft.n_fft, stft.hop_length, REACH_BINS).astype(np.complex64)
    mean = float(magnitude.mean())
    n_with_threshold = max(1, round(_THRESHOLD_SHARE * problem.n_iter))
    for iteration in range(problem.n_iter):
        share = iteration / n_with_threshold
        threshold = mean * _FIRST_THRESHOLD * (_LAST_THRESHOLD / _FIRST_THRESHOLD) ** share
        _sweep(spectrogram, magnitude, kernel, n_fixed, threshold if share < 1.0 else 0.0)
    result = torch.from_numpy(spectrogram).to(problem.magnitude.device)
    result = with_magnitude(result, problem.magnitude)
    result[:n_fixed] = problem.fixed
    return result
