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
    figure = Figure(figsize=(12, 3.6), layout="constrained")
    axes = figure.subplots(1, len(figures))
    for axis, name, label in zip(axes, figures, labels, strict=False):
        for pair, sweep in found.items():
            axis.plot(steps, [scores[name] for scores in sweep], marker=".", label=pair)
        axis.set_xlabel("strength")
        axis.set_title(label)
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside right center", fontsize="small")
    figure.savefig(path, dpi=100)


def draw_trade_off(
    path: Path,
    curves: Mapping[str, Sequence[Scores]],
    points: Mapping[str, Mapping[str, Scores]],
    figures: Sequence[str],
    labels: Sequence[str],
) -> None:
    """Draw what is kept of the content over the style distance, with the published results."""
    style, *kept = figures
    figure = Figure(figsize=(15, 7.5), layout="constrained")
    axes = figure.subplots(len(kept), len(curves), sharey="row", sharex="col")
    for axis, label in zip(axes[:, 0], labels[1:], strict=False):
        axis.set_ylabel(label)
    for column, (pair, sweep) in zip(axes.T, curves.items(), strict=True):
        column[0].set_title(pair, fontsize="small")
        for axis, name in zip(column, kept, strict=True):
            axis.plot(
                [scores[style] for scores in sweep],
                [scores[name] for scores in sweep],
                marker=".",
                color="tab:blue",
                label="astfx, strength 0 to 1",
            )
            for method, scores in points[pair].items():
                axis.plot(
                    scores[style],
                    scores[name],
                    MARKERS[method],
                    color="tab:red",
                    label=f"published {method}",
                )
            axis.grid(alpha=0.3)
        column[-1].set_xlabel("style distance, dB")
    for axis in axes[0]:
        axis.invert_xaxis()
    handles, names = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=len(names))
    figure.savefig(path, dpi=80)
