"""What `astfx live` shows: meters, latency, load, late blocks and parameters."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.console import Group
from rich.table import Table
from rich.text import Text

from astfx_bridge.live.session import LiveSession
from astfx_bridge.live.table import LIVE_PARAMETERS

_LOWEST_DB, _WIDTH = -60.0, 40
_CAUTION_DB = -6.0


def decibels(peak: float) -> float:
    """A peak in dBFS, at least -60."""
    return max(_LOWEST_DB, 20.0 * math.log10(max(peak, 1e-9)))


def meter(label: str, peak: float) -> Text:
    """A bar for a peak, and its level."""
    level = decibels(peak)
    filled = round((1.0 - level / _LOWEST_DB) * _WIDTH)
    filled = max(0, min(_WIDTH, filled))
    style = "red" if level >= 0.0 else "yellow" if level >= _CAUTION_DB else "green"
    text = Text(f"{label:<7}")
    text.append("█" * filled, style=style)
    text.append("·" * (_WIDTH - filled), style="dim")
    shown = "silent" if level <= _LOWEST_DB else f"{level:+.1f} dBFS"
    return text.append(f"  {shown}")


def figures_line(session: LiveSession) -> str:
    """Latency, load and counts on one line."""
    player = session.player
    figures = player.figures
    latency_ms = 1e3 * player.latency_samples / player.sample_rate
    blocks = "block" if figures.late_blocks == 1 else "blocks"
    return (
        f"latency {latency_ms:.1f} ms   load {figures.load:.0%}   "
        f"{figures.late_blocks} late {blocks}   {session.xruns} xruns"
    )


def screen(session: LiveSession, header: Sequence[str]) -> Group:
    """All that is shown, for `rich.live.Live`."""
    input_peak, output_peak = session.player.figures.peaks()
    table = Table.grid(padding=(0, 2))
    table.add_row(*(f"{key} {_shown(session.get(key))}" for key in LIVE_PARAMETERS), style="bold")
    lines: list[Text | Table] = [Text(line, style="dim") for line in header]
    lines += [meter("input", input_peak), meter("output", output_peak)]
    lines += [Text(figures_line(session)), table]
    path, frames = session.recording
    if path:
        seconds = frames / session.player.sample_rate
        lines.append(Text(f"recording {path}: {seconds:.0f} seconds", style="red"))
    if session.midi.waiting:
        lines.append(Text(f"move a MIDI control for {session.midi.waiting[0]}", style="cyan"))
    if session.trouble:
        lines.append(Text(session.trouble, style="bold red"))
    elif session.notices:
        lines.append(Text(session.notices[-1]))
    return Group(*lines)


def _shown(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
