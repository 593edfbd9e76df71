"""Checks of the measures themselves: `python -m benchmarks.measures` (about fifteen minutes).

Writes the tables of docs/measured/measures.md and draws its picture. Names of sections (sweeps,
anchors, times) run only those. Only "anchors" needs recordings.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from astfx import metrics
from astfx.audio import Waveform
from benchmarks.common import MEASURED, need_audio, table, write_section
from benchmarks.sound_pairs import ALL
from benchmarks.sound_pairs import RATE as PAIRS_RATE
from benchmarks.swept_textures import RATE, SWEEPS, Sweep

PAGE = MEASURED / "measures.md"
PICTURE = MEASURED / "measures.png"
SEEDS = 6
OTHER_TAKE = 1000  # added to a seed: the reference shares no random draw with what is measured
SEEN_SHARE = 0.9  # of comparisons; by chance it would be a half
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


def nearer(found: Curves, middle: int, others: tuple[int, int]) -> int:
    """Return in how many comparisons the right value is nearer than two others, over all takes."""
    return int(sum((found[:, other] > found[:, middle]).sum() for other in others))


def is_seen(found: Curves, middle: int) -> bool:
    return nearer(found, middle, (0, -1)) >= SEEN_SHARE * 2 * len(found)


def wrong_way(curve: npt.NDArray[np.float64], middle: int) -> float:
    """Return the largest rise on the way to the middle, as a share of the curve's range."""
    rises = np.concatenate([np.diff(curve[: middle + 1]), -np.diff(curve[middle:])])
    return float(max(0.0, rises.max()) / max(np.ptp(curve), 1e-12))


def counts(found: Curves, middle: int) -> str:
    ends = nearer(found, middle, (0, -1))
    text = f"{ends} / {nearer(found, middle, (middle - 1, middle + 1))}"
    return f"**{text}**" if is_seen(found, middle) else text


def steps(found: Curves, middle: int) -> str:
    if not is_seen(found, middle):
        return "blind"
    mean, single = (
        wrong_way(found.mean(axis=0), middle),
        max(wrong_way(row, middle) for row in found),
    )
    return f"{100.0 * mean:.0f} % / {100.0 * single:.0f} %"


def draw(path: Path, found: Mapping[str, Mapping[str, Curves]]) -> None:
    """Draw every figure over every sweep: one row for a figure, one column for a sweep."""
    sweeps = [sweep for sweep in SWEEPS if sweep.name in found]
    figure = Figure(figsize=(2.2 * len(sweeps) + 0.6, 1.55 * len(FIGURES) + 0.9))
    axes = figure.subplots(len(FIGURES), len(sweeps), sharey="row", sharex="col", squeeze=False)
    for row, (name, (label, unit)) in zip(axes, FIGURES.items(), strict=True):
        row[0].set_ylabel(f"{label}\n({unit})", fontsize=10)
        for axis, sweep in zip(row, sweeps, strict=True):
            values, own = sweep.values, found[sweep.name][name]
            colour = "tab:blue" if is_seen(own, sweep.middle) else "tab:gray"
            axis.plot(values, own.T, color=colour, alpha=0.25, linewidth=0.7)
            axis.plot(values, own.mean(axis=0), color=colour, marker=".", linewidth=1.6)
            axis.axvline(values[sweep.middle], color="tab:red", linestyle=":", linewidth=1.0)
            axis.grid(alpha=0.3)
            axis.tick_params(labelsize=8)
            if name in LOGARITHMIC:
                axis.set_yscale("log")
            if sweep.logarithmic:
                axis.set_xscale("log")
                shown = [values[0], values[sweep.middle], values[-1]]
                axis.set_xticks(shown, [f"{value:.{0 if value > 9.5 else 1}f}" for value in shown])
                axis.xaxis.set_minor_formatter(NullFormatter())
    for axis, sweep in zip(axes[0], sweeps, strict=True):
        axis.set_title(sweep.name, fontsize=11)
    for axis, sweep in zip(axes[-1], sweeps, strict=True):
        axis.set_xlabel(sweep.label, fontsize=9)
    figure.tight_layout()
    figure.savefig(path, dpi=90)


def sweeps() -> str:
    found = {}
    for sweep in SWEEPS:
        found[sweep.name] = curves(sweep, SEEDS)
        print(sweep.name, "is measured", flush=True)
    return report(found)


def report(found: Mapping[str, Mapping[str, Curves]]) -> str:
    """Draw the sweeps, and return their two tables."""
    draw(PICTURE, found)
    tables = []
    for first, fill in (
        (f"nearer than the ends / the neighbours, of {2 * SEEDS}", counts),
        ("largest wrong-way step: mean / single takes", steps),
    ):
        rows = [
            [sweep.name, *(fill(found[sweep.name][name], sweep.middle) for name in FIGURES)]
            for sweep in SWEEPS
        ]
        tables.append(table((first, *(label for label, _ in FIGURES.values())), rows))
    return "\n".join(tables)


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
    """Measure the CPU time of every measure, with a new style and with one analysed before."""
    output, style = (SWEEPS[0].take(i, 0) for i in (0, 1))
    analysed = metrics.AnalysedSound(style, RATE)

    def seconds(name: str, against: Waveform | metrics.AnalysedSound) -> float:
        began = time.process_time()
        metrics.score(output, output, against, RATE, figures=(name,))
        return time.process_time() - began

    rows: list[list[object]] = []
    for name, (label, _) in FIGURES.items():
        seconds(name, analysed)  # imports, and the analysis of the style
        best = [min(seconds(name, against) for _ in range(TIMES)) for against in (style, analysed)]
        rows.append([label, *(f"{value:.2f} s" for value in best)])
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
