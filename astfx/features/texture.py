"""Texture statistics of band envelopes, differentiable, and the bands to impose them on.

McDermott & Simoncelli (2011) describe a texture by the marginals of its cochlear
envelopes, their correlations, and the power and correlation of their modulations: just
what a log-magnitude Gram loss cannot see. Their synthesis optimises a waveform; here the
envelopes themselves are optimised, at 400 Hz, and imposed by a gain for each band. That
has a fiftieth of the variables and keeps phase, pitch and the channels' image.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from astfx.dsp.correlation import differentiable_pearson
from astfx.dsp.erb import erb_bands
from astfx.dsp.mel import hz_to_mel

FRAME_RATE_HZ = 400.0
COMPRESSION = 0.3
CORRELATION_OFFSETS = (1, 2, 3, 5, 8, 11, 16, 21)
N_MODULATION_BANDS = 20
MODULATION_RANGE_HZ = (0.5, 200.0)
MODULATION_Q = 2.0
OCTAVE_CENTRES_HZ = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
OCTAVE_OFFSETS = (1, 2)
CLASSES = (
    "envelope_mean",
    "envelope_variance",
    "envelope_skewness",
    "envelope_kurtosis",
    "envelope_correlation",
    "modulation_power",
    "modulation_correlation",
)
CLASS_SIZES = (30, 30, 30, 30, 173, 30 * N_MODULATION_BANDS, 57 * len(OCTAVE_CENTRES_HZ))
"""How many numbers each of `CLASSES` holds."""

DECIMALS = 9
"""Of statistics that are kept: what is smaller is the processor's rounding, not the style's."""

_TINY = 1e-16


@dataclass(frozen=True)
class _Band:
    first: int
    last: int
    response: Tensor
    per_frame: int


class EnvelopeBank:
    """Thirty ERB bands of a clip, as analytic signals at a few times 400 Hz.

    Parameters
    ----------
    n_samples : int
    sample_rate : int, hertz
    device : torch.device
    """

    def __init__(self, n_samples: int, sample_rate: int, device: torch.device) -> None:
        self.n_samples = n_samples
        self.n_frames = max(1, round(n_samples / sample_rate * FRAME_RATE_HZ))
        self.frame_rate_hz = self.n_frames / (n_samples / sample_rate)
        bands, low, high = erb_bands(n_samples, sample_rate)
        self.bands: list[_Band] = []
        for first, response in bands:
            last = first + len(response)
            # Room for the band and for the modulations that a gain adds to it.
            per_frame = max(2, -(-int(1.3 * len(response) + self.n_frames) // self.n_frames))
            tensor = torch.from_numpy(response.astype(np.float32)).to(device)
            self.bands.append(_Band(first, last, tensor, per_frame))
        edges = np.square(low) + np.square(high)
        self._outside = torch.from_numpy(edges.astype(np.float32)).to(device)

    @cached_property
    def mel_weights(self) -> Tensor:
        """How much of a mel spectrogram each band stands for, 1 on average, (30,).

        Content measures weigh bands so, and most ERB bands lie low where few mel bands do.
        """
        bin_hz = self.n_frames / self.frame_rate_hz
        mel_hz = np.gradient(hz_to_mel(np.arange(len(self._outside)) / bin_hz))
        density = torch.stack(
            [
                band.response.square().cpu().double()
                @ torch.from_numpy(mel_hz[band.first : band.last])
                for band in self.bands
            ]
        )
        return (density / density.mean()).float().to(self._outside.device)

    def split(self, waveform: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Spectrum and bands: (channels, samples) -> (channels, bins), 30 x (channels, n)."""
        spectrum = torch.fft.rfft(waveform)
        return spectrum, self.signals(spectrum)

    def signals(self, spectrum: Tensor) -> list[Tensor]:
        """Bands of a spectrum: (channels, bins) -> 30 x (channels, n)."""
        signals = []
        for band in self.bands:
            n = band.per_frame * self.n_frames
            part = spectrum[:, band.first : band.last] * band.response
            signals.append(torch.fft.ifft(part, n=n) * (2.0 * n / self.n_samples))
        return signals

    def envelopes(self, signals: list[Tensor]) -> Tensor:
        """Compressed envelopes of the channels' mean power, (30, frames)."""
        found = []
        for band, signal in zip(self.bands, signals, strict=True):
            power = signal.abs().square_().mean(dim=0)
            compressed = power.add_(_TINY).pow_(COMPRESSION / 2.0)
            found.append(compressed.view(self.n_frames, band.per_frame).mean(dim=-1))
        return torch.stack(found)

    def impose(self, spectrum: Tensor, signals: list[Tensor], gain: Tensor) -> Tensor:
        """Apply a gain to each band and add the bands up again.

        Parameters
        ----------
        spectrum, signals
            As `split` gave them.
        gain : (30, frames), > 0
            Linear; the same for all channels.

        Returns
        -------
        (channels, samples)
        """
        result = spectrum * self._outside
        log_gain = gain.log()
        for band, signal, band_gain in zip(self.bands, signals, log_gain, strict=True):
            n = signal.shape[-1]
            smooth = torch.nn.functional.interpolate(
                band_gain[None, None], size=n, mode="linear", align_corners=False
            )[0, 0].exp_()
            part = torch.fft.fft(signal * smooth)[:, : band.last - band.first]
            part.mul_(band.response).mul_(self.n_samples / (2.0 * n))
            result[:, band.first : band.last] += part
        waveform: Tensor = torch.fft.irfft(result, n=self.n_samples)
        return waveform


