"""Channels share one stylisation; this keeps what sets them apart.

The features, the phase and every gain are those of one shared signal. Each channel then
takes the share of a bin's power that it has in the content, and its phase difference. Bins
that hold next to nothing in the content say nothing about the image, so the more a bin is
raised, the more its image is that of the whole frame.
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

_TRUST = 0.025
_TINY = 1e-20


class Image:
    """The channels of a content, and their place in it.

    Parameters
    ----------
    content : (channels, frames, bins) complex64
    polarity : (channels,) float32, optional
        -1 for channels to be turned over before they are summed: opposite channels would
        cancel, and leave no phase to share.

    Attributes
    ----------
    shared : (frames, bins) complex64
        Magnitude: root of the channels' mean power, which cannot cancel as a downmix can;
        phase: that of their sum.
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
        """Distribute a shared spectrogram, (frames, bins) -> (channels, frames, bins)."""
        if self.content.shape[0] == 1:
            return result[None]
        # Relative to the shared signal: (channels, frames, bins), and over whole frames.
        own = self.content * self._phasor.conj()
        frame_power = self._power.mean(dim=2, keepdim=True)
        frame = (own * self.shared.abs()).mean(dim=2, keepdim=True)
        frame = frame / frame_power.mean(dim=0).sqrt().clamp_min(_TINY)
        raised = (result.abs() / self.shared.abs().clamp_min(_TINY) - 1.0).clamp(0.0, 1e6)
        doubt = _TRUST * raised
        # Channels that have little in common in the frame keep their own, diffuse phase.
        n_channels = len(own)
        common = frame.abs().square().mean(dim=0) / frame_power.mean(dim=0).clamp_min(_TINY)
        common = ((n_channels * common - 1.0) / (n_channels - 1)).clamp(0.0, 1.0)
        diffuse = (1.0 - common) * frame_power.sqrt() * unit_phasor(own)
        phasor = unit_phasor(own + doubt * (common * frame + diffuse))
        power = self._power + doubt.square() * frame_power
        share = (power / power.mean(dim=0).clamp_min(_TINY)).sqrt_()
        silent = power.mean(dim=0) <= _TINY
        share = torch.where(silent, 1.0, share)
        return result * phasor * share


def shared_waveforms(
    clips: Sequence[Waveform], n_fft: int, hop_length: int, device: torch.device
) -> list[Tensor]:
    """Clips as (samples,) each: all channels together, at an RMS of 0.1 over all clips."""
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
