"""Differentiable statistics of band envelopes.

McDermott & Simoncelli (2011) describe a texture by the marginals of its cochlear envelopes, the
correlations between envelopes, and the power and correlation of their modulations. A log-magnitude
Gram loss cannot see these.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from astfx.dsp.fft_length import fast_length
from astfx.features.texture_layout import (
    CORRELATION_OFFSETS,
    MODULATION_Q,
    OCTAVE_CENTRES_HZ,
    OCTAVE_OFFSETS,
    STANDARD_LAYOUT,
    TextureLayout,
)


class TextureStatistics:
    """Seven classes of statistics of compressed envelopes (see `astfx.metrics.mcdermott`).

    Parameters
    ----------
    n_frames : int
    frame_rate_hz : float
    device : torch.device
    layout : TextureLayout
    """

    def __init__(
        self,
        n_frames: int,
        frame_rate_hz: float,
        device: torch.device,
        layout: TextureLayout = STANDARD_LAYOUT,
    ) -> None:
        self.n_frames = n_frames
        self.n_fft = fast_length(n_frames)
        # Weights are rounded from float64, so that they do not depend on the processor.
        frequency = torch.fft.rfftfreq(self.n_fft, 1.0 / frame_rate_hz, dtype=torch.float64)
        low, high = (math.log10(hz) for hz in layout.modulation_range_hz)
        centres = torch.logspace(low, high, layout.n_modulation_bands, dtype=torch.float64)[:, None]
        offset = (frequency - centres) / (centres / MODULATION_Q)
        inside = offset.abs() < 0.5
        modulation = torch.where(inside, torch.cos(math.pi * offset), 0.0).square_().T
        # The inverse transform adds both sides of the spectrum, but the ends have only one.
        sides = torch.full_like(frequency, 0.5)
        sides[0] = 1.0
        if self.n_fft % 2 == 0:
            sides[-1] = 1.0
        # Real and imaginary parts follow each other: real products take half the time of complex
        # ones. So each weight occurs twice.
        self._modulation = modulation.repeat_interleave(2, dim=0).float().to(device)
        back = 4.0 * sides * modulation.T
        self._modulation_back = back.repeat_interleave(2, dim=1).float().to(device)
        octave = torch.log2(frequency.clamp_min(1e-6))
        self._octaves: list[_Octave] = []
        for centre_hz in OCTAVE_CENTRES_HZ:
            distance = octave - math.log2(centre_hz)
            used = torch.nonzero(distance.abs() < 1.0)[:, 0]
            if len(used):
                span = slice(int(used[0]), int(used[-1]) + 1)
                weight = torch.cos(math.pi / 2.0 * distance[span])
            else:
                span, weight = slice(0, 1), frequency.new_zeros(1)
            weights = [
                w.float().to(device).repeat_interleave(2) for w in (weight, weight * sides[span])
            ]
            self._octaves.append(_Octave(slice(2 * span.start, 2 * span.stop), *weights))

    def __call__(self, envelopes: Tensor) -> list[Tensor]:
        """Statistics of envelopes, (bands, frames) -> one flat tensor for each of `CLASSES`.

        Autograd can differentiate them.
        """
        return list(_Statistics.apply(envelopes, self))  # type: ignore[no-untyped-call]

    def measure(self, envelopes: Tensor) -> Measured:
        """Statistics of envelopes, (bands, frames), and what `pull_back` needs."""
        n_frames = self.n_frames
        apart, beside = _pairs(len(envelopes), envelopes.device)
        mean = envelopes.mean(dim=1)
        standardised = envelopes - mean[:, None]
        variance = torch.linalg.vecdot(standardised, standardised) / n_frames
        deviation = (variance + 1e-12).sqrt()
        standardised *= (1.0 / deviation)[:, None]
        square = standardised.square()
        correlation = (standardised @ standardised.T).view(-1)[apart] / n_frames
        padded = torch.view_as_real(torch.fft.rfft(standardised, n=self.n_fft))
        spectrum = padded.flatten(1).mul_(1.0 / math.sqrt(self.n_fft * n_frames))
        power = spectrum.square()
        joint, octaves = [], []
        for octave in self._octaves:
            band = spectrum[:, octave.span] * octave.weight.to(spectrum.dtype)
            product = (band @ band.T).mul_(2.0)
            joint.append(product.view(-1)[beside])
            octaves.append(band)
        values = [
            mean / (mean.mean() + 1e-12),
            variance / (mean.square() + 1e-12),
            torch.linalg.vecdot(square, standardised) / n_frames,
            torch.linalg.vecdot(square, square) / n_frames - 3.0,
            correlation,
            (power @ self._modulation.to(power.dtype)).mul_(2.0).flatten(),
            torch.cat(joint),
        ]
        return Measured(values, mean, variance, deviation, standardised, square, spectrum, octaves)

    def pull_back(self, measured: Measured, gradients: Sequence[Tensor]) -> Tensor:
        """Gradient with respect to the envelopes, from those with respect to the statistics.

        Parameters
        ----------
        measured : Measured
        gradients : sequence of Tensor
            One flat tensor for each of `CLASSES`.

        Returns
        -------
        (bands, frames)
        """
        of_mean, of_variance, of_skewness, of_kurtosis, of_correlation, of_power, of_joint = (
            gradients
        )
        mean, variance, deviation = measured.mean, measured.variance, measured.deviation
        standardised, square, spectrum = measured.standardised, measured.square, measured.spectrum
        (n_bands, n_frames), dtype = standardised.shape, standardised.dtype

        modulation_back = self._modulation_back.to(dtype)
        change = (of_power.view(n_bands, -1) @ modulation_back).mul_(spectrum)
        apart, beside = _pairs(n_bands, standardised.device)
        mixing = _symmetric(of_joint.view(len(self._octaves), -1), beside, n_bands).mul_(2.0)
        for octave, band, mix in zip(self._octaves, measured.octaves, mixing, strict=True):
            change[:, octave.span].addcmul_(mix @ band, octave.weight_back.to(dtype))
        complex_change = torch.view_as_complex(change.view(n_bands, -1, 2))
        padded: Tensor = torch.fft.irfft(complex_change, n=self.n_fft)
        gradient = padded[:, :n_frames] * math.sqrt(self.n_fft / n_frames)

        mixing = _symmetric(of_correlation[None], apart, n_bands)[0]
        gradient.addmm_(mixing, standardised, alpha=1.0 / n_frames)
        slope = standardised * (of_kurtosis * (4.0 / n_frames))[:, None]
        slope += (of_skewness * (3.0 / n_frames))[:, None]
        gradient.addcmul_(slope, square)

        # From the standardised to the centred envelopes, and from these to the envelopes.
        common = torch.linalg.vecdot(gradient, standardised) / n_frames
        ratio = mean.square() + 1e-12
        overall = mean.mean() + 1e-12
        level = of_mean / overall - (of_mean @ mean) / (n_bands * overall.square())
        level -= of_variance * variance * 2.0 * mean / ratio.square()
        spread = of_variance / ratio * (2.0 / n_frames) * deviation - common / deviation
        centre = level / n_frames - gradient.mean(dim=1) / deviation
        gradient.mul_((1.0 / deviation)[:, None])
        gradient.addcmul_(standardised, spread[:, None]).add_(centre[:, None])
        return gradient


class _Statistics(torch.autograd.Function):
    """The statistics for autograd."""

    @staticmethod
    def forward(ctx: Any, envelopes: Tensor, statistics: TextureStatistics) -> tuple[Tensor, ...]:
        measured = statistics.measure(envelopes)
        # A context that holds its own results would never be freed.
        ctx.statistics, ctx.measured = statistics, measured._replace(values=[])
        return tuple(measured.values)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return ctx.statistics.pull_back(ctx.measured, gradients), None


class _Octave(NamedTuple):
    """Where an octave of modulation lies in a flat spectrum, and its weights there."""

    span: slice
    weight: Tensor
    weight_back: Tensor


class Measured(NamedTuple):
    """Statistics of envelopes, and intermediate results that their gradient needs.

    Attributes
    ----------
    values : list of Tensor
        One flat tensor for each of `CLASSES`.
    mean, variance, deviation : (bands,)
    standardised, square : (bands, frames)
        Envelopes with a mean of 0 and a variance of 1, and their squares.
    spectrum : (bands, 2 * frequencies)
        Scaled Fourier transform of the standardised envelopes, real and imaginary parts by turns.
    octaves : list of (bands, 2 * frequencies)
        The weighted spectrum in each octave of modulation.
    """

    values: list[Tensor]
    mean: Tensor
    variance: Tensor
    deviation: Tensor
    standardised: Tensor
    square: Tensor
    spectrum: Tensor
    octaves: list[Tensor]


@cache
def _pairs(n_bands: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Places of pairs of bands in a flat matrix: `CORRELATION_OFFSETS` and `OCTAVE_OFFSETS` apart.

    The pairs of one offset follow those of the other.
    """
    places = torch.arange(n_bands * n_bands).view(n_bands, n_bands)
    apart, beside = (
        torch.cat([torch.diagonal(places, offset) for offset in offsets]).to(device)
        for offsets in (CORRELATION_OFFSETS, OCTAVE_OFFSETS)
    )
    return apart, beside


def _symmetric(values: Tensor, places: Tensor, size: int) -> Tensor:
    """Symmetric matrices with these values at these places, (n, places) -> (n, size, size)."""
    upper = values.new_zeros(len(values), size * size).index_copy_(1, places, values)
    matrix = upper.view(-1, size, size)
    return matrix + matrix.transpose(1, 2)
