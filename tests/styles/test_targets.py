from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import astfx
from astfx.audio import Waveform
from astfx.errors import AudioFileNotFoundError, InvalidSettingError, TargetFileError
from astfx.features.texture_layout import ROUND_LAYOUTS
from astfx.plan import RenderPlan
from astfx.settings import Settings
from astfx.styles.analysis import ENVELOPE_KEYS, LIVE_KEYS, texture_key
from astfx.styles.style import Style
from astfx.styles.targets import StyleTargets

RATE = 22050
SMALL: dict[str, dict[str, Any]] = {"gram": {}, "shallow-cnn": {"filters": 64}}


@pytest.mark.parametrize("method", list(SMALL))
def test_saved_targets_render_the_same_bytes(
    method: str, tmp_path: Path, melody: Waveform, rain: Waveform
) -> None:
    settings = Settings(method=method, options=SMALL[method], seed=5)
    targets = astfx.prepare_style(rain, RATE, settings=settings)
    targets.save(tmp_path / "t.safetensors")
    loaded = StyleTargets.load(tmp_path / "t.safetensors")
    assert replace(loaded, tensors={}) == replace(targets, tensors={})
    call: dict[str, Any] = {"method": method, "options": SMALL[method], "seed": 5, "iterations": 3}
    melody = melody[:, : 2 * RATE]
    direct = astfx.transfer(melody, rain, RATE, **call)
    np.testing.assert_array_equal(astfx.transfer(melody, targets, RATE, **call), direct)
    np.testing.assert_array_equal(astfx.transfer(melody, loaded, RATE, **call), direct)


def test_a_render_prepares_only_what_it_uses(rain: Waveform) -> None:
    """What `prepare_style` returns serves the block engines and texture rounds as well."""
    style = Style.of(rain, RATE)
    plan, draft = (RenderPlan.of(Settings(quality=name), RATE) for name in ("standard", "draft"))
    used = {texture_key(index) for index in range(len(ROUND_LAYOUTS))}
    for_draft = style.targets(draft, for_render=True).tensors
    for_standard = style.targets(plan, for_render=True).tensors
    assert for_standard.keys() - for_draft.keys() == used
    everything = style.targets(draft).tensors
    assert everything.keys() - for_standard.keys() == {*LIVE_KEYS, *ENVELOPE_KEYS}
    assert everything.keys() == astfx.prepare_style(rain, RATE).tensors.keys()
    # What is there is used.
    assert style.targets(plan, for_render=True).tensors is everything


def test_targets_for_something_else_are_refused(melody: Waveform, rain: Waveform) -> None:
    targets = astfx.prepare_style(
        rain, RATE, settings=Settings(method="shallow-cnn", options={"filters": 8})
    )
    call: dict[str, Any] = {"method": "shallow-cnn", "options": {"filters": 8}}
    refused: list[tuple[dict[str, Any], int, str]] = [
        ({}, 44100, "the prepared style is for 22050 Hz with n_fft=2048, the content needs 44100"),
        ({"method": "gram", "options": {}}, RATE, "is for method='shallow-cnn', not 'gram'"),
        ({"seed": 1}, RATE, "was drawn with seed=0, not seed=1"),
        ({"options": {"filters": 9}}, RATE, "has filters=8, not 9"),
    ]
    for change, rate, message in refused:
        with pytest.raises(InvalidSettingError) as caught:
            astfx.transfer(melody, targets, rate, **{**call, **change})
        assert message in str(caught.value)


def description(**change: Any) -> dict[str, str]:
    good: dict[str, Any] = {
        "version": 3,
        "method": "gram",
        "options": {"kernel_ms": [23.0]},
        "grid": {"sample_rate": RATE, "n_fft": 16, "hop_length": 4},
        "seed": 0,
        "name": "x",
    }
    return {"astfx-style": json.dumps({**good, **change})}


FRAMES = {"frames": torch.ones(500, 9), "run_lengths": torch.tensor([500])}
DAMAGED: list[tuple[dict[str, torch.Tensor], dict[str, str], str]] = [
    (FRAMES, {}, "was not written by astfx"),
    (FRAMES, description(version=99), "has version 99, newer than the version 3"),
    (FRAMES, description(method="x"), "does not describe a style that this astfx knows"),
    (FRAMES, description(options={"kernel_ms": [9e9]}), "kernel_ms=9000000000.0 must lie"),
    (FRAMES, description(grid={"n_fft": 16}), "does not describe a style"),
    (FRAMES, {"astfx-style": "{"}, "does not describe a style"),
    ({"frames": FRAMES["frames"]}, description(), "tensor 'run_lengths' is missing"),
    (
        {**FRAMES, "frames": torch.ones(500, 8)},
        description(),
        "tensor 'frames' has shape (500, 8), not (None, 9)",
    ),
    (
        {**FRAMES, "frames": torch.full((500, 9), torch.nan)},
        description(),
        "tensor 'frames' holds numbers that are not finite",
    ),
    (
        {**FRAMES, "run_lengths": torch.tensor([400])},
        description(),
        "tensor 'run_lengths' does not add up",
    ),
    (
        {
            **FRAMES,
            "envelopes.mean": torch.ones(30),
            "envelopes.quantiles": torch.zeros(30, 33),
            "envelopes.modulations": torch.ones(30, 5),
        },
        description(),
        "tensor 'envelopes.modulations' has shape (30, 5), not (30, 17)",
    ),
]


@pytest.mark.parametrize(("tensors", "metadata", "message"), DAMAGED)
def test_damaged_and_foreign_files_are_refused(
    tensors: dict[str, torch.Tensor], metadata: dict[str, str], message: str, tmp_path: Path
) -> None:
    path = tmp_path / "t.safetensors"
    save_file(tensors, path, metadata=metadata)
    with pytest.raises(TargetFileError) as caught:
        StyleTargets.load(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


def test_cut_and_flipped_files_never_crash(tmp_path: Path, rain: Waveform) -> None:
    path = tmp_path / "t.safetensors"
    astfx.prepare_style(rain[:, :20000], RATE).save(path)
    good = path.read_bytes()
    rng = np.random.default_rng(0)
    for length in (0, 1, 7, 8, 9, 100, len(good) // 2, len(good) - 1):
        path.write_bytes(good[:length])
        with pytest.raises(TargetFileError):
            StyleTargets.load(path)
    for _ in range(60):
        damaged = bytearray(good)
        damaged[int(rng.integers(0, 700))] ^= 1 << int(rng.integers(0, 8))
        path.write_bytes(damaged)
        # A flipped bit of the name or of a number may be harmless; anything else is refused.
        with suppress(TargetFileError):
            StyleTargets.load(path)


def test_a_missing_file_is_file_not_found(tmp_path: Path) -> None:
    with pytest.raises(AudioFileNotFoundError, match="does not exist") as caught:
        StyleTargets.load(tmp_path / "none.safetensors")
    assert isinstance(caught.value, FileNotFoundError)
