"""Differentiable texture statistics of band envelopes, and the bands that carry them.

McDermott & Simoncelli (2011) describe a texture by the marginals of its cochlear
envelopes, the correlations between envelopes, and the power and correlation of their
modulations. A log-magnitude Gram loss cannot see these. Their synthesis optimises a
waveform. Here the envelopes themselves are optimised, at 400 Hz, and imposed by a gain for
each band. That needs a fiftieth of the variables and keeps the phase, the pitch and the
spatial image of the channels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from astfx.dsp.correlation import differentiable_pearson
from astfx.dsp.erb import N_BANDS, erb_bands
from astfx.dsp.fft_length import fast_length
from astfx.dsp.mel import hz_to_mel

FRAME_RATE_HZ = 400.0
COMPRESSION = 0.3
CORRELATION_OFFSETS = (1, 2, 3, 5, 8, 11, 16, 21)
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

DECIMALS = 9
"""Decimals of stored statistics; smaller differences come from the processor's rounding."""

_TINY = 1e-16
_LEAST_MEAN = 1e-2  # of the mean over all bands: about 130 dB in power


@dataclass(frozen=True, kw_only=True)
class TextureLayout:
    """In which bands the statistics of a texture are measured.

    Attributes
    ----------
    n_bands : int
        Of the ERB filter bank.
    shift : float
        By how much every band lies higher, as a share of the distance from band to band.
    n_modulation_bands : int
    modulation_range_hz : (float, float)
        Centres of the lowest and the highest modulation band.
    contour_window_seconds, contour_hop_seconds : float
        Window under which the content's contour is measured, and distance of its frames.
    """

    n_bands: int = N_BANDS
    shift: float = 0.0
    n_modulation_bands: int = 20
    modulation_range_hz: tuple[float, float] = (0.5, 200.0)
    contour_window_seconds: float = 0.093
    contour_hop_seconds: float = 0.0232

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of values in each of `CLASSES`."""
        return (
            *(self.n_bands,) * 4,
            sum(self.n_bands - offset for offset in CORRELATION_OFFSETS),
            self.n_bands * self.n_modulation_bands,
            sum(self.n_bands - offset for offset in OCTAVE_OFFSETS) * len(OCTAVE_CENTRES_HZ),
        )


STANDARD_LAYOUT = TextureLayout()
"""The layout of the paper, which the published figures and the method `texture` use."""

ROUND_LAYOUTS = tuple(
    TextureLayout(
        n_bands=36,
        shift=shift,
        n_modulation_bands=36,
        modulation_range_hz=(0.25, 200.0),
        contour_window_seconds=window_seconds,
        contour_hop_seconds=hop_seconds,
    )
    for shift, window_seconds, hop_seconds in ((0.0, 0.093, 0.0232), (0.5, 0.031, 0.0116))
)
"""The layouts that texture rounds take by turns.

