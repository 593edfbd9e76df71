"""Two small classifiers, whose layers style transfer methods compare.

Both come from the source documents that `astfx.recipes` lists. `AudioNet` is that of Vedak &
Bhatia (document 001): four convolutions over a log spectrogram, trained to tell classes of
sounds apart. `VoiceNet` is that of Gafar 2023 (document 003): four convolutions over the real
and imaginary parts of an STFT, standardised for each bin, trained to tell speakers apart.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from astfx.frontends.filterbanks import Picture

LAYERS = ("conv1", "conv2", "conv3", "conv4")


@dataclass(frozen=True, kw_only=True)
class NetSettings:
    """Input format and classes of a classifier.

    Attributes
    ----------
    network : {"audio-cnn", "voice-cnn"}
    classes : tuple of str
    sample_rate : int, hertz
    n_fft, hop_length : int, samples
    n_bands : int
        Bands of `AudioNet`'s spectrogram.
    """

    network: str
    classes: tuple[str, ...]
    sample_rate: int
    n_fft: int
    hop_length: int
    n_bands: int = 128

    def to_dict(self) -> dict[str, Any]:
        """Return a dictionary for JSON."""
        return {**asdict(self), "classes": list(self.classes)}


def stft_frames(waveform: Tensor, settings: NetSettings) -> Tensor:
    """Hann STFT of zero-padded clips, (..., samples) -> (..., frames, bins)."""
    window = torch.hann_window(settings.n_fft, device=waveform.device)
    half = settings.n_fft // 2
    padded = functional.pad(waveform, (half, half))
    frames = padded.unfold(-1, settings.n_fft, settings.hop_length) * window
    spectrogram: Tensor = torch.fft.rfft(frames)
    return spectrogram


class AudioNet(nn.Module):
    """Sound classifier over log spectrograms: 3x3 convolutions of 1-16-32-64-64 channels.

    Parameters
    ----------
    settings : NetSettings
    """

    WIDTHS = (1, 16, 32, 64, 64)
    SHORTEST_FRAMES = 16

    def __init__(self, settings: NetSettings) -> None:
        super().__init__()
        self.settings = settings
        for number in range(1, 5):
            before, after = self.WIDTHS[number - 1 : number + 1]
            setattr(self, f"conv{number}", nn.Conv2d(before, after, 3, padding=1))
        self.head = nn.Linear(2 * self.WIDTHS[-1], len(settings.classes))
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("deviation", torch.ones(()))

    def picture(self, waveform: Tensor) -> Tensor:
        """Log spectrogram of clips at an RMS of 0.1, (batch, samples) -> (batch, frames, bands)."""
        settings = self.settings
        scale = 2048.0 / settings.n_fft
        front = Picture(
            front_end="log",
            n_bands=settings.n_bands,
            sample_rate=settings.sample_rate,
            n_fft=settings.n_fft,
            device=waveform.device,
        )
        return front(torch.log1p(stft_frames(waveform, settings).abs() * scale))

    def layers(self, picture: Tensor) -> dict[str, Tensor]:
        """Feature maps after each ReLU, (batch, frames, bands) -> each (batch, channels, ., .)."""
        x = ((picture - self.mean) / self.deviation)[:, None]  # type: ignore[operator]
        found = {}
        for name in LAYERS:
            x = functional.relu(getattr(self, name)(x))
            found[name] = x
            if min(x.shape[2:]) >= 2:
                x = functional.max_pool2d(x, 2)
        return found

    def forward(self, picture: Tensor) -> Tensor:
        """Logits of the classes, (batch, frames, bands) -> (batch, classes)."""
        last = self.layers(picture)["conv4"].flatten(2)
        scores: Tensor = self.head(torch.cat([last.mean(dim=2), last.amax(dim=2)], dim=1))
        return scores


class VoiceNet(nn.Module):
    """Speaker classifier over complex STFTs.

    Its convolutions have 2-8-16-32-64 channels and strides of 2; the first is 5x5, the others
    are 3x3.

    Parameters
    ----------
    settings : NetSettings
    """

    WIDTHS = (2, 8, 16, 32, 64)
    SHORTEST_FRAMES = 260  # so that something is left after four strides and poolings
    DROPOUT = 0.3

    def __init__(self, settings: NetSettings) -> None:
        super().__init__()
        self.settings = settings
        for number in range(1, 5):
            before, after = self.WIDTHS[number - 1 : number + 1]
            kernel = 5 if number == 1 else 3
            layer = nn.Conv2d(before, after, kernel, stride=2, padding=1)
            nn.init.kaiming_normal_(layer.weight, mode="fan_in", nonlinearity="relu")
            setattr(self, f"conv{number}", layer)
        self.fc1 = nn.Linear(4 * self.WIDTHS[-1], 256)
        self.fc2 = nn.Linear(256, len(settings.classes))
        bins = settings.n_fft // 2 + 1
        self.register_buffer("mean", torch.zeros(2, bins))
        self.register_buffer("deviation", torch.ones(2, bins))

    def picture(self, waveform: Tensor) -> Tensor:
        """Real and imaginary parts, (batch, samples) -> (batch, 2, bins, frames)."""
        spectrogram = stft_frames(waveform, self.settings).transpose(-1, -2)
        short = self.SHORTEST_FRAMES - spectrogram.shape[-1]
        if short > 0:
            spectrogram = functional.pad(spectrogram, (0, short))
        return torch.stack([spectrogram.real, spectrogram.imag], dim=1)

    def layers(self, picture: Tensor) -> dict[str, Tensor]:
        """Feature maps of each convolution before its ReLU, as Gafar 2023 compares them."""
        x = (picture - self.mean[:, :, None]) / self.deviation[:, :, None]  # type: ignore[index]
        found = {}
        for name in LAYERS:
            found[name] = getattr(self, name)(x)
            x = functional.max_pool2d(functional.relu(found[name]), 2, ceil_mode=True)
        found["pooled"] = x
        return found

    def forward(self, picture: Tensor) -> Tensor:
        """Logits of the speakers, (batch, 2, bins, frames) -> (batch, speakers)."""
        pooled = functional.adaptive_avg_pool2d(self.layers(picture)["pooled"], 2).flatten(1)
        pooled = functional.dropout(pooled, self.DROPOUT, self.training)
        scores: Tensor = self.fc2(functional.relu(self.fc1(pooled)))
        return scores


NETWORKS: dict[str, type[AudioNet] | type[VoiceNet]] = {
    "audio-cnn": AudioNet,
    "voice-cnn": VoiceNet,
}
