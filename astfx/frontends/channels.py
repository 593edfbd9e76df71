"""Many channels as one shared signal, and back.

All channels share one stylisation: the features, the phase and every gain are those of one
shared signal. In each bin, every channel then gets the share of the power and the phase
difference that it has in the content. Together these are the spatial image. A bin with
almost no power in the content says nothing about the image. The more such a bin is raised,
the more it takes the image of its whole frame.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from astfx.audio import Waveform
from astfx.audio.levels import clips_rms
from astfx.dsp.phasors import unit_phasor
from astfx.frontends.log_magnitude import REFERENCE_RMS
from astfx.frontends.stft import Stft

_FRAME_WEIGHT = 0.025
"""Weight of the frame's image in a bin that is doubled; it is proportional to the increase."""

_TINY = 1e-20
_FRAMES_AT_ONCE = 64  # their temporary values stay in the processor's cache


class Image:
    """Spatial image of a content: its channels relative to one shared signal.

    Parameters
    ----------
    content : (channels, frames, bins) complex64
    polarity : (channels,) float32, optional
        -1 for channels to invert before they are summed. Channels of opposite polarity would
        cancel otherwise and leave no phase to share.

    Attributes
    ----------
    shared : (frames, bins) complex64
        Its magnitude is the root of the channels' mean power, which unlike a downmix cannot
        cancel. Its phase is that of the channels' sum.
    """

    def __init__(self, content: Tensor, polarity: Tensor | None = None) -> None:
        self.content = content
        if content.shape[0] == 1:
            self.shared = content[0]
            return
        self._power = content.abs().square_()
        aligned = content if polarity is None else content * polarity[:, None, None]
        self._phasor = unit_phasor(aligned.sum(dim=0))
        self.shared = self._phasor * self._power.mean(dim=0).sqrt_()

    def place(self, result: Tensor) -> Tensor:
        """Split a shared spectrogram into channels, (frames, bins) -> (channels, frames, bins)."""
        if self.content.shape[0] == 1:
            return result[None]
        placed = torch.empty_like(self.content)
        for first in range(0, len(result), _FRAMES_AT_ONCE):
            frames = slice(first, first + _FRAMES_AT_ONCE)
            placed[:, frames] = self._place(result[frames], frames)
        return placed

    def _place(self, result: Tensor, frames: slice) -> Tensor:
        shared, content_power = self.shared[frames], self._power[:, frames]
        # The channels relative to the shared signal: in each bin, and averaged over each frame.
        own = self.content[:, frames] * self._phasor[frames].conj()
        frame_power = content_power.mean(dim=2, keepdim=True)
        frame = (own * shared.abs()).mean(dim=2, keepdim=True)
        frame = frame / frame_power.mean(dim=0).sqrt().clamp_min(_TINY)
        raised = (result.abs() / shared.abs().clamp_min(_TINY) - 1.0).clamp(0.0, 1e6)
        frame_weight = _FRAME_WEIGHT * raised
        # Channels that have little in common in a frame keep their own, diffuse phase.
        n_channels = len(own)
        common = frame.abs().square().mean(dim=0) / frame_power.mean(dim=0).clamp_min(_TINY)
        common = ((n_channels * common - 1.0) / (n_channels - 1)).clamp(0.0, 1.0)
        diffuse = (1.0 - common) * frame_power.sqrt() * unit_phasor(own)
        phasor = unit_phasor(own + frame_weight * (common * frame + diffuse))
        power = content_power + frame_weight.square() * frame_power
        share = (power / power.mean(dim=0).clamp_min(_TINY)).sqrt_()
        silent = power.mean(dim=0) <= _TINY
        share = torch.where(silent, 1.0, share)
        return result * phasor * share


def shared_waveforms(
    clips: Sequence[Waveform], n_fft: int, hop_length: int, device: torch.device
) -> list[Tensor]:
    """Shared signal of each clip, (samples,) each, at an RMS of 0.1 over all clips together."""
    gain = REFERENCE_RMS / clips_rms(clips, hop_length)
    stft = Stft(n_fft=n_fft, hop_length=hop_length, device=device)
    found = []
    for clip in clips:
        waveform = torch.from_numpy(np.ascontiguousarray(clip)).to(device)
        if len(waveform) > 1:
            shared = Image(stft.analyse(waveform)).shared
            waveform = stft.synthesise(shared, waveform.shape[1])[None]
        found.append(waveform[0] * gain)
    return found