An optimisation in one filter bank meets the statistics in that bank only, and misses them in any
other. Two banks whose bands lie half a band apart leave little room for that, and neither do
modulation bands that are closer than they are wide. Their contours have other windows too: what
changes faster than a window, that contour does not see, and modulations of just such rates would
appear in steady sounds.
"""


@dataclass(frozen=True)
class _Band:
    first: int
    last: int
    response: Tensor
    per_frame: int


class EnvelopeBank:
    """ERB bands of a clip, as analytic signals sampled at a multiple of 400 Hz.

    Parameters
    ----------
    n_samples : int
    sample_rate : int, hertz
    device : torch.device
    layout : TextureLayout
    """

    def __init__(
        self,
        n_samples: int,
        sample_rate: int,
        device: torch.device,
        layout: TextureLayout = STANDARD_LAYOUT,
    ) -> None:
        self.n_samples = n_samples
        # All transforms of the bands get a length that is fast.
        self.n_frames = fast_length(max(1, round(n_samples / sample_rate * FRAME_RATE_HZ)))
        self.frame_rate_hz = self.n_frames / (n_samples / sample_rate)
        bands, low, high = erb_bands(n_samples, sample_rate, layout.n_bands, layout.shift)
        self.bands: list[_Band] = []
        for first, response in bands:
            last = first + len(response)
            # This leaves room for the band and for the modulations that a gain adds to it.
            per_frame = max(2, -(-int(1.3 * len(response) + self.n_frames) // self.n_frames))
            tensor = torch.from_numpy(response.astype(np.float32)).to(device)
            self.bands.append(_Band(first, last, tensor, per_frame))
        edges = np.square(low) + np.square(high)
        self._outside = torch.from_numpy(edges.astype(np.float32)).to(device)

    @cached_property
    def mel_weights(self) -> Tensor:
        """Share of a mel spectrogram that each band covers, (bands,), with a mean of 1.

        Content measures weight bands like this. Most ERB bands lie at low frequencies, where
        there are few mel bands.
        """
        seconds = self.n_frames / self.frame_rate_hz
        mel_hz = np.gradient(hz_to_mel(np.arange(len(self._outside)) / seconds))
        density = torch.stack(
            [
                band.response.square().cpu().double()
                @ torch.from_numpy(mel_hz[band.first : band.last])
                for band in self.bands
            ]
        )
        return (density / density.mean()).float().to(self._outside.device)

    def split(self, spectrum: Tensor) -> list[Tensor]:
        """Bands of a clip's spectrum, (channels, bins) -> bands x (channels, n).

        The spectrum is that of `torch.fft.rfft`.
        """
        signals = []
        for band in self.bands:
            n = band.per_frame * self.n_frames
            part = spectrum[:, band.first : band.last] * band.response
            signals.append(torch.fft.ifft(part, n=n) * (2.0 * n / self.n_samples))
        return signals

    def envelopes(self, signals: list[Tensor]) -> Tensor:
        """Compressed envelopes, (bands, frames), of the channels' mean power in each band."""
        found = []
        for band, signal in zip(self.bands, signals, strict=True):
            power = signal.abs().square_().mean(dim=0)
            compressed = power.add_(_TINY).pow_(COMPRESSION / 2.0)
            found.append(compressed.view(self.n_frames, band.per_frame).mean(dim=-1))
        return torch.stack(found)

    def impose(self, spectrum: Tensor, signals: list[Tensor], gain: Tensor) -> Tensor:
        """Apply a gain to each band and sum the bands.

        Parameters
        ----------
        spectrum, signals
            As returned by `split`.
        gain : (bands, frames), > 0
            Linear; the same for all channels.

        Returns
        -------
        (channels, bins)
            The spectrum of the sum.
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
        return result


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
        self._modulation = modulation.float().to(device)
        self._modulation_back = (4.0 * sides * modulation.T).float().to(device)
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
            weights = [w.float().to(device)[:, None] for w in (weight, weight * sides[span])]
            self._octaves.append(_Octave(span, *weights))

    def __call__(self, envelopes: Tensor) -> list[Tensor]:
        """Statistics of envelopes, (bands, frames) -> one flat tensor for each of `CLASSES`."""
        return list(_Statistics.apply(envelopes, self))  # type: ignore[no-untyped-call]

    @property
    def weights(self) -> tuple[Tensor, Tensor, list[_Octave]]:
        """Weights of frequencies: in modulation bands, in the gradient of these, in octaves."""
        return self._modulation, self._modulation_back, self._octaves


class _Octave(NamedTuple):
    """Frequencies of an octave of modulation, with their weights, (frequencies, 1)."""

    span: slice
    weight: Tensor
    weight_back: Tensor


class _Statistics(torch.autograd.Function):
    """The statistics, with a gradient written out, which takes a fifth of autograd's time."""

    @staticmethod
    def forward(ctx: Any, envelopes: Tensor, statistics: TextureStatistics) -> tuple[Tensor, ...]:
        n_frames, (modulation, _, octaves) = statistics.n_frames, statistics.weights
        apart, beside = _pairs(len(envelopes), envelopes.device)
        mean = envelopes.mean(dim=1)
        standardised = envelopes - mean[:, None]
        variance = _row_dots(standardised, standardised) / n_frames
        deviation = (variance + 1e-12).sqrt()
        standardised *= (1.0 / deviation)[:, None]
        square = standardised.square()
        correlation = (standardised @ standardised.T).view(-1)[apart] / n_frames
        # Real and imaginary parts as a last axis: real products take half the time of complex ones.
        padded = torch.fft.rfft(standardised, n=statistics.n_fft)
        spectrum = torch.view_as_real(padded).mul_(1.0 / math.sqrt(statistics.n_fft * n_frames))
        power = spectrum.square().sum(dim=-1)
        joint, inside = [], []
        for octave in octaves:
            band = (spectrum[:, octave.span] * octave.weight.to(spectrum.dtype)).flatten(1)
            product = (band @ band.T).mul_(2.0)
            joint.append(product.view(-1)[beside])
            inside.append(band)
        ctx.statistics, ctx.inside = statistics, inside
        ctx.save_for_backward(mean, variance, deviation, standardised, square, spectrum)
        return (
            mean / (mean.mean() + 1e-12),
            variance / (mean.square() + 1e-12),
            _row_dots(square, standardised) / n_frames,
            _row_dots(square, square) / n_frames - 3.0,
            correlation,
            (power @ modulation.to(power.dtype)).mul_(2.0).flatten(),
            torch.cat(joint),
        )

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        of_mean, of_variance, of_skewness, of_kurtosis, of_correlation, of_power, of_joint = (
            gradients
        )
        statistics: TextureStatistics = ctx.statistics
        _, modulation_back, octaves = statistics.weights
        mean, variance, deviation, standardised, square, spectrum = ctx.saved_tensors
        (n_bands, n_frames), dtype = standardised.shape, standardised.dtype

        change = spectrum * (of_power.view(n_bands, -1) @ modulation_back.to(dtype))[:, :, None]
        apart, beside = _pairs(n_bands, standardised.device)
        mixing = _symmetric(of_joint.view(len(octaves), -1), beside, n_bands).mul_(2.0)
        for octave, band, mix in zip(octaves, ctx.inside, mixing, strict=True):
            change[:, octave.span].addcmul_(
                (mix @ band).view(n_bands, -1, 2), octave.weight_back.to(dtype)
            )
        padded = torch.fft.irfft(torch.view_as_complex(change), n=statistics.n_fft)
        gradient = padded[:, :n_frames].mul_(math.sqrt(statistics.n_fft / n_frames))

        mixing = _symmetric(of_correlation[None], apart, n_bands)[0]
        gradient.addmm_(mixing, standardised, alpha=1.0 / n_frames)
        slope = standardised * (of_kurtosis * (4.0 / n_frames))[:, None]
        slope += (of_skewness * (3.0 / n_frames))[:, None]
        gradient += slope.mul_(square)

        # From the standardised to the centred envelopes, and from these to the envelopes.
        common = _row_dots(gradient, standardised) / n_frames
        ratio = mean.square() + 1e-12
        overall = mean.mean() + 1e-12
        level = of_mean / overall - (of_mean @ mean) / (n_bands * overall.square())
        level -= of_variance * variance * 2.0 * mean / ratio.square()
        spread = of_variance / ratio * (2.0 / n_frames) * deviation - common / deviation
        centre = level / n_frames - gradient.mean(dim=1) / deviation
        gradient.mul_((1.0 / deviation)[:, None])
        gradient.addcmul_(standardised, spread[:, None]).add_(centre[:, None])
        return gradient, None


