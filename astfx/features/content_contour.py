"""How well an output keeps the band contour and the onsets of its content."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from astfx.dsp.correlation import differentiable_pearson
from astfx.features.envelope_bank import COMPRESSION
from astfx.features.texture_layout import STANDARD_LAYOUT, TextureLayout


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
