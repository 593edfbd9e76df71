"""The whole flow: waveform -> front end -> features -> match -> phase -> waveform."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from astfx.audio import SlidingReader, Source, Waveform
from astfx.engine.matching import MATCH_SHARE, Matcher, SegmentReport
from astfx.engine.segments import Emitter, Scan, Segment, plan_segments
from astfx.frontends.channels import Image
from astfx.frontends.log_magnitude import REFERENCE_RMS, LogMagnitude
from astfx.frontends.stft import Stft
from astfx.phase import PhaseProblem, find_phase_method
from astfx.runtime.device import resolve_device
from astfx.runtime.progress import Meter, Pace
from astfx.settings import DEFAULT_PHASE, Settings
from astfx.styles.targets import StyleTargets


class Stylist:
    """Stylise a source segment by segment, each with the ones before as its context.

    Parameters
    ----------
    content : Source
    measured : Scan
        Of that source.
    targets : StyleTargets
    settings : Settings
    meter : Meter
        Where progress is reported, as "match".
    pace : Pace
        Shares out the budget.
    """

    def __init__(
        self,
        content: Source,
        measured: Scan,
        targets: StyleTargets,
        settings: Settings,
        meter: Meter,
        pace: Pace,
    ) -> None:
        self.settings = settings
        self.measured = measured
        self.device = resolve_device(settings.device)
        self.phase = find_phase_method(settings.phase)
        grid = targets.grid
        self.stft = Stft(n_fft=grid.n_fft, hop_length=grid.hop_length, device=self.device)
        self.level = LogMagnitude(rms=measured.rms, n_fft=grid.n_fft)
        self.segments = plan_segments(
            self.stft.n_frames(measured.n_samples),
            grid.frames(settings.segment_seconds * 1e3),
            grid.frames(settings.overlap_seconds * 1e3),
        )
        self.reports: list[SegmentReport] = []
        self.matcher = Matcher(
            targets.to(self.device), self.device, settings, self.segments, meter, pace
        )
        self._reader = SlidingReader(content.blocks(), content.channels)
        self._meter = meter
        self._polarity = torch.from_numpy(measured.polarity).to(self.device)
        # The spectrum of the matcher's context.
        self._fixed = torch.zeros(0, self.stft.n_bins, dtype=torch.complex64, device=self.device)
        self._emitter = Emitter(self.stft, content.channels, measured.n_samples)

    def blocks(self) -> Iterator[Waveform]:
        """Yield the stylised audio in (channels, n) blocks, as long as the content."""
        for index, segment in enumerate(self.segments):
            # Never a yield inside: the caller's code would run without gradients too.
            with torch.no_grad():
                block = self._stylise(index, segment)
            yield block

    def _stylise(self, index: int, segment: Segment) -> Waveform:
        """Emit the samples that segment `index` completes, (channels, n)."""
        n_context = len(self.matcher.context)
        start, stop = self.stft.sample_range(segment.first - n_context, segment.look)
        samples = torch.from_numpy(self._reader.read(start, stop)).to(self.device)
        if not bool(samples.abs().max() > 0.0):
            return self._emit_silence(index, segment)
        content = self.stft.forward(samples)
        image = Image(content, self._polarity)
        report = SegmentReport()
        emitted = slice(n_context, n_context + segment.last - segment.first)
        if self.matcher.method.domain == "waveform":
            shared = self._sculpt(index, image.shared, report)
            spectrogram = image.place(shared)
            self.matcher.remember(shared[emitted].abs(), shared[emitted.stop :])
        else:
            began = time.monotonic()
            features = self.level.features(image.shared)
            output = self.matcher.match(index, segment, features, report)
            report.match_seconds = time.monotonic() - began
            self._meter.report("match", index, MATCH_SHARE)
            began = time.monotonic()
            shared = self._with_phase(index, output, image.shared)
            spectrogram = image.place(shared)
            report.phase_seconds = time.monotonic() - began
            self.matcher.reserve_seconds = report.phase_seconds  # the next will take as long
        self.reports.append(report)
        self._fix(shared[emitted])
        self._meter.report("match", index, 1.0)
        return self._emitter.emit(spectrogram[:, emitted])

    def _with_phase(self, index: int, features: Tensor, content: Tensor) -> Tensor:
        """The shared spectrogram of the output, (frames, bins) complex."""
        problem = PhaseProblem(
            magnitude=self.level.magnitude(features),
            content=content,
            fixed=self._fixed,
            stft=self.stft,
            n_iter=self._phase_iterations(),
            rng=np.random.default_rng([self.settings.seed, index]),
        )
        return self.phase.reconstruct(problem)

    def _phase_iterations(self) -> int:
        if self.settings.phase_iterations is not None:
            return self.settings.phase_iterations
        method = self.matcher.method
        if self.settings.phase == DEFAULT_PHASE and method.phase_iterations is not None:
            return method.phase_iterations
        return self.phase.n_iter

    def _sculpt(self, index: int, content: Tensor, report: SegmentReport) -> Tensor:
        """Stylise a waveform: the shared spectrogram of the content -> that of the output."""
        began = time.monotonic()
        gain = REFERENCE_RMS / self.measured.rms
        # Only the samples that all frames over them make whole.
        edge = self.stft.n_fft - self.stft.hop_length
        waveform = self.stft.inverse(content)[edge:-edge] * gain
        found = self.matcher.match_waveform(index, waveform, report)
        output = self.stft.forward(torch.nn.functional.pad(found / gain, (edge, edge)))
        self.matcher.fade_in(output)
        report.match_seconds = time.monotonic() - began
        return output

    def _fix(self, emitted: Tensor) -> None:
        self._fixed = torch.cat([self._fixed, emitted])[-self.matcher.context_frames :]

    def _emit_silence(self, index: int, segment: Segment) -> Waveform:
        """A segment of digital silence stays as it is; what rings into it still ends there."""
        frames = torch.zeros(segment.last - segment.first, self.stft.n_bins, device=self.device)
        self._fix(frames.to(torch.complex64))
        self.matcher.forget(frames)
        self.reports.append(SegmentReport())
        self._meter.report("match", index, 1.0)
        return self._emitter.emit_silence(len(frames))
