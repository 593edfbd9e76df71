"""The page of a comparison: one HTML file with all sounds, pictures and figures."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from astfx.audio import Waveform, resample
from astfx.audio.bitrates import compression_level
from astfx.audio.levels import gain_below_full_scale
from astfx.metrics import FIGURES, PANEL
from astfx.report.plots import draw_clip, draw_losses_together
from astfx.runtime.files import written_aside

PAGE = "index.html"
TEMPLATE = "compare.html.jinja"
MOST_SECONDS = 60.0
"""Longest audio that the page plays and draws; the files in the folder are complete.

Many sounds on a page are played for a shorter time, so that the page stays small.
"""

_AUDIO_BYTES = 1.7e6
"""All sounds of a page together, before they become text, which is a third longer.

With the pictures, the page stays below 3 MB.
"""

_MP3_RATES = (44_100, 48_000, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8000)
_KBPS_EACH_CHANNEL = (64.0, 32.0)

# Figures that are missing from both sets have no better end.
LOWER_IS_BETTER = {
    *PANEL, "standard_bank_db", "style_distance", "mel_db_frechet", "mfcc_frechet", "gram_loss",
    "pre_echo_db", "early_echo_db", "clipping_share", "non_finite",
    "musical_noise_per_second", "seconds", "real_time_factor",
}  # fmt: skip
HIGHER_IS_BETTER = {
    "onset_correlation", "onset_f1", "log_rms_correlation", "chroma_cosine", "mel_correlation",
    "pitch_agreement", "estoi",
}  # fmt: skip


@dataclass(kw_only=True)
class Entry:
    """One sound of a comparison.

    Attributes
    ----------
    name : str
        Name of a method, a recipe or an anchor.
    summary : str
    is_anchor : bool
    waveform : (channels, samples) or None
        The first minute. None if the render failed, and for the anchor "floor".
    sample_rate : int, hertz
    losses : list of list of float
        For each segment, the loss at the start and after each iteration.
    seconds, real_time_factor : float or None
        Time of the render, including the preparation of the style.
    figures : dict of str to float
        Scores from `astfx.metrics.score`. Empty if the clips are too short to be scored.
    note : str
        A remark of the method, or why it failed.
    failed : bool
        Whether the method could not render the clips.
    stopped_early : bool
        Whether the time budget ended the search.
    """

    name: str
    summary: str
    is_anchor: bool
    waveform: Waveform | None
    sample_rate: int
    losses: list[list[float]] = field(default_factory=list)
    seconds: float | None = None
    real_time_factor: float | None = None
    figures: dict[str, float] = field(default_factory=dict)
    note: str = ""
    failed: bool = False
    stopped_early: bool = False


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The results of `compare`.

    Attributes
    ----------
    content, style : str
        Names of the files.
    quality : str
    entries : tuple of Entry
        The anchors, then the methods.
    folder : Path
    """

    content: str
    style: str
    quality: str
    entries: tuple[Entry, ...]
    folder: Path

    @property
    def page(self) -> Path:
        """Path of the HTML page."""
        return self.folder / PAGE


def columns(result: Comparison) -> tuple[str, ...]:
    """Names of the figures that any entry has, in the order of `astfx.metrics.FIGURES`."""
    return tuple(name for name in FIGURES if any(name in e.figures for e in result.entries))


