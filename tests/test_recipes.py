from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import astfx
from astfx.audio import Waveform
from astfx.errors import InvalidSettingError
from astfx.methods import find_method
from astfx.recipes import RECIPES
from astfx.settings import Settings, make_options, make_settings

RATE = 22050


@pytest.mark.parametrize("name", list(RECIPES))
def test_every_recipe_is_settings_that_exist(name: str) -> None:
    settings = Settings.from_recipe(name)
    method = find_method(settings.method)
    options = make_options(method.options, settings.method, settings.options)
    assert RECIPES[name].document
    for key, value in RECIPES[name].options.items():
        assert getattr(options, key) == value


def test_recipe_000_is_its_notebook() -> None:
    settings = Settings.from_recipe("000")
    assert (settings.method, settings.iterations) == ("shallow-cnn", 300)
    assert (settings.phase, settings.phase_iterations) == ("griffin-lim", 300)
    assert settings.options["content_weight"] == 0.01
    assert settings.options["filters"] == 4096


def test_recipe_003_weighs_style_a_thousand_to_one() -> None:
    options = Settings.from_recipe("003").options
    assert options["style_weight"] / options["content_weight"] == 1000.0
    assert options["start"] == "frameshift"


def test_given_settings_override_those_of_a_recipe() -> None:
    filled = Settings.from_recipe("000", iterations=7, options={"filters": 8}, seed=None)
    assert filled.iterations == 7
    assert filled.options["filters"] == 8
    assert filled.options["start"] == "noise"
    assert filled.phase == "griffin-lim"
    assert filled.seed == 0


def test_a_preset_keeps_what_a_recipe_leaves_open() -> None:
    """The preset's options are left out, because they belong to the default method."""
    own = {"strength": 0.5, "options": {"bias": 0.4}, "engine": "auto"}
    settings = make_settings(own, recipe="002", method=None)
    assert (settings.strength, settings.method) == (0.5, "vgg19")
    assert "bias" not in settings.options


def test_unknown_recipes_and_other_methods_are_refused() -> None:
    with pytest.raises(
        InvalidSettingError, match="recipe='005' must be one of ulyanov-2016, vedak-bhatia"
    ):
        Settings.from_recipe("005")
    with pytest.raises(InvalidSettingError, match="recipe='003' uses method='voice-cnn', not 'gr"):
        Settings.from_recipe("003", method="gram")
    assert Settings.from_recipe("003", method="voice-cnn") == Settings.from_recipe("003")


def test_transfer_takes_a_recipe_and_settings_that_override_it(
    melody: Waveform, rain: Waveform
) -> None:
    content, style = melody[:, : RATE // 2], rain[:, :RATE]
    call: dict[str, Any] = {"iterations": 2, "phase_iterations": 2}
    by_name = astfx.transfer(content, style, RATE, recipe="000", options={"filters": 32}, **call)
    written_out = astfx.transfer(
        content, style, RATE, method="shallow-cnn", phase="griffin-lim",
        options={**RECIPES["ulyanov-2016"].options, "filters": 32}, **call,
    )  # fmt: skip
    np.testing.assert_array_equal(by_name, written_out)
    with pytest.raises(InvalidSettingError, match="uses method='shallow-cnn', not 'monge'"):
        astfx.transfer(content, style, RATE, recipe="000", method="monge")
