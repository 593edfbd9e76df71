"""Regression tests for defects that a review found."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import load_file, save_file

import astfx
from astfx import metrics
from astfx.audio import ArraySource, MirroredSource, Waveform
from astfx.cli import main as cli
from astfx.engine.render import Render
from astfx.errors import InvalidSettingError, TargetFileError
from astfx.features.texture_layout import ROUND_LAYOUTS
from astfx.frontends.grid import Grid
from astfx.runtime.progress import Monitor
from astfx.settings import Settings
from astfx.styles.analysis import style_runs, texture_key, texture_tensors
from astfx.styles.style import Style
from astfx.styles.targets import StyleTargets

RATE = 22050


def call(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["astfx", *map(str, arguments)])
    with pytest.raises(SystemExit) as end:
        cli.main()
    return int(end.value.code or 0)


def chord(seconds: float) -> Waveform:
    time = np.arange(round(seconds * RATE)) / RATE
    tones = [np.cos(2 * np.pi * f * time) for f in (220.0, 330.0, 440.0, 557.0)]
    return np.asarray(0.1 * np.sum(tones, axis=0), np.float32)[None]


# Peak at the ends over that in the middle. It was 12 before ends were mirrored and softened.
@pytest.mark.parametrize(("quality", "most"), [("draft", 7.0), ("standard", 2.5)])
@pytest.mark.parametrize("segment_seconds", [1.0, 10.0])
def test_a_hard_start_and_end_hardly_click(
    quality: str, most: float, segment_seconds: float, rain: Waveform
) -> None:
    output = astfx.transfer(
        chord(2.0), rain, RATE, quality=quality, segment_seconds=segment_seconds
    )
    edge = max(np.abs(output[:, :1000]).max(), np.abs(output[:, -1000:]).max())
    assert edge < most * np.abs(output[:, 5000:-5000]).max()


@pytest.mark.parametrize("n_samples", [1, 5, 300, 5000])
@pytest.mark.parametrize("margin", [1, 64, 400])
@pytest.mark.parametrize("block", [1, 7, 100, 10_000])
def test_mirrored_source_is_numpys_padding(n_samples: int, margin: int, block: int) -> None:
    clip = np.random.default_rng(0).uniform(-1, 1, (2, n_samples)).astype(np.float32)
    source = MirroredSource(ArraySource(clip, RATE, "clip"), margin)
    found = np.concatenate(list(source.blocks(block)), axis=1)
    width = ((0, 0), (margin, margin))
    if n_samples <= margin:
        expected = np.pad(clip, width, mode="symmetric")
    else:
        expected = np.pad(clip, width, mode="reflect", reflect_type="odd")
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_budget_is_shared_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    """If each of eight steps uses all of its share, every one gets the same share."""
    now = [100.0]
    monkeypatch.setattr("astfx.runtime.progress.time.monotonic", lambda: now[0])
    monitor = Monitor(budget_seconds=16.0)
    monitor.expect("match", 5, 1.0, timed_steps=5)
    monitor.expect("shape", 3, 1.0, timed_steps=3)
    monitor.expect("blend", 7, 1.0)
    for _ in range(8):
        deadline = monitor.deadline()
        assert deadline is not None
        assert deadline - now[0] == pytest.approx(2.0)
        now[0] = deadline
    assert Monitor().deadline() is None


def test_no_segment_goes_without_its_share(melody: Waveform, rain: Waveform) -> None:
    content = np.tile(melody, (1, 2))
    settings = Settings(
        segment_seconds=1.0, iterations=9000, budget_seconds=3.0, overlap_seconds=0.2
    )
    source, style = ArraySource(content, RATE, "c"), Style.of(rain, RATE)
    with Render(source, style, settings) as render:
        iterations = [len(segment.losses) - 1 for segment in render.report.segments]
    assert len(iterations) == 8
    assert min(iterations) >= 1
    assert max(iterations) < 9000


def test_opposite_channels_sound_as_good_as_equal_ones(melody: Waveform, rain: Waveform) -> None:
    distances = []
    for sign in (1.0, -1.0):
        content = np.concatenate([melody, np.float32(sign) * melody])
        output = astfx.transfer(content, rain, RATE, quality="draft")
        distances.append(metrics.style_distance(output[:1], rain, RATE))
        np.testing.assert_allclose(output[0], sign * output[1], atol=1e-3)
    assert distances[1] == pytest.approx(distances[0], abs=0.2)


def test_silent_clips_do_not_count_as_texture(rain: Waveform) -> None:
    device = torch.device("cpu")
    alone = texture_tensors([rain], RATE, device)
    padded = texture_tensors([rain, np.zeros_like(rain)], RATE, device)
    for key, value in alone.items():
        torch.testing.assert_close(padded[key], value)


def test_level_of_a_style_leaves_silence_out(rain: Waveform) -> None:
    grid, device = Grid.of(Settings().window_ms, RATE), torch.device("cpu")
    (plain,) = style_runs([rain], grid, 1, device, "style")
    (padded,) = style_runs(
        [np.concatenate([rain, np.zeros_like(rain)], axis=1)], grid, 1, device, "style"
    )
    torch.testing.assert_close(padded[:100], plain[:100], rtol=0.01, atol=0.01)


def test_class_sizes_are_those_of_the_statistics(rain: Waveform) -> None:
    found = texture_tensors([rain], RATE, torch.device("cpu"))
    for index, layout in enumerate(ROUND_LAYOUTS):
        assert len(found[texture_key(index)]) == sum(layout.sizes)


@pytest.mark.parametrize("damage", ["missing", "shape", "nan", "dtype", "empty", "hop", "negative"])
def test_damaged_textures_are_refused(damage: str, tmp_path: Path, rain: Waveform) -> None:
    path = tmp_path / "t.safetensors"
    astfx.prepare_style(rain, RATE).save(path)
    tensors = load_file(path)
    from safetensors import safe_open

    with safe_open(str(path), framework="pt") as file:
        metadata = dict(file.metadata())
    key = texture_key(0)
    if damage == "missing":
        del tensors[key]
    elif damage == "shape":
        tensors[key] = tensors[key][:-1].clone()
    elif damage == "nan":
        tensors[key][0] = torch.nan
    elif damage == "dtype":
        tensors[key] = tensors[key].long()
    elif damage == "empty":
        tensors["frames"], tensors["run_lengths"] = torch.zeros(0, 1025), torch.zeros(0).long()
    elif damage == "negative":
        tensors["frames"][0, 0] = -1.0
    else:
        description = json.loads(metadata["astfx-style"])
        description["grid"]["hop_length"] = 0
        metadata["astfx-style"] = json.dumps(description)
    save_file(tensors, path, metadata=metadata)
    with pytest.raises(TargetFileError, match="does not describe a style that this astfx knows"):
        StyleTargets.load(path)


def test_a_prepared_short_style_says_what_to_do(melody: Waveform, rain: Waveform) -> None:
    targets = astfx.prepare_style(rain[:, :5000], RATE)
    with pytest.raises(InvalidSettingError, match="prepare it again with them"):
        astfx.transfer(melody, targets, RATE, options={"kernel_ms": (900.0,)})


def test_zero_is_no_sample_rate(melody: Waveform, rain: Waveform) -> None:
    with pytest.raises(InvalidSettingError, match="style_sample_rate=0 must be a whole number"):
        astfx.transfer(melody, rain, RATE, style_sample_rate=0)


@pytest.fixture
def clips(tmp_path: Path, melody: Waveform, rain: Waveform) -> tuple[Path, Path]:
    content, style = tmp_path / "content.wav", tmp_path / "style.wav"
    soundfile.write(content, melody[0, :RATE], RATE)
    soundfile.write(style, rain[0, :RATE], RATE)
    return content, style


@pytest.mark.parametrize(
    ("option", "name", "message"),
    [
        ("--report", "content.wav", "report file '{}' is the content file: write to another"),
        ("--report", "out.wav", "report file '{}' is the output file: write to another name"),
        ("--report", "nowhere/r.json", "does not exist"),
        ("--report", "content.wav/r.json", "does not exist"),
        ("--report", "", "is a folder: name a file in it"),
    ],
)
def test_a_report_replaces_nothing(
    option: str, name: str, message: str, clips: tuple[Path, Path], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    before = [path.read_bytes() for path in clips]
    path = tmp_path / name
    code = call(
        monkeypatch, "render", clips[0], "-s", clips[1], "-o", tmp_path / "out.wav", option, path
    )
    assert code == 2
    assert message.format(path) in capsys.readouterr().err
    assert [path.read_bytes() for path in clips] == before
    assert not (tmp_path / "out.wav").exists()


def test_a_format_that_cannot_hold_the_output_is_refused_at_once(
    tmp_path: Path, clips: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    wide = tmp_path / "wide.wav"
    soundfile.write(wide, np.full((RATE, 5), 0.1), RATE)

    def fail(self: Render) -> None:
        raise AssertionError("work was begun")

    monkeypatch.setattr(Render, "__enter__", fail)
    assert call(monkeypatch, "render", wide, "-s", clips[1], "-o", tmp_path / "o.mp3") == 2
    assert "cannot be written" in capsys.readouterr().err


def test_a_score_names_the_clip_that_is_too_short(
    clips: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "score", clips[0], "-c", clips[0], "-s", clips[1]) == 2
    expected = f"style file '{clips[1]}' lasts 1.00 seconds, scores need at least 2"
    assert expected in capsys.readouterr().err


def test_names_that_are_too_long_are_one_sentence(
    clips: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    code = call(monkeypatch, "render", "x" * 300, "-s", clips[1], "-o", tmp_path / "o.wav")
    assert code == 2
    assert "cannot be read (File name too long)" in capsys.readouterr().err
