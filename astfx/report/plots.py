"""Plots of spectrograms, losses and trainings."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from astfx.audio import Waveform
from astfx.report.figures import new_figure
from astfx.runtime.files import written_aside

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_FLOOR_DB = -80.0
_MAX_COLUMNS = 1200
_LOWEST_HZ = 50.0
_ROWS = 400


def spectrogram_db(
    waveform: Waveform, sample_rate: int, top_hz: float
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Spectrogram of the channels' mean power, over a logarithmic frequency axis.

    Parameters
    ----------
    waveform : (channels, samples)
    sample_rate : int, hertz
    top_hz : float
        Highest frequency. The lowest is 50 Hz. Rows above the Nyquist frequency are at -80 dB.

    Returns
    -------
    times_seconds : (columns,)
    level_db : (rows, columns)
        Level relative to the loudest bin, at least -80 dB.
    """
    from scipy import signal

    window = min(2 ** int(np.ceil(np.log2(0.046 * sample_rate))), waveform.shape[1])
    hop = max(window // 4, waveform.shape[1] // _MAX_COLUMNS, 1)
    frequencies, times, power = signal.spectrogram(
        waveform, sample_rate, window="hann", nperseg=window, noverlap=max(0, window - hop)
    )
    mean = np.asarray(power, np.float64).mean(axis=0)
    peak = max(float(mean.max(initial=0.0)), 1e-20)
    level = 10.0 * np.log10(np.maximum(mean / peak, 10 ** (_FLOOR_DB / 10)))
    rows = np.geomspace(_LOWEST_HZ, top_hz, _ROWS)
    position = rows / frequencies[1] if len(frequencies) > 1 else np.zeros(_ROWS)
    below = np.minimum(position.astype(int), len(frequencies) - 2)
    share = np.clip(position - below, 0.0, 1.0)[:, None]
    drawn = (1.0 - share) * level[below] + share * level[below + 1]
    # High rows span many bins. They show the loudest bin, or thin lines would vanish.
    drawn = np.maximum(drawn, np.maximum.reduceat(level, np.minimum(below, len(level) - 1)))
    drawn[rows > sample_rate / 2] = _FLOOR_DB
    return np.asarray(times, np.float64), drawn


def _draw_spectrogram(
    axes: Axes, title: str, waveform: Waveform, sample_rate: int, top_hz: float
) -> Any:
    axes.set_title(title)
    axes.set_xlabel("time (s)")
    if waveform.shape[1] < 16:
        axes.text(0.5, 0.5, "too short to draw", ha="center", transform=axes.transAxes)
        return None
    _, level = spectrogram_db(waveform, sample_rate, top_hz)
    seconds = waveform.shape[1] / sample_rate
    bottom, top = np.log10(_LOWEST_HZ), np.log10(top_hz)
    image = axes.imshow(
        level,
        origin="lower",
        aspect="auto",
        extent=(0.0, seconds, bottom, top),
        vmin=_FLOOR_DB,
        vmax=0.0,
        cmap="magma",
    )
    ticks = [hz for hz in (100, 300, 1000, 3000, 10_000, 30_000) if _LOWEST_HZ < hz < top_hz]
    axes.set_yticks(np.log10(ticks), [str(hz) for hz in ticks])
    return image


def draw_render(
    path: Path,
    clips: Mapping[str, tuple[Waveform, int]],
    losses: Sequence[Sequence[float]],
) -> None:
    """Draw spectrograms side by side, and the loss of every segment.

    Parameters
    ----------
    path : Path
        PNG, SVG or PDF, written under a temporary name until it is complete.
    clips : mapping of title to (waveform, sample_rate)
    losses : sequence of sequences of float
        For each segment, the loss at the start and after each iteration.
    """
    figure = new_figure(4.2 * (len(clips) + 1), 3.6)
    axes = figure.subplots(1, len(clips) + 1)
    image = None
    top_hz = max(rate for _, rate in clips.values()) / 2
    for axis, (title, (waveform, rate)) in zip(axes, clips.items(), strict=False):
        image = _draw_spectrogram(axis, title, waveform, rate, top_hz) or image
    axes[0].set_ylabel("frequency (Hz)")
    if image is not None:
        figure.colorbar(image, ax=axes[: len(clips)], label="level (dB)", pad=0.01)
    _draw_losses(axes[-1], losses)
    with written_aside(path) as part:
        figure.savefig(part, dpi=110, format=path.suffix.lstrip("."))


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


def draw_training(
    path: Path,
    train_loss: Sequence[float],
    validation_loss: Sequence[float],
    validation_accuracy: Sequence[float],
    title: str,
) -> None:
    """Draw the losses and the accuracy of a training over its epochs.

    Parameters
    ----------
    path : Path
        PNG, SVG or PDF, written under a temporary name until it is complete.
    train_loss, validation_loss : sequence of float
        Cross entropy of each epoch.
    validation_accuracy : sequence of float, 0 to 1
    title : str
    """
    figure = new_figure(8.4, 3.4)
    losses, accuracy = figure.subplots(1, 2)
    epochs = range(1, len(train_loss) + 1)
    losses.plot(epochs, train_loss, label="training", linewidth=1.5)
    losses.plot(epochs, validation_loss, label="validation", linewidth=1.5)
    losses.set(xlabel="epoch", ylabel="cross entropy", ylim=(0.0, None), title=title)
    losses.legend()
    accuracy.plot(epochs, [100.0 * share for share in validation_accuracy], linewidth=1.5)
    accuracy.set(xlabel="epoch", ylabel="validation accuracy (%)", ylim=(0.0, 101.0))
    for axis in (losses, accuracy):
        axis.grid(True, alpha=0.25)
        axis.xaxis.get_major_locator().set_params(integer=True)
    with written_aside(path) as part:
        figure.savefig(part, dpi=110, format=path.suffix.lstrip("."))


def draw_clip(waveform: Waveform, sample_rate: int, top_hz: float) -> bytes:
    """Draw one spectrogram as a small PNG, for a grid of them."""
    figure = new_figure(4.0, 2.3)
    axes = figure.subplots()
    _draw_spectrogram(axes, "", waveform, sample_rate, top_hz)
    axes.set_xlabel("")
    axes.tick_params(labelsize=8)
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=100, format="png")
    return buffer.getvalue()


def draw_losses_together(curves: Mapping[str, Sequence[Sequence[float]]]) -> bytes:
    """Draw the loss of each method, divided by its first value, as a PNG.

    Parameters
    ----------
    curves : mapping of str to sequence of sequences of float
        For each method and segment, the loss at the start and after each iteration.
    """
    figure = new_figure(11.0, 4.0)
    axes = figure.subplots()
    for number, (name, segments) in enumerate(curves.items()):
        style = ("-", "--", ":")[number // 10 % 3]
        for index, losses in enumerate(segments):
            start = abs(losses[0]) or 1.0
            # The start is iteration 0, which a logarithmic axis does not have.
            axes.plot(
                range(1, len(losses) + 1),
                [max(loss / start, 1e-6) for loss in losses],
                style,
                color=f"C{number % 10}",
                label=name if index == 0 else None,
                linewidth=1.5,
            )
    axes.set(xscale="log", yscale="log", xlabel="evaluation", ylabel="loss / first loss")
    axes.grid(True, which="both", alpha=0.25)
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=110, format="png")
    return buffer.getvalue()
