"""One layer of random convolution filters over log-magnitude frames, and its Gram matrix.

This is the classic recipe of Ulyanov & Lebedev 2016 ("Audio texture synthesis and style
transfer"): the frequency bins are the channels, and there are 4096 filters of 11 frames,
followed by ReLU, without bias or padding.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


class RandomConv:
    """A random 1-D convolution followed by ReLU.

    Parameters
    ----------
    n_bins : int
    n_filters : int
    width : int, frames
    seed : int
        The filters are drawn on the CPU, so a seed gives the same filters on any device.
    device : torch.device
    """

    def __init__(
        self, n_bins: int, n_filters: int, width: int, seed: int, device: torch.device
    ) -> None:
        generator = torch.Generator().manual_seed(seed)
        weight = torch.randn(n_filters, width * n_bins, generator=generator)
        weight *= math.sqrt(4.0 / ((n_bins + n_filters) * width))
        self.weight = weight.to(device)
        self.width = width
        self.n_filters = n_filters

    def __call__(self, x: Tensor) -> Tensor:
        """Feature maps, (frames, bins) -> (frames - width + 1, n_filters)."""
        # Consecutive frames are adjacent in memory, so a patch is a window on flattened frames.
        patches = x.contiguous().view(-1).unfold(0, self.weight.shape[1], x.shape[1])
        return torch.relu_(patches @ self.weight.T)

    def backward(self, gradient: Tensor, features: Tensor, x: Tensor) -> Tensor:
        """Gradient with respect to x, from the gradient with respect to the feature maps."""
        patches = (gradient * (features > 0)) @ self.weight
        parts = patches.view(-1, self.width, x.shape[1])
        total = torch.zeros_like(x)
        for d in range(self.width):
            total[d : d + parts.shape[0]] += parts[:, d]
        return total


def gram_matrix(features: Tensor) -> Tensor:
    """Mean outer product over frames, (frames, filters) -> (filters, filters)."""
    return features.T @ features / features.shape[0]


class RandomConvLoss:
    """Squared distance between Gram matrices, plus a weighted one between feature maps.

    loss = (|G(x) - G(style)|_F^2 + content_weight |F(x) - F(content)|_F^2) / |G(style)|_F^2

    Parameters
    ----------
    conv : RandomConv
    style_gram : (filters, filters)
    content_features : (patches, filters) or None
    content_weight : float
    """

    def __init__(
        self,
        conv: RandomConv,
        style_gram: Tensor,
        content_features: Tensor | None = None,
        content_weight: float = 0.0,
    ) -> None:
        self.conv = conv
        self.style_gram = style_gram
        self.content_features = content_features
        self.content_weight = content_weight
        self._scale = 1.0 / max(float(style_gram.square().sum()), 1e-30)

    def __call__(self, x: Tensor) -> tuple[float, Tensor]:
        """Loss and gradient at x, (frames, bins) -> (float, (frames, bins))."""
        features = self.conv(x)
        difference = gram_matrix(features) - self.style_gram
        loss = float(difference.square().sum())
        gradient = (features @ difference).mul_(4.0 / features.shape[0])
        if self.content_features is not None and self.content_weight > 0.0:
            error = features - self.content_features
            loss += self.content_weight * float(error.square().sum())
            gradient.add_(error, alpha=2.0 * self.content_weight)
        return loss * self._scale, self.conv.backward(gradient, features, x).mul_(self._scale)
