"""Strength: a straight line in log magnitude from the content to the full result."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from astfx.audio import SlidingReader, Source, Waveform
from astfx.device import resolve_device
from astfx.frontends.log_magnitude import LogMagnitude
from astfx.frontends.stft import Stft
from astfx.methods import Grid
from astfx.phase.griffin_lim import FAST_MOMENTUM, refine
from astfx.segments import Emitter, Meter, Scan, Segment, plan_segments
from astfx.settings import Settings

_CONTEXT_FRAMES = 8
_ITERATIONS = 8
_CURVE = 2.3
STEP_WEIGHT = 0.3
"""Work of blending a segment, matching one = 1."""


def position(strength: float) -> float:
    """Where on the line a strength lies: half the strength is half the style distance in dB.

    Most of a style is only heard near the end of the line (docs/sound.md has the curves).
    """
    return 1.0 - float((1.0 - strength) ** _CURVE)


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
    ) -> None:
        device = resolve_device(settings.device)
        self._device, self._position, self._meter = device, position(settings.strength), meter
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
        features = torch.lerp(
            torch.log1p(content.abs() * own), torch.log1p(full.abs() * other), self._position
        )
        result = refine(
            torch.lerp(content * own, full * other, self._position),
            torch.expm1(features).div_(own),
            self._fixed,
            self._stft,
            n_iter=_ITERATIONS,
            momentum=FAST_MOMENTUM,
        )
        last = n_context + segment.last - segment.first
        self._fixed = result[:, :last][:, -_CONTEXT_FRAMES:]
        return self._emitter.emit(result[:, n_context:last])

    def _spectrogram(self, reader: SlidingReader, start: int, stop: int) -> Tensor:
        return self._stft.forward(torch.from_numpy(reader.read(start, stop)).to(self._device))
