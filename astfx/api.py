"""The functions people call: arrays to an array, files to a file, a style made ready."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from astfx.audio import (
    AudioWriter,
    FileSource,
    Source,
    check_output,
    check_sample_rate,
    check_target,
    check_waveform,
)
from astfx.engine.render import Render, Report
from astfx.errors import InvalidSettingError
from astfx.presets import Preset, resolve
from astfx.runtime.progress import Progress, part_of
from astfx.settings import Settings, make_settings
from astfx.styles.targets import StyleTargets, array_source, prepare_source

STYLE_SUFFIX = ".safetensors"
_RATE_OF_AN_ARRAY = "style_sample_rate={!r} is for a style that is an array: any other has its own"


def transfer(
    content: npt.NDArray[np.floating[Any]],
    style: npt.NDArray[np.floating[Any]] | StyleTargets | Preset | str | os.PathLike[str],
    sample_rate: int,
    *,
    style_sample_rate: int | None = None,
    strength: float | None = None,
    mix: float | None = None,
    method: str | None = None,
    recipe: str | None = None,
    options: Mapping[str, Any] | None = None,
    quality: str | None = None,
    iterations: int | None = None,
    budget_seconds: float | None = None,
    seed: int = 0,
    device: str = "auto",
    threads: int | None = None,
    phase: str | None = None,
    phase_iterations: int | None = None,
    window_ms: float | None = None,
    segment_seconds: float = 10.0,
    overlap_seconds: float = 0.5,
    progress: Progress | None = None,
) -> npt.NDArray[np.float32]:
    """Give a sound the texture of another.

    Parameters
    ----------
    content : (samples,) or (channels, samples) float32 or float64, full scale = 1
        What is played. 8 to 192 kHz, any length, up to 32 channels.
    style : like content, path, StyleTargets, Preset, or a preset's name
        What it shall sound like: any length and number of channels, audio or a file, a style
        that `prepare_style` made ready, or a preset ("rain"; `astfx presets list` names them).
    sample_rate : int, hertz
        Of the content.
    style_sample_rate : int, hertz, optional
        Of the style; the content's by default.
    strength : float, 0 to 1, optional
        0 returns the content bit for bit, 1 is the full style. By default a preset's own, else 1.
    mix : float, 0 to 1, optional
        Share of the result against the content. By default a preset's own, else 1.
    method : str, optional
        "gram" by default; `astfx methods` lists them.
    recipe : {"000", "001", "002", "003", "004"}, optional
        Exactly what one source document did, its method too; settings given beside it go first.
    options : mapping, optional
        The method's own options. By default a preset's.
    quality : {"draft", "standard", "best"}, optional
        "draft" is quickest, "best" takes as long as it likes. By default a preset's own, else
        "standard".
    iterations : int, optional
        Optimiser iterations for each segment (about ten seconds); None is the method's default.
    budget_seconds : float, optional
        Stop iterating when the render would take longer.
    seed : int
        The same seed on the same machine gives the same bytes.
    device : {"auto", "cpu", "cuda"}
    threads : int, optional
        CPU threads; None chooses.
    phase : str, optional
        "pghi" by default, "fast-griffin-lim", "griffin-lim", "oa-griffin-lim" or "local-sums".
    phase_iterations : int, optional
    window_ms : float, milliseconds, optional
        STFT window, 92.88 by default.
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
    preset = resolve(style)
    settings = make_settings(
        {} if preset is None else preset.settings,
        strength=strength,
        mix=mix,
        method=method,
        recipe=recipe,
        options=options,
        quality=quality,
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
    prepared: Source | StyleTargets | Preset
    if isinstance(style, StyleTargets | Preset | str | os.PathLike):
        if style_sample_rate is not None:
            raise InvalidSettingError(_RATE_OF_AN_ARRAY.format(style_sample_rate))
        prepared = _prepared(style, preset)
    else:
        rate = _style_rate(style_sample_rate, sample_rate)
        prepared = array_source(check_waveform(style, "style"), rate, "style")
    render = Render(source, prepared, settings, progress)
    render.prepare()
    output = np.concatenate(list(render.blocks()), axis=1)
    render.finish()
    return np.array(output, dtype=np.float32).reshape(content.shape)


def prepare_style(
    style: npt.NDArray[np.floating[Any]] | Preset | str | os.PathLike[str],
    sample_rate: int,
    *,
    style_sample_rate: int | None = None,
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> StyleTargets:
    """Compute once what renders need of a style.

    Parameters
    ----------
    style : (samples,) or (channels, samples) float, path, Preset, or a preset's name
    sample_rate : int, hertz
        Of the content that it will be used on.
    style_sample_rate : int, hertz, optional
        Of a style given as an array; `sample_rate` by default.
    settings : Settings, optional
        Method, options, window, seed and device count.
    progress : callable, optional
        Called with the share done by methods that take minutes (`feed-forward`); return False
        to cancel.

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
    settings, report = settings or Settings(), part_of(progress, 0.0, 1.0)
    preset = resolve(style)
    if style_sample_rate is not None and not isinstance(style, np.ndarray):
        raise InvalidSettingError(_RATE_OF_AN_ARRAY.format(style_sample_rate))
    if preset is not None:
        return preset.targets(sample_rate, settings, report, afresh=True)
    if isinstance(style, str | os.PathLike):
        source: Source = FileSource(style, "style")
    else:
        assert not isinstance(style, Preset)
        rate = _style_rate(style_sample_rate, sample_rate)
        source = array_source(check_waveform(style, "style"), rate, "style")
    return prepare_source(source, sample_rate, settings, report)


def transfer_file(
    content: str | os.PathLike[str] | FileSource,
    style: str | os.PathLike[str] | FileSource | StyleTargets | Preset,
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
    style : path, FileSource, StyleTargets, Preset, or a preset's name or file
        A path is audio, a ``.safetensors`` file that `StyleTargets.save` wrote, or a preset's
        ``.astfx`` file.
    output : path
        Its suffix names the format; "-" is a WAV on standard output. Written aside and
        renamed when whole.
    settings : Settings, optional
        By default a preset's own.
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
    preset = None if isinstance(style, FileSource) else resolve(style)
    if settings is None:
        settings = make_settings({} if preset is None else preset.settings)
    prepared = style if isinstance(style, FileSource) else _prepared(style, preset)
    if not to_stdout:
        inputs = {"content": source.path}
        if isinstance(prepared, FileSource):
            inputs["style"] = prepared.path
        check_target(target, inputs)
    check_output(output, source.sample_rate, source.channels, float_samples=float_samples)
    render = Render(
        source,
        prepared,
        settings,
        progress,
        None if to_stdout else target.absolute().parent,
    )
    try:
        measured = render.prepare()
        peak = max((float(np.abs(block).max(initial=0.0)) for block in render.blocks()), default=0)
        render.report.peak = peak
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


def _prepared(
    style: str | os.PathLike[str] | StyleTargets | Preset, preset: Preset | None
) -> Source | StyleTargets | Preset:
    """What a render takes of a style that is no array; `preset` is what it resolves to."""
    if preset is not None:
        return preset
    if isinstance(style, StyleTargets):
        return style
    assert not isinstance(style, Preset)
    if str(style).endswith(STYLE_SUFFIX):
        return StyleTargets.load(style)
    return FileSource(style, "style")


def _style_rate(style_sample_rate: int | None, sample_rate: int) -> int:
    if style_sample_rate is None:
        return sample_rate
    return check_sample_rate(style_sample_rate, "style_sample_rate")
