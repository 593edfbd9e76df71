"""A render's plan: its settings resolved once, for every stage to read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import torch

from astfx.frontends.grid import Grid
from astfx.frontends.stft import Stft
from astfx.methods import Method, find_method
from astfx.phase import PhaseMethod, find_phase_method
from astfx.runtime.device import resolve_device
from astfx.settings import DEFAULT_PHASE, Settings, make_options

STRETCH_SECONDS = 10.0
"""How much of a content is matched to the style at a time, at most one and a half times this."""

_LONGEST_SINGLE = 1.5


@dataclass(frozen=True)
class Segment:
    """Frames [first, last) are emitted; those up to `look` are stylised along with them."""

    first: int
    last: int
    look: int

    def moved(self, frames: int) -> Segment:
        """The same some frames later."""
        return Segment(self.first + frames, self.last + frames, self.look + frames)


def even_borders(length: int, about: float) -> list[int]:
    """Borders that cut a length into equal parts of about `about`; up to 1.5 of it stays whole."""
    count = round(length / about) if length > _LONGEST_SINGLE * about else 1
    return [round(i * length / count) for i in range(count + 1)]


def plan_segments(n_frames: int, segment_frames: int, overlap_frames: int) -> tuple[Segment, ...]:
    """Cut frames into equal segments of about `segment_frames`.

    Audio of up to one and a half segments stays whole. The last `overlap_frames` of each
    segment's reach are stylised again, from there on, with the next one.
    """
    borders = even_borders(n_frames, segment_frames)
    return tuple(
        Segment(first, last, min(last + overlap_frames, n_frames))
        for first, last in pairwise(borders)
    )


@dataclass(frozen=True, kw_only=True)
class RenderPlan:
    """How a render goes about it.

    Attributes
    ----------
    settings : Settings
    method : Method
    options : Any
        The method's options, defaults included.
    phase : PhaseMethod
    device : torch.device
    grid : Grid
    segments : tuple of Segment
        Empty until the length is known (`over`).
    """

    settings: Settings
    method: Method
    options: Any
    phase: PhaseMethod
    device: torch.device
    grid: Grid
    segments: tuple[Segment, ...] = ()

    @classmethod
    def of(cls, settings: Settings, sample_rate: int) -> RenderPlan:
        """The plan of some settings at a sample rate.

        Raises
        ------
        InvalidSettingError
            For an unknown method or phase method, or an option that the method refuses.
        DeviceError
            If there is no such device.
        """
        method = find_method(settings.method)
        return cls(
            settings=settings,
            method=method,
            options=make_options(method.options, settings.method, settings.options),
            phase=find_phase_method(settings.phase),
            device=resolve_device(settings.device),
            grid=Grid.of(settings.window_ms, sample_rate),
        )

    def over(self, n_samples: int) -> RenderPlan:
        """The plan for a clip of a length, with its segments."""
        segments = plan_segments(
            self.stft.n_frames(n_samples),
            self.grid.frames(self.settings.segment_seconds * 1e3),
            self.overlap_frames,
        )
        return replace(self, segments=segments)

    @property
    def stft(self) -> Stft:
        """The transform on the plan's grid and device."""
        return Stft(n_fft=self.grid.n_fft, hop_length=self.grid.hop_length, device=self.device)

    @property
    def overlap_frames(self) -> int:
        """How many frames a segment is stylised beyond its end."""
        return self.grid.frames(self.settings.overlap_seconds * 1e3)

    @property
    def context_frames(self) -> int:
        """How many frames the method's longest patch holds."""
        return self.grid.frames(self.method.context_ms(self.options))

    @property
    def iterations(self) -> int:
        """Optimiser iterations."""
        return self.settings.iterations or self.method.iterations[self.settings.quality]

    @property
    def phase_iterations(self) -> int:
        """Iterations of the phase method: what was set, else what suits the method."""
        if self.settings.phase_iterations is not None:
            return self.settings.phase_iterations
        if self.settings.phase == DEFAULT_PHASE and self.method.phase_iterations is not None:
            return self.method.phase_iterations
        return self.phase.n_iter

    @property
    def texture_rounds(self) -> int:
        """Rounds of texture statistics that follow the method; 0 for none."""
        return self.method.texture_rounds.get(self.settings.quality, 0)

    def stretches(self, segment: Segment) -> tuple[Segment, ...]:
        """What of a segment is matched to the style at a time, as segments themselves.

        Over more than ten seconds at once, parts of a content could each take a part of the
        style; and so where a clip is cut for memory's sake does not change its sound.
        """
        if self.method.works_on_waveforms:
            return (segment,)
        cut = plan_segments(
            segment.last - segment.first,
            self.grid.frames(STRETCH_SECONDS * 1e3),
            self.overlap_frames,
        )
        moved = [piece.moved(segment.first) for piece in cut]
        return (*moved[:-1], replace(moved[-1], look=segment.look))
