"""Strength: a straight line in log magnitude from the content to the full result."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from astfx.audio import SlidingReader, Source, Waveform
from astfx.engine.segments import Emitter, Scan, Segment, plan_segments
from astfx.frontends.log_magnitude import LogMagnitude
from astfx.frontends.stft import Stft
from astfx.methods import Grid
from astfx.phase.griffin_lim import FAST_MOMENTUM, refine
from astfx.runtime.device import resolve_device
from astfx.runtime.progress import Meter
from astfx.settings import Settings, position

_CONTEXT_FRAMES = 8
_ITERATIONS = 8
StrengthCurve = Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float32]]

STEP_WEIGHT = 0.3
"""Work of blending a segment, matching one = 1."""


class Blender:
    """Blend content and full result, segment by segment.

    Magnitudes move along a straight line between the two sounds' log1p features; the phase
    starts from that of their sum, which is the content's where the content dominates and the
    result's where the result does, and is made consistent by a few fast Griffin-Lim steps.

    Parameters
    ----------
    content : Source
    measured : Scan
        Of the content.
    full : Source
        The result at strength 1.
    full_rms : float
    grid : Grid
    settings : Settings
    meter : Meter
        Where progress is reported, as "blend".
    strength_curve : callable, optional
        ``strength_curve(seconds)``, (n,) -> (n,): strength over time, instead of the setting.
    """

    def __init__(
        self,
        content: Source,
        measured: Scan,
        full: Source,
        full_rms: float,
        grid: Grid,
        settings: Settings,
        meter: Meter,
        strength_curve: StrengthCurve | None = None,
    ) -> None:
        device = resolve_device(settings.device)
        self._device, self._meter = device, meter
        self._position, self._curve = position(settings.strength), strength_curve
        self._sample_rate = grid.sample_rate
        self._stft = Stft(n_fft=grid.n_fft, hop_length=grid.hop_length, device=device)
        self._readers = [
            SlidingReader(source.blocks(), source.channels) for source in (content, full)
        ]
        self._levels = (
            LogMagnitude(rms=measured.rms, n_fft=grid.n_fft),
            LogMagnitude(rms=max(full_rms, 1e-12), n_fft=grid.n_fft),
        )
        self._segments = plan_segments(
            self._stft.n_frames(measured.n_samples),
            grid.frames(settings.segment_seconds * 1e3),
            grid.frames(settings.overlap_seconds * 1e3),
        )
        self._emitter = Emitter(self._stft, content.channels, measured.n_samples)
        self._fixed = torch.zeros(
            content.channels, 0, self._stft.n_bins, dtype=torch.complex64, device=device
        )
        meter.expect("blend", len(self._segments), STEP_WEIGHT)

    def blocks(self) -> Iterator[Waveform]:
        """Yield the blended audio in (channels, n) blocks, as long as the content."""
        for index, segment in enumerate(self._segments):
            with torch.no_grad():
                block = self._blend(segment)
            self._meter.report("blend", index, 1.0)
            yield block

    def _blend(self, segment: Segment) -> Waveform:
        n_context = self._fixed.shape[1]
        start, stop = self._stft.sample_range(segment.first - n_context, segment.look)
        content, full = (self._spectrogram(reader, start, stop) for reader in self._readers)
        own, other = (level.gain for level in self._levels)
        share = self._share(segment.first - n_context, content.shape[1])
        features = torch.lerp(
            torch.log1p(content.abs() * own), torch.log1p(full.abs() * other), share
        )
        result = refine(
            content * (own * (1.0 - share)) + full * (other * share),
            torch.expm1(features).div_(own),
            self._fixed,
            self._stft,
            n_iter=_ITERATIONS,
            momentum=FAST_MOMENTUM,
        )
        last = n_context + segment.last - segment.first
        self._fixed = result[:, :last][:, -_CONTEXT_FRAMES:]
        return self._emitter.emit(result[:, n_context:last])

    def _share(self, first: int, n_frames: int) -> Tensor:
        """Place on the line of each of some frames, (frames, 1) or a single number."""
        if self._curve is None:
            return torch.tensor(self._position, device=self._device)
        # A frame stands for the middle of its window.
        centre = (first + np.arange(n_frames) + 1) * self._stft.hop_length - self._stft.n_fft / 2
        strength = self._curve(np.maximum(centre, 0.0) / self._sample_rate)
        places = np.array([position(float(value)) for value in strength], np.float32)
        return torch.from_numpy(places).to(self._device)[:, None]

    def _spectrogram(self, reader: SlidingReader, start: int, stop: int) -> Tensor:
        return self._stft.forward(torch.from_numpy(reader.read(start, stop)).to(self._device))