def _row_dots(a: Tensor, b: Tensor) -> Tensor:
    """Inner product of each row of `a` with the same row of `b`, (rows, n) -> (rows,)."""
    return torch.bmm(a[:, None], b[:, :, None])[:, 0, 0]


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


class _Pooled(torch.autograd.Function):
    """Power of compressed envelopes under a sliding window, with a gradient written out.

    A convolution with a stride of `hop` is, for each part of the window that is `hop` long, a
    product of matrices. The envelopes are mirrored at both ends.
    """

    @staticmethod
    def forward(ctx: Any, envelopes: Tensor, window: Tensor, length: int) -> Tensor:
        (n_bands, n_frames), (n_parts, hop) = envelopes.shape, window.shape
        around = length - 1
        power = envelopes.pow(2.0 / COMPRESSION)
        n_out = (n_frames + 2 * around - length) // hop + 1
        n_blocks = n_out + n_parts - 1
        padded = power.new_zeros(n_bands, max(n_blocks * hop, n_frames + 2 * around))
        padded[:, around : around + n_frames] = power
        padded[:, :around] = power[:, 1 : around + 1].flip(1)
        padded[:, around + n_frames : n_frames + 2 * around] = power[:, -around - 1 : -1].flip(1)
        blocks = padded[:, : n_blocks * hop].reshape(n_bands, n_blocks, hop)
        products = blocks @ window.T.to(power.dtype)
        pooled = products[:, :n_out, 0].clone()
        for part in range(1, n_parts):
            pooled += products[:, part : part + n_out, part]
        ctx.save_for_backward(envelopes, power, window)
        ctx.around = around
        return pooled

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        envelopes, power, window = ctx.saved_tensors
        (n_bands, n_frames), (n_parts, hop) = envelopes.shape, window.shape
        around, n_out = ctx.around, gradient.shape[1]
        n_blocks = n_out + n_parts - 1
        products = gradient.new_zeros(n_bands, n_blocks, n_parts)
        for part in range(n_parts):
            products[:, part : part + n_out, part] = gradient
        padded = gradient.new_zeros(n_bands, max(n_blocks * hop, n_frames + 2 * around))
        change = (products @ window.to(power.dtype)).view(n_bands, -1)
        padded[:, : change.shape[1]] = change
        found = padded[:, around : around + n_frames].clone()
        found[:, 1 : around + 1] += padded[:, :around].flip(1)
        found[:, -around - 1 : -1] += padded[:, around + n_frames : n_frames + 2 * around].flip(1)
        return found.mul_(power).div_(envelopes).mul_(2.0 / COMPRESSION), None, None


