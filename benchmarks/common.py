"""Shared parts of the benchmarks: audio to measure with, timing, tables, sections of pages."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
import soundfile

from astfx.audio import Waveform, resample

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
MEASURED = DOCS / "measured"
REFERENCE = DOCS / "reference"
SHARED = Path(os.environ.get("ASTFX_SHARED", ROOT.parent / "shared"))

Result = TypeVar("Result")


def need_audio() -> None:
    """Exit with a message if the audio to measure with is absent."""
    if not (SHARED / "data").is_dir():
        sys.exit(f"the benchmarks need the measuring audio in {SHARED / 'data'} (set ASTFX_SHARED)")


def clip_path(name: str) -> Path:
    return SHARED / "data" / f"{name}.mp3"


def load(name: str, sample_rate: int, *, mono: bool = True) -> Waveform:
    """Load a clip as (channels, samples) at a sample rate in hertz."""
    data, rate = soundfile.read(clip_path(name), dtype="float32", always_2d=True)
    clip = np.ascontiguousarray(data.mean(axis=1)[None] if mono else data.T)
    return resample(clip, rate, sample_rate)


def timed(work: Callable[[], Result]) -> tuple[float, Result]:
    began = time.perf_counter()
    result = work()
    return time.perf_counter() - began, result


def best_of(times: int, work: Callable[[], object]) -> float:
    """Return the shortest time of several calls in seconds: the least disturbed one."""
    return min(timed(work)[0] for _ in range(times))


def with_quiet_ends(clip: Waveform, sample_rate: int) -> Waveform:
    """Fade both ends in 5 ms: the banks take a clip as a period, and hear a click where it ends."""
    length = round(0.005 * sample_rate)
    fade = np.linspace(0.0, 1.0, length, dtype=np.float32)
    clip = clip.copy()
    clip[:, :length] *= fade
    clip[:, -length:] *= fade[::-1]
    return clip


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a Markdown table."""
    lines = [" | ".join(header), " | ".join("---" for _ in header)]
    lines += [" | ".join(str(cell) for cell in row) for row in rows]
    return "\n".join(f"| {line} |" for line in lines) + "\n"


def replace_rows(path: Path, section: str, text: str) -> None:
    """Replace the rows of a section that have the same first cell, and append the other rows."""
    fresh = {line.split(" | ")[0]: line for line in text.splitlines() if line.startswith("| ")}
    kept = path.read_text().split(f"<!-- begin {section} -->")[1].split("<!-- end")[0]
    lines = [fresh.pop(line.split(" | ")[0], line) for line in kept.strip().splitlines()]
    write_section(path, section, "\n".join([*lines, *fresh.values()]))


def write_section(path: Path, name: str, text: str) -> None:
    """Replace the text between the markers of a section of a page."""
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    page = path.read_text()
    if begin not in page or end not in page:
        sys.exit(f"{path} has no section {name!r}")
    before, rest = page.split(begin, 1)
    after = rest.split(end, 1)[1]
    path.write_text(f"{before}{begin}\n{text.strip()}\n{end}{after}")
