from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from astfx.frontends.channels import Image


def noise(channels: int, frames: int = 40, bins: int = 65, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(channels, frames, bins, generator=generator, dtype=torch.complex64)


def coherence(a: Tensor, b: Tensor) -> float:
    return float((a * b.conj()).sum().abs() / (a.norm() * b.norm()))


@pytest.mark.parametrize("channels", [1, 2, 5])
def test_placing_the_shared_signal_gives_the_channels_back(channels: int) -> None:
    content = noise(channels)
    image = Image(content)
    torch.testing.assert_close(image.place(image.shared), content, rtol=1e-4, atol=1e-4)


def test_shared_power_is_the_channels_mean_power() -> None:
    content = noise(3)
    expected = content.abs().square().mean(dim=0).sqrt()
    torch.testing.assert_close(Image(content).shared.abs(), expected)


def test_opposite_channels_do_not_cancel_and_stay_opposite() -> None:
    one = noise(1)
    image = Image(torch.cat([one, -one]))
    torch.testing.assert_close(image.shared.abs(), one[0].abs())
    placed = image.place(image.shared * 3.0)
    torch.testing.assert_close(placed[0], -placed[1], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("raised_db", [-20.0, 0.0, 20.0, 60.0])
def test_power_is_kept_and_levels_stay_apart(raised_db: float) -> None:
    one = noise(1)
    image = Image(torch.cat([one, 0.25 * one]))
    result = image.shared * 10 ** (raised_db / 20)
    placed = image.place(result)
    torch.testing.assert_close(placed.abs().square().mean(dim=0).sqrt(), result.abs())
    ratio_db = 20 * math.log10(float(placed[0].norm() / placed[1].norm()))
    assert ratio_db == pytest.approx(12.04, abs=0.01)


def test_raised_noise_floor_takes_the_image_of_the_frame() -> None:
    """Nearly mono content with an independent floor 60 dB down, raised to full level."""
    one = noise(1)
    content = torch.cat([one, one])
    content[:, :, 32:] = noise(2, bins=33, seed=1) * 1e-3
    image = Image(content)
    result = image.shared.clone()
    result[:, 32:] *= 1e3
    placed = image.place(result)
    assert coherence(placed[0, :, 32:], placed[1, :, 32:]) > 0.95
    assert coherence(content[0, :, 32:], content[1, :, 32:]) < 0.2


def test_raised_bins_of_wide_content_stay_wide() -> None:
    content = noise(2)
    image = Image(content)
    placed = image.place(image.shared * 1e3)
    assert coherence(placed[0], placed[1]) < 0.3


def test_what_sounds_where_the_content_is_silent_goes_to_every_channel() -> None:
    """Silence has no image: all channels take the result as it is."""
    content = noise(2, frames=4, bins=9)
    content[:, 2:] = 0.0
    result = noise(1, frames=4, bins=9, seed=1)[0]
    placed = Image(content).place(result)
    torch.testing.assert_close(placed[:, 2:], result[2:].expand(2, 2, 9))
