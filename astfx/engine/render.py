"""One render: measure the content, stylise it, match its loudness, mix, report."""

from __future__ import annotations

import math
import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

import numba  # noqa: F401 - astfx.runtime.compiled would load it in the middle of a render
import numpy as np

from astfx.audio import (
    MirroredSource,
    Source,
    Spool,
    SpoolSource,
    Waveform,
)
from astfx.audio.levels import SILENCE
from astfx.audio.loudness import LoudnessMeter
from astfx.engine.matching import SegmentReport
from astfx.engine.segments import Scan, apply_gate, scan, soften_ends
from astfx.engine.strength import STEP_WEIGHT, Blender, StrengthCurve
from astfx.engine.stylise import Stylist
from astfx.engine.texture_rounds import Shaper
from astfx.features.texture import CLASSES, TextureWeights
from astfx.methods import find_method
from astfx.phase import find_phase_method
from astfx.presets import Preset
from astfx.runtime.device import resolve_device, thread_count
from astfx.runtime.progress import Meter, Pace, Progress, part_of
from astfx.settings import Settings, make_options
from astfx.styles.targets import (
    StyleTargets,
    check_targets,
    grid_for,
    prepare_source,
    texture_key,
)

PACKAGES = ("astfx", "torch", "numpy", "scipy", "numba", "soundfile", "soxr", "pedalboard")

_DISTILLING_SHARE = 0.95

_Result = TypeVar("_Result")


@dataclass(kw_only=True)
class Report:
    """What a render did.

    Attributes
    ----------
    settings : Settings
    options : dict
        The method's options, defaults included.
    device : str
    threads : int
    segments : list of SegmentReport
    seconds : dict
        Wall time of each stage, and "total".
    audio_seconds : float
        Length of the content.
    gain_db : float
        Applied to the stylised audio to bring it to the content's loudness.
    peak : float
        Largest sample of the output before it was written, full scale = 1.
    level_lost_db : float
        How much quieter than that it was written, so that an integer format does not clip.
    note : str
        What the method says of itself with these options, such as random weights.
    """

    settings: Settings
    options: dict[str, Any]
    device: str
    threads: int
    segments: list[SegmentReport]
    seconds: dict[str, float]
    audio_seconds: float = 0.0
    gain_db: float = 0.0
    peak: float = 0.0
    level_lost_db: float = 0.0
    note: str = ""

    @property
    def real_time_factor(self) -> float:
        """Seconds of work for each second of audio."""
        return self.seconds["total"] / max(self.audio_seconds, 1e-9)

    def to_dict(self) -> dict[str, Any]:
        """Everything, ready for JSON, with the versions of what took part."""
        return {
            "settings": {**asdict(self.settings), "options": self.options},
            "device": self.device,
            "threads": self.threads,
            "audio_seconds": self.audio_seconds,
            "seconds": self.seconds,
            "real_time_factor": self.real_time_factor,
            "gain_db": self.gain_db,
            "peak": self.peak,
            "level_lost_db": self.level_lost_db,
            "note": self.note,
            "segments": [asdict(segment) for segment in self.segments],
            "versions": versions(),
        }


def _trimmed(blocks: Iterator[Waveform], margin: int, n_samples: int) -> Iterator[Waveform]:
    """Drop `margin` samples at the start of a stream, and what exceeds `n_samples` at its end."""
    position = -margin
    for block in blocks:
        part = block[:, max(0, -position) : max(0, n_samples - position)]
        position += block.shape[1]
        if part.shape[1]:
            yield part


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that shape a result."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


