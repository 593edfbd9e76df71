"""Levels of audio, with silence left out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from astfx.audio.checks import Samples

_HIGHEST_PEAK = 0.9999

SILENCE = 1e-5
"""Peak below which audio counts as silent: -100 dBFS."""


def hop_levels(block: Samples, hop_length: int) -> tuple[Samples, npt.NDArray[np.float64]]:
    """Peak of each hop over all channels, and energy of each hop averaged over them.

    Parameters
    ----------
    block : (channels, samples)
        The last hop may be incomplete.
    hop_length : int, samples

    Returns
    -------
    peaks, energies : (hops,)
        An energy is a sum of squared samples.
    """
    padded = np.pad(block, ((0, 0), (0, -block.shape[1] % hop_length)))
    hops = padded.reshape(block.shape[0], -1, hop_length)
    energies = np.square(hops, dtype=np.float64).mean(axis=0).sum(axis=1)
    return np.abs(hops).max(axis=(0, 2)), energies


def sounding_rms(
    peaks: Samples,
    energies: npt.NDArray[np.float64],
    hop_length: int,
    n_samples: int,
) -> float:
    """Root mean square of the hops that are not silent, full scale = 1."""
    sounding = peaks >= SILENCE
    length = min(max(int(sounding.sum()) * hop_length, 1), n_samples)
    return float(np.sqrt(energies[sounding].sum() / length))


def clips_rms(clips: Sequence[Samples], hop_length: int) -> float:
    """`sounding_rms` over several clips together, (channels, samples) each."""
    parts = [hop_levels(clip, hop_length) for clip in clips]
    peaks, energies = (np.concatenate(column) for column in zip(*parts, strict=True))
    return sounding_rms(peaks, energies, hop_length, sum(clip.shape[1] for clip in clips))


def gain_below_full_scale(peak: float) -> np.float32:
    """Gain for formats that clip at full scale: 1 unless `peak` exceeds full scale."""
    return np.float32(_HIGHEST_PEAK / peak) if peak > 1.0 else np.float32(1.0)
