"""Plots of spectrograms, losses and trainings."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from astfx.audio import Waveform
from astfx.report.figures import new_figure
from astfx.runtime.files import written_aside

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

_FLOOR_DB = -80.0
_MAX_COLUMNS = 1200
_LOWEST_HZ = 50.0
_ROWS = 400
_GREY = "#808080"  # its contrast to white and to black is about the same

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Spectrogram:
    """The power of a clip's channels over time and frequency.

    Attributes
    ----------
    hertz : (bins,)
    times_seconds : (columns,)
    power : (bins, columns)
        Mean power density of the channels.
    sample_rate : int, hertz
    seconds : float
        Duration of the clip.
    """

    hertz: Array
    times_seconds: Array
    power: Array
    sample_rate: int
    seconds: float

    @classmethod
    def of(cls, waveform: Waveform, sample_rate: int) -> Spectrogram:
        """Analyse a clip, (channels, samples)."""
        from scipy import signal

        window = min(2 ** int(np.ceil(np.log2(0.046 * sample_rate))), waveform.shape[1])
        hop = max(window // 4, waveform.shape[1] // _MAX_COLUMNS, 1)
        frequencies, times, power = signal.spectrogram(
            waveform, sample_rate, window="hann", nperseg=window, noverlap=max(0, window - hop)
        )
        mean = np.asarray(power, np.float64).mean(axis=0)
        return cls(frequencies, times, mean, sample_rate, waveform.shape[1] / sample_rate)

    @property
    def peak(self) -> float:
        """Power density of the loudest bin."""
        return max(float(self.power.max(initial=0.0)), 1e-20)

    def rows_db(self, top_hz: float, reference: float) -> Array:
        """Level over a logarithmic frequency axis from 50 Hz, (rows, columns).

        Parameters
        ----------
        top_hz : float
            Highest frequency. Rows above the Nyquist frequency are at -80 dB.
        reference : float
            Power density of 0 dB. Levels are at least -80 dB.
        """
        level = 10.0 * np.log10(np.maximum(self.power / reference, 10 ** (_FLOOR_DB / 10)))
        rows = np.geomspace(_LOWEST_HZ, top_hz, _ROWS)
        position = rows / self.hertz[1] if len(self.hertz) > 1 else np.zeros(_ROWS)
        below = np.minimum(position.astype(int), len(self.hertz) - 2)
        share = np.clip(position - below, 0.0, 1.0)[:, None]
        drawn = (1.0 - share) * level[below] + share * level[below + 1]
        # High rows span many bins. They show the loudest bin, or thin lines would vanish.
        drawn = np.maximum(drawn, np.maximum.reduceat(level, np.minimum(below, len(level) - 1)))
        drawn[rows > self.sample_rate / 2] = _FLOOR_DB
        return np.asarray(drawn)


def spectrogram_db(waveform: Waveform, sample_rate: int, top_hz: float) -> tuple[Array, Array]:
    """Return the times of a spectrogram in seconds, and its `Spectrogram.rows_db`.

    0 dB is the clip's own loudest bin.
    """
    found = Spectrogram.of(waveform, sample_rate)
    return found.times_seconds, found.rows_db(top_hz, found.peak)


def _spectrogram(waveform: Waveform, sample_rate: int) -> Spectrogram | None:
    """The spectrogram of a clip. None for a clip that is too short to draw."""
    return Spectrogram.of(waveform, sample_rate) if waveform.shape[1] >= 16 else None


def _draw_spectrogram(
    axes: Axes, title: str, found: Spectrogram | None, top_hz: float, reference: float
) -> Any:
    axes.set_title(title)
    axes.set_xlabel("time (s)")
    if found is None:
        axes.text(0.5, 0.5, "too short to draw", ha="center", transform=axes.transAxes)
        return None
    image = axes.imshow(
        found.rows_db(top_hz, reference),
        origin="lower",
        aspect="auto",
        extent=(0.0, found.seconds, np.log10(_LOWEST_HZ), np.log10(top_hz)),
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
    """Draw spectrograms side by side on one colour scale, and the loss of every segment.

    Parameters
    ----------
    path : Path
        PNG, SVG or PDF, written under a temporary name until it is complete.
    clips : mapping of title to (waveform, sample_rate)
    losses : sequence of sequences of float
        For each segment, the loss at the start and after each iteration.
    """
    figure = new_figure(4.2 * len(clips) + 4.6, 3.6)
    # A part of the figure for the loss keeps its labels apart from the colour bar.
    widths = (4.2 * len(clips), 4.6)
    parts: Any = figure.subfigures(1, 2, width_ratios=widths, wspace=0.04)
    left, right = parts
    axes = np.atleast_1d(left.subplots(1, len(clips)))
    found = {title: _spectrogram(*clip) for title, clip in clips.items()}
    reference = max((s.peak for s in found.values() if s is not None), default=1.0)
    top_hz = max(rate for _, rate in clips.values()) / 2
    image = None
    for axis, (title, spectrogram) in zip(axes, found.items(), strict=True):
        image = _draw_spectrogram(axis, title, spectrogram, top_hz, reference) or image
    axes[0].set_ylabel("frequency (Hz)")
    if image is not None:
        left.colorbar(image, ax=list(axes), label="level (dB), 0 = loudest of all", pad=0.01)
    _draw_losses(right.subplots(), losses)
    with written_aside(path) as part:
        figure.savefig(part, dpi=110, format=path.suffix.lstrip("."))


def _draw_losses(axes: Axes, losses: Sequence[Sequence[float]]) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.set_title("style loss")
    axes.set_xlabel("iteration")
    axes.set_ylabel("loss (1 = silence; lower is better)")
    drawn = [curve for curve in losses if len(curve)]
    for index, curve in enumerate(drawn):
        label = f"segment {index + 1}" if 1 < len(drawn) <= 6 else None
        axes.plot(curve, label=label, linewidth=1.5, alpha=0.9 if len(drawn) <= 6 else 0.4)
    if drawn:
        axes.set_yscale("log")
        _round_ticks(axes.yaxis)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(True, which="both", alpha=0.25)
    else:
        axes.text(0.5, 0.5, "nothing was optimised", ha="center", transform=axes.transAxes)
    if 1 < len(drawn) <= 6:
        axes.legend()


def _round_ticks(axis: Axis) -> None:
    """Label a logarithmic axis with plain numbers: 1, 0.5, 0.2, 0.1."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


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
    """Draw one spectrogram as a small WebP image, for a grid of them on any background."""
    figure = new_figure(4.0, 2.3)
    axes = figure.subplots()
    found = _spectrogram(waveform, sample_rate)
    _draw_spectrogram(axes, "", found, top_hz, 1.0 if found is None else found.peak)
    axes.set_xlabel("time (s)", fontsize=8)
    axes.set_ylabel("frequency (Hz)", fontsize=8)
    axes.tick_params(labelsize=8)
    return _on_any_background(figure)


def _on_any_background(figure: Figure) -> bytes:
    """Encode a figure without a background, with text that is legible on black and on white."""
    for axes in figure.axes:
        axes.tick_params(which="both", colors=_GREY)
        for spine in axes.spines.values():
            spine.set_color(_GREY)
        for text in (axes.xaxis.label, axes.yaxis.label, axes.title, *axes.texts):
            text.set_color(_GREY)
    buffer = io.BytesIO()
    quality = {"quality": 80, "method": 6}
    figure.savefig(buffer, dpi=110, format="webp", transparent=True, pil_kwargs=quality)
    return buffer.getvalue()


def draw_losses_together(curves: Mapping[str, Sequence[Sequence[float]]]) -> bytes:
    """Draw the loss of each method, divided by its first value, as a WebP for any background.

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
    _round_ticks(axes.xaxis)
    _round_ticks(axes.yaxis)
    axes.grid(True, which="both", alpha=0.25)
    legend = axes.legend(
        loc="center left", bbox_to_anchor=(1.0, 0.5), labelcolor=_GREY, facecolor="none"
    )
    legend.get_frame().set_edgecolor("none")
    return _on_any_background(figure)
