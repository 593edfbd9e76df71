"""All of McDermott and Simoncelli's texture statistics, for optimising a waveform.

`astfx.features.texture_statistics` has seven classes of statistics. A render's texture rounds
(`astfx.engine.texture_rounds`) impose them, and `astfx.metrics` scores them. The paper's
synthesis uses two more. C2 is the phase relation between the modulations of neighbouring
octaves within a band. It tells a sharp attack with a slow decay from the same sound played
backwards. The other is the power of every cochlear band, here in decibels, so that quiet
bands count as much as loud ones.

References
----------
J. H. McDermott and E. P. Simoncelli, "Sound texture perception via statistics
of the auditory periphery: evidence from sound synthesis", Neuron 71 (2011).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from astfx.dsp.erb import N_BANDS, erb_filterbank
from astfx.features.envelope_bank import EnvelopeBank
from astfx.features.texture_layout import CLASSES, OCTAVE_CENTRES_HZ, STANDARD_LAYOUT
from astfx.features.texture_statistics import TextureStatistics

PHASE_CLASS = "modulation_phase"
LEVEL_CLASS = "band_level"
ALL_CLASSES = (*CLASSES, PHASE_CLASS, LEVEL_CLASS)
ALL_SIZES = (*STANDARD_LAYOUT.sizes, N_BANDS * 2 * (len(OCTAVE_CENTRES_HZ) - 1), N_BANDS + 2)
"""Number of values in each of `ALL_CLASSES`."""

_TINY = 1e-6
_LEAST_POWER = 1e-10


class ModulationPhase:
    """C2: correlation of each octave of modulation, with doubled phase, and the next higher one.

    Parameters
    ----------
    n_frames : int
    frame_rate_hz : float
    device : torch.device
    """

    def __init__(self, n_frames: int, frame_rate_hz: float, device: torch.device) -> None:
        self._n_frames = n_frames
        frequency = torch.fft.rfftfreq(n_frames, 1.0 / frame_rate_hz, device=device)
        octave = torch.log2(frequency.clamp_min(1e-6))
        centres = torch.log2(torch.tensor(OCTAVE_CENTRES_HZ, device=device))
        distance = octave - centres[:, None]
        inside = distance.abs() < 1.0
        self._weights = torch.where(inside, torch.cos(torch.pi / 2.0 * distance), 0.0)

    def __call__(self, envelopes: Tensor) -> Tensor:
        """C2 of envelopes, (bands, frames) -> (bands * 2 * pairs of octaves,).

        For each band, the real parts come before the imaginary parts.
        """
        centred = envelopes - envelopes.mean(dim=1, keepdim=True)
        deviation = centred.square().mean(dim=1, keepdim=True).add(1e-12).sqrt()
        spectrum = torch.fft.rfft(centred / deviation)
        found = []
        # One-sided spectra: the inverse transform is the analytic modulation band.
        bands = [
            2.0 * torch.fft.ifft(spectrum * weight, n=self._n_frames) for weight in self._weights
        ]
        for lower, upper in pairwise(bands):
            power = lower.abs().square()
            doubled = lower * lower / (power + _TINY).sqrt()
            scale = (power.mean(dim=1) * upper.abs().square().mean(dim=1)).add(_TINY).sqrt()
            found.append((doubled.conj() * upper).mean(dim=1) / scale)
        together = torch.stack(found, dim=1)
        return torch.cat([together.real, together.imag], dim=1).flatten()


class WaveformStatistics:
    """All classes of statistics of a waveform, differentiable.

    Parameters
    ----------
    n_samples : int
    sample_rate : int, hertz
    device : torch.device
    """

    def __init__(self, n_samples: int, sample_rate: int, device: torch.device) -> None:
        self._bank = EnvelopeBank(n_samples, sample_rate, device)
        power = np.square(erb_filterbank(n_samples, sample_rate)).astype(np.float32)
        self._power = torch.from_numpy(power.T).to(device)
        rate = self._bank.frame_rate_hz
        self._envelope = TextureStatistics(self._bank.n_frames, rate, device)
        self._phase = ModulationPhase(self._bank.n_frames, rate, device)

    def levels_db(self, spectrum: Tensor) -> Tensor:
        """Power of the 32 bands relative to the total, in decibels, (bins,) -> (32,)."""
        power = spectrum.abs().square() @ self._power
        return 10.0 * torch.log10(power / power.sum().clamp_min(1e-20) + _LEAST_POWER)

    def coloured(self, levels_db: Tensor) -> Tensor:
        """Smooth magnitude spectrum with such band levels, (32,) -> (bins,), mean square 1."""
        density = 10.0 ** (levels_db / 10.0) / self._power.sum(dim=0).clamp_min(1e-9)
        magnitude = (self._power @ density).sqrt()
        return magnitude / magnitude.square().mean().sqrt()

    def __call__(self, waveform: Tensor) -> list[Tensor]:
        """Statistics of a waveform, (samples,) -> one flat tensor for each of `ALL_CLASSES`."""
        return self.of_spectrum(torch.fft.rfft(waveform))

    def of_spectrum(self, spectrum: Tensor) -> list[Tensor]:
        """The same from the spectrum of a waveform, (bins,) complex."""
        envelopes = self._bank.envelopes(self._bank.split(spectrum[None]))
        phase = self._phase(envelopes)
        return [*self._envelope(envelopes), phase, self.levels_db(spectrum)]


def distance_db(found: Sequence[Tensor], targets: Sequence[Tensor], floor: float) -> Tensor:
    """Squared relative error in decibels, averaged over the classes of statistics.

    Parameters
    ----------
    floor : float
        Squared relative error below which a class counts as matched.
    """
    total = found[0].new_zeros(())
    for value, target in zip(found, targets, strict=True):
        size = target.square().sum().clamp_min(1e-12)
        total = total + torch.log10((value - target).square().sum() / size + floor)
    return 10.0 * total / len(targets)
