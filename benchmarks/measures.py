"""Checks of the measures themselves: `python -m benchmarks.measures` (about fifteen minutes).

Writes the tables of docs/measured/measures.md and draws its picture. Names of sections (sweeps,
anchors, times) run only those. Only "anchors" needs recordings.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, ScalarFormatter

from astfx import metrics
from astfx.audio import Waveform
from benchmarks.common import MEASURED, best_of, need_audio, table, write_section
from benchmarks.sound_pairs import ALL
from benchmarks.sound_pairs import RATE as PAIRS_RATE
from benchmarks.swept_textures import RATE, SWEEPS, Sweep

PAGE = MEASURED / "measures.md"
PICTURE = MEASURED / "measures.png"
SEEDS = 6
OTHER_TAKE = 1000  # added to a seed: the reference shares no random draw with what is measured
LEAST_SEPARATION = 2.0
TIMES = 5
FIGURES = {
    "random_banks_db": ("random banks", "dB"),
    "scattering_db": ("scattering", "dB"),
    "sliced_wasserstein": ("Wasserstein", "dB"),
    "two_sample_accuracy": ("C2ST", "accuracy"),
    "cqt_gram_loss": ("CQT net", "loss"),
    "standard_bank_db": ("standard bank", "dB"),
    "style_distance": ("style distance", "dB"),
}
LOGARITHMIC = ("cqt_gram_loss",)

Curves = npt.NDArray[np.float64]
"""One figure over one sweep, (seeds, values)."""


def measured(output: Waveform, style: metrics.AnalysedSound) -> dict[str, float]:
    return metrics.score(output, output, style, RATE, figures=tuple(FIGURES))


def curves(sweep: Sweep, n_seeds: int) -> dict[str, Curves]:
    """Measure every value of a sweep against another take at the middle value."""
    found: dict[str, list[list[float]]] = {name: [] for name in FIGURES}
    for seed in range(n_seeds):
        wanted = metrics.AnalysedSound(sweep.take(sweep.middle, OTHER_TAKE + seed), RATE)
        rows = [measured(sweep.take(i, seed), wanted) for i in range(len(sweep.values))]
        for name, column in found.items():
            column.append([row[name] for row in rows])
    return {name: np.array(column) for name, column in found.items()}


def separation(found: Curves, middle: int) -> float:
    """Return how far both ends lie above the middle, in standard deviations over takes."""
    mean, variance = found.mean(axis=0), found.var(axis=0, ddof=1)
    return min(
        float(
            (mean[end] - mean[middle]) / np.sqrt(0.5 * (variance[end] + variance[middle]) + 1e-12)
        )
        for end in (0, -1)
    )


def wrong_way(curve: npt.NDArray[np.float64], middle: int) -> float:
    """Return the largest rise on the way to the middle, as a share of the curve's range."""
    rises = np.concatenate([np.diff(curve[: middle + 1]), -np.diff(curve[middle:])])
    return float(max(0.0, rises.max()) / max(np.ptp(curve), 1e-12))


def cell(found: Curves, middle: int) -> str:
    apart = separation(found, middle)
    if apart < LEAST_SEPARATION:
        return f"blind ({apart:.1f})"
    steps = [wrong_way(found.mean(axis=0), middle), max(wrong_way(row, middle) for row in found)]
    mean, single = (f"{100.0 * step:.0f} %" for step in steps)
    return f"**{apart:.0f}**, {mean}, {single}"


