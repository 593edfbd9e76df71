"""Every method that optimises, on short clips: the loss falls, and results are repeatable."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import astfx
from astfx.audio import ArraySource, Waveform
from astfx.engine.render import Render
from astfx.errors import InvalidSettingError, WeightsError
from astfx.methods import METHODS
from astfx.metrics import style_distance
from astfx.settings import Settings, make_options
from astfx.styles.style import Style

RATE = 22050
QUICK: dict[str, dict[str, Any]] = {
    "vgg19": {"options": {"style_layers": ("conv1_1", "conv2_1"), "bands": 32}, "iterations": 4},
    "soundnet": {"iterations": 10},
    "audio-cnn": {"iterations": 6},
    "voice-cnn": {"iterations": 6},
    "spectrum-ensemble": {"iterations": 6},
    "shallow-cnn": {"options": {"filters": 64}, "iterations": 6},
}


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASTFX_WEIGHTS", str(tmp_path))


def render(content: Waveform, style: Waveform, method: str, **change: Any) -> tuple[Any, Waveform]:
    known = QUICK[method]
    settings = Settings(
        method=method,
        iterations=change.pop("iterations", known["iterations"]),
        options={**known.get("options", {}), **change.pop("options", {})},
        **change,
    )
    source = ArraySource(content, RATE, "content")
    with Render(source, Style.of(style, RATE), settings) as job:
        output = np.concatenate(list(job.blocks()), axis=1)
    return job.report, output


@pytest.mark.parametrize("method", list(QUICK))
def test_loss_falls_and_the_same_seed_gives_the_same_bytes(
    method: str, melody: Waveform, rain: Waveform
) -> None:
    clip = np.ascontiguousarray(melody[:, : 2 * RATE])
    report, output = render(clip, rain, method)
    losses = report.segments[0].losses
    assert losses[-1] < 0.9 * losses[0]
    assert output.shape == clip.shape
    assert np.isfinite(output).all()
    again = render(clip, rain, method)[1]
    np.testing.assert_array_equal(output, again)


@pytest.mark.parametrize("method", ["audio-cnn", "spectrum-ensemble", "shallow-cnn"])
def test_the_result_comes_nearer_by_a_measure_that_the_method_does_not_optimise(
    method: str, melody: Waveform, rain: Waveform
) -> None:
    output = render(melody, rain, method, iterations=25)[1]
    assert style_distance(output, rain, RATE) < style_distance(melody, rain, RATE)


@pytest.mark.parametrize("method", ["soundnet", "audio-cnn"])
@pytest.mark.parametrize("start", ["noise", "style", "frameshift"])
def test_every_start_works_in_both_domains(
    method: str, start: str, melody: Waveform, rain: Waveform
) -> None:
    clip = np.ascontiguousarray(melody[:, :RATE])
    options = {"start": start, "content_weight": 0.1}
    report, output = render(clip, rain, method, options=options, iterations=3)
    assert report.segments[0].losses[-1] < report.segments[0].losses[0]
    assert np.square(output).sum() > 0.0


@pytest.mark.parametrize("front_end", ["linear", "mel-db", "cqt"])
@pytest.mark.parametrize("method", ["shallow-cnn", "vgg19"])
def test_every_front_end_works(
    method: str, front_end: str, melody: Waveform, rain: Waveform
) -> None:
    clip = np.ascontiguousarray(melody[:, :RATE])
    report, _ = render(clip, rain, method, options={"front_end": front_end}, iterations=3)
    assert report.segments[0].losses[-1] < report.segments[0].losses[0]


@pytest.mark.parametrize("start", ["style", "frameshift"])
def test_shallow_cnn_takes_the_styles_starts(start: str, melody: Waveform, rain: Waveform) -> None:
    clip = np.ascontiguousarray(melody[:, :RATE])
    report, _ = render(clip, rain, "shallow-cnn", options={"start": start}, iterations=3)
    assert report.segments[0].losses[-1] < report.segments[0].losses[0]


def test_adam_and_lbfgs_find_like_results(melody: Waveform, rain: Waveform) -> None:
    clip = np.ascontiguousarray(melody[:, : 2 * RATE])
    found = {}
    for optimiser, iterations in (("lbfgs", 20), ("adam", 60)):
        options = {"optimiser": optimiser, "content_weight": 0.0}
        report, _ = render(clip, rain, "shallow-cnn", options=options, iterations=iterations)
        found[optimiser] = report.segments[0].losses
    for losses in found.values():
        assert min(losses) < 0.2 * losses[0]


@pytest.mark.parametrize("method", ["soundnet", "voice-cnn", "texture"])
def test_waveform_methods_keep_channels_and_cross_segments(
    method: str, melody: Waveform, rain: Waveform
) -> None:
    """On stereo in segments of one second, no click is at a border and the image is kept."""
    stereo = np.concatenate([melody, 0.5 * melody])
    known = QUICK.get(method, {})
    output = astfx.transfer(
        stereo, rain, RATE, method=method, iterations=3, segment_seconds=1.0,
        overlap_seconds=0.3, options=known.get("options", {}),
    )  # fmt: skip
    assert output.shape == stereo.shape
    np.testing.assert_allclose(output[1], 0.5 * output[0], atol=2e-3)
    step = np.abs(np.diff(output[0]))
    assert step.max() < 12.0 * np.sort(step)[-RATE // 20]


def test_random_weights_are_said_plainly(melody: Waveform, rain: Waveform) -> None:
    clip = np.ascontiguousarray(melody[:, :RATE])
    for method in ("vgg19", "soundnet"):
        report, _ = render(clip, rain, method, iterations=1)
        assert report.note.startswith(f"{method} runs on seeded random weights: `astfx weights add")
        assert report.to_dict()["note"] == report.note
    assert render(clip, rain, "shallow-cnn", iterations=1)[0].note == ""


def test_weights_that_do_not_exist_are_refused(melody: Waveform, rain: Waveform) -> None:
    with pytest.raises(WeightsError, match="weights file 'no/file' does not exist"):
        render(melody, rain, "vgg19", options={"weights": "no/file"})


BAD: list[tuple[str, dict[str, Any], str]] = [
    ("vgg19", {"style_layers": ("conv9_1",)}, "layer 'conv9_1' must be one of conv1_1"),
    ("vgg19", {"pooling": "x"}, "pooling='x' must be one of max, average"),
    ("vgg19", {"bands": 8}, "bands=8 must lie between 16 and 1024"),
    ("vgg19", {"front_end": "x"}, "front_end='x' must be one of log"),
    ("shallow-cnn", {"front_end": "x"}, "front_end='x' must be one of log"),
    ("soundnet", {"content_layers": ("fc",)}, "layer 'fc' must be one of conv1"),
    ("voice-cnn", {"style_layers": ("fc",)}, "layer 'fc' must be one of conv1"),
    ("audio-cnn", {"style_layers": ("fc",)}, "layer 'fc' must be one of conv1"),
    ("spectrum-ensemble", {"gamma": -1.0}, "gamma=-1.0 must lie between 0 and 1e+06"),
    ("spectrum-ensemble", {"time_envelope": "x"}, "time_envelope='x' must be one of content"),
]


@pytest.mark.parametrize(("name", "values", "message"), BAD)
def test_options_out_of_range(name: str, values: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidSettingError) as caught:
        make_options(METHODS[name].options, name, values)
    assert str(caught.value).startswith(message)
