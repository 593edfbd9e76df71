"""The search for a segment's frames: what a method is asked, and what earlier frames leave."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import torch
from torch import Tensor

from astfx.methods import Problem
from astfx.optim.lbfgs import Minimum
from astfx.plan import RenderPlan, Segment
from astfx.runtime.progress import Monitor
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


@dataclass(frozen=True, kw_only=True)
class Context:
    """What the frames so far leave to those that follow.

    Attributes
    ----------
    emitted : (frames, bins)
        The last frames emitted, that patches and windows reach back to.
    ahead : (frames, bins) or None
        Frames beyond them that were stylised along, to be faded out of.
    counted : (frames, bins) or None
        Frames of the stretch before, which count towards the output's statistics.
    most_frames : int
        How many of `emitted` are kept at most.
    """

    emitted: Tensor
    ahead: Tensor | None = None
    counted: Tensor | None = None
    most_frames: int

    @classmethod
    def of(cls, plan: RenderPlan) -> Context:
        """The context of a clip's first segment: nothing yet."""
        empty = torch.zeros(0, plan.stft.n_bins, device=plan.device)
        return cls(emitted=empty, most_frames=max(plan.context_frames - 1, _PHASE_CONTEXT_FRAMES))

    def __len__(self) -> int:
        return len(self.emitted)

    def after(self, emitted: Tensor, ahead: Tensor, *, counted: Tensor | None = None) -> Context:
        """The context once further frames have been emitted."""
        return replace(
            self,
            emitted=torch.cat([self.emitted, emitted])[-self.most_frames :],
            ahead=ahead if len(ahead) else None,
            counted=counted,
        )

    def fade_in(self, output: Tensor) -> None:
        """Let frames found twice pass, in place, from the earlier version to this one's."""
        if self.ahead is not None:
            n_context, n_known = len(self), len(self.ahead)
            fade = (torch.arange(n_known, device=output.device) + 0.5) / n_known
            part = output[n_context : n_context + n_known]
            share = fade[:, None].to(part.dtype)
            output[n_context : n_context + n_known] = torch.lerp(self.ahead, part, share)


@dataclass(frozen=True, kw_only=True)
class Matched:
    """Frames that were found for a segment.

    Attributes
    ----------
    features : (frames, bins)
        Of the context, the segment, and what it looks ahead to.
    context : Context
        What they leave to the next segment.
    losses : list of float
    evaluations : int
    """

    features: Tensor
    context: Context
    losses: list[float]
    evaluations: int


class _Step(NamedTuple):
    """A search's place in its segment: the share done when it begins, and its own share."""

    segment: int
    begun: float
    share: float
    reserve_seconds: float


class Matcher:
    """Ask the method for the features of segment after segment.

    Parameters
    ----------
    plan : RenderPlan
        With its segments.
    targets : StyleTargets
        On the plan's device.
    monitor : Monitor
        Where progress is reported, as "match", and which shares out the budget.
    """

    def __init__(self, plan: RenderPlan, targets: StyleTargets, monitor: Monitor) -> None:
        self._plan, self._targets, self._monitor = plan, targets, monitor
        self._edge_frames = plan.context_frames - 1
        steps = sum(len(plan.stretches(segment)) for segment in plan.segments)
        monitor.expect("match", len(plan.segments), 1.0, timed_steps=steps)

    def match(
        self, index: int, features: Tensor, context: Context, reserve_seconds: float = 0.0
    ) -> Matched:
        """Find the frames of a segment, stretch by stretch.

        Parameters
        ----------
        index : int
            Of the segment.
        features : (frames, bins)
            Of the content, for the context, the segment, and what it looks ahead to.
        context : Context
            What earlier segments leave.
        reserve_seconds : float
            What else the segment takes after its search; left of its share of the budget.
        """
        segment = self._plan.segments[index]
        n_before = len(context)
        found = [context.emitted]
        stretches = self._plan.stretches(segment)
        losses, evaluations = [], 0
        share = 1.0 / len(stretches)
        for number, stretch in enumerate(stretches):
            n_context = len(context)
            first = n_before + stretch.first - segment.first
            reach = slice(first - n_context, first + stretch.look - stretch.first)
            step = _Step(index, number * share, share, share * reserve_seconds)
            output, searched = self._match_stretch(step, stretch, features[reach], context)
            n_new = stretch.last - stretch.first
            new = output[n_context : n_context + n_new]
            context = context.after(new, output[n_context + n_new :], counted=new)
            found.append(new)
            losses.append(searched.losses)
            evaluations += searched.evaluations
        return Matched(
            features=torch.cat(found if context.ahead is None else [*found, context.ahead]),
            context=context,
            losses=_mean(losses),
            evaluations=evaluations,
        )

    def match_waveform(self, index: int, waveform: Tensor) -> Minimum:
        """Find a whole segment's samples, for the methods that work on them."""
        return self._search(_Step(index, 0.0, 1.0, 0.0), waveform, waveform.clone())

    def _match_stretch(
        self, step: _Step, stretch: Segment, features: Tensor, context: Context
    ) -> tuple[Tensor, Minimum]:
        n_context = len(context)
        start = features.clone()
        start[:n_context] = context.emitted
        if context.ahead is not None:
            start[n_context : n_context + len(context.ahead)] = context.ahead
        # At the ends of the clip, frames are mirrored: every real frame then lies in as many
        # patches as any other, and clips shorter than a patch work.
        head = self._edge_frames if stretch.first == 0 else 0
        tail = self._edge_frames if stretch.look == stretch.last else 0
        mirrored = mirror_index(len(start), head, tail, features.device)
        found = self._search(step, features[mirrored], start[mirrored], context)
        output = found.x[head : head + len(start)]
        context.fade_in(output)
        return output, found

    def _search(
        self, step: _Step, content: Tensor, start: Tensor, context: Context | None = None
    ) -> Minimum:
        """Let the method search from a start whose first frames are those of the context."""
        plan, monitor = self._plan, self._monitor
        deadline = monitor.deadline()
        if deadline is not None:
            deadline -= step.reserve_seconds

        def callback(iteration: int, loss: float) -> bool:
            done = step.begun + step.share * iteration / plan.iterations
            monitor.report("match", step.segment, MATCH_SHARE * done)
            return deadline is not None and time.monotonic() > deadline

        return plan.method.match(
            Problem(
                grid=plan.grid,
                content=content,
                start=start,
                n_fixed=0 if context is None else len(context),
                past=None if context is None else context.counted,
                targets=self._targets.tensors,
                options=plan.options,
                iterations=plan.iterations,
                seed=plan.settings.seed,
                callback=callback,
            )
        )


def _mean(losses: Sequence[Sequence[float]]) -> list[float]:
    """Mean over the stretches of a segment, the last loss of each going on."""
    count = max(len(part) for part in losses)
    return [sum(part[min(i, len(part) - 1)] for part in losses) / len(losses) for i in range(count)]


def mirror_index(n_frames: int, head: int, tail: int, device: torch.device) -> Tensor:
    """Indices of frames with `head` mirrored ones before and `tail` after, however few."""
    index = torch.arange(-head, n_frames + tail, device=device)
    period = max(2 * (n_frames - 1), 1)
    index = index.remainder(period)
    return torch.where(index < n_frames, index, period - index)