class TextureStatistics:
    """Seven classes of statistics of compressed envelopes (see `astfx.metrics.mcdermott`).

    Parameters
    ----------
    n_frames : int
    frame_rate_hz : float
    device : torch.device
    """

    def __init__(self, n_frames: int, frame_rate_hz: float, device: torch.device) -> None:
        self.n_frames = n_frames
        # Weights are rounded from float64, so that they do not depend on the processor.
        frequency = torch.fft.rfftfreq(n_frames, 1.0 / frame_rate_hz, dtype=torch.float64)
        low, high = (math.log10(hz) for hz in MODULATION_RANGE_HZ)
        centres = torch.logspace(low, high, N_MODULATION_BANDS, dtype=torch.float64)[:, None]
        offset = (frequency - centres) / (centres / MODULATION_Q)
        inside = offset.abs() < 0.5
        modulation = torch.where(inside, torch.cos(math.pi * offset), 0.0).square_().T
        self._modulation = modulation.float().to(device)
        octave = torch.log2(frequency.clamp_min(1e-6))
        self._octaves: list[tuple[slice, Tensor]] = []
        for centre_hz in OCTAVE_CENTRES_HZ:
            distance = octave - math.log2(centre_hz)
            used = torch.nonzero(distance.abs() < 1.0)[:, 0]
            if len(used):
                span = slice(int(used[0]), int(used[-1]) + 1)
                weight = torch.cos(math.pi / 2.0 * distance[span])
            else:
                span, weight = slice(0, 1), frequency.new_zeros(1)
            self._octaves.append((span, weight.float().to(device)))

    def __call__(self, envelopes: Tensor) -> list[Tensor]:
        """(30, frames) -> one flat tensor for each of `CLASSES`."""
        mean = envelopes.mean(dim=1)
        moving = envelopes - mean[:, None]
        variance = moving.square().mean(dim=1)
        standard = moving / (variance + 1e-12).sqrt()[:, None]
        cube = standard * standard * standard
        correlation = standard @ standard.T / self.n_frames
        spectrum = torch.fft.rfft(standard) / self.n_frames
        power = spectrum.real.square() + spectrum.imag.square()
        joint = []
        for span, weight in self._octaves:
            band = spectrum[:, span] * weight
            product = 2.0 * (band @ band.conj().T).real
            joint += [torch.diagonal(product, offset) for offset in OCTAVE_OFFSETS]
        return [
            mean / (mean.mean() + 1e-12),
            variance / (mean.square() + 1e-12),
            cube.mean(dim=1),
            (cube * standard).mean(dim=1) - 3.0,
            torch.cat([torch.diagonal(correlation, offset) for offset in CORRELATION_OFFSETS]),
            (2.0 * power @ self._modulation.to(power.dtype)).flatten(),
            torch.cat(joint),
        ]