class ContentContour:
    """How well an output's envelopes keep the band contour and the onsets of the content.

    Parameters
    ----------
    envelopes : (bands, frames)
        Compressed envelopes of the content.
    weights : (bands,)
        Weights of the bands, with a mean of 1.
    frame_rate_hz : float
    layout : TextureLayout
    """

    _SCALE = 5000.0  # puts amplitudes where a mel spectrogram's power would be
    _FLOOR = 1e-4

    def __init__(
        self,
        envelopes: Tensor,
        weights: Tensor,
        frame_rate_hz: float,
        layout: TextureLayout = STANDARD_LAYOUT,
    ) -> None:
        self._weights = weights[:, None]
        length = max(1, round(layout.contour_window_seconds * frame_rate_hz))
        window = torch.hann_window(length + 2, periodic=False, device=envelopes.device)[1:-1]
        self._length, hop = length, max(1, round(layout.contour_hop_seconds * frame_rate_hz))
        window = torch.nn.functional.pad(
            window.square() / window.square().sum(), (0, -length % hop)
        )
        self._window = window.view(-1, hop)
        self._contour = self._level(envelopes)
        self._rises = self._rise(self._contour)

    def _level(self, envelopes: Tensor) -> Tensor:
        pooled: Tensor = _Pooled.apply(envelopes, self._window, self._length)  # type: ignore[no-untyped-call]
        return torch.log(pooled * self._SCALE + self._FLOOR)

    def _rise(self, level: Tensor) -> Tensor:
        return (torch.relu(level[:, 1:] - level[:, :-1]) * self._weights).mean(dim=0)

    def _centred(self, level: Tensor) -> Tensor:
        return (level - level.mean(dim=1, keepdim=True)) * self._weights.sqrt()

    def __call__(self, envelopes: Tensor) -> tuple[Tensor, Tensor]:
        """Two scores of an output's compressed envelopes, (bands, frames), 1 at best.

        The first is the correlation of the mean-removed log bands, the second that of the
        onset envelopes.
        """
        level = self._level(envelopes)
        contour = differentiable_pearson(self._centred(level), self._centred(self._contour))
        return contour, differentiable_pearson(self._rise(level), self._rises)


