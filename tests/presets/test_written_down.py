"""Effects with presets as JSON, whether or not the presets are kept under their names."""

from __future__ import annotations

import base64
import copy
import json
import pickle
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import astfx
from astfx import presets
from astfx.audio import Waveform
from astfx.errors import AstfxError
from astfx.presets import Preset

RATE = 22_050


def through_json(effect: astfx.StyleTransfer) -> astfx.StyleTransfer:
    return astfx.StyleTransfer.from_dict(json.loads(json.dumps(effect.to_dict())))


def assert_same_sound(one: astfx.StyleTransfer, other: astfx.StyleTransfer, clip: Waveform) -> None:
    np.testing.assert_array_equal(one(clip, RATE), other(clip, RATE))


@pytest.mark.parametrize(
    "way", [through_json, copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e))]
)
def test_a_preset_that_is_not_kept_is_written_in_full(
    way: Any, own_folder: Path, drops: Preset, strings: Preset, melody: Waveform
) -> None:
    blend = Preset.blend({drops: 2, strings: 1}, name="wet-strings")
    effect = astfx.StyleTransfer(blend, engine="live", morph_to=drops, morph=0.3, mix=0.8)
    again = way(effect)
    assert again.to_dict() == effect.to_dict()
    assert again.style.provenance == blend.provenance
    assert_same_sound(again, effect, melody)


def test_a_preset_that_is_kept_is_written_with_its_name(
    own_folder: Path, drops: Preset, melody: Waveform
) -> None:
    presets.keep(drops)
    effect = astfx.StyleTransfer(drops, engine="live")
    assert effect.to_dict()["style"]["name"] == "drops"
    assert through_json(effect).style == "drops"
    assert_same_sound(through_json(effect), effect, melody)
    assert set(astfx.StyleTransfer(presets.find("rain")).to_dict()["style"]) == {"name", "sha256"}


@pytest.mark.parametrize("other", ["sound", "settings", "damaged"])
def test_a_name_that_stands_for_something_else_is_not_enough(
    other: str, own_folder: Path, drops: Preset, strings: Preset, melody: Waveform
) -> None:
    kept = {"sound": replace(strings, name="drops"), "settings": drops.with_settings(mix=0.1)}
    path = presets.keep(kept.get(other, drops))
    if other == "damaged":
        path.write_bytes(b"nonsense")
    effect = astfx.StyleTransfer(drops, engine="live")
    assert_same_sound(through_json(effect), effect, melody)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (3, "style: preset must be base64 of an .astfx file"),
        ("%%%", "style: preset must be base64 of an .astfx file"),
        ("", "style: its preset is damaged or not a preset"),
        (base64.b64encode(b"x" * 99).decode(), "style: its preset is damaged or not a preset"),
    ],
)
def test_what_is_no_preset_is_refused(written: object, message: str) -> None:
    values = {"plugin": "astfx.StyleTransfer", "style": {"preset": written}}
    with pytest.raises(AstfxError, match=re.escape(message)):
        astfx.StyleTransfer.from_dict(values)
