"""Renders from arrays and from files: measure, stylise, match the loudness, mix, write."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from astfx.audio import (
    AudioWriter,
    FileSource,
    Source,
    Spool,
    Waveform,
    check_sample_rate,
    check_waveform,
    output_format,
)
from astfx.device import resolve_device, thread_count
from astfx.errors import AudioFileError, InvalidSettingError
from astfx.loudness import LoudnessMeter
from astfx.methods import find_method
from astfx.phase import find_phase_method
from astfx.segments import Scan, scan
from astfx.settings import DEFAULT_METHOD, DEFAULT_PHASE, Settings, make_options
from astfx.targets import (
    SILENCE,
    StyleTargets,
    array_source,
    check_targets,
    grid_for,
    prepare_source,
)
from astfx.transfer import Progress, SegmentReport, Stylist

PACKAGES = ("astfx", "torch", "numpy", "scipy", "numba", "soundfile", "soxr", "pedalboard")
STYLE_SUFFIX = ".safetensors"

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
            "segments": [asdict(segment) for segment in self.segments],
            "versions": versions(),
        }


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
    style : Source or StyleTargets
    settings : Settings
    progress : callable, optional
    spool_folder : Path, optional
        Where to keep samples between the two passes; None is in memory.

    Raises
    ------
    AstfxError
        If the settings, the content or the style cannot be used.
    """

    def __init__(
        self,
        content: Source,
        style: Source | StyleTargets,
        settings: Settings,
        progress: Progress | None = None,
        spool_folder: Path | None = None,
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
        )
        self._content, self._style, self._settings = content, style, settings
        self._progress, self._spool_folder = progress, spool_folder
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
            targets = self._timed(
                "style", lambda: prepare_source(style, content.sample_rate, settings)
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
        self._spool = Spool(self._content.channels, self._spool_folder)
        meter = LoudnessMeter(self._content.sample_rate, self._content.channels)
        with thread_count(self._settings.threads) as threads:
            self.report.threads = threads
            stylist = Stylist(self._content, measured, targets, self._settings, self._progress)
            self.report.segments = stylist.reports
            for block in stylist.blocks():
                meter.add(block)
                self._spool.write(block)
        if meter.power > 0.0:
            self._gain = float(np.sqrt(measured.power / meter.power))
            self.report.gain_db = float(20.0 * np.log10(max(self._gain, 1e-10)))

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


def transfer(
    content: npt.NDArray[np.floating[Any]],
    style: npt.NDArray[np.floating[Any]] | StyleTargets,
    sample_rate: int,
    *,
    style_sample_rate: int | None = None,
    strength: float = 1.0,
    mix: float = 1.0,
    method: str = DEFAULT_METHOD,
    options: Mapping[str, Any] | None = None,
    iterations: int | None = None,
    budget_seconds: float | None = None,
    seed: int = 0,
    device: str = "auto",
    threads: int | None = None,
    phase: str = DEFAULT_PHASE,
    phase_iterations: int | None = None,
    window_ms: float = 92.88,
    segment_seconds: float = 10.0,
    overlap_seconds: float = 0.5,
    progress: Progress | None = None,
) -> npt.NDArray[np.float32]:
    """Give a sound the texture of another.

    Parameters
    ----------
    content : (samples,) or (channels, samples) float32 or float64, full scale = 1
        What is played. 8 to 192 kHz, any length, up to 32 channels.
    style : like content, or StyleTargets
        What it shall sound like: any length and number of channels, or a style that
        `prepare_style` made ready.
    sample_rate : int, hertz
        Of the content.
    style_sample_rate : int, hertz, optional
        Of the style; the content's by default.
    strength : float, 0 to 1
        0 returns the content bit for bit, 1 is the full style.
    mix : float, 0 to 1
        Share of the result against the content.
    method : str
        `astfx methods` lists them.
    options : mapping, optional
        The method's own options.
    iterations : int, optional
        Optimiser iterations for each segment; None is the method's default.
    budget_seconds : float, optional
        Stop iterating when the render would take longer.
    seed : int
        The same seed on the same machine gives the same bytes.
    device : {"auto", "cpu", "cuda"}
    threads : int, optional
        CPU threads; None chooses.
    phase : {"pghi", "fast-griffin-lim", "griffin-lim"}
    phase_iterations : int, optional
    window_ms : float, milliseconds
        STFT window.
    segment_seconds, overlap_seconds : float
        Longer audio is stylised in segments of about this length, overlapping by this much.
    progress : callable, optional
        Called with the share done, 0 to 1, from this thread; return False to cancel.

    Returns
    -------
    ndarray, float32
        The shape of the content, at its loudness. Samples may exceed full scale.

    Raises
    ------
    AudioTypeError, InvalidAudioError
        If content or style cannot be used: wrong type or shape, empty, NaN, a silent style.
    InvalidSettingError
        If a setting is out of range.
    DeviceError
        If there is no such device.
    CancelledError
        If `progress` returned False.

    References
    ----------
    Ulyanov & Lebedev, "Audio texture synthesis and style transfer", 2016; Grinstein et al.,
    "Audio style transfer", ICASSP 2018; Cho & Saul, "Kernel methods for deep learning", 2009.
    """
    settings = Settings(
        strength=strength,
        mix=mix,
        method=method,
        options=options or {},
        iterations=iterations,
        budget_seconds=budget_seconds,
        seed=seed,
        device=device,
        threads=threads,
        phase=phase,
        phase_iterations=phase_iterations,
        window_ms=window_ms,
        segment_seconds=segment_seconds,
        overlap_seconds=overlap_seconds,
    )
    sample_rate = check_sample_rate(sample_rate)
    source = array_source(check_waveform(content, "content"), sample_rate, "content")
    if isinstance(style, StyleTargets):
        prepared: Source | StyleTargets = style
    else:
        rate = check_sample_rate(style_sample_rate or sample_rate, "style_sample_rate")
        prepared = array_source(check_waveform(style, "style"), rate, "style")
    render = Render(source, prepared, settings, progress)
    render.prepare()
    output = np.concatenate(list(render.blocks()), axis=1)
    render.finish()
    return np.array(output, dtype=np.float32).reshape(content.shape)


def prepare_style(
    style: npt.NDArray[np.floating[Any]] | str | os.PathLike[str],
    sample_rate: int,
    *,
    style_sample_rate: int | None = None,
    settings: Settings | None = None,
) -> StyleTargets:
    """Compute once what renders need of a style.

    Parameters
    ----------
    style : (samples,) or (channels, samples) float, or path
    sample_rate : int, hertz
        Of the content that it will be used on.
    style_sample_rate : int, hertz, optional
        Of a style given as an array; `sample_rate` by default.
    settings : Settings, optional
        Method, options, window, seed and device count.

    Returns
    -------
    StyleTargets
        To pass to `transfer`, or to `save` and `load` again.

    Raises
    ------
    AstfxError
        If the style or a setting cannot be used.
    """
    sample_rate = check_sample_rate(sample_rate)
    if isinstance(style, str | os.PathLike):
        source: Source = FileSource(style, "style")
    else:
        rate = check_sample_rate(style_sample_rate or sample_rate, "style_sample_rate")
        source = array_source(check_waveform(style, "style"), rate, "style")
    return prepare_source(source, sample_rate, settings or Settings())


def render_file(
    content: str | os.PathLike[str] | FileSource,
    style: str | os.PathLike[str] | FileSource,
    output: str | os.PathLike[str],
    settings: Settings | None = None,
    *,
    float_samples: bool = False,
    progress: Progress | None = None,
) -> Report:
    """Render a file to a file, in bounded memory, whatever its length.

    Parameters
    ----------
    content : path or FileSource
        "-" reads standard input.
    style : path or FileSource
        Audio, or a ``.safetensors`` file that `StyleTargets.save` wrote.
    output : path
        Its suffix names the format; "-" is a WAV on standard output. Written aside and
        renamed when whole.
    settings : Settings, optional
    float_samples : bool
        Float samples instead of 24 bit.
    progress : callable, optional
        Called with the share done, 0 to 1; return False to cancel.

    Returns
    -------
    Report

    Raises
    ------
    AstfxError
        If a file or a setting cannot be used; nothing is written then.
    """
    target = Path(output)
    to_stdout = str(output) == "-"
    source = content if isinstance(content, FileSource) else FileSource(content, "content")
    prepared: Source | StyleTargets
    if isinstance(style, FileSource):
        prepared = style
    elif str(style).endswith(STYLE_SUFFIX):
        prepared = StyleTargets.load(style)
    else:
        prepared = FileSource(style, "style")
    if not to_stdout:
        output_format(target, float_samples=float_samples)
        inputs = {"content": source.path}
        if isinstance(prepared, FileSource):
            inputs["style"] = prepared.path
        _check_target(target, inputs)
    render = Render(
        source,
        prepared,
        settings or Settings(),
        progress,
        None if to_stdout else target.absolute().parent,
    )
    try:
        measured = render.prepare()
        peak = max((float(np.abs(block).max(initial=0.0)) for block in render.blocks()), default=0)
        render.report.peak = peak
        # Integer formats clip at full scale: keep the waveform whole and give up some level.
        scale = np.float32(1.0)
        if peak > 1.0 and not float_samples:
            # Integer formats clip at full scale: keep the waveform whole, give up some level.
            scale = np.float32(0.9999 / peak)
            render.report.level_lost_db = float(-20.0 * np.log10(scale))
        writer = AudioWriter(
            output,
            source.sample_rate,
            source.channels,
            measured.n_samples,
            float_samples=float_samples,
        )
        began = time.monotonic()
        with writer:
            for block in render.blocks():
                writer.write(block if scale == 1.0 else block * scale)
        render.report.seconds["write"] = time.monotonic() - began
    finally:
        render.close()
    return render.finish()


def _check_target(target: Path, inputs: Mapping[str, Path]) -> None:
    """Refuse an output that cannot be written, before any work is done."""
    for role, path in inputs.items():
        if target.exists() and target.samefile(path):
            raise InvalidSettingError(
                f"output file '{target}' is the {role} file: write to another name"
            )
    if target.is_dir():
        raise AudioFileError(f"output file '{target}' is a folder: name a file in it")
    folder = target.absolute().parent
    if not folder.is_dir():
        raise AudioFileError(f"output file '{target}': the folder '{folder}' does not exist")
    if not os.access(folder, os.W_OK):
        raise AudioFileError(f"output file '{target}': the folder '{folder}' cannot be written")
