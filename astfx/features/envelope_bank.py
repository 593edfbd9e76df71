"""ERB bands of a clip, their envelopes, and gains that change them.

Instead of a waveform, the envelopes of bands are optimised, at 400 Hz, and imposed by a gain for
each band. That needs a fiftieth of the variables and keeps the phase, the pitch and the spatial
image of the channels.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from astfx.dsp.erb import erb_bands
from astfx.dsp.fft_length import fast_length
from astfx.dsp.mel import hz_to_mel
from astfx.features.texture_layout import STANDARD_LAYOUT, TextureLayout

FRAME_RATE_HZ = 400.0
COMPRESSION = 0.3
_TINY = 1e-16


@dataclass(frozen=True)
class _Band:
    first: int
    last: int
    response: Tensor
    per_frame: int


class EnvelopeBank:
    """ERB bands of a clip, as analytic signals sampled at a multiple of 400 Hz.

    Parameters
    ----------
    n_samples : int
    sample_rate : int, hertz
    device : torch.device
    layout : TextureLayout
    """

    def __init__(
        self,
        n_samples: int,
        sample_rate: int,
        device: torch.device,
        layout: TextureLayout = STANDARD_LAYOUT,
    ) -> None:
        self.n_samples = n_samples
        # All transforms of the bands get a length that is fast.
        self.n_frames = fast_length(max(1, round(n_samples / sample_rate * FRAME_RATE_HZ)))
        self.frame_rate_hz = self.n_frames / (n_samples / sample_rate)
        bands, low, high = erb_bands(n_samples, sample_rate, layout.n_bands, layout.shift)
        self.bands: list[_Band] = []
        for first, response in bands:
            last = first + len(response)
            # This leaves room for the band and for the modulations that a gain adds to it.
            per_frame = max(2, -(-int(1.3 * len(response) + self.n_frames) // self.n_frames))
            tensor = torch.from_numpy(response.astype(np.float32)).to(device)
            self.bands.append(_Band(first, last, tensor, per_frame))
        edges = np.square(low) + np.square(high)
        self._outside = torch.from_numpy(edges.astype(np.float32)).to(device)

    @cached_property
    def mel_weights(self) -> Tensor:
        """Share of a mel spectrogram that each band covers, (bands,), with a mean of 1.

        Content measures weight bands like this. Most ERB bands lie at low frequencies, where
        there are few mel bands.
        """
        seconds = self.n_frames / self.frame_rate_hz
        mel_hz = np.gradient(hz_to_mel(np.arange(len(self._outside)) / seconds))
        density = torch.stack(
            [
                band.response.square().cpu().double()
                @ torch.from_numpy(mel_hz[band.first : band.last])
                for band in self.bands
            ]
        )
        return (density / density.mean()).float().to(self._outside.device)

    def split(self, spectrum: Tensor) -> list[Tensor]:
        """Bands of a clip's spectrum, (channels, bins) -> bands x (channels, n).

        The spectrum is that of `torch.fft.rfft`.
        """
        signals = []
        for band in self.bands:
            n = band.per_frame * self.n_frames
            part = spectrum[:, band.first : band.last] * band.response
            signals.append(torch.fft.ifft(part, n=n) * (2.0 * n / self.n_samples))
        return signals

    def envelopes(self, signals: list[Tensor]) -> Tensor:
        """Compressed envelopes, (bands, frames), of the channels' mean power in each band."""
        found = []
        for band, signal in zip(self.bands, signals, strict=True):
            power = signal.abs().square_().mean(dim=0)
            compressed = power.add_(_TINY).pow_(COMPRESSION / 2.0)
            found.append(compressed.view(self.n_frames, band.per_frame).mean(dim=-1))
        return torch.stack(found)

    def impose(self, spectrum: Tensor, signals: list[Tensor], gain: Tensor) -> Tensor:
        """Apply a gain to each band and sum the bands.

        Parameters
        ----------
        spectrum, signals
            As returned by `split`.
        gain : (bands, frames), > 0
            Linear; the same for all channels.

        Returns
        -------
        (channels, bins)
            The spectrum of the sum.
        """
        result = spectrum * self._outside
        log_gain = gain.log()
        for band, signal, band_gain in zip(self.bands, signals, log_gain, strict=True):
            n = signal.shape[-1]
            smooth = torch.nn.functional.interpolate(
                band_gain[None, None], size=n, mode="linear", align_corners=False
            )[0, 0].exp_()
            part = torch.fft.fft(signal * smooth)[:, : band.last - band.first]
            part.mul_(band.response).mul_(self.n_samples / (2.0 * n))
            result[:, band.first : band.last] += part
        return result
