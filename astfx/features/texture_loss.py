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
from astfx.runtime.pool import Pool

_LEAST_POWER = 1e-4  # of a modulation, relative to the squared mean of its band
_LEAST_MEAN = 1e-2  # of the mean over all bands: about 130 dB in power
_MEAN, _VARIANCE, _KURTOSIS, _POWER = (
    CLASSES.index(name)
    for name in ("envelope_mean", "envelope_variance", "envelope_kurtosis", "modulation_power")
)


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

    contour: float = 25.6
    onset: float = 7.5
    floor: float = 3.2e-3


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
    pool : Pool, optional
        One of its threads computes what is kept of the content while another compares the style.
    """

    def __init__(
        self,
        statistics: TextureStatistics,
        targets: Sequence[Tensor],
        contour: ContentContour,
        weights: TextureWeights,
        pool: Pool | None = None,
    ) -> None:
        self._pool = pool or Pool(1)
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
        (distance_db, gradient), (kept, change) = self._pool.map(
            lambda term: term(envelopes), (self._style_distance, self._content_kept)
        )
        contour, onset = self._weights.contour, self._weights.onset
        return distance_db + contour + onset - kept + self.offset, gradient.sub_(change)

    def _content_kept(self, envelopes: Tensor) -> tuple[float, Tensor]:
        return self._contour(envelopes, self._weights.contour, self._weights.onset)

    def _style_distance(self, envelopes: Tensor) -> tuple[float, Tensor]:
        measured = self._statistics.measure(envelopes)
        found = _comparable(measured.values)
        differences = [
            value.sub_(target) for value, target in zip(found, self._targets, strict=True)
        ]
        errors = torch.stack([difference.square().sum() for difference in differences]).tolist()
        weighted = zip(errors, self._scales, strict=True)
        error = self._weights.floor + sum(error * scale for error, scale in weighted)
        slope = 20.0 / (math.log(10.0) * error)
        for difference, scale in zip(differences, self._scales, strict=True):
            difference.mul_(slope * scale)
        gradient = self._statistics.pull_back(measured, _pull_back(measured.values, differences))
        return 10.0 * math.log10(error), gradient


def _comparable(statistics: Sequence[Tensor]) -> list[Tensor]:
    """Statistics whose squared error says how far two textures are apart.

    Means count as logarithms, so that quiet bands count as much as loud ones, and so does the
    kurtosis, which a few outliers could decide otherwise. The power of each modulation relative to
    the band's mean is added: as a share of the band's variance alone, it could be met by adding
    other modulations. So is its root, the depth of each modulation, because squares of powers are
    mostly those of the strongest modulations.
    """
    found = [value.clone() for value in statistics]
    modulation = found[_VARIANCE][:, None] * found[_POWER].view(len(found[_VARIANCE]), -1)
    level = torch.log(found[_MEAN] + _LEAST_MEAN)
    found[_MEAN] = level - level.mean()
    found[_KURTOSIS] = torch.log((found[_KURTOSIS] + 3.0).clamp_min(1.0))
    depth = modulation.clamp_min(0.0).add_(_LEAST_POWER).sqrt_()
    return [*found, modulation.flatten(), depth.flatten()]


def _pull_back(statistics: Sequence[Tensor], gradients: Sequence[Tensor]) -> list[Tensor]:
    """Gradients with respect to statistics, from those with respect to `_comparable` of them."""
    *found, of_modulation, of_depth = gradients
    variance = statistics[_VARIANCE]
    power = statistics[_POWER].view(len(variance), -1)
    depth = (variance[:, None] * power).clamp_min_(0.0).add_(_LEAST_POWER).sqrt_()
    modulation = of_depth.view_as(depth).div(depth).mul_(0.5).add_(of_modulation.view_as(depth))
    found[_VARIANCE] = torch.linalg.vecdot(modulation, power).add_(found[_VARIANCE])
    found[_POWER] = (modulation * variance[:, None]).flatten().add_(found[_POWER])
    of_level = found[_MEAN] - found[_MEAN].mean()
    found[_MEAN] = of_level.div_(statistics[_MEAN] + _LEAST_MEAN)
    plain = statistics[_KURTOSIS] + 3.0
    found[_KURTOSIS] = torch.where(plain > 1.0, found[_KURTOSIS] / plain, 0.0)
    return found