class Render:
    """One render of one source, in blocks.

    Parameters
    ----------
    content : Source
    style : Source, StyleTargets or Preset
    settings : Settings
    progress : callable, optional
    spool_folder : Path, optional
        Where to keep samples between the two passes; None is in memory.
    strength_curve : callable, optional
        ``strength_curve(seconds)``, (n,) -> (n,): strength over time, instead of the setting.

    Raises
    ------
    AstfxError
        If the settings, the content or the style cannot be used.
    """

    def __init__(
        self,
        content: Source,
        style: Source | StyleTargets | Preset,
        settings: Settings,
        progress: Progress | None = None,
        spool_folder: Path | None = None,
        strength_curve: StrengthCurve | None = None,
    ) -> None:
        method = find_method(settings.method)
        find_phase_method(settings.phase)
        options = make_options(method.options, settings.method, settings.options)
        self.report = Report(
            settings=settings,
            options=asdict(options),
            device=str(resolve_device(settings.device)),
            threads=0,
            segments=[],
            seconds={},
            note=method.note(options),
        )
        self._content, self._style, self._settings = content, style, settings
        self._progress, self._spool_folder = progress, spool_folder
        self._strength_curve = strength_curve
        self._began = time.monotonic()
        self._spool: Spool | None = None
        self._gain = 1.0
        self.measured: Scan | None = None

    def prepare(self) -> Scan:
        """Measure the content and stylise all of it; `blocks` then gives the result."""
        settings, content = self._settings, self._content
        if isinstance(self._style, StyleTargets):
            check_targets(self._style, content.sample_rate, settings)
        grid = grid_for(content.sample_rate, settings)
        measured = self.measured = self._timed("measure", lambda: scan(content, grid.hop_length))
        self.report.audio_seconds = measured.n_samples / content.sample_rate
        style = self._style
        if isinstance(style, StyleTargets):
            targets = style
        else:
            preparing = None
            if find_method(settings.method).distil is not None:
                preparing = part_of(self._progress, 0.0, _DISTILLING_SHARE)
                self._progress = part_of(self._progress, _DISTILLING_SHARE, 1.0)
            prepare = style.targets if isinstance(style, Preset) else partial(prepare_source, style)
            targets = self._timed(
                "style", lambda: prepare(content.sample_rate, settings, preparing)
            )
        nothing_to_do = settings.strength == 0.0 or settings.mix == 0.0
        if not nothing_to_do and measured.peak >= SILENCE:
            self._timed("stylise", lambda: self._stylise(measured, targets))
        elif self._progress is not None:
            self._progress(1.0)
        return measured

    def _timed(self, stage: str, work: Callable[[], _Result]) -> _Result:
        began = time.monotonic()
        result = work()
        self.report.seconds[stage] = time.monotonic() - began
        return result

    def _stylise(self, measured: Scan, targets: StyleTargets) -> None:
        settings, content = self._settings, self._content
        meter = Meter(self._progress)
        budget = settings.budget_seconds
        spent = time.monotonic() - self._began
        pace = Pace(None if budget is None else max(budget - spent, 0.0))
        method = find_method(settings.method)
        rounds = method.texture_rounds.get(settings.quality, 0)
        with thread_count(settings.threads) as threads:
            self.report.threads = threads
            margin = targets.grid.n_fft
            mirrored = MirroredSource(content, margin)
            longer = replace(measured, n_samples=measured.n_samples + 2 * margin)
            stylist = Stylist(mirrored, longer, targets, settings, meter, pace)
            self.report.segments = stylist.reports
            blocks = stylist.blocks()
            if rounds and texture_key(CLASSES[0]) in targets.tensors:
                weights = TextureWeights(
                    contour=self.report.options["contour_weight"],
                    onset=self.report.options["onset_weight"],
                )
                shaper = Shaper(
                    mirrored, blocks, longer, targets, settings, weights, rounds, meter, pace
                )
                blocks = shaper.blocks()
            blocks = _trimmed(blocks, margin, measured.n_samples)
            blocks = soften_ends(blocks, measured, targets.grid.hop_length)
            blending = settings.strength < 1.0 or self._strength_curve is not None
            if blending:
                meter.expect("blend", len(stylist.segments), STEP_WEIGHT)
            spool, levels = self._spooled(blocks)
            if blending:
                full = SpoolSource(spool, content.sample_rate)
                blender = Blender(
                    content,
                    measured,
                    full,
                    levels.rms * math.sqrt(measured.n_samples / measured.n_sounding),
                    targets.grid,
                    settings,
                    meter,
                    self._strength_curve,
                )
                try:
                    spool, levels = self._spooled(blender.blocks())
                finally:
                    full.close()
            self._spool = spool
        if levels.power > 0.0:
            self._gain = float(np.sqrt(measured.power / levels.power))
            self.report.gain_db = float(20.0 * np.log10(max(self._gain, 1e-10)))

    def _spooled(self, blocks: Iterator[Waveform]) -> tuple[Spool, LoudnessMeter]:
        """Keep blocks, silent where the content is, and measure them."""
        assert self.measured is not None
        spool = self._spool = Spool(self._content.channels, self._spool_folder)
        levels = LoudnessMeter(self._content.sample_rate, self._content.channels)
        start = 0
        hop_length = grid_for(self._content.sample_rate, self._settings).hop_length
        for block in blocks:
            apply_gate(block, self.measured.silent, start, hop_length)
            levels.add(block)
            spool.write(block)
            start += block.shape[1]
        return spool, levels

    def blocks(self) -> Iterator[Waveform]:
        """Yield the output in (channels, n) blocks, as often as asked."""
        if self._spool is None:
            yield from self._content.blocks()
            return
        mix = np.float32(self._settings.mix)
        wet_gain, dry_gain = np.float32(self._gain) * mix, np.float32(1.0) - mix
        dry_blocks = self._content.blocks()
        dry = np.zeros((self._content.channels, 0), np.float32)
        for wet in self._spool.blocks():
            block = wet * wet_gain
            done = 0
            while done < block.shape[1] and dry_gain > 0.0:
                if dry.shape[1] == 0:
                    dry = next(dry_blocks)
                n = min(dry.shape[1], block.shape[1] - done)
                block[:, done : done + n] += dry_gain * dry[:, :n]
                dry, done = dry[:, n:], done + n
            yield block

    def finish(self) -> Report:
        """Free what the render holds, and complete its report."""
        self.close()
        self.report.seconds["total"] = time.monotonic() - self._began
        return self.report

    def close(self) -> None:
        """Free what the render holds."""
        if self._spool is not None:
            self._spool.close()
