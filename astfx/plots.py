"""Pictures: spectrograms side by side, and the loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from astfx.audio import Waveform

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_FLOOR_DB = -80.0
_MAX_COLUMNS = 1200
_LOWEST_HZ = 50.0


def spectrogram_db(waveform: Waveform, sample_rate: int) -> tuple[Any, Any, npt.NDArray[Any]]:
    """Power spectrogram of the channels' mean power, for drawing.

    Returns
    -------
    times_seconds : (columns,)
    frequencies_hz : (bins,)
    level_db : (bins, columns)
        Relative to the loudest bin, not below -80 dB.
    """
    from scipy import signal

    window = 2 ** int(np.ceil(np.log2(0.046 * sample_rate)))
    window = min(window, waveform.shape[1])
    hop = max(window // 4, waveform.shape[1] // _MAX_COLUMNS, 1)
    frequencies, times, power = signal.spectrogram(
        waveform, sample_rate, window="hann", nperseg=window, noverlap=max(0, window - hop)
    )
    mean = np.asarray(power).mean(axis=0)
    peak = max(float(mean.max(initial=0.0)), 1e-20)
    return times, frequencies, 10.0 * np.log10(np.maximum(mean / peak, 10 ** (_FLOOR_DB / 10)))


def _draw_spectrogram(axes: Axes, title: str, waveform: Waveform, sample_rate: int) -> Any:
    times, frequencies, level = spectrogram_db(waveform, sample_rate)
    if len(times) < 2 or len(frequencies) < 3:
        axes.text(0.5, 0.5, "too short to draw", ha="center", transform=axes.transAxes)
        axes.set_title(title)
        return None
    mesh = axes.pcolormesh(
        times,
        frequencies,
        level,
        vmin=_FLOOR_DB,
        vmax=0.0,
        cmap="magma",
        shading="gouraud",
        rasterized=True,
    )
    axes.set_yscale("log")
    axes.set_ylim(_LOWEST_HZ, sample_rate / 2)
    axes.set_title(title)
    axes.set_xlabel("time (s)")
    return mesh


def draw_render(
    path: Path,
    clips: Mapping[str, tuple[Waveform, int]],
    losses: Sequence[Sequence[float]],
) -> None:
    """Draw spectrograms side by side and the loss of every segment.

    Parameters
    ----------
    path : Path
        PNG, SVG or PDF; written aside, then renamed.
    clips : mapping of title to (waveform, sample_rate)
    losses : per segment, the loss at the start and after each iteration
    """
    import os
    import secrets

    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.2 * (len(clips) + 1), 3.6), layout="constrained")
    axes = figure.subplots(1, len(clips) + 1)
    mesh = None
    top = max(rate for _, rate in clips.values()) / 2
    for axis, (title, (waveform, rate)) in zip(axes, clips.items(), strict=False):
        mesh = _draw_spectrogram(axis, title, waveform, rate) or mesh
        axis.set_ylim(_LOWEST_HZ, top)
    axes[0].set_ylabel("frequency (Hz)")
    if mesh is not None:
        figure.colorbar(mesh, ax=axes[: len(clips)], label="level (dB)", pad=0.01)
    _draw_losses(axes[-1], losses)
    part = path.with_name(f".{path.name}.{secrets.token_hex(6)}{path.suffix}")
    try:
        figure.savefig(part, dpi=110)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def _draw_losses(axes: Axes, losses: Sequence[Sequence[float]]) -> None:
    axes.set_title("style loss")
    axes.set_xlabel("iteration")
    axes.set_ylabel("loss (1 = silence)")
    drawn = [curve for curve in losses if len(curve)]
    for index, curve in enumerate(drawn):
        label = f"segment {index + 1}" if 1 < len(drawn) <= 6 else None
        axes.plot(curve, label=label, linewidth=1.5, alpha=0.9 if len(drawn) <= 6 else 0.4)
    if drawn:
        axes.set_yscale("log")
        axes.grid(True, which="both", alpha=0.25)
    else:
        axes.text(0.5, 0.5, "nothing was optimised", ha="center", transform=axes.transAxes)
    if 1 < len(drawn) <= 6:
        axes.legend()
