"""Short-time Fourier transform (STFT) and its inverse, for whole signals and pieces of them.

Frame t covers samples [t*hop - (n_fft - hop), t*hop + hop). Every sample of the signal thus
lies in n_fft / hop frames, at the ends too. The squared windows therefore sum to a constant
everywhere, and the inverse is a plain overlap-add without division. Frames [a, b) need only
the samples that they cover, so long audio can be processed piece by piece.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from astfx.dsp.windows import hann
from astfx.errors import InvalidSettingError


@dataclass(frozen=True, kw_only=True)
class Stft:
    """Hann-windowed STFT and its inverse.

    Parameters
    ----------
    n_fft : int, samples
        Frame length; a multiple of `hop_length`, at least four times as long.
    hop_length : int, samples
    device : torch.device
    """

    n_fft: int
    hop_length: int
    device: torch.device

    def __post_init__(self) -> None:
        if self.hop_length < 1 or self.n_fft % self.hop_length or self.overlap < 4:
            raise InvalidSettingError(
                f"n_fft={self.n_fft} must be a multiple of hop_length={self.hop_length}, "
                "four times or more (samples)"
            )

    @property
    def overlap(self) -> int:
        """Number of frames that cover each sample."""
        return self.n_fft // self.hop_length

    @property
    def n_bins(self) -> int:
        """Number of frequency bins of a frame."""
        return self.n_fft // 2 + 1

    @cached_property
    def window(self) -> Tensor:
        """Periodic Hann window, (n_fft,) float32."""
        # Rounded from float64, so that it does not depend on the processor.
        return torch.from_numpy(hann(self.n_fft)).float().to(self.device)

    @cached_property
    def _synthesis_window(self) -> Tensor:
        # Hann squared at a hop of n_fft / k sums to 3k/8 for k > 2.
        return self.window * (8.0 / (3.0 * self.overlap))

    def n_frames(self, n_samples: int) -> int:
        """Number of frames that cover a signal of `n_samples`."""
        return -(-(n_samples + self.n_fft - self.hop_length) // self.hop_length)

    def sample_range(self, first_frame: int, last_frame: int) -> tuple[int, int]:
        """Samples [start, stop) that frames [first, last) cover, even outside the signal."""
        start = first_frame * self.hop_length - (self.n_fft - self.hop_length)
        return start, last_frame * self.hop_length

    def forward(self, waveform: Tensor) -> Tensor:
        """STFT without padding: the samples must fill whole frames.

        Parameters
        ----------
        waveform : (..., (frames - 1) * hop_length + n_fft) float32 or float64

        Returns
        -------
        (..., frames, bins) complex64 or complex128
        """
        spectrogram: Tensor = torch.fft.rfft(
            waveform.unfold(-1, self.n_fft, self.hop_length) * self.window
        )
        return spectrogram

    def inverse(self, spectrogram: Tensor) -> Tensor:
        """Inverse STFT by windowed overlap-add (least squares).

        Samples near the ends, which fewer than `overlap` frames cover, are partial sums.

        Parameters
        ----------
        spectrogram : (..., frames, bins) complex64

        Returns
        -------
        (..., (frames - 1) * hop_length + n_fft) float32
        """
        return self._overlap_add(
            torch.fft.irfft(spectrogram, n=self.n_fft) * self._synthesis_window
        )

    def inverse_unweighted(self, spectrogram: Tensor) -> Tensor:
        """Inverse STFT by overlap-add without a synthesis window.

        This is Griffin & Lim's OA form, while `inverse` is their least-squares form (LSEE).
        Parameters and result are those of `inverse`. Both forms invert `forward`. For a
        spectrogram that is not the STFT of any signal, only `inverse` gives the nearest signal.
        """
        # Hann sums to k/2 at a hop of n_fft / k.
        return self._overlap_add(torch.fft.irfft(spectrogram, n=self.n_fft) * (2.0 / self.overlap))

    def _overlap_add(self, frames: Tensor) -> Tensor:
        n_frames, hop, overlap = frames.shape[-2], self.hop_length, self.overlap
        parts = frames.view(*frames.shape[:-1], overlap, hop)
        total = frames.new_zeros(*frames.shape[:-2], n_frames + overlap - 1, hop)
        for i in range(overlap):
            total[..., i : i + n_frames, :] += parts[..., i, :]
        waveform: Tensor = total.flatten(-2)
        return waveform

    def analyse(self, waveform: Tensor) -> Tensor:
        """STFT of a whole signal, zero-padded: (..., samples) -> (..., frames, bins)."""
        n_samples = waveform.shape[-1]
        left = self.n_fft - self.hop_length
        right = self.n_frames(n_samples) * self.hop_length - n_samples
        return self.forward(torch.nn.functional.pad(waveform, (left, right)))

    def synthesise(self, spectrogram: Tensor, n_samples: int) -> Tensor:
        """Inverse of `analyse`: (..., frames, bins) -> (..., n_samples)."""
        left = self.n_fft - self.hop_length
        return self.inverse(spectrogram)[..., left : left + n_samples]
