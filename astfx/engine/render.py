"""One render: measure the content, stylise it, match its loudness, mix, report."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import numpy as np

from astfx.audio import Source, Spool, SpoolSource, Waveform
from astfx.audio.levels import SILENCE
from astfx.audio.loudness import LoudnessMeter
from astfx.dsp.crossfade import mix_gains
from astfx.engine.keep_pitch import PitchKeeper
from astfx.engine.matching import SegmentReport
from astfx.engine.scan import Content, Scan, scan
from astfx.engine.silence import apply_gate, soften_ends
from astfx.engine.strength import StrengthBlend, StrengthCurve
from astfx.engine.stylise import Stylist
from astfx.engine.texture_rounds import TextureRounds
from astfx.errors import InvalidSettingError
from astfx.plan import RenderPlan
from astfx.runtime.device import thread_count
from astfx.runtime.progress import Monitor, Progress, part_of
from astfx.runtime.versions import versions
from astfx.settings import Settings
from astfx.styles.analysis import round_targets
from astfx.styles.style import Style
from astfx.styles.targets import StyleTargets

_DISTILLING_SHARE = 0.95

_Result = TypeVar("_Result")


@dataclass(kw_only=True)
class Report:
    """Settings, losses, levels and timings of a render.

    Attributes
    ----------
    settings : Settings
    options : dict
        The method's options, defaults included.
    device : str
    threads : int
    segments : list of SegmentReport
    seconds : dict
        Wall-clock time of each stage, and "total".
    audio_seconds : float
        Length of the content.
    gain_db : float
        Gain that brought the stylised audio to the content's loudness.
    peak : float
        Largest absolute sample of the output before it was written, full scale = 1.
    level_lost_db : float
        By how much the output became quieter so that an integer format does not clip.
    limited_db : float
        By how much a limiter turned the loudest peak down so that an integer format does not clip.
    note : str
        A remark of the method on these options, such as that its weights are random.
    stopped_early : bool
        Whether the time budget was used up before the result was as good as it could be.
    silent : bool
        Whether the content is silent, and therefore the output.
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
    limited_db: float = 0.0
    note: str = ""
    stopped_early: bool = False
    silent: bool = False

    @property
    def real_time_factor(self) -> float:
        """Seconds of computation for each second of audio."""
        return self.seconds["total"] / max(self.audio_seconds, 1e-9)

    def to_dict(self) -> dict[str, Any]:
        """The report as a dict for JSON, with the versions of the packages used."""
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
            "limited_db": self.limited_db,
            "note": self.note,
            "stopped_early": self.stopped_early,
            "silent": self.silent,
            "segments": [asdict(segment) for segment in self.segments],
            "versions": versions(),
        }


def _trimmed(blocks: Iterator[Waveform], margin: int, n_samples: int) -> Iterator[Waveform]:
    """Drop the first `margin` samples of a stream, and all after the next `n_samples`."""
    position = -margin
    for block in blocks:
        part = block[:, max(0, -position) : max(0, n_samples - position)]
        position += block.shape[1]
        if part.shape[1]:
            yield part


