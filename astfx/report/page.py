"""The page of a comparison: one HTML file that holds its sounds, pictures and figures."""

from __future__ import annotations

import base64
import html
import io
import math
from dataclasses import dataclass, field
from pathlib import Path
from string import Template

import numpy as np
import soundfile

from astfx.audio import Waveform
from astfx.audio.levels import gain_below_full_scale
from astfx.metrics import FIGURES
from astfx.report.plots import draw_clip, draw_losses_together
from astfx.runtime.files import written_aside

PAGE = "index.html"
TEMPLATE = Path(__file__).parent / "compare.html"
MOST_SECONDS = 60.0  # of each player; the files in the folder are whole

# Which end of a figure is better, where one is.
LOWER_IS_BETTER = {
    "style_distance_db", "style_distance", "mel_db_frechet", "mfcc_frechet", "gram_loss",
    "cqt_gram_loss", "pre_echo_db", "early_echo_db", "clipping_share", "non_finite",
    "musical_noise_per_second", "seconds", "real_time_factor",
}  # fmt: skip
HIGHER_IS_BETTER = {
    "onset_correlation", "log_rms_correlation", "chroma_cosine", "mel_correlation",
    "pitch_agreement", "estoi",
}  # fmt: skip


@dataclass(kw_only=True)
class Entry:
    """One sound of a comparison.

    Attributes
    ----------
    name : str
        A method, or an anchor.
    summary : str
    is_anchor : bool
    waveform : (channels, samples) or None
        None where the render failed, and for the floor.
    sample_rate : int, hertz
    losses : list of list of float
        For each segment.
    seconds, real_time_factor : float or None
        Of the render, the preparation of the style included.
    figures : dict of str to float
        Of `astfx.metrics.score`; empty for clips too short to be scored.
    note : str
        What the method says of itself, or why it failed.
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


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What `compare` found.

    Attributes
    ----------
    content, style : str
        Names of the files.
    quality : str
    entries : tuple of Entry
        Anchors first.
    folder : Path
    """

    content: str
    style: str
    quality: str
    entries: tuple[Entry, ...]
    folder: Path

    @property
    def page(self) -> Path:
        """The HTML page."""
        return self.folder / PAGE


def columns(result: Comparison) -> tuple[str, ...]:
    """Figures that any entry has, in the order of `astfx.metrics.FIGURES`."""
    return tuple(name for name in FIGURES if any(name in e.figures for e in result.entries))


def write_page(result: Comparison) -> None:
    """Write the page into the comparison's folder, aside, then renamed."""
    methods = [entry for entry in result.entries if not entry.is_anchor]
    curves = {entry.name: [loss for loss in entry.losses if len(loss) > 1] for entry in methods}
    curves = {name: losses for name, losses in curves.items() if losses}
    losses = "<p>None of these methods optimises anything.</p>"
    if curves:
        losses = _image(draw_losses_together(curves), "Loss of each method over its iterations")
    top_hz = result.entries[0].sample_rate / 2
    text = Template(TEMPLATE.read_text()).substitute(
        title=html.escape(f"{result.content} in the texture of {result.style}"),
        subtitle=html.escape(f"{len(methods)} methods of astfx, quality {result.quality}"),
        cards="\n".join(_card(entry, top_hz) for entry in result.entries),
        losses=losses,
        table=_table(result),
        footer="The same figures are in figures.csv, the whole sounds in METHOD.wav beside it.",
    )
    with written_aside(result.page) as part:
        part.write_text(text)


def _data_uri(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def _image(png: bytes, description: str) -> str:
    return f'<img src="{_data_uri("image/png", png)}" alt="{html.escape(description)}">'


def audio_uri(waveform: Waveform, sample_rate: int) -> str:
    """A clip as a FLAC in a data URI, at most its first minute, never clipped."""
    part = waveform[:, : round(MOST_SECONDS * sample_rate)]
    peak = float(np.abs(part).max(initial=0.0))
    part = part * gain_below_full_scale(peak)
    buffer = io.BytesIO()
    channels = part if len(part) <= 2 else part.mean(axis=0, keepdims=True)
    soundfile.write(buffer, channels.T, sample_rate, format="FLAC", subtype="PCM_16")
    return _data_uri("audio/flac", buffer.getvalue())


def _card(entry: Entry, top_hz: float) -> str:
    if entry.waveform is None and entry.is_anchor:
        return ""
    parts = [f"<b>{html.escape(entry.name)}</b>"]
    if entry.seconds is not None and entry.real_time_factor is not None:
        parts.append(
            f'<span class="dim">{entry.seconds:.2f} s, real-time factor '
            f"{entry.real_time_factor:.3g}</span>"
        )
    lines = [f"<figcaption>{''.join(parts)}</figcaption>"]
    if entry.waveform is not None:
        uri = audio_uri(entry.waveform, entry.sample_rate)
        picture = draw_clip(entry.waveform, entry.sample_rate, top_hz)
        lines.append(_image(picture, f"Spectrogram of {entry.name}"))
        lines.append(
            f'<audio controls preload="metadata" aria-label="{html.escape(entry.name)}" '
            f'src="{uri}"></audio>'
        )
    lines.append(f'<p class="dim">{html.escape(entry.summary)}</p>')
    if entry.note:
        lines.append(f"<p>{html.escape(entry.note)}</p>")
    kind = "anchor" if entry.is_anchor else "method"
    return f'<figure class="{kind}" data-name="{html.escape(entry.name)}">{"".join(lines)}</figure>'


def _value(entry: Entry, name: str) -> float | None:
    value = getattr(entry, name) if name in ("seconds", "real_time_factor") else None
    value = entry.figures.get(name) if value is None else value
    return None if value is None or math.isnan(value) else value


def _best(result: Comparison, name: str) -> float | None:
    values = [_value(e, name) for e in result.entries if not e.is_anchor]
    known = [value for value in values if value is not None]
    if len(set(known)) < 2:
        return None
    if name in LOWER_IS_BETTER:
        return min(known)
    return max(known) if name in HIGHER_IS_BETTER else None


def _table(result: Comparison) -> str:
    names = [*columns(result), "seconds", "real_time_factor"]
    heads = "".join(
        f'<th scope="col"><button type="button">{name.replace("_", " ")}</button></th>'
        for name in ["name", *names]
    )
    best = {name: _best(result, name) for name in names}
    rows = []
    for entry in result.entries:
        cells = [f'<td data-value="{html.escape(entry.name)}">{html.escape(entry.name)}</td>']
        for name in names:
            value = _value(entry, name)
            if value is None:
                cells.append('<td data-value="">–</td>')
                continue
            mark = ' class="best"' if not entry.is_anchor and value == best[name] else ""
            cells.append(f'<td{mark} data-value="{value!r}">{value:.4g}</td>')
        kind = "anchor" if entry.is_anchor else "method"
        rows.append(f'<tr class="{kind}">{"".join(cells)}</tr>')
    return f"<thead><tr>{heads}</tr></thead>\n<tbody>\n" + "\n".join(rows) + "\n</tbody>"
