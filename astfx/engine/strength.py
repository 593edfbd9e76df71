"""Strength: linear interpolation in decibels, from the content to the full result."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from astfx.audio import SlidingReader, Source, Waveform
from astfx.engine.scan import Content
from astfx.engine.segments import Emitter
from astfx.frontends.log_magnitude import LogMagnitude
from astfx.phase.griffin_lim import FAST_MOMENTUM, refine
from astfx.plan import RenderPlan, Segment
from astfx.runtime.progress import Monitor
from astfx.settings import position

_CONTEXT_FRAMES = 8
_ITERATIONS = 8
_STEP_WEIGHT = 0.3
_FLOOR = 0.03  # at the scale of the features, 40 dB below the magnitudes of noise
StrengthCurve = Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float32]]


class StrengthBlend:
    """Blends the content and the full result, segment by segment.

    Magnitudes are interpolated linearly in decibels, down to a floor. The phase starts from that
    of their weighted sum: it is the content's where the content dominates, and the result's where
    the result does. A few iterations of fast Griffin-Lim make it consistent.

    Parameters
    ----------
    plan : RenderPlan
    content : Content
    monitor : Monitor
        Receives the progress, as stage "blend".
    curve : callable, optional
        ``curve(seconds)``, (n,) -> (n,): the strength at these times, instead of the setting.
    """

    def __init__(
        self,
        plan: RenderPlan,
        content: Content,
        monitor: Monitor,
        curve: StrengthCurve | None = None,
    ) -> None:
        source, scan = content.source, content.scan
        plan = plan.over(scan.n_samples)
        self._plan, self._content, self._monitor = plan, content, monitor
        self._position, self._curve = position(plan.settings.strength), curve
        self._stft = plan.stft
        self._emitter = Emitter(self._stft, source.channels, scan.n_samples)
        self._fixed = torch.zeros(
            source.channels, 0, self._stft.n_bins, dtype=torch.complex64, device=plan.device
        )
        monitor.expect("blend", len(plan.segments), _STEP_WEIGHT)

    def blocks(self, full: Source, full_rms: float) -> Iterator[Waveform]:
        """Yield the blended audio in (channels, n) blocks, as long as the content.

        Parameters
        ----------
        full : Source
            The result at strength 1.
        full_rms : float
            RMS of `full` where the content is not silent, full scale = 1.
        """
        n_fft = self._plan.grid.n_fft
        levels = (
            LogMagnitude(rms=self._content.scan.rms, n_fft=n_fft),
            LogMagnitude(rms=max(full_rms, 1e-12), n_fft=n_fft),
        )
        readers = [
            SlidingReader(source.blocks(), source.channels)
            for source in (self._content.source, full)
        ]
        for index, segment in enumerate(self._plan.segments):
            with torch.no_grad():
                block = self._blend(segment, readers, levels)
            self._monitor.report("blend", index, 1.0)
            yield block

    def _blend(
        self,
        segment: Segment,
        readers: Sequence[SlidingReader],
        levels: Sequence[LogMagnitude],
    ) -> Waveform:
        n_context = self._fixed.shape[1]
        start, stop = self._stft.sample_range(segment.first - n_context, segment.look)
        content, full = (self._spectrogram(reader, start, stop) for reader in readers)
        own, other = (level.gain for level in levels)
        share = self._share(segment.first - n_context, content.shape[1])
        magnitude = between(content.abs() * own, full.abs() * other, share)
        result = refine(
            content * (own * (1.0 - share)) + full * (other * share),
            magnitude.div_(own),
            self._fixed,
            self._stft,
            n_iter=_ITERATIONS,
            momentum=FAST_MOMENTUM,
        )
        last = n_context + segment.last - segment.first
        self._fixed = result[:, :last][:, -_CONTEXT_FRAMES:]
        return self._emitter.emit(result[:, n_context:last])

    def _share(self, first: int, n_frames: int) -> Tensor:
        """Share of the full result in each frame, 0 to 1, (frames, 1) or a single number."""
        if self._curve is None:
            return torch.tensor(self._position, device=self._plan.device)
        # A frame gets the strength at the middle of its window.
        centre = (first + np.arange(n_frames) + 1) * self._stft.hop_length - self._stft.n_fft / 2
        strength = self._curve(np.maximum(centre, 0.0) / self._plan.grid.sample_rate)
        places = np.array([position(float(value)) for value in strength], np.float32)
        return torch.from_numpy(places).to(self._plan.device)[:, None]

    def _spectrogram(self, reader: SlidingReader, start: int, stop: int) -> Tensor:
        return self._stft.forward(torch.from_numpy(reader.read(start, stop)).to(self._plan.device))


def between(first: Tensor, second: Tensor, share: Tensor) -> Tensor:
    """Magnitudes between two sounds, interpolated in decibels above a floor.

    Without the floor, a bin that is silent in one of the sounds would stay silent up to the very
    end. In log1p, the other extreme, a hundredth of a loud content stays in bins that the style
    leaves silent.

    Parameters
    ----------
    first, second : (..., frames, bins)
        At the scale of the features (`astfx.frontends.log_magnitude`).
    share : broadcastable to them, 0 to 1
        Share of the second.
    """
    level = torch.lerp((first + _FLOOR).log_(), (second + _FLOOR).log_(), share)
    return level.exp_().sub_(_FLOOR).clamp_(min=0.0)
