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
from astfx.runtime.pool import Pool

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
    pool : Pool, optional
        Threads that share the bands among them.
    """

    def __init__(
        self,
        n_samples: int,
        sample_rate: int,
        device: torch.device,
        layout: TextureLayout = STANDARD_LAYOUT,
        pool: Pool | None = None,
    ) -> None:
        self.n_samples = n_samples
        self._pool = pool or Pool(1)
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

        def signal_of(band: _Band) -> Tensor:
            n = band.per_frame * self.n_frames
            response = band.response * (2.0 * n / self.n_samples)
            part = spectrum[:, band.first : band.last] * response
            signal: Tensor = torch.fft.ifft(part, n=n)
            return signal

        return self._pool.map(signal_of, self.bands)

    def envelopes(self, signals: list[Tensor]) -> Tensor:
        """Compressed envelopes, (bands, frames), of the channels' mean power in each band."""

        def envelope(index: int) -> Tensor:
            signal = signals[index]
            parts = torch.view_as_real(signal).square().sum(dim=0)
            power = parts[:, 0] + parts[:, 1]  # quicker than a sum over so short an axis
            compressed = power.div_(len(signal)).add_(_TINY).pow_(COMPRESSION / 2.0)
            return compressed.view(self.n_frames, -1).mean(dim=-1)

        return torch.stack(self._pool.map(envelope, range(len(signals))))

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
        log_gain = gain.log()

        def changed(index: int) -> Tensor:
            band, signal = self.bands[index], signals[index]
            n = signal.shape[-1]
            smooth = torch.nn.functional.interpolate(
                log_gain[None, None, index], size=n, mode="linear", align_corners=False
            )[0, 0].exp_()
            part: Tensor = torch.fft.fft(signal * smooth)[:, : band.last - band.first]
            return part.mul_(band.response * (self.n_samples / (2.0 * n)))

        result = spectrum * self._outside
        parts = self._pool.map(changed, range(len(signals)))
        for band, part in zip(self.bands, parts, strict=True):
            result[:, band.first : band.last] += part
        return result
