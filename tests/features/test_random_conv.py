from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from astfx.features.random_conv import RandomConv, RandomConvLoss, gram_matrix

CPU = torch.device("cpu")


def test_features_are_torchs_own_convolution() -> None:
    conv = RandomConv(5, 7, 3, seed=0, device=CPU)
    x = torch.rand(12, 5, generator=torch.Generator().manual_seed(1))
    kernel = conv.weight.view(7, 3, 5).permute(0, 2, 1)
    expected = torch.relu(functional.conv1d(x.T[None], kernel))[0].T
    torch.testing.assert_close(conv(x), expected)


@pytest.mark.parametrize("width", [1, 5, 11])
def test_filters_have_the_recipes_variance_at_any_width(width: int) -> None:
    """The variance is Glorot & Bengio's: 4 over the number of inputs and outputs."""
    conv = RandomConv(100, 300, width, seed=3, device=CPU)
    assert float(conv.weight.var()) == pytest.approx(4 / ((100 + 300) * width), rel=0.03)


def test_filters_follow_the_seed() -> None:
    conv = RandomConv(100, 300, 11, seed=3, device=CPU)
    assert torch.equal(conv.weight, RandomConv(100, 300, 11, seed=3, device=CPU).weight)
    assert not torch.equal(conv.weight, RandomConv(100, 300, 11, seed=4, device=CPU).weight)


@pytest.mark.parametrize("content_weight", [0.0, 0.3])
def test_gradient_matches_autograd(content_weight: float) -> None:
    conv = RandomConv(5, 9, 3, seed=0, device=CPU)
    generator = torch.Generator().manual_seed(1)
    style, content, x = (torch.rand(12, 5, generator=generator) for _ in range(3))
    target = gram_matrix(conv(style))
    loss = RandomConvLoss(conv, target, conv(content), content_weight)
    value, gradient = loss(x)

    leaf = x.clone().requires_grad_()
    patches = torch.stack([leaf[i : i + 3].reshape(-1) for i in range(10)])
    features = torch.relu(patches @ conv.weight.T)
    expected = (gram_matrix(features) - target).square().sum()
    expected = expected + content_weight * (features - conv(content)).square().sum()
    expected = expected / target.square().sum()
    expected.backward()  # type: ignore[no-untyped-call]
    assert value == pytest.approx(float(expected.detach()), rel=1e-5)
    assert leaf.grad is not None
    torch.testing.assert_close(gradient, leaf.grad, rtol=1e-4, atol=1e-7)
