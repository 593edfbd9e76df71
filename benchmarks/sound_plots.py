"""The pictures of docs/measured/sound.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy.typing as npt
from matplotlib.figure import Figure

Scores = Mapping[str, float]
MARKERS = {"mcdermott": "+", "shallow": "x", "soundnet": "s", "vgg": "v"}


def draw_strength(
    path: Path,
    steps: npt.NDArray[Any],
    found: Mapping[str, Sequence[Scores]],
    figures: Sequence[str],
    labels: Sequence[str],
) -> None:
    """Draw each figure over strength, with one line for each pair."""
    figure = Figure(figsize=(3.0 * len(figures), 3.6), layout="constrained")
    axes = figure.subplots(1, len(figures))
    for axis, name, label in zip(axes, figures, labels, strict=True):
        for pair, sweep in found.items():
            axis.plot(steps, [scores[name] for scores in sweep], marker=".", label=pair)
        axis.set_xlabel("strength")
        axis.set_title(label)
        axis.grid(alpha=0.3)
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside right center", fontsize="small")
    figure.savefig(path, dpi=100)


def draw_frontier(
    path: Path,
    steps: npt.NDArray[Any],
    curves: Mapping[str, Sequence[Scores]],
    points: Mapping[str, Mapping[str, Scores]],
    distances: Sequence[str],
    kept: Sequence[str],
    labels: Mapping[str, str],
) -> None:
    """Draw the distance to the style over what is kept of the content.

    One column for each pair, one row for each distance and similarity. The curve goes from strength
    0 to 1, and low and to the right is better.
    """
    kinds = [(distance, similar) for similar in kept for distance in distances]
    figure = Figure(figsize=(2.5 * len(curves) + 0.8, 2.4 * len(kinds) + 0.8), layout="constrained")
    axes = figure.subplots(len(kinds), len(curves), squeeze=False)
    shown: dict[str, Any] = {}
    for row, (distance, similar) in zip(axes, kinds, strict=True):
        row[0].set_ylabel(f"{labels[distance]}\n(lower is nearer the style)", fontsize=9)
        for axis, (pair, curve) in zip(row, curves.items(), strict=True):
            (line,) = axis.plot(
                [scores[similar] for scores in curve],
                [scores[distance] for scores in curve],
                marker=".",
                color="tab:blue",
            )
            shown["astfx, strength 0 to 1"] = line
            for name, scores in points[pair].items():
                method = name.removeprefix("published ")
                (point,) = axis.plot(
                    scores[similar],
                    scores[distance],
                    MARKERS.get(method, "D"),
                    color="tab:red" if method in MARKERS else "black",
                    markersize=7,
                    fillstyle="none",
                )
                shown[name] = point
            axis.axvspan(0.4, 0.95, color="tab:green", alpha=0.06)
            axis.set_xlim(-0.15, 1.03)
            axis.grid(alpha=0.3)
            axis.tick_params(labelsize=8)
            axis.set_xlabel(f"{labels[similar]} correlation", fontsize=8)
    for axis, pair in zip(axes[0], curves, strict=True):
        axis.set_title(pair, fontsize=10)
    columns = min(len(shown), 1 + len(curves))
    figure.legend(shown.values(), shown, loc="outside lower center", ncols=columns)
    figure.savefig(path, dpi=80)
