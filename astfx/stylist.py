"""The whole flow: waveform -> front end -> features -> match -> phase -> waveform."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from astfx.audio import SlidingReader, Source, Waveform
from astfx.device import resolve_device
from astfx.frontends.log_magnitude import REFERENCE_RMS, LogMagnitude
from astfx.frontends.stft import Stft
from astfx.image import Image
from astfx.methods import Problem, find_method
from astfx.phase import PhaseProblem, find_phase_method
from astfx.segments import STRETCH_SECONDS, Emitter, Meter, Pace, Scan, Segment, plan_segments
from astfx.settings import DEFAULT_PHASE, Settings, make_options
from astfx.targets import StyleTargets

_PHASE_CONTEXT_FRAMES = 8
_MATCH_SHARE = 0.8


@dataclass
class SegmentReport:
    """How the stylisation of one segment went.

    Attributes
    ----------
    losses : list of float
        The method's loss at the start and after each iteration.
    evaluations : int
    match_seconds, phase_seconds : float
    """

    losses: list[float] = field(default_factory=list)
    evaluations: int = 0
    match_seconds: float = 0.0
    phase_seconds: float = 0.0


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
        self.targets = targets.to(self.device)
        self.method = find_method(settings.method)
        self.options = make_options(self.method.options, settings.method, settings.options)
        self.phase = find_phase_method(settings.phase)
        grid = self.grid = targets.grid
        self.stft = Stft(n_fft=grid.n_fft, hop_length=grid.hop_length, device=self.device)
        self.level = LogMagnitude(rms=measured.rms, n_fft=grid.n_fft)
        self.segments = plan_segments(
            self.stft.n_frames(measured.n_samples),
            grid.frames(settings.segment_seconds * 1e3),
            grid.frames(settings.overlap_seconds * 1e3),
        )
        self.reports: list[SegmentReport] = []
        self._edge_frames = grid.frames(self.method.context_ms(self.options)) - 1
        self._context_frames = max(self._edge_frames, _PHASE_CONTEXT_FRAMES)
        self._reader = SlidingReader(content.blocks(), content.channels)
        self._meter = meter
        meter.expect("match", len(self.segments), 1.0)
        self._pace = pace
        pace.expect(sum(len(self._stretches(segment)) for segment in self.segments))
        self._polarity = torch.from_numpy(measured.polarity).to(self.device)
        # What earlier segments leave behind, all of it bounded.
        self._past: Tensor | None = None
        self._look: Tensor | None = None
        self._context = torch.zeros(0, self.stft.n_bins, device=self.device)
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
        n_context = len(self._context)
        start, stop = self.stft.sample_range(segment.first - n_context, segment.look)
        samples = torch.from_numpy(self._reader.read(start, stop)).to(self.device)
        n_new = segment.last - segment.first
        if not bool(samples.abs().max() > 0.0):
            return self._emit_silence(index, segment)
        content = self.stft.forward(samples)
        image = Image(content, self._polarity)
        report = SegmentReport()
        emitted = slice(n_context, n_context + n_new)
        if self.method.domain == "waveform":
            shared = self._sculpt(index, image.shared, report)
            self.reports.append(report)
            self._fixed = torch.cat([self._fixed, shared[emitted]])[-self._context_frames :]
            self._remember(shared[emitted].abs(), shared[emitted.stop :])
            self._meter.report("match", index, 1.0)
            return self._emitter.emit(image.place(shared)[:, emitted])
        features = self.level.features(image.shared)

        began = time.monotonic()
        output = self._match(index, segment, features, report)
        report.match_seconds = time.monotonic() - began
        self._meter.report("match", index, _MATCH_SHARE)

        began = time.monotonic()
        problem = PhaseProblem(
            magnitude=self.level.magnitude(output),
            content=image.shared,
            fixed=self._fixed,
            stft=self.stft,
            n_iter=self._phase_iterations(),
            rng=np.random.default_rng([self.settings.seed, index]),
        )
        shared = self.phase.reconstruct(problem)
        spectrogram = image.place(shared)
        report.phase_seconds = time.monotonic() - began
        self.reports.append(report)

        self._fixed = torch.cat([self._fixed, shared[emitted]])[-self._context_frames :]
        self._meter.report("match", index, 1.0)
        return self._emitter.emit(spectrogram[:, emitted])

    def _phase_iterations(self) -> int:
        if self.settings.phase_iterations is not None:
            return self.settings.phase_iterations
        if self.settings.phase == DEFAULT_PHASE and self.method.phase_iterations is not None:
            return self.method.phase_iterations
        return self.phase.n_iter

    def _match(
        self, index: int, segment: Segment, features: Tensor, report: SegmentReport
    ) -> Tensor:
        """Features of the output for the context, the segment and what it looks ahead to."""
        n_before = len(self._context)
        found = [self._context]
        pieces = self._stretches(segment)
        losses = []
        for number, piece in enumerate(pieces):
            n_context = len(self._context)
            first = n_before + piece.first - segment.first
            reach = slice(first - n_context, first + piece.look - piece.first)
            searched = SegmentReport()
            share = (number / len(pieces), 1.0 / len(pieces))
            output = self._match_stretch(index, piece, features[reach], share, searched)
            n_new = piece.last - piece.first
            self._past = output[n_context : n_context + n_new]
            self._remember(self._past, output[n_context + n_new :])
            found.append(self._past)
            losses.append(searched.losses)
            report.evaluations += searched.evaluations
        report.losses = _mean_losses(losses)
        return torch.cat(found if self._look is None else [*found, self._look])

    def _stretches(self, segment: Segment) -> list[Segment]:
        """What of a segment is matched to the style at a time, as segments themselves.

        Over more than ten seconds at once, parts of a content could each take a part of the
        style; and so where a clip is cut for memory's sake does not change its sound.
        """
        if self.method.domain == "waveform":
            return [segment]
        cut = plan_segments(
            segment.last - segment.first,
            self.grid.frames(STRETCH_SECONDS * 1e3),
            self.grid.frames(self.settings.overlap_seconds * 1e3),
        )
        moved = [Segment(*(segment.first + border for border in astuple(piece))) for piece in cut]
        return [*moved[:-1], replace(moved[-1], look=segment.look)]

    def _match_stretch(
        self,
        index: int,
        piece: Segment,
        features: Tensor,
        share: tuple[float, float],
        report: SegmentReport,
    ) -> Tensor:
        n_context = len(self._context)
        start = features.clone()
        start[:n_context] = self._context
        if self._look is not None:
            start[n_context : n_context + len(self._look)] = self._look
        # At the ends of the clip, frames are mirrored: every real frame then lies in as many
        # patches as any other, and clips shorter than a patch work.
        head = self._edge_frames if piece.first == 0 else 0
        tail = self._edge_frames if piece.look == piece.last else 0
        mirrored = _mirror_index(len(start), head, tail, self.device)
        found = self._solve(
            index, features[mirrored], start[mirrored], n_context, self._past, share, report
        )
        output = found[head : head + len(start)]
        self._fade_in(output, n_context)
        return output

    def _sculpt(self, index: int, content: Tensor, report: SegmentReport) -> Tensor:
        """Stylise a waveform: the shared spectrogram of the content -> that of the output."""
        began = time.monotonic()
        gain = REFERENCE_RMS / self.measured.rms
        # Only the samples that all frames over them make whole.
        edge = self.stft.n_fft - self.stft.hop_length
        waveform = self.stft.inverse(content)[edge:-edge] * gain
        found = self._solve(index, waveform, waveform.clone(), 0, None, (0.0, 1.0), report)
        output = self.stft.forward(torch.nn.functional.pad(found / gain, (edge, edge)))
        self._fade_in(output, len(self._context))
        report.match_seconds = time.monotonic() - began
        return output

    def _solve(
        self,
        index: int,
        content: Tensor,
        start: Tensor,
        n_fixed: int,
        past: Tensor | None,
        share: tuple[float, float],
        report: SegmentReport,
    ) -> Tensor:
        """Let the method match a segment, or the part of it that `share` is of its progress."""
        iterations = self.settings.iterations or self.method.iterations[self.settings.quality]
        deadline = self._pace.deadline()
        if deadline is not None and self.reports:
            deadline -= share[1] * self.reports[-1].phase_seconds  # as long as the last one took

        def callback(iteration: int, loss: float) -> bool:
            done = share[0] + share[1] * iteration / iterations
            self._meter.report("match", index, _MATCH_SHARE * done)
            return deadline is not None and time.monotonic() > deadline

        result = self.method.match(
            Problem(
                grid=self.grid,
                content=content,
                start=start,
                n_fixed=n_fixed,
                past=past,
                targets=self.targets.tensors,
                options=self.options,
                iterations=iterations,
                seed=self.settings.seed,
                callback=callback,
            )
        )
        report.losses, report.evaluations = list(result.losses), result.evaluations
        return result.x

    def _fade_in(self, output: Tensor, n_context: int) -> None:
        """Let frames stylised twice pass from the last segment's version to this one's."""
        if self._look is not None and len(self._look):
            n_known = len(self._look)
            fade = (torch.arange(n_known, device=self.device) + 0.5) / n_known
            part = output[n_context : n_context + n_known]
            share = fade[:, None].to(part.dtype)
            output[n_context : n_context + n_known] = torch.lerp(self._look, part, share)

    def _remember(self, emitted: Tensor, look: Tensor) -> None:
        self._look = look if len(look) else None
        self._context = torch.cat([self._context, emitted])[-self._context_frames :]

    def _emit_silence(self, index: int, segment: Segment) -> Waveform:
        """A segment of digital silence stays as it is; what rings into it still ends there."""
        frames = torch.zeros(segment.last - segment.first, self.stft.n_bins, device=self.device)
        self._past = None
        self._fixed = torch.cat([self._fixed, frames.to(torch.complex64)])[-self._context_frames :]
        self._remember(frames, frames[:0])
        self.reports.append(SegmentReport())
        self._meter.report("match", index, 1.0)
        return self._emitter.emit_silence(len(frames))


def _mean_losses(losses: Sequence[Sequence[float]]) -> list[float]:
    """Mean over the stretches of a segment, the last loss of each going on."""
    count = max(len(part) for part in losses)
    return [sum(part[min(i, len(part) - 1)] for part in losses) / len(losses) for i in range(count)]


def _mirror_index(n_frames: int, head: int, tail: int, device: torch.device) -> Tensor:
    """Indices of frames with `head` mirrored ones before and `tail` after, however few."""
    index = torch.arange(-head, n_frames + tail, device=device)
    period = max(2 * (n_frames - 1), 1)
    index = index.remainder(period)
    return torch.where(index < n_frames, index, period - index)
