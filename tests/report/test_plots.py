from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from astfx.report.plots import draw_render, spectrogram_db


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
