"""Public API: `transfer` for arrays, `transfer_file` for files, `prepare_style` for styles."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any, TypedDict, Unpack

import numpy as np
import numpy.typing as npt

from astfx.audio import (
    ArraySource,
    AudioWriter,
    Excerpt,
    FileSource,
    Resampled,
    Source,
    check_finite,
    check_output,
    check_sample_rate,
    check_target,
    check_waveform,
    rate_of_output,
)
from astfx.audio.fitting import Fitting, check_peak
from astfx.engine.render import Render, Report
from astfx.plan import RenderPlan
from astfx.presets import Preset
from astfx.runtime.progress import Progress, part_of
from astfx.settings import RenderOptions, Settings, documented, make_settings
from astfx.styles.style import Style
from astfx.styles.targets import StyleTargets


@documented
def transfer(
    content: npt.NDArray[np.floating[Any]],
    style: npt.NDArray[np.floating[Any]] | StyleTargets | Preset | str | os.PathLike[str],
    sample_rate: int,
    *,
    style_sample_rate: int | None = None,
    progress: Progress | None = None,
    **settings: Unpack[RenderOptions],
) -> npt.NDArray[np.float32]:
    """Transfer the texture of one sound to another.

    Parameters
    ----------
    content : (samples,) or (channels, samples) float32 or float64, full scale = 1
        The sound to transform, of any length. 8 to 192 kHz, up to 32 channels.
    style : like content, path, StyleTargets, Preset, or a preset's name
        The sound to imitate, of any length and number of channels: an array, an audio file, a
        style that `prepare_style` prepared, or a preset (such as "rain"; `astfx presets list`
        lists the names).
    sample_rate : int, hertz
        Sample rate of the content.
    style_sample_rate : int, hertz, optional
        Sample rate of a style that is an array. By default that of the content.
    progress : callable, optional
        Called from this thread with the share of the work that is done, 0 to 1. If it returns
        False, the render is cancelled.
    {settings}

    Returns
    -------
    ndarray, float32
        The output, with the shape and the loudness of the content. Samples may exceed full
        scale.

    Raises
    ------
    AudioTypeError, InvalidAudioError
        If content or style cannot be used: wrong type or shape, empty, NaN, a silent style.
    InvalidSettingError
        If a setting is unknown or out of range.
    DeviceError
        If the device is not available.
    CancelledError
        If `progress` returned False.

    References
    ----------
    Ulyanov & Lebedev, "Audio texture synthesis and style transfer", 2016; Grinstein et al.,
    "Audio style transfer", ICASSP 2018; Cho & Saul, "Kernel methods for deep learning", 2009.
    """
    rate = check_sample_rate(sample_rate)
    found = Style.of(style, style_sample_rate, array_rate=rate)
    chosen = make_settings(found.settings, **settings)
    waveform = check_waveform(content, "content")
    check_finite(waveform, "content", 0, rate)
    source = ArraySource(waveform, rate, "content")
    with Render(source, found, chosen, progress=progress) as render:
        output = np.concatenate(list(render.blocks()), axis=1)
    return np.array(output, dtype=np.float32).reshape(content.shape)


def prepare_style(
    style: npt.NDArray[np.floating[Any]] | Preset | str | os.PathLike[str],
    sample_rate: int,
    *,
    style_sample_rate: int | None = None,
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> StyleTargets:
    """Prepare a style once, for use in many renders.

    Parameters
    ----------
    style : (samples,) or (channels, samples) float, path, Preset, or a preset's name
        The sound to imitate.
    sample_rate : int, hertz
        Sample rate of the content that the style will be used on.
    style_sample_rate : int, hertz, optional
        Sample rate of a style that is an array. By default `sample_rate`.
    settings : Settings, optional
        Only the method, its options, the window, the seed, the device and the threads are used.
    progress : callable, optional
        Called with the share of the work that is done, 0 to 1, by methods that take minutes
        (`feed-forward`). If it returns False, the preparation is cancelled.

    Returns
    -------
    StyleTargets
        The prepared style. Pass it to `transfer`, or `save` it for later.

    Raises
    ------
    AstfxError
        If the style or a setting cannot be used.
    """
    rate = check_sample_rate(sample_rate)
    plan = RenderPlan.of(settings or Settings(), rate)
    found = Style.of(style, style_sample_rate, array_rate=rate)
    return found.targets(plan, part_of(progress, 0.0, 1.0), retrain=True)


def transfer_file(
    content: str | os.PathLike[str] | FileSource,
    style: str | os.PathLike[str] | FileSource | StyleTargets | Preset | Style,
    output: str | os.PathLike[str],
    settings: Settings | None = None,
    *,
    float_samples: bool = False,
    peak: str = "limit",
    start_seconds: float = 0.0,
    seconds: float | None = None,
    sample_rate: int | None = None,
    bitrate_kbps: float | None = None,
    progress: Progress | None = None,
    **overrides: Unpack[RenderOptions],
) -> Report:
    """Render a file of any length to a file, in bounded memory.

    Parameters
    ----------
    content : path or FileSource
        The sound to transform. "-" reads standard input.
    style : path, FileSource, StyleTargets, Preset, Style, or a preset's name or file
        The sound to imitate. A path is an audio file, a ``.safetensors`` file that
        `StyleTargets.save` wrote, or a preset's ``.astfx`` file.
    output : path
        The file to write. Its suffix sets the format; "-" writes a WAV to standard output. The
        file is written under a temporary name and renamed when it is complete.
    settings : Settings, optional
        By default the settings of a preset, or else the default settings.
    **overrides
        Single settings, as in `transfer`. They override `settings`.
    float_samples : bool
        Whether to write float samples instead of 24 bit. They may exceed full scale.
    peak : {"limit", "scale", "clip"}
        What to do with a result that exceeds full scale, unless samples are float. "limit" turns
        its peaks down with a look-ahead limiter, and the rest up, so that it keeps its loudness.
        "scale" turns all of it down, which keeps its dynamics. "clip" cuts its peaks off.
    start_seconds, seconds : float
        The part of the content to render: where it begins, and how long it is. By default all.
    sample_rate : int, hertz, optional
        Sample rate of the output. By default that of the content, or 48 kHz for Opus, which has
        only a few.
    bitrate_kbps : float, kbit/s, optional
        Bitrate of a lossy format. By default the encoder's own.
    progress : callable, optional
        Called with the share of the work that is done, 0 to 1. If it returns False, the render
        is cancelled.

    Returns
    -------
    Report
        Settings, losses, levels and timings of the render.

    Notes
    -----
    Tags of the content, such as its title and artist, are kept where the formats have them.

    Raises
    ------
    AstfxError
        If a file or a setting cannot be used. Nothing is written then.
    """
    check_peak(peak)
    to_stdout = str(output) == "-"
    file = content if isinstance(content, FileSource) else FileSource(content, "content")
    rate = rate_of_output(output, file.sample_rate) if sample_rate is None else sample_rate
    source = content_part(file, start_seconds, seconds, rate)
    found = style if isinstance(style, Style) else Style.of(style)
    defaults = found.settings if settings is None else settings.to_dict()
    chosen = make_settings(defaults, **overrides)
    if not to_stdout:
        inputs = {"content": file.path}
        if isinstance(found.source, FileSource):
            inputs["style"] = found.source.path
        check_target(Path(output), inputs)
    form: Format = {"float_samples": float_samples, "bitrate_kbps": bitrate_kbps}
    check_output(output, source.sample_rate, source.channels, **form)
    folder = None if to_stdout else Path(output).absolute().parent
    with Render(source, found, chosen, progress=progress, spool_folder=folder) as render:
        report = render.report
        began = time.monotonic()
        way = None if float_samples else peak
        fitting = Fitting(render.blocks, source.sample_rate, source.channels, way)
        report.peak, report.limited_db = fitting.peak, fitting.limited_db
        report.level_lost_db = fitting.level_lost_db
        with AudioWriter(
            output,
            source.sample_rate,
            source.channels,
            render.n_samples,
            tags=file.tags,
            **form,
        ) as writer:
            for block in fitting.blocks():
                writer.write(block)
        report.seconds["write"] = time.monotonic() - began
    return report


class Format(TypedDict):
    """What a file's suffix leaves open."""

    float_samples: bool
    bitrate_kbps: float | None


def content_part(
    source: Source, start_seconds: float, seconds: float | None, sample_rate: int | None
) -> Source:
    """Return the part of a content that is rendered, at the sample rate of the output."""
    if start_seconds != 0.0 or seconds is not None:
        source = Excerpt(source, start_seconds, seconds)
    if sample_rate is not None and sample_rate != source.sample_rate:
        source = Resampled(source, sample_rate)
    return source