@dataclass(frozen=True, kw_only=True)
class TextureWeights:
    """Weights of the terms of the texture loss.

    Attributes
    ----------
    contour, onset : float
        Penalty for losing all of the content's band contour, or all of its onsets, in decibels
        of style distance.
    floor : float
        Mean squared relative error below which the statistics count as matched.
    """

    contour: float = 21.0
    onset: float = 10.0
    floor: float = 1e-3


class TextureLoss:
    """Style distance of envelopes in decibels, plus penalties for losing the content.

    The distance is the mean of the classes' squared relative errors, in decibels. A mean of
    decibels would reward bringing a class from -20 to -30 dB as much as one from 0 to -10 dB, and
    so spend the effort on classes that are matched already.

    Parameters
    ----------
    statistics : TextureStatistics
    targets : list of Tensor
        The style's statistics, as returned by `TextureStatistics`.
    contour : ContentContour
    weights : TextureWeights
    """

    def __init__(
        self,
        statistics: TextureStatistics,
        targets: Sequence[Tensor],
        contour: ContentContour,
        weights: TextureWeights,
    ) -> None:
        self._statistics, self._contour, self._weights = statistics, contour, weights
        self._targets = _comparable(targets)
        sizes = [max(float(target.square().sum()), 1e-12) for target in self._targets]
        self._scales = [1.0 / (size * len(sizes)) for size in sizes]

    @cached_property
    def offset(self) -> float:
        """Constant that makes the loss positive, with about zero for a full match."""
        return -10.0 * math.log10(self._weights.floor)

    def __call__(self, envelopes: Tensor) -> tuple[float, Tensor]:
        """Loss and gradient at compressed envelopes, (bands, frames) -> (float, same shape)."""
        leaf = envelopes.detach().requires_grad_()
        with torch.enable_grad():
            error = leaf.new_full((), self._weights.floor)
            found = _comparable(self._statistics(leaf))
            for value, target, scale in zip(found, self._targets, self._scales, strict=True):
                error = error + (value - target).square().sum() * scale
            contour, onset = self._contour(leaf)
            loss = (
                10.0 * torch.log10(error)
                + self._weights.contour * (1.0 - contour)
                + self._weights.onset * (1.0 - onset)
            )
            (gradient,) = torch.autograd.grad(loss, leaf)
        return float(loss.detach()) + self.offset, gradient


def _comparable(statistics: Sequence[Tensor]) -> list[Tensor]:
    """Statistics whose squared error says how far two textures are apart.

    Means count as logarithms, so that quiet bands count as much as loud ones, and so does the
    kurtosis, which a few outliers could decide otherwise. The power of each modulation relative to
    the band's mean is added: as a share of the band's variance alone, it could be met by adding
    other modulations.
    """
    found = list(statistics)
    mean, variance, kurtosis, power = (
        CLASSES.index(name)
        for name in (
            "envelope_mean",
            "envelope_variance",
            "envelope_kurtosis",
            "modulation_power",
        )
    )
    spread = found[variance][:, None]
    modulation = spread * found[power].view(len(spread), -1)
    level = torch.log(found[mean] + _LEAST_MEAN)
    found[mean] = level - level.mean()
    found[kurtosis] = torch.log((found[kurtosis] + 3.0).clamp_min(1.0))
    return [*found, modulation.flatten()]
