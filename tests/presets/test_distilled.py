"""Networks kept for presets: each is only found for the preset and the plan it was trained for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import astfx
from astfx.audio import Waveform
from astfx.errors import CancelledError, InvalidSettingError, TargetFileError
from astfx.plan import RenderPlan
from astfx.presets import Preset, distilled
from astfx.settings import Settings

RATE = 22050
TINY: dict[str, Any] = {"hidden": 16, "steps": 2, "phrases": 2, "teacher_iterations": 2}


@pytest.fixture
def preset(rain: Waveform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Preset:
    monkeypatch.setenv("ASTFX_PRESETS", str(tmp_path))
    return Preset.from_audio(rain, name="drops", sample_rate=RATE)


def settings_for(**options: Any) -> Settings:
    return Settings(method="feed-forward", options={**TINY, **options})


def found(preset: Preset, sample_rate: int, settings: Settings) -> astfx.StyleTargets | None:
    return distilled.find(preset, RenderPlan.of(settings, sample_rate))


def test_a_preset_is_distilled_against_its_targets(preset: Preset, rain: Waveform) -> None:
    """The frames of a preset are those of its sound, so the trained networks are nearly equal."""
    mine = astfx.prepare_style(preset, RATE, settings=settings_for())
    direct = astfx.prepare_style(rain, RATE, settings=settings_for())
    assert mine.name == "drops"
    for key in ("net.mean", "net.deviation", "ceiling"):
        error = (mine.tensors[key] - direct.tensors[key]).square().mean().sqrt()
        assert float(error / direct.tensors[key].square().mean().sqrt()) < 0.05


def test_what_is_kept_is_found_by_content_rate_and_size_only(
    preset: Preset, melody: Waveform, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_for()
    assert found(preset, RATE, settings) is None
    distilled.keep(
        preset, astfx.prepare_style(preset, RATE, settings=settings), RenderPlan.of(settings, RATE)
    )
    assert found(preset, RATE, settings) is not None
    assert found(preset, RATE, settings_for(steps=900)) is not None  # steps only matter in training
    assert found(preset, 44_100, settings) is None
    assert found(preset, RATE, settings_for(hidden=32)) is None
    other = {**preset.tensors, "frames": preset.tensors["frames"].flip(0)}
    assert found(replace(preset, tensors=other), RATE, settings) is None
    assert distilled.find(preset, RenderPlan.of(Settings(), RATE)) is None
    seen: list[float] = []
    monkeypatch.setattr("astfx.methods.feed_forward._lessons", lambda *a: pytest.fail("trained"))
    output = astfx.transfer(
        melody, preset, RATE, method="feed-forward", options={"hidden": 16}, progress=seen.append
    )
    assert output.shape == melody.shape
    assert np.isfinite(output).all()
    assert seen == sorted(seen)
    with pytest.raises(pytest.fail.Exception, match="trained"):
        astfx.prepare_style(preset, RATE, settings=settings)


def test_a_damaged_network_is_named(preset: Preset) -> None:
    settings = settings_for()
    targets = astfx.prepare_style(preset, RATE, settings=settings)
    path = distilled.keep(preset, targets, RenderPlan.of(settings, RATE))
    path.write_bytes(b"nothing")
    with pytest.raises(TargetFileError, match=f"style file '{path}' is damaged"):
        preset.targets(RenderPlan.of(settings_for(), RATE))


def test_a_render_that_must_train_reports_and_can_be_cancelled(
    preset: Preset, rain: Waveform, melody: Waveform
) -> None:
    call: dict[str, Any] = {"method": "feed-forward", "options": TINY}
    for style in (preset, rain):
        seen: list[float] = []
        astfx.transfer(melody, style, RATE, progress=seen.append, **call)
        assert seen == sorted(seen)
        assert seen[0] < 0.5
        assert seen[-1] == pytest.approx(1.0)
        with pytest.raises(CancelledError, match="the render was cancelled"):
            astfx.transfer(melody, style, RATE, progress=lambda share: share < 0.3, **call)


def test_blends_are_refused_before_anything_is_trained(preset: Preset) -> None:
    blend = Preset.blend({preset: 1.0, replace(preset, name="more"): 1.0})
    with pytest.raises(InvalidSettingError, match="method='feed-forward' cannot use a blend"):
        astfx.prepare_style(blend, RATE, settings=Settings(method="feed-forward"))


def test_a_rate_of_its_own_is_only_an_arrays(preset: Preset) -> None:
    with pytest.raises(InvalidSettingError, match="style_sample_rate=8000 is for a style that is"):
        astfx.prepare_style(preset, RATE, style_sample_rate=8000)
    assert torch.is_tensor(astfx.prepare_style(preset, RATE).tensors["frames"])
