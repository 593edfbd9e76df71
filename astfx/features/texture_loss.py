"""The loss of the texture rounds: distance to the style's statistics, and what content is lost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from astfx.features.content_contour import ContentContour
from astfx.features.texture_layout import CLASSES
from astfx.features.texture_statistics import TextureStatistics

_LEAST_MEAN = 1e-2  # of the mean over all bands: about 130 dB in power


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

    contour: float = 24.0
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
