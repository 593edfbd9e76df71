"""Overlap-add of stylised frames to samples, across segments."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from astfx.audio import Waveform
from astfx.frontends.stft import Stft


class Emitter:
    """Turns the frames of one segment after the other into samples, by overlap-add.

    Parameters
    ----------
    stft : Stft
    channels : int
    n_samples : int
        Length of the whole output.
    """

    def __init__(self, stft: Stft, channels: int, n_samples: int) -> None:
        self._stft, self._channels, self._n_samples = stft, channels, n_samples
        self._tail = torch.zeros(channels, stft.n_fft - stft.hop_length, device=stft.device)
        self._n_emitted = 0

    def emit(self, spectrogram: Tensor) -> Waveform:
        """Add frames, (channels, frames, bins); return complete samples, (channels, n) float32."""
        waveform = self._stft.inverse(spectrogram)
        n_tail = self._tail.shape[1]
        waveform[:, :n_tail] += self._tail
        self._tail = waveform[:, -n_tail:].clone()
        start, stop = self._stft.sample_range(
            self._n_emitted, self._n_emitted + spectrogram.shape[1]
        )
        self._n_emitted += spectrogram.shape[1]
        stop -= n_tail
        block = waveform[:, max(0, -start) : min(stop, self._n_samples) - start]
        return np.array(block.cpu().numpy())

    def emit_silence(self, n_frames: int) -> Waveform:
        """Add `n_frames` frames of silence; return complete samples, (channels, n) float32."""
        shape = (self._channels, n_frames, self._stft.n_bins)
        return self.emit(torch.zeros(shape, dtype=torch.complex64, device=self._stft.device))
