"""Spectrogram pictures: the input of the networks, differentiable.

There is one front end for each kind of spectrogram in the source documents (see
`astfx.recipes`): the magnitude itself ("linear"), its log1p ("log"), mel bands in decibels
("mel-db"), and constant-Q bands ("cqt", pooled from the STFT like librosa's pseudo-CQT). The
bands are fixed in hertz, up to 11025 Hz, so a network sees the same picture of a sound at
any sample rate.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from astfx.dsp.mel import hz_to_mel, mel_to_hz
from astfx.errors import InvalidSettingError

FRONT_ENDS = ("log", "linear", "mel-db", "cqt")
HIGHEST_HZ = 11025.0
LOWEST_CQT_HZ = 32.703  # C1
CQT_BANDS_PER_OCTAVE = 12

_LOUDEST_POWER_DB = 37.0  # of a sine at an RMS of 0.1 in a 2048-point frame
_RANGE_DB = 80.0

Array = npt.NDArray[np.float64]


def check_front_end(name: str) -> None:
    """Raise InvalidSettingError for a front end that does not exist."""
    if name not in FRONT_ENDS:
        raise InvalidSettingError(f"front_end={name!r} must be one of {', '.join(FRONT_ENDS)}")


def triangles(edges_hz: Array, bin_hz: npt.NDArray[np.floating[Any]]) -> Array:
    """Triangular bands between neighbouring edges, each at least two bins wide.

    Parameters
    ----------
    edges_hz : (bands + 2,), ascending
    bin_hz : (bins,)

    Returns
    -------
    (bands, bins)
        Each band has a peak of 1.
    """
    width = bin_hz[1] - bin_hz[0]
    centre = edges_hz[1:-1, None]
    below = np.maximum(centre - edges_hz[:-2, None], width)
    above = np.maximum(edges_hz[2:, None] - centre, width)
    rising = 1.0 - (centre - bin_hz) / below
    falling = 1.0 - (bin_hz - centre) / above
    return np.asarray(np.clip(np.minimum(rising, falling), 0.0, None))


def mel_edges_hz(n_bands: int, highest_hz: float = HIGHEST_HZ) -> Array:
    """Edges of `n_bands` mel bands (O'Shaughnessy's scale) from 0 Hz, (n_bands + 2,)."""
    top = hz_to_mel(highest_hz, htk=True)
    return mel_to_hz(np.linspace(0.0, top, n_bands + 2), htk=True)


@dataclass(frozen=True, kw_only=True)
class Picture:
    """One front end at one sample rate and frame length.

    Parameters
    ----------
    front_end : str
        One of `FRONT_ENDS`.
    n_bands : int or None
        Number of bands. None is 128 for "mel-db" and keeps every bin for "log" and "linear",
        whose bands are equally wide otherwise. "cqt" always has 12 bands per octave.
    sample_rate : int, hertz
    n_fft : int, samples
    device : torch.device
    """

    front_end: str
    n_bands: int | None
    sample_rate: int
    n_fft: int
    device: torch.device

    @cached_property
    def bank(self) -> Tensor | None:
        """Filter bank, (bins, bands); None if every bin is a band of its own."""
        bin_hz = np.arange(self.n_fft // 2 + 1) * (self.sample_rate / self.n_fft)
        if self.front_end == "cqt":
            octaves = np.log2(HIGHEST_HZ / LOWEST_CQT_HZ)
            step = np.arange(-1, int(octaves * CQT_BANDS_PER_OCTAVE) + 1)
            edges = np.asarray(LOWEST_CQT_HZ * 2.0 ** (step / CQT_BANDS_PER_OCTAVE))
        elif self.front_end == "mel-db":
            edges = mel_edges_hz(self.n_bands or 128)
        elif self.n_bands is None:
            return None
        else:
            edges = np.linspace(0.0, HIGHEST_HZ, self.n_bands + 2)
        bank = triangles(edges, bin_hz)
        if self.front_end != "mel-db":
            bank /= np.maximum(bank.sum(axis=1, keepdims=True), 1e-9)
        return torch.from_numpy(bank.T.astype(np.float32)).to(self.device)

    def __call__(self, features: Tensor) -> Tensor:
        """Turn log-magnitude frames into a picture, (frames, bins) -> (frames, bands).

        "mel-db" ranges from 0 (80 dB below a sine at an RMS of 0.1) to about 1. The others have
        the scale of the magnitude, or of its log1p.
        """
        if self.front_end == "mel-db":
            assert self.bank is not None
            power = torch.expm1(features).square() @ self.bank
            floor_db = _LOUDEST_POWER_DB - _RANGE_DB
            level_db = 10.0 * torch.log10(power + 10.0 ** (floor_db / 10.0))
            return (level_db - floor_db) / _RANGE_DB
        if self.front_end == "cqt" or self.bank is not None:
            assert self.bank is not None
            pooled = torch.expm1(features) @ self.bank
            return pooled if self.front_end == "linear" else torch.log1p(pooled)
        return torch.expm1(features) if self.front_end == "linear" else features
