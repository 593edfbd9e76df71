"""Gatys' losses over the layers of any network: Gram matrices for style, feature maps for content.

See Gatys, Ecker & Bethge 2016. Each method with a network gives its own function that extracts the
layers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from astfx.errors import InvalidSettingError
from astfx.methods.optimising import DescentOptions, Stage, check_range
from astfx.optim.autograd import objective_of
from astfx.optim.lbfgs import Objective

Extract = Callable[[Tensor], Mapping[str, Tensor]]
"""Maps x, whose first axis is time, to the feature maps of each layer, (channels, positions)."""

NORMALISATIONS = ("relative", "mean")


@dataclass(frozen=True, kw_only=True)
class LayerOptions(DescentOptions):
    """Options of methods that compare layers of a network.

    Attributes
    ----------
    content_weight, style_weight : float, 0 to 1e12
        Weights of the content loss and of the style loss: Gatys' alpha and beta.
    content_layers, style_layers : tuple of str
    layer_weights : tuple of float, 0 to 1e6
        Weights of the style layers. The last weight also applies to all layers that follow.
    normalisation : {"relative", "mean"}
        "relative" divides each layer's squared error by the squared norm of its target, so
        that all layers count equally. "mean" is the mean squared error of Gram matrices that are
        divided by the number of elements of the feature map, as in document 003
        (`astfx.recipes`).
    """

    content_weight: float = 0.0
    style_weight: float = 1.0
    content_layers: tuple[str, ...] = ("conv4",)
    style_layers: tuple[str, ...] = ("conv1",)
    layer_weights: tuple[float, ...] = (1.0,)
    normalisation: str = "relative"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, 0.0, 1e12, "content_weight", "style_weight")
        check_range(self, 0.0, 1e6, "layer_weights")
        if not self.layer_weights or not self.style_layers:
            raise InvalidSettingError("layer_weights and style_layers must not be empty")
        if self.normalisation not in NORMALISATIONS:
            raise InvalidSettingError(
                f"normalisation={self.normalisation!r} must be one of {', '.join(NORMALISATIONS)}"
            )

    def check_layers(self, known: Sequence[str]) -> None:
        """Raise InvalidSettingError for a layer that the network does not have."""
        for name in (*self.content_layers, *self.style_layers):
            if name not in known:
                raise InvalidSettingError(f"layer {name!r} must be one of {', '.join(known)}")


def gram(features: Tensor) -> Tensor:
    """Return the Gram matrix over positions, (channels, positions) -> (channels, channels)."""
    return features @ features.T / features.shape[1]


def style_grams(extract: Extract, runs: Sequence[Tensor], layers: Sequence[str]) -> list[Tensor]:
    """Return the Gram matrix of each layer over all runs of a style (frames without a gap)."""
    totals: list[Tensor] = []
    counts: list[int] = []
    for run in runs:
        found = extract(run)
        for i, name in enumerate(layers):
            product = found[name] @ found[name].T
            if i == len(totals):
                totals.append(torch.zeros_like(product))
                counts.append(0)
            totals[i] += product
            counts[i] += found[name].shape[1]
    return [total / max(count, 1) for total, count in zip(totals, counts, strict=True)]


def layer_loss(stage: Stage, extract: Extract, options: LayerOptions) -> Callable[[Tensor], Tensor]:
    """Return Gatys' loss of a stage as a function of x, for autograd."""
    with torch.no_grad():
        targets = style_grams(extract, stage.style, options.style_layers)
        content = extract(stage.content) if options.content_weight > 0.0 else {}
    count = len(targets)
    weights = [*options.layer_weights, *[options.layer_weights[-1]] * count][:count]
    relative = options.normalisation == "relative"
    scales = [
        weight
        / (count * max(float(target.square().sum()), 1e-20) if relative else len(target) ** 4)
        for weight, target in zip(weights, targets, strict=True)
    ]

    def loss(x: Tensor) -> Tensor:
        found = extract(x)
        total = x.new_zeros(())
        for name, target, scale in zip(options.style_layers, targets, scales, strict=True):
            error = (gram(found[name]) - target).square().sum()
            total = total + options.style_weight * scale * error
        for name in options.content_layers if content else ():
            error = (found[name] - content[name]).square().mean()
            if relative:
                size = content[name].square().mean().clamp_min(1e-20)
                error = error / (size * len(options.content_layers))
            total = total + options.content_weight * error
        return total

    return loss


def layer_objective(stage: Stage, extract: Extract, options: LayerOptions) -> Objective:
    """Return Gatys' loss of a stage as an objective, which also returns the gradient."""
    return objective_of(layer_loss(stage, extract, options))