class ContentContour:
    """What the output's envelopes keep of the content's: contour of the bands, and onsets.

    Parameters
    ----------
    envelopes : (30, frames)
        Of the content, compressed.
    weights : (30,)
        Of the bands, 1 on average.
    frame_rate_hz : float
    """

    _WINDOW_SECONDS = 0.093
    _HOP_SECONDS = 0.0232
    _SCALE = 5000.0  # puts amplitudes where a mel spectrogram's power would be
    _FLOOR = 1e-4

    def __init__(self, envelopes: Tensor, weights: Tensor, frame_rate_hz: float) -> None:
        self._weights = weights[:, None]
        length = max(1, round(self._WINDOW_SECONDS * frame_rate_hz))
        window = torch.hann_window(length + 2, periodic=False, device=envelopes.device)[1:-1]
        self._window = (window.square() / window.square().sum())[None, None]
        self._hop = max(1, round(self._HOP_SECONDS * frame_rate_hz))
        self._contour = self._level(envelopes)
        self._rises = self._rise(self._contour)

    def _level(self, envelopes: Tensor) -> Tensor:
        power = envelopes.pow(2.0 / COMPRESSION)[:, None]
        padded = torch.nn.functional.pad(power, (self._window.shape[-1] // 2,) * 2)
        pooled = torch.nn.functional.conv1d(padded, self._window, stride=self._hop)[:, 0]
        return torch.log(pooled * self._SCALE + self._FLOOR)

    def _rise(self, level: Tensor) -> Tensor:
        return (torch.relu(level[:, 1:] - level[:, :-1]) * self._weights).mean(dim=0)

    def _moving(self, level: Tensor) -> Tensor:
        return (level - level.mean(dim=1, keepdim=True)) * self._weights.sqrt()

    def __call__(self, envelopes: Tensor) -> tuple[Tensor, Tensor]:
        """How well the output keeps the content's contour and onsets, (30, frames) -> two scores.

        The first is the correlation of the mean-removed log bands, the second that of the
        onset envelopes.
        """
        level = self._level(envelopes)
        contour = differentiable_pearson(self._moving(level), self._moving(self._contour))
        return contour, differentiable_pearson(self._rise(level), self._rises)


@dataclass(frozen=True, kw_only=True)
class TextureWeights:
    """How the texture objective is balanced.

    Attributes
    ----------
    contour, onset : float
        Decibels of style distance that a full loss of the content's band contour, or of
        its onsets, is worth.
    floor : float
        Squared relative error at which a class of statistics counts as met.
    """

    contour: float = 15.0
    onset: float = 10.0
    floor: float = 1e-3


class TextureLoss:
    """Style distance of envelopes in decibels, plus what they lose of the content.

    Parameters
    ----------
    statistics : TextureStatistics
    targets : list of Tensor
        The style's, as `TextureStatistics` gives them.
    contour : ContentContour
    weights : TextureWeights
    """

    def __init__(
        self,
        statistics: TextureStatistics,
        targets: list[Tensor],
        contour: ContentContour,
        weights: TextureWeights,
    ) -> None:
        self._statistics, self._contour, self._weights = statistics, contour, weights
        self._targets = targets
        self._scales = [1.0 / max(float(target.square().sum()), 1e-12) for target in targets]

    @cached_property
    def offset(self) -> float:
        """Added, so that the loss is positive: a full match scores about zero."""
        return -10.0 * math.log10(self._weights.floor)

    def __call__(self, envelopes: Tensor) -> tuple[float, Tensor]:
        """Loss and gradient at (30, frames)."""
        leaf = envelopes.detach().requires_grad_()
        with torch.enable_grad():
            distance = leaf.new_zeros(())
            found = self._statistics(leaf)
            for value, target, scale in zip(found, self._targets, self._scales, strict=True):
                distance = distance + (value - target).square().sum() * scale
            distance = len(found) * torch.log10(distance / len(found) + self._weights.floor)
            contour, onset = self._contour(leaf)
            loss = (
                10.0 / len(found) * distance
                + self._weights.contour * (1.0 - contour)
                + self._weights.onset * (1.0 - onset)
            )
            (gradient,) = torch.autograd.grad(loss, leaf)
        return float(loss.detach()) + self.offset, gradient
