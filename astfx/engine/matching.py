"""Matching: the method finds the features of each segment, given those of earlier segments.

A long clip is cut into segments, which bounds memory. A segment of more than 15 seconds is matched
in stretches of about 10 seconds (`RenderPlan.stretches`). A segment or stretch is stylised a little
beyond its end; these frames are its look-ahead.
"""

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
"""Share of a segment's progress that matching takes. Finding the phase takes the rest."""

_PHASE_CONTEXT_FRAMES = 8


@dataclass
class SegmentReport:
    """Losses and timings of one segment.

    Attributes
    ----------
    losses : list of float
        The method's loss at the start and after each iteration. For a segment of several
        stretches, the mean over them.
    evaluations : int
        How often the loss was evaluated.
    match_seconds, phase_seconds : float
    """

    losses: list[float] = field(default_factory=list)
    evaluations: int = 0
    match_seconds: float = 0.0
    phase_seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Context:
    """What is known of the output so far, as far as it affects the next frames.

    Attributes
    ----------
    emitted : (frames, bins)
        The last frames that were emitted. Patches and windows of new frames reach back to them.
    ahead : (frames, bins) or None
        The look-ahead of the stretch before. The next stretch fades from it into its own version.
    counted : (frames, bins) or None
        Frames of the stretch before, which count towards the output's statistics.
    most_frames : int
        Largest number of frames that are kept in `emitted`.
    """

    emitted: Tensor
    ahead: Tensor | None = None
    counted: Tensor | None = None
    most_frames: int

    @classmethod
    def of(cls, plan: RenderPlan) -> Context:
        """The empty context of a clip's first segment."""
        empty = torch.zeros(0, plan.stft.n_bins, device=plan.device)
        return cls(emitted=empty, most_frames=max(plan.context_frames - 1, _PHASE_CONTEXT_FRAMES))

    def __len__(self) -> int:
        return len(self.emitted)

    def after(self, emitted: Tensor, ahead: Tensor, *, counted: Tensor | None = None) -> Context:
        """The context after further frames have been emitted."""
        return replace(
            self,
            emitted=torch.cat([self.emitted, emitted])[-self.most_frames :],
            ahead=ahead if len(ahead) else None,
            counted=counted,
        )

    def fade_in(self, output: Tensor) -> None:
        """Crossfade the first new frames of `output`, in place, from `ahead` to `output`."""
        if self.ahead is not None:
            n_context, n_known = len(self), len(self.ahead)
            fade = (torch.arange(n_known, device=output.device) + 0.5) / n_known
            part = output[n_context : n_context + n_known]
            share = fade[:, None].to(part.dtype)
            output[n_context : n_context + n_known] = torch.lerp(self.ahead, part, share)


@dataclass(frozen=True, kw_only=True)
class Matched:
    """The features that were found for a segment.

    Attributes
    ----------
    features : (frames, bins)
        Log magnitudes of the context, the segment and its look-ahead.
    context : Context
        The context of the next segment.
    losses : list of float
    evaluations : int
    """

    features: Tensor
    context: Context
    losses: list[float]
    evaluations: int


class _Step(NamedTuple):
    """The place of one search in its segment.

    `begun` is the share of the segment's matching that is done when the search begins, and
    `share` is that of the search itself. `reserve_seconds` are subtracted from its time budget.
    """

    segment: int
    begun: float
    share: float
    reserve_seconds: float


class Matcher:
    """Runs the method on one segment after the other.

    Parameters
    ----------
    plan : RenderPlan
        A plan that has segments (`RenderPlan.over`).
    targets : StyleTargets
        The prepared style, on the plan's device.
    monitor : Monitor
        Receives the progress, as stage "match", and divides the time budget.
    """

    def __init__(self, plan: RenderPlan, targets: StyleTargets, monitor: Monitor) -> None:
        self._plan, self._targets, self._monitor = plan, targets, monitor
        self._edge_frames = plan.context_frames - 1
        steps = sum(len(plan.stretches(segment)) for segment in plan.segments)
        monitor.expect("match", len(plan.segments), 1.0, timed_steps=steps)

    def match(
        self, index: int, features: Tensor, context: Context, reserve_seconds: float = 0.0
    ) -> Matched:
        """Find the features of a segment, stretch by stretch.

        Parameters
        ----------
        index : int
            Index of the segment.
        features : (frames, bins)
            The content's log magnitudes, for the context, the segment and its look-ahead.
        context : Context
            The context that earlier segments left.
        reserve_seconds : float
            Time that the segment takes after matching. It is subtracted from the segment's share
            of the budget.
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
        """Find the samples of a whole segment, for methods that work on waveforms."""
        return self._search(_Step(index, 0.0, 1.0, 0.0), waveform, waveform.clone())

    def _match_stretch(
        self, step: _Step, stretch: Segment, features: Tensor, context: Context
    ) -> tuple[Tensor, Minimum]:
        n_context = len(context)
        start = features.clone()
        start[:n_context] = context.emitted
        if context.ahead is not None:
            start[n_context : n_context + len(context.ahead)] = context.ahead
        # Frames are mirrored at the ends of the clip, so that every real frame lies in the same
        # number of patches and clips shorter than a patch work.
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
        """Run the method from a start whose first frames are those of the context."""
        plan, monitor = self._plan, self._monitor
        deadline = monitor.deadline()
        if deadline is not None:
            deadline -= step.reserve_seconds

        def callback(iteration: int, loss: float) -> bool:
            done = step.begun + step.share * iteration / plan.iterations
            monitor.report("match", step.segment, MATCH_SHARE * done)
            if deadline is None or time.monotonic() <= deadline:
                return False
            monitor.stopped_early |= iteration < plan.iterations
            return True

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
    """Mean of the stretches' loss curves. Shorter curves go on with their last loss."""
    count = max(len(part) for part in losses)
    return [sum(part[min(i, len(part) - 1)] for part in losses) / len(losses) for i in range(count)]


def mirror_index(n_frames: int, head: int, tail: int, device: torch.device) -> Tensor:
    """Indices that extend frames by `head` mirrored ones before and `tail` after, (frames,).

    Mirroring is repeated where there are too few frames.
    """
    index = torch.arange(-head, n_frames + tail, device=device)
    period = max(2 * (n_frames - 1), 1)
    index = index.remainder(period)
    return torch.where(index < n_frames, index, period - index)