class Render:
    """Render of one source, block by block. A context manager, which frees its storage.

    Parameters
    ----------
    content : Source
    style : Style
    settings : Settings
    progress : callable, optional
        Called with the share of the work that is done, 0 to 1; returning False cancels.
    spool_folder : Path, optional
        Folder for the samples between the two passes. By default they stay in memory.
    strength_curve : callable, optional
        ``strength_curve(seconds)``, (n,) -> (n,): the strength at these times, instead of the
        setting.

    Raises
    ------
    AstfxError
        If the settings, the content or the style cannot be used.

    Examples
    --------
    >>> with Render(content, style, settings) as render:  # doctest: +SKIP
    ...     for block in render.blocks():
    ...         writer.write(block)
    """

    def __init__(
        self,
        content: Source,
        style: Style,
        settings: Settings,
        *,
        progress: Progress | None = None,
        spool_folder: Path | None = None,
        strength_curve: StrengthCurve | None = None,
    ) -> None:
        self._began = time.monotonic()
        self.plan = RenderPlan.of(settings, content.sample_rate)
        self.report = Report(
            settings=settings,
            options=asdict(self.plan.options),
            device=str(self.plan.device),
            threads=0,
            segments=[],
            seconds={},
            note=self.plan.method.note(self.plan.options),
        )
        self._source, self._style = content, style
        self._progress, self._spool_folder = progress, spool_folder
        self._strength_curve = strength_curve
        self._spool: Spool | None = None
        self._gain = 1.0

    def __enter__(self) -> Self:
        """Measure the content and stylise all of it. `blocks` then yields the output."""
        try:
            self._prepare()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    def blocks(self) -> Iterator[Waveform]:
        """Yield the output in (channels, n) blocks. It may be called more than once."""
        if self._spool is None:
            yield from self._source.blocks()
            return
        settings = self.plan.settings
        dry_gain, wet_gain = mix_gains(settings.mix, settings.mix_law)
        wet_gain = np.float32(self._gain) * wet_gain
        dry_blocks = self._source.blocks()
        dry = np.zeros((self._source.channels, 0), np.float32)
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

    @property
    def n_samples(self) -> int:
        """Length of the content and of the output, in samples."""
        return self._content.scan.n_samples

    def _close(self) -> None:
        self.report.seconds["total"] = time.monotonic() - self._began
        if self._spool is not None:
            self._spool.close()

    def _prepare(self) -> None:
        settings, source = self.plan.settings, self._source
        self._style.check_fits(self.plan)
        hop_length = self.plan.grid.hop_length
        measured = self._timed("measure", lambda: scan(source, hop_length))
        self._content = Content(source, measured)
        self.report.audio_seconds = measured.n_samples / source.sample_rate
        self.report.silent = measured.peak < SILENCE
        preparing = None
        if self.plan.method.distil is not None and not self._style.is_prepared:
            preparing = part_of(self._progress, 0.0, _DISTILLING_SHARE)
            self._progress = part_of(self._progress, _DISTILLING_SHARE, 1.0)
            preparing = self._within_budget(preparing)
        targets = self._timed(
            "style", lambda: self._style.targets(self.plan, preparing, for_render=True)
        )
        has_rounds = bool(self.plan.texture_rounds and round_targets(targets.tensors))
        unmoved = settings.timbre == 0.0 and not has_rounds
        nothing_to_do = settings.strength == 0.0 or settings.mix == 0.0 or unmoved
        if not nothing_to_do and measured.peak >= SILENCE:
            self._timed("stylise", lambda: self._stylise(targets))
        elif self._progress is not None:
            self._progress(1.0)

    def _within_budget(
        self, report: Callable[[float], None] | None
    ) -> Callable[[float], None] | None:
        """Let a progress callback end the training of a network when the time budget is used up."""
        budget = self.plan.settings.budget_seconds
        if budget is None:
            return report

        def limited(share: float) -> None:
            if time.monotonic() - self._began > budget:
                raise InvalidSettingError(
                    f"budget_seconds={budget:g} ended while {self.plan.settings.method} trained "
                    "its network for this style: allow more seconds, or train it once with "
                    "`astfx distill`"
                )
            if report is not None:
                report(share)

        return limited

    def _timed(self, stage: str, work: Callable[[], _Result]) -> _Result:
        began = time.monotonic()
        result = work()
        self.report.seconds[stage] = time.monotonic() - began
        return result

    def _stylise(self, targets: StyleTargets) -> None:
        plan, content, measured = self.plan, self._content, self._content.scan
        budget = plan.settings.budget_seconds
        spent = time.monotonic() - self._began
        monitor = Monitor(self._progress, None if budget is None else max(budget - spent, 0.0))
        with thread_count(plan.settings.threads) as threads:
            self.report.threads = threads
            margin = plan.grid.n_fft
            mirrored = content.mirrored(margin)
            if plan.settings.timbre > 0.0:
                stylist = Stylist(plan, targets, mirrored, monitor)
                self.report.segments = stylist.reports
                blocks = _trimmed(stylist.blocks(), margin, measured.n_samples)
            else:
                blocks = content.source.blocks()
            if plan.texture_rounds and round_targets(targets.tensors):
                strength = 1.0 if self._strength_curve is not None else plan.settings.strength
                rounds = TextureRounds(plan, targets, content, monitor, margin, strength)
                blocks = rounds.blocks(blocks)
            blocks = soften_ends(blocks, measured, plan.grid.hop_length)
            blend = None
            if plan.settings.strength < 1.0 or self._strength_curve is not None:
                blend = StrengthBlend(plan, content, monitor, self._strength_curve)
            finish: Callable[[Iterator[Waveform]], Iterator[Waveform]] = iter
            if plan.settings.keep_pitch:
                finish = PitchKeeper(plan, content, monitor).blocks
            spool, levels = self._spooled(finish(blocks) if blend is None else blocks, measured)
            if blend is not None:
                full = SpoolSource(spool, content.source.sample_rate)
                rms = levels.rms * math.sqrt(measured.n_samples / measured.n_sounding)
                try:
                    spool, levels = self._spooled(finish(blend.blocks(full, rms)), measured)
                finally:
                    full.close()
            self._spool = spool
        self.report.stopped_early = monitor.stopped_early
        if levels.power > 0.0:
            self._gain = float(np.sqrt(measured.power / levels.power))
            self.report.gain_db = float(20.0 * np.log10(max(self._gain, 1e-10)))

    def _spooled(self, blocks: Iterator[Waveform], measured: Scan) -> tuple[Spool, LoudnessMeter]:
        """Store blocks, silenced where the content is silent, and measure their levels."""
        source = self._source
        spool = self._spool = Spool(source.channels, self._spool_folder)
        levels = LoudnessMeter(source.sample_rate, source.channels)
        start, hop_length = 0, self.plan.grid.hop_length
        for block in blocks:
            apply_gate(block, measured.silent, start, hop_length)
            levels.add(block)
            spool.write(block)
            start += block.shape[1]
        return spool, levels