def draw(path: Path, found: Mapping[str, Mapping[str, Curves]]) -> None:
    """Draw every figure over every sweep: one row for a figure, one column for a sweep."""
    sweeps = [sweep for sweep in SWEEPS if sweep.name in found]
    figure = Figure(figsize=(2.2 * len(sweeps) + 0.6, 1.55 * len(FIGURES) + 0.9))
    axes = figure.subplots(len(FIGURES), len(sweeps), sharey="row", sharex="col", squeeze=False)
    for row, (name, (label, unit)) in zip(axes, FIGURES.items(), strict=True):
        row[0].set_ylabel(f"{label}\n({unit})", fontsize=10)
        for axis, sweep in zip(row, sweeps, strict=True):
            values, own = sweep.values, found[sweep.name][name]
            is_seen = separation(own, sweep.middle) >= LEAST_SEPARATION
            colour = "tab:blue" if is_seen else "tab:gray"
            axis.plot(values, own.T, color=colour, alpha=0.25, linewidth=0.7)
            axis.plot(values, own.mean(axis=0), color=colour, marker=".", linewidth=1.6)
            axis.axvline(values[sweep.middle], color="tab:red", linestyle=":", linewidth=1.0)
            axis.grid(alpha=0.3)
            axis.tick_params(labelsize=8)
            if name in LOGARITHMIC:
                axis.set_yscale("log")
            if sweep.logarithmic:
                axis.set_xscale("log")
                axis.set_xticks([values[0], values[sweep.middle], values[-1]])
                axis.xaxis.set_major_formatter(ScalarFormatter())
                axis.xaxis.set_minor_formatter(NullFormatter())
                axis.set_xticklabels([f"{values[i]:.3g}" for i in (0, sweep.middle, -1)])
    for axis, sweep in zip(axes[0], sweeps, strict=True):
        axis.set_title(sweep.name, fontsize=11)
    for axis, sweep in zip(axes[-1], sweeps, strict=True):
        axis.set_xlabel(sweep.label, fontsize=9)
    figure.tight_layout()
    figure.savefig(path, dpi=90)


def sweeps() -> str:
    found: dict[str, dict[str, Curves]] = {}
    rows: list[list[object]] = []
    for sweep in SWEEPS:
        found[sweep.name] = curves(sweep, SEEDS)
        cells = [cell(found[sweep.name][name], sweep.middle) for name in FIGURES]
        rows.append([sweep.name, *cells])
        print(rows[-1], flush=True)
    draw(PICTURE, found)
    note = f"{SEEDS} takes of each value, each against another take at the right value.\n"
    return table(("parameter", *(label for label, _ in FIGURES.values())), rows) + "\n" + note


def anchors() -> str:
    """Tabulate the floor and the ceiling of every measure on recordings."""
    rows: list[list[object]] = []
    for pair in ALL:
        content, style = pair.sounds()
        found = metrics.anchors(content, style, PAIRS_RATE, figures=tuple(FIGURES))
        cells = [f"{found['floor'][name]:.3g} / {found['content'][name]:.3g}" for name in FIGURES]
        rows.append([pair.name, *cells])
    return table(("floor / ceiling", *(label for label, _ in FIGURES.values())), rows)


def times() -> str:
    """Time every measure on ten seconds, with a new style and with one that is analysed already."""
    sounds = [SWEEPS[0].take(i, 0) for i in (0, 1)]
    prepared = metrics.AnalysedSound(sounds[1], RATE)
    rows: list[list[object]] = []
    for name, (label, _) in FIGURES.items():

        def work(style: Any, name: str = name) -> dict[str, float]:
            return metrics.score(sounds[0], sounds[0], style, RATE, figures=(name,))

        work(prepared)
        began = time.process_time()
        fresh = best_of(TIMES, lambda: work(sounds[1]))
        again = best_of(TIMES, lambda: work(prepared))
        rows.append([label, f"{fresh:.2f} s", f"{again:.2f} s"])
        print(rows[-1], f"{time.process_time() - began:.1f} s of CPU", flush=True)
    return table(("ten seconds at 22.05 kHz", "a new style", "an analysed style"), rows)


SECTIONS: dict[str, Callable[[], str]] = {"sweeps": sweeps, "anchors": anchors, "times": times}


def main() -> None:
    wanted = sys.argv[1:] or list(SECTIONS)
    if "anchors" in wanted:
        need_audio()
    for name in wanted:
        text = SECTIONS[name]()
        print(text, flush=True)
        write_section(PAGE, name, text)


if __name__ == "__main__":
    main()
