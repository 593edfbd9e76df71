"""What a worker does for each kind of job. Imported in the worker process only."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

import astfx
from astfx.audio import AudioWriter, FileSource, SlidingReader
from astfx.settings import RENDER_TABLE, Setting
from astfx_bridge.jobs import engines, styles

Progress = Callable[[float], bool]
EXCERPT_FRAMES = 2**18  # as many as are copied at once
STATISTICS_SUFFIXES = (".safetensors", ".astfx", ".toml")  # styles that hold no audio


def known_methods() -> list[str]:
    """The names of all methods of astfx."""
    from astfx.methods import METHODS

    return list(METHODS)


def warm_up() -> None:
    """Load and compile now what the first render would otherwise wait for."""
    noise = np.random.default_rng(0).standard_normal(4096).astype(np.float32)
    astfx.transfer(noise, noise[::-1].copy(), 22_050, iterations=1, quality="draft")


def render_settings(values: dict[str, Any], threads: int, **changed: Any) -> astfx.Settings:
    """The parameters of a job as the settings of a render."""
    given = {
        row.name: _value(row, values[row.short]) for row in RENDER_TABLE.values() if row.over_osc
    }
    return astfx.Settings(**{**given, "threads": threads, **changed})


def _value(row: Setting, value: Any) -> Any:
    """A parameter's value as that of a setting."""
    if row.type is bool:
        return bool(value)
    return (value or None) if row.optional else value


def check_lengths(job: dict[str, Any]) -> None:
    """Check the lengths of the sounds of a job: the server cannot read the headers of all formats.

    Raises
    ------
    AstfxError
        If one cannot be read, or is longer than allowed.
    """
    for role in ("content", "style"):
        path = Path(job.get(role, ""))
        if role not in job or (role == "style" and path.suffix in STATISTICS_SUFFIXES):
            continue
        seconds, longest = FileSource(path, role).seconds, job["clip_seconds"]
        if seconds > longest:
            raise astfx.AstfxError(
                f"{role} '{path.name}' lasts {seconds:.1f} seconds, at most {longest:g} are allowed"
            )


def render(job: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Render the content into the scratch file. The server renames it once it is whole."""
    check_lengths(job)
    settings = render_settings(job["settings"], job["threads"])
    start, seconds = _region(job)
    if start == 0.0 and seconds == math.inf:
        return _rendered(job, job["content"], settings, progress)
    with _excerpt(job, start, seconds) as excerpt:
        return _rendered(job, excerpt, settings, progress)


def _region(job: dict[str, Any]) -> tuple[float, float]:
    """Where the region that a job renders begins, and how long it is at most, in seconds."""
    settings = job["settings"]
    return settings.get("start", 0.0), settings.get("seconds", 0.0) or math.inf


def _rendered(
    job: dict[str, Any], content: str, settings: astfx.Settings, progress: Progress
) -> dict[str, Any]:
    engine = job["settings"]["engine"]
    engines.render(content, styles.load(job), job["scratch"], settings, engine, progress)
    info = soundfile.info(job["scratch"])
    return {"sample_rate": int(info.samplerate), "frames": int(info.frames)}


def preview(job: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Render an excerpt of the content in draft quality."""
    check_lengths(job)
    start, seconds = _region(job)
    settings = render_settings(
        {**job["settings"], "quality": "draft", "iterations": 0}, job["threads"]
    )
    within = min(job["seconds"], seconds - job["start"])
    with _excerpt(job, start + job["start"], within) as excerpt:
        return _rendered(job, excerpt, settings, progress)


@contextmanager
def _excerpt(job: dict[str, Any], start_seconds: float, seconds: float) -> Iterator[str]:
    """A file with a part of the content, while it is rendered.

    Raises
    ------
    AstfxError
        If the part begins beyond the content's end, or beyond that of its region.
    """
    source = FileSource(job["content"], "content")
    total = int(source.seconds * source.sample_rate + 0.5)
    start = round(start_seconds * source.sample_rate)
    stop = total
    if seconds < source.seconds:
        stop = min(total, start + round(seconds * source.sample_rate))
    if stop <= start:
        raise astfx.AstfxError(
            f"start={start_seconds:g} lies beyond the clip's {source.seconds:.2f} seconds"
        )
    excerpt = Path(job["scratch"]).with_suffix(".excerpt.wav")
    try:
        with AudioWriter(
            excerpt, source.sample_rate, source.channels, float_samples=True
        ) as writer:
            reader = SlidingReader(source.blocks(), source.channels)
            for first in range(start, stop, EXCERPT_FRAMES):
                writer.write(reader.read(first, min(stop, first + EXCERPT_FRAMES)))
        yield str(excerpt)
    finally:
        with suppress(OSError):
            excerpt.unlink(missing_ok=True)


def make_preset(job: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Make a preset from a sound."""
    check_lengths(job)
    styles.make_preset(job["content"], job["name"], job["scratch"])
    progress(1.0)
    return {"sample_rate": 0, "frames": 0}


def rename_preset(job: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Write a preset file again, under another name. A file that is no preset is refused."""
    styles.rename_preset(job["content"], job["name"], job["scratch"])
    progress(1.0)
    return {"sample_rate": 0, "frames": 0}


def export_preset(job: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Write a preset as one file."""
    styles.export_preset(job["preset"], job["presets"], job["scratch"])
    progress(1.0)
    return {"sample_rate": 0, "frames": 0}


def blend_presets(job: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Blend presets into a new one."""
    styles.blend_presets(job["weights"], job["name"], job["scratch"])
    progress(1.0)
    return {"sample_rate": 0, "frames": 0}


TASKS: dict[str, Callable[[dict[str, Any], Progress], dict[str, Any]]] = {
    "render": render,
    "preview": preview,
    "preset": make_preset,
    "blend": blend_presets,
    "rename": rename_preset,
    "export": export_preset,
}
