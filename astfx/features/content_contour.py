"""How well an output keeps the band contour and the onsets of its content."""

from __future__ import annotations

import torch
from torch import Tensor

from astfx.dsp.correlation import CorrelationWith
from astfx.features.envelope_bank import COMPRESSION
from astfx.features.texture_layout import STANDARD_LAYOUT, TextureLayout


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
        level = self._level(self._pooled(envelopes.pow(2.0 / COMPRESSION)))
        self._contour = CorrelationWith(self._centred(level))
        self._rises = CorrelationWith(self._rise(level))

    def _pooled(self, power: Tensor) -> Tensor:
        """Power of the bands under a sliding window, (bands, frames) -> (bands, windows).

        A convolution with a stride of `hop` is, for each part of the window that is `hop` long, a
        product of matrices. The envelopes are mirrored at both ends.
        """
        (n_bands, n_frames), (n_parts, hop) = power.shape, self._window.shape
        around = self._length - 1
        n_out = (n_frames + 2 * around - self._length) // hop + 1
        n_blocks = n_out + n_parts - 1
        padded = power.new_zeros(n_bands, max(n_blocks * hop, n_frames + 2 * around))
        padded[:, around : around + n_frames] = power
        padded[:, :around] = power[:, 1 : around + 1].flip(1)
        padded[:, around + n_frames : n_frames + 2 * around] = power[:, -around - 1 : -1].flip(1)
        blocks = padded[:, : n_blocks * hop].reshape(n_bands, n_blocks, hop)
        products = blocks @ self._window.T.to(power.dtype)
        pooled = products[:, :n_out, 0].clone()
        for part in range(1, n_parts):
            pooled += products[:, part : part + n_out, part]
        return pooled

    def _spread(self, gradient: Tensor, n_frames: int) -> Tensor:
        """Apply the transpose of `_pooled`, (bands, windows) -> (bands, frames)."""
        (n_bands, n_out), (n_parts, hop) = gradient.shape, self._window.shape
        around = self._length - 1
        n_blocks = n_out + n_parts - 1
        products = gradient.new_zeros(n_bands, n_blocks, n_parts)
        for part in range(n_parts):
            products[:, part : part + n_out, part] = gradient
        padded = gradient.new_zeros(n_bands, max(n_blocks * hop, n_frames + 2 * around))
        padded[:, : n_blocks * hop] = (products @ self._window.to(gradient.dtype)).view(n_bands, -1)
        found = padded[:, around : around + n_frames]
        found[:, 1 : around + 1] += padded[:, :around].flip(1)
        found[:, -around - 1 : -1] += padded[:, around + n_frames : n_frames + 2 * around].flip(1)
        return found

    def _level(self, pooled: Tensor) -> Tensor:
        return torch.log(pooled * self._SCALE + self._FLOOR)

    def _rise(self, level: Tensor) -> Tensor:
        """Rise of the level between windows, the mean over bands, (windows - 1,)."""
        return torch.relu(level.diff(dim=1)).mul_(self._weights).mean(dim=0)

    def _centred(self, level: Tensor) -> Tensor:
        return (level - level.mean(dim=1, keepdim=True)).mul_(self._weights.sqrt())

    def __call__(
        self, envelopes: Tensor, contour_weight: float, onset_weight: float
    ) -> tuple[float, Tensor]:
        """Weighted sum of two scores of an output, 1 at best, and its gradient.

        The first score is the correlation of the mean-removed log bands, the second that of the
        onset envelopes.

        Parameters
        ----------
        envelopes : (bands, frames)
            Compressed envelopes of the output.
        contour_weight, onset_weight : float

        Returns
        -------
        (float, (bands, frames))
        """
        power = envelopes.pow(2.0 / COMPRESSION)
        pooled = self._pooled(power)
        level = self._level(pooled)
        contour, of_centred = self._contour(self._centred(level))
        onset, of_rise = self._rises(self._rise(level))
        change = of_centred.mul_(self._weights.sqrt() * contour_weight)
        change -= change.mean(dim=1, keepdim=True)
        rising = (level.diff(dim=1) > 0.0).to(change).mul_(self._weights).mul_(of_rise)
        rising.mul_(onset_weight / len(level))
        change[:, 1:] += rising
        change[:, :-1] -= rising
        change.mul_(self._SCALE).div_(pooled.mul_(self._SCALE).add_(self._FLOOR))
        found = self._spread(change, envelopes.shape[1]).mul_(power).div_(envelopes)
        total = contour_weight * contour + onset_weight * onset
        return total, found.mul_(2.0 / COMPRESSION)
