"""The plan of a render: its settings resolved once, and the content cut into segments."""

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
from astfx.runtime.extras import require
from astfx.settings import DEFAULT_PHASE, Settings, make_options

STRETCH_SECONDS = 10.0
"""Length of a stretch, the part of a content that is matched to the style at a time.

A stretch is at most one and a half times as long as this.
"""

_LONGEST_SINGLE = 1.5


@dataclass(frozen=True)
class Segment:
    """A segment or a stretch of a content: a range of frames, and its look-ahead.

    Frames [first, last) are emitted. Frames [last, look), the look-ahead, are stylised with them,
    but belong to the next segment.
    """

    first: int
    last: int
    look: int

    def moved(self, frames: int) -> Segment:
        """Return the same segment, some frames later."""
        return Segment(self.first + frames, self.last + frames, self.look + frames)


def even_borders(length: int, about: float) -> list[int]:
    """Return the borders of equal parts of about `about`; up to 1.5 times that is one part."""
    count = round(length / about) if length > _LONGEST_SINGLE * about else 1
    return [round(i * length / count) for i in range(count + 1)]


def plan_segments(n_frames: int, segment_frames: int, overlap_frames: int) -> tuple[Segment, ...]:
    """Cut frames into equal segments of about `segment_frames`.

    Up to one and a half times that is one segment. The look-ahead of each segment is
    `overlap_frames` long; the next segment stylises these frames again.
    """
    borders = even_borders(n_frames, segment_frames)
    return tuple(
        Segment(first, last, min(last + overlap_frames, n_frames))
        for first, last in pairwise(borders)
    )


@dataclass(frozen=True, kw_only=True)
class RenderPlan:
    """The plan of a render: everything that its stages read.

    Attributes
    ----------
    settings : Settings
    method : Method
    options : Any
        The method's options, including defaults.
    phase : PhaseMethod
    device : torch.device
    grid : Grid
    segments : tuple of Segment
        Empty until `over` sets the length of the content.
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
        """Make the plan for settings at a sample rate in hertz.

        Raises
        ------
        InvalidSettingError
            For an unknown method or phase method, or an option that the method refuses.
        DeviceError
            If there is no such device.
        MissingDependencyError
            If `keep_pitch` is asked for and librosa is not installed.
        """
        method = find_method(settings.method)
        if settings.keep_pitch:
            require("librosa", "keep_pitch=True")
        return cls(
            settings=settings,
            method=method,
            options=make_options(method.options, settings.method, settings.options),
            phase=find_phase_method("content" if settings.keep_pitch else settings.phase),
            device=resolve_device(settings.device),
            grid=Grid.of(settings.window_ms, sample_rate),
        )

    def over(self, n_samples: int) -> RenderPlan:
        """Return the plan for a clip of `n_samples`, with its segments."""
        segments = plan_segments(
            self.stft.n_frames(n_samples),
            self.grid.frames(self.settings.segment_seconds * 1e3),
            self.overlap_frames,
        )
        return replace(self, segments=segments)

    @property
    def stft(self) -> Stft:
        """The STFT on the plan's grid and device."""
        return Stft(n_fft=self.grid.n_fft, hop_length=self.grid.hop_length, device=self.device)

    @property
    def overlap_frames(self) -> int:
        """Length of a segment's look-ahead in frames."""
        return self.grid.frames(self.settings.overlap_seconds * 1e3)

    @property
    def context_frames(self) -> int:
        """Length of the method's longest patch in frames."""
        return self.grid.frames(self.method.context_ms(self.options))

    @property
    def iterations(self) -> int:
        """Number of optimiser iterations for each stretch."""
        return self.settings.iterations or self.method.iterations[self.settings.quality]

    @property
    def phase_iterations(self) -> int:
        """Iterations of the phase method: the setting, else the number that suits the method."""
        if self.settings.phase_iterations is not None:
            return self.settings.phase_iterations
        default = self.settings.phase == DEFAULT_PHASE and not self.settings.keep_pitch
        if default and self.method.phase_iterations is not None:
            return self.method.phase_iterations
        return self.phase.n_iter

    @property
    def texture_rounds(self) -> tuple[int, ...]:
        """Iterations of each texture round, which imposes envelope statistics; () for none."""
        if self.settings.texture == 0.0:
            return ()
        return self.method.texture_rounds.get(self.settings.quality, ())

    def stretches(self, segment: Segment) -> tuple[Segment, ...]:
        """Cut a segment into the stretches that are matched to the style one at a time.

        In a much longer part, each passage of the content could take on a different part of the
        style. Because longer segments are matched in stretches, a larger `segment_seconds` hardly
        changes the sound.
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
