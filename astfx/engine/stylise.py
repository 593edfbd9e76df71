"""Stylise a content: waveform -> front end -> features -> match -> phase -> waveform."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from astfx.audio import SlidingReader, Waveform
from astfx.engine.matching import MATCH_SHARE, Context, Matcher, SegmentReport
from astfx.engine.scan import Content
from astfx.engine.segments import Emitter
from astfx.frontends.channels import Image
from astfx.frontends.log_magnitude import REFERENCE_RMS, LogMagnitude
from astfx.phase import PhaseProblem
from astfx.plan import RenderPlan, Segment
from astfx.runtime.progress import Monitor
from astfx.styles.targets import StyleTargets


class Stylist:
    """Stylises a content segment by segment, with the earlier segments as context.

    Parameters
    ----------
    plan : RenderPlan
    targets : StyleTargets
    content : Content
    monitor : Monitor
        Receives the progress, as stage "match", and divides the time budget.
    """

    def __init__(
        self, plan: RenderPlan, targets: StyleTargets, content: Content, monitor: Monitor
    ) -> None:
        scan = content.scan
        self.plan = plan = plan.over(scan.n_samples)
        self.reports: list[SegmentReport] = []
        self._monitor = monitor
        self._stft = plan.stft
        self._rms = scan.rms
        self._level = LogMagnitude(rms=scan.rms, n_fft=plan.grid.n_fft)
        self._matcher = Matcher(plan, targets.to(plan.device), monitor)
        self._context = Context.of(plan)
        # Complex spectra of the last emitted frames, (frames, bins).
        self._fixed = torch.zeros(0, self._stft.n_bins, dtype=torch.complex64, device=plan.device)
        self._phase_seconds = 0.0
        self._polarity = torch.from_numpy(scan.polarity).to(plan.device)
        self._reader = SlidingReader(content.source.blocks(), content.source.channels)
        self._emitter = Emitter(self._stft, content.source.channels, scan.n_samples)

    def blocks(self) -> Iterator[Waveform]:
        """Yield the stylised audio in (channels, n) blocks, as long as the content."""
        for index, segment in enumerate(self.plan.segments):
            # Do not yield inside no_grad: the caller's code would run without gradients too.
            with torch.no_grad():
                block = self._stylise(index, segment)
            yield block

    def _stylise(self, index: int, segment: Segment) -> Waveform:
        """Stylise a segment, and return the samples that it completes, (channels, n)."""
        n_context = len(self._context)
        start, stop = self._stft.sample_range(segment.first - n_context, segment.look)
        samples = torch.from_numpy(self._reader.read(start, stop)).to(self.plan.device)
        if not bool(samples.abs().max() > 0.0):
            return self._emit_silence(index, segment)
        image = Image(self._stft.forward(samples), self._polarity)
        emitted = self._emitted(index)
        report = SegmentReport()
        stylise = (
            self._stylise_waveform if self.plan.method.works_on_waveforms else self._stylise_frames
        )
        shared = stylise(index, image.shared, report)
        self.reports.append(report)
        self._fix(shared[emitted])
        self._monitor.report("match", index, 1.0)
        return self._emitter.emit(image.place(shared)[:, emitted])

    def _stylise_frames(self, index: int, content: Tensor, report: SegmentReport) -> Tensor:
        """Match frames and find their phase; return what all channels share, (frames, bins)."""
        began = time.monotonic()
        features = self._level.features(content)
        found = self._matcher.match(index, features, self._context, self._phase_seconds)
        self._context = found.context
        report.losses, report.evaluations = found.losses, found.evaluations
        report.match_seconds = time.monotonic() - began
        self._monitor.report("match", index, MATCH_SHARE)
        began = time.monotonic()
        timbre = self.plan.settings.timbre
        shared = self.plan.phase.reconstruct(
            PhaseProblem(
                magnitude=self._level.magnitude(torch.lerp(features, found.features, timbre)),
                content=content,
                fixed=self._fixed,
                stft=self._stft,
                n_iter=self.plan.phase_iterations,
                rng=np.random.default_rng([self.plan.settings.seed, index]),
            )
        )
        # The next segment reserves as much time for its phase.
        self._phase_seconds = report.phase_seconds = time.monotonic() - began
        return shared

    def _stylise_waveform(self, index: int, content: Tensor, report: SegmentReport) -> Tensor:
        """Match the frames' waveform; return what all channels share, (frames, bins)."""
        began = time.monotonic()
        gain = REFERENCE_RMS / self._rms
        # Leave out the edges, where the sum of overlapping frames is not complete.
        edge = self._stft.n_fft - self._stft.hop_length
        waveform = self._stft.inverse(content)[edge:-edge] * gain
        found = self._matcher.match_waveform(index, waveform)
        report.losses, report.evaluations = list(found.losses), found.evaluations
        output = self._stft.forward(torch.nn.functional.pad(found.x / gain, (edge, edge)))
        self._context.fade_in(output)
        emitted = self._emitted(index)
        self._context = self._context.after(output[emitted].abs(), output[emitted.stop :])
        report.match_seconds = time.monotonic() - began
        return output

    def _emitted(self, index: int) -> slice:
        """The frames that a segment emits, among those of its context and its look-ahead."""
        segment = self.plan.segments[index]
        return slice(len(self._context), len(self._context) + segment.last - segment.first)

    def _fix(self, emitted: Tensor) -> None:
        self._fixed = torch.cat([self._fixed, emitted])[-self._context.most_frames :]

    def _emit_silence(self, index: int, segment: Segment) -> Waveform:
        """Emit a segment of digital silence, with the overlap of the frames before it."""
        n_frames = segment.last - segment.first
        frames = torch.zeros(n_frames, self._stft.n_bins, device=self.plan.device)
        self._fix(frames.to(torch.complex64))
        self._context = self._context.after(frames, frames[:0])
        self.reports.append(SegmentReport())
        self._monitor.report("match", index, 1.0)
        return self._emitter.emit_silence(n_frames)
