"""Every method of the registry: a style is prepared, saved, loaded and rendered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import astfx
from astfx.audio import Waveform
from astfx.methods import METHODS
from astfx.settings import Settings, make_options
from astfx.styles.targets import StyleTargets

RATE = 22050
SMALL: dict[str, dict[str, Any]] = {
    "shallow-cnn": {"filters": 64, "start": "style"},
    "vgg19": {"style_layers": ("conv1_1",), "bands": 16, "content_weight": 0.0},
    "feed-forward": {"hidden": 16, "steps": 1, "phrases": 1, "teacher_iterations": 1},
}


@pytest.fixture(autouse=True)
def no_added_weights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ASTFX_WEIGHTS", str(tmp_path / "none"))


@pytest.mark.parametrize("name", list(METHODS))
def test_a_saved_style_renders_the_same_bytes(
    name: str, tmp_path: Path, melody: Waveform, rain: Waveform
) -> None:
    clip = np.ascontiguousarray(melody[:, :RATE])
    options = SMALL.get(name, {})
    settings = Settings(method=name, options=options)
    targets = astfx.prepare_style(rain, RATE, settings=settings)
    targets.save(tmp_path / "s.safetensors")
    loaded = StyleTargets.load(tmp_path / "s.safetensors")
    call: dict[str, Any] = {"method": name, "options": options, "iterations": 2}
    output = astfx.transfer(clip, loaded, RATE, **call)
    np.testing.assert_array_equal(output, astfx.transfer(clip, rain, RATE, **call))
    assert output.shape == clip.shape
    assert np.isfinite(output).all()
    assert not np.array_equal(output, clip)


@pytest.mark.parametrize("name", list(METHODS))
def test_loaded_tensors_that_lack_something_are_refused(name: str, rain: Waveform) -> None:
    row = METHODS[name]
    settings = Settings(method=name, options=SMALL.get(name, {}))
    targets = astfx.prepare_style(rain, RATE, settings=settings)
    options = make_options(row.options, name, settings.options)
    others = ("texture.", "envelopes.", "live.")  # not the method's own
    own = {k: v for k, v in targets.tensors.items() if not k.startswith(others)}
    row.check(own, options, targets.grid)
    for key in own:
        rest = {k: v for k, v in own.items() if k != key}
        with pytest.raises(ValueError, match="missing"):
            row.check(rest, options, targets.grid)
        spoilt = {**own, key: torch.full_like(own[key].float(), torch.nan)}
        with pytest.raises(ValueError, match=f"tensor '{key}'|must"):
            row.check(spoilt, options, targets.grid)


@pytest.mark.parametrize("name", list(METHODS))
def test_stereo_short_clips_and_silence(name: str, melody: Waveform, rain: Waveform) -> None:
    """Every method must accept two channels, a tenth of a second, and silence."""
    options = SMALL.get(name, {})
    call: dict[str, Any] = {"method": name, "options": options, "iterations": 1}
    short = np.ascontiguousarray(melody[:, : RATE // 10])
    stereo = np.concatenate([short, -0.5 * short])
    output = astfx.transfer(stereo, rain, RATE, **call)
    assert output.shape == stereo.shape
    assert np.isfinite(output).all()
    silence = np.zeros((1, RATE // 10), np.float32)
    np.testing.assert_array_equal(astfx.transfer(silence, rain, RATE, **call), silence)
