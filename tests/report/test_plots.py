from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from astfx.report.figures import new_figure
from astfx.report.plots import (
    Spectrogram,
    _draw_losses,
    draw_clip,
    draw_losses_together,
    draw_render,
    spectrogram_db,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@pytest.mark.parametrize("frequency_hz", [100.0, 1000.0, 8000.0])
def test_a_tone_is_drawn_at_its_frequency(frequency_hz: float) -> None:
    tone = np.sin(2 * np.pi * frequency_hz * np.arange(44100) / 44100)[None].astype(np.float32)
    times, level = spectrogram_db(tone, 44100, 22050.0)
    rows_hz = np.geomspace(50.0, 22050.0, len(level))
    assert rows_hz[level.mean(axis=1).argmax()] == pytest.approx(frequency_hz, rel=0.15)
    assert level.max() == pytest.approx(0.0, abs=0.5)
    assert 0 <= times[0] < times[-1] <= 1.0


def test_nothing_is_drawn_above_a_clips_nyquist_frequency() -> None:
    noise = np.random.default_rng(0).standard_normal((1, 8000)).astype(np.float32)
    _, level = spectrogram_db(noise, 8000, 24000.0)
    rows_hz = np.geomspace(50.0, 24000.0, len(level))
    assert (level[rows_hz > 4000] == -80.0).all()
    assert level[rows_hz < 3900].mean() > -40.0


@pytest.mark.parametrize(
    ("n_samples", "suffix"),
    [(1, "png"), (100, "png"), (50_000, "png"), (50_000, "svg"), (50_000, "pdf")],
)
def test_any_length_and_number_of_losses_is_drawn(
    suffix: str, n_samples: int, tmp_path: Path
) -> None:
    clip = np.random.default_rng(0).standard_normal((2, n_samples)).astype(np.float32)
    path = tmp_path / f"p.{suffix}"
    for losses in ([], [[0.5, 0.1]], [[0.5, 0.1]] * 3, [[0.5, 0.1]] * 9):
        draw_render(path, {"content": (clip, 44100), "style": (clip, 8000)}, losses)
        assert path.stat().st_size > 1000
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_content_and_style_are_drawn_on_one_scale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = {}

    def remember(axes: Axes, title: str, found: object, top_hz: float, reference: float) -> None:
        drawn[title] = reference

    monkeypatch.setattr("astfx.report.plots._draw_spectrogram", remember)
    clip = np.random.default_rng(0).standard_normal((1, 44_100)).astype(np.float32)
    draw_render(tmp_path / "p.png", {"a": (0.01 * clip, 44_100), "b": (clip, 44_100)}, [])
    assert drawn["a"] == drawn["b"] == Spectrogram.of(clip, 44_100).peak
    quiet = Spectrogram.of(0.01 * clip, 44_100).rows_db(22_050.0, drawn["a"])
    assert quiet.max() == pytest.approx(-40.0, abs=0.5)


def test_losses_have_round_labels(tmp_path: Path) -> None:
    figure = new_figure(4.0, 3.0)
    axes = figure.subplots()
    _draw_losses(axes, [[0.83, 0.3, 0.117]])
    figure.draw_without_rendering()
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert {"0.2", "0.5"} <= set(labels)
    assert not [label.get_text() for label in axes.get_yticklabels(minor=True) if label.get_text()]


def test_pictures_of_the_page_suit_any_background() -> None:
    """They have no background of their own, and the text is as far from black as from white."""
    import io

    from PIL import Image

    clip = np.random.default_rng(0).standard_normal((1, 44_100)).astype(np.float32)
    for data in (
        draw_clip(clip, 44_100, 22_050.0),
        draw_losses_together({"a": [[1.0, 0.5]], "b": [[1.0, 0.1]]}),
    ):
        pixels = np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"), np.float64)
        assert pixels[0, 0, 3] == 0.0
        edge = pixels[:, : pixels.shape[1] // 12].reshape(-1, 4)  # labels of the axis
        text = edge[edge[:, 3] > 200.0, :3].mean(axis=1)
        assert len(text) > 20
        assert 90.0 < np.median(text) < 165.0