def write_page(result: Comparison) -> None:
    """Write the page into the comparison's folder, under a temporary name until it is complete."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    methods = [entry for entry in result.entries if not entry.is_anchor]
    curves = {entry.name: [loss for loss in entry.losses if len(loss) > 1] for entry in methods}
    curves = {name: losses for name, losses in curves.items() if losses}
    names = [*columns(result), "seconds", "real_time_factor"]
    best = {name: _best(result, name) for name in names}
    environment = Environment(
        loader=PackageLoader("astfx.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    shown = [e for e in result.entries if e.waveform is not None or not e.is_anchor]
    most_bytes = _AUDIO_BYTES / max(sum(e.waveform is not None for e in shown), 1)
    text = environment.get_template(TEMPLATE).render(
        title=f"{result.content} in the texture of {result.style}",
        subtitle=f"{len(methods)} methods of astfx, quality {result.quality}",
        cards=[_card(entry, result.entries[0].sample_rate / 2, most_bytes) for entry in shown],
        losses=_data_uri("image/webp", draw_losses_together(curves)) if curves else "",
        headings=[{"text": name.replace("_", " "), "better": _better(name)} for name in names],
        rows=[_row(entry, best) for entry in result.entries],
        panel=", ".join(name.replace("_", " ") for name in PANEL),
    )
    with written_aside(result.page) as part:
        part.write_text(text, encoding="utf-8")


def _data_uri(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def audio_uri(waveform: Waveform, sample_rate: int, most_bytes: float = math.inf) -> str:
    """Encode a clip as an MP3 in a data URI, turned down if it would clip.

    Parameters
    ----------
    waveform : (channels, samples)
        Its first minute is encoded, or as much as fits.
    sample_rate : int, hertz
    most_bytes : float
        Largest size of the MP3.
    """
    part = waveform[:, : round(MOST_SECONDS * sample_rate)]
    part = part if len(part) <= 2 else part.mean(axis=0, keepdims=True)
    if sample_rate not in _MP3_RATES:
        part, sample_rate = resample(part, sample_rate, _MP3_RATES[0]), _MP3_RATES[0]
    largest, smallest = (rate * len(part) for rate in _KBPS_EACH_CHANNEL)
    fitting = most_bytes * 8e-3 / max(part.shape[1] / sample_rate, 0.1)
    kbps = min(max(fitting, smallest), largest)
    if sample_rate < 16_000:
        kbps = min(kbps, 64.0)  # the most that MP3 has at such rates
    part = part[:, : round(min(most_bytes * 8e-3 / kbps, MOST_SECONDS) * sample_rate)]
    peak = float(np.abs(part).max(initial=0.0))
    buffer = io.BytesIO()
    with soundfile.SoundFile(
        buffer,
        "w",
        sample_rate,
        len(part),
        "MPEG_LAYER_III",
        format="MP3",
        compression_level=compression_level("MPEG_LAYER_III", sample_rate, len(part), kbps),
        bitrate_mode="CONSTANT",
    ) as file:
        file.write((part * gain_below_full_scale(peak)).T)
    return _data_uri("audio/mpeg", buffer.getvalue())


def _kind(entry: Entry) -> str:
    return "anchor" if entry.is_anchor else "method"


def _card(entry: Entry, top_hz: float, most_bytes: float) -> dict[str, str]:
    """Values of the template for one sound, whose audio takes at most so many bytes."""
    card = {
        "kind": _kind(entry),
        "name": entry.name,
        "summary": entry.summary,
        "note": entry.note,
        "time": "",
        "audio": "",
        "picture": "",
    }
    if entry.seconds is not None and entry.real_time_factor is not None:
        card["time"] = f"{entry.seconds:.2f} s, real-time factor {entry.real_time_factor:.3g}"
    if entry.waveform is not None:
        card["audio"] = audio_uri(entry.waveform, entry.sample_rate, most_bytes)
        picture = draw_clip(entry.waveform, entry.sample_rate, top_hz)
        card["picture"] = _data_uri("image/webp", picture)
    return card


def _value(entry: Entry, name: str) -> float | None:
    value = getattr(entry, name) if name in ("seconds", "real_time_factor") else None
    value = entry.figures.get(name) if value is None else value
    return None if value is None or math.isnan(value) else value


def _better(name: str) -> str:
    """Which end of a figure is better, in words; nothing if neither is."""
    if name in LOWER_IS_BETTER:
        return "lower is better"
    return "higher is better" if name in HIGHER_IS_BETTER else ""


def _best(result: Comparison, name: str) -> float | None:
    values = [_value(e, name) for e in result.entries if not e.is_anchor]
    known = [value for value in values if value is not None]
    if len(set(known)) < 2:
        return None
    if name in LOWER_IS_BETTER:
        return min(known)
    return max(known) if name in HIGHER_IS_BETTER else None


def _row(entry: Entry, best: Mapping[str, float | None]) -> dict[str, Any]:
    """Values of the template for one row of the table of figures."""
    cells = []
    for name in best:
        value = _value(entry, name)
        cells.append(
            {
                "value": "" if value is None else repr(value),
                "text": "–" if value is None else f"{value:.4g}",
                "best": value is not None and not entry.is_anchor and value == best[name],
            }
        )
    return {"kind": _kind(entry), "name": entry.name, "cells": cells}
