"""The search for a segment's frames: what a method is asked, and what earlier frames leave."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import astuple, dataclass, field, replace

import torch
from torch import Tensor

from astfx.engine.segments import STRETCH_SECONDS, Segment, plan_segments
from astfx.methods import Problem, find_method
from astfx.optim.lbfgs import Minimum
from astfx.runtime.progress import Meter, Pace
from astfx.settings import Settings, make_options
from astfx.styles.targets import StyleTargets

MATCH_SHARE = 0.8
"""Of a segment's progress, what the search is; its phase is the rest."""

_PHASE_CONTEXT_FRAMES = 8


@dataclass
class SegmentReport:
    """How the stylisation of one segment went.

    Attributes
    ----------
    losses : list of float
        The method's loss at the start and after each iteration; of a long segment the mean
        over its stretches.
    evaluations : int
    match_seconds, phase_seconds : float
    """

    losses: list[float] = field(default_factory=list)
    evaluations: int = 0
    match_seconds: float = 0.0
    phase_seconds: float = 0.0


class Matcher:
    """Find the features of segment after segment, each with the ones before as its context.

    Parameters
    ----------
    targets : StyleTargets
    device : torch.device
        Where `targets` lie.
    settings : Settings
    segments : sequence of Segment
    meter : Meter
        Where progress is reported, as "match".
    pace : Pace
        Shares out the budget.

    Attributes
    ----------
    context : (frames, bins)
        The last frames emitted, that patches and windows reach back to.
    context_frames : int
        At most so many.
    reserve_seconds : float
        What else a segment takes after its search, as far as is known; the search leaves
        that of its share of the budget.
    """

    def __init__(
        self,
        targets: StyleTargets,
        device: torch.device,
        settings: Settings,
        segments: Sequence[Segment],
        meter: Meter,
        pace: Pace,
    ) -> None:
        self.method = find_method(settings.method)
        self.options = make_options(self.method.options, settings.method, settings.options)
        self.reserve_seconds = 0.0
        self._settings, self._targets, self._grid = settings, targets, targets.grid
        self._edge_frames = self._grid.frames(self.method.context_ms(self.options)) - 1
        self.context_frames = max(self._edge_frames, _PHASE_CONTEXT_FRAMES)
        self._meter, self._pace = meter, pace
        meter.expect("match", len(segments), 1.0)
        pace.expect(sum(len(self._stretches(segment)) for segment in segments))
        self._past: Tensor | None = None
        self._look: Tensor | None = None
        self.context = torch.zeros(0, self._grid.n_fft // 2 + 1, device=device)

    def match(
        self, index: int, segment: Segment, features: Tensor, report: SegmentReport
    ) -> Tensor:
        """Features of the output for the context, the segment and what it looks ahead to.

        Parameters
        ----------
        index : int
            Of the segment.
        segment : Segment
        features : (frames, bins)
            Of the content, for the same frames.
        report : SegmentReport
            Where the losses are put.
        """
        n_before = len(self.context)
        found = [self.context]
        pieces = self._stretches(segment)
        losses = []
        for number, piece in enumerate(pieces):
            n_context = len(self.context)
            first = n_before + piece.first - segment.first
            reach = slice(first - n_context, first + piece.look - piece.first)
            part = (number / len(pieces), 1.0 / len(pieces))
            output, searched = self._match_stretch(index, piece, features[reach], part)
            n_new = piece.last - piece.first
            self._past = output[n_context : n_context + n_new]
            self.remember(self._past, output[n_context + n_new :])
            found.append(self._past)
            losses.append(searched.losses)
            report.evaluations += searched.evaluations
        report.losses = _mean(losses)
        return torch.cat(found if self._look is None else [*found, self._look])

    def match_waveform(self, index: int, waveform: Tensor, report: SegmentReport) -> Tensor:
        """A whole segment's samples, for the methods that work on them."""
        found = self._solve(index, waveform, waveform.clone(), 0, (0.0, 1.0))
        report.losses, report.evaluations = list(found.losses), found.evaluations
        return found.x

    def fade_in(self, output: Tensor) -> None:
        """Let frames found twice pass, in place, from the last segment's version to this one's."""
        if self._look is not None:
            n_context, n_known = len(self.context), len(self._look)
            fade = (torch.arange(n_known, device=output.device) + 0.5) / n_known
            part = output[n_context : n_context + n_known]
            share = fade[:, None].to(part.dtype)
            output[n_context : n_context + n_known] = torch.lerp(self._look, part, share)

    def remember(self, emitted: Tensor, look: Tensor) -> None:
        """Keep what the next frames need of those emitted, and of those beyond them."""
        self._look = look if len(look) else None
        self.context = torch.cat([self.context, emitted])[-self.context_frames :]

    def forget(self, silence: Tensor) -> None:
        """Go on after frames of silence, which count towards no statistics."""
        self._past = None
        self.remember(silence, silence[:0])

    def _stretches(self, segment: Segment) -> list[Segment]:
        """What of a segment is matched to the style at a time, as segments themselves.

        Over more than ten seconds at once, parts of a content could each take a part of the
        style; and so where a clip is cut for memory's sake does not change its sound.
        """
        if self.method.domain == "waveform":
            return [segment]
        cut = plan_segments(
            segment.last - segment.first,
            self._grid.frames(STRETCH_SECONDS * 1e3),
            self._grid.frames(self._settings.overlap_seconds * 1e3),
        )
        moved = [Segment(*(segment.first + border for border in astuple(piece))) for piece in cut]
        return [*moved[:-1], replace(moved[-1], look=segment.look)]

    def _match_stretch(
        self,
        index: int,
        piece: Segment,
        features: Tensor,
        part: tuple[float, float],
    ) -> tuple[Tensor, Minimum]:
        n_context = len(self.context)
        start = features.clone()
        start[:n_context] = self.context
        if self._look is not None:
            start[n_context : n_context + len(self._look)] = self._look
        # At the ends of the clip, frames are mirrored: every real frame then lies in as many
        # patches as any other, and clips shorter than a patch work.
        head = self._edge_frames if piece.first == 0 else 0
        tail = self._edge_frames if piece.look == piece.last else 0
        mirrored = _mirror_index(len(start), head, tail, features.device)
        found = self._solve(index, features[mirrored], start[mirrored], n_context, part)
        output = found.x[head : head + len(start)]
        self.fade_in(output)
        return output, found

    def _solve(
        self,
        index: int,
        content: Tensor,
        start: Tensor,
        n_fixed: int,
        part: tuple[float, float],
    ) -> Minimum:
        """Let the method search; `part` says where in the segment, and how much of it, this is."""
        settings = self._settings
        iterations = settings.iterations or self.method.iterations[settings.quality]
        deadline = self._pace.deadline()
        if deadline is not None:
            deadline -= part[1] * self.reserve_seconds

        def callback(iteration: int, loss: float) -> bool:
            done = part[0] + part[1] * iteration / iterations
            self._meter.report("match", index, MATCH_SHARE * done)
            return deadline is not None and time.monotonic() > deadline

        return self.method.match(
            Problem(
                grid=self._grid,
                content=content,
                start=start,
                n_fixed=n_fixed,
                past=self._past,
                targets=self._targets.tensors,
                options=self.options,
                iterations=iterations,
                seed=settings.seed,
                callback=callback,
            )
        )


def _mean(losses: Sequence[Sequence[float]]) -> list[float]:
    """Mean over the stretches of a segment, the last loss of each going on."""
    count = max(len(part) for part in losses)
    return [sum(part[min(i, len(part) - 1)] for part in losses) / len(losses) for i in range(count)]


def _mirror_index(n_frames: int, head: int, tail: int, device: torch.device) -> Tensor:
    """Indices of frames with `head` mirrored ones before and `tail` after, however few."""
    index = torch.arange(-head, n_frames + tail, device=device)
    period = max(2 * (n_frames - 1), 1)
    index = index.remainder(period)
    return torch.where(index < n_frames, index, period - index)
