from __future__ import annotations

from typing import Any

import pytest

from astfx.errors import InvalidSettingError
from astfx.methods import find_method
from astfx.recipes import RECIPES, apply_recipe
from astfx.settings import Settings, make_options

GIVEN: dict[str, Any] = {"method": "gram", "options": {}, "iterations": None, "phase": "pghi"}


@pytest.mark.parametrize("name", list(RECIPES))
def test_every_recipe_is_settings_that_exist(name: str) -> None:
    settings = Settings(**apply_recipe(name, GIVEN, ()))
    method = find_method(settings.method)
    options = make_options(method.options, settings.method, settings.options)
    assert RECIPES[name].document
    for key, value in RECIPES[name].options.items():
        assert getattr(options, key) == value


def test_recipe_000_is_its_notebook() -> None:
    settings = Settings(**apply_recipe("000", GIVEN, ()))
    assert (settings.method, settings.iterations) == ("shallow-cnn", 300)
    assert (settings.phase, settings.phase_iterations) == ("griffin-lim", 300)
    assert settings.options["content_weight"] == 0.01
    assert settings.options["filters"] == 4096


def test_recipe_003_weighs_style_a_thousand_to_one() -> None:
    options = Settings(**apply_recipe("003", GIVEN, ())).options
    assert options["style_weight"] / options["content_weight"] == 1000.0
    assert options["start"] == "frameshift"


def test_what_is_given_explicitly_stays() -> None:
    given = {**GIVEN, "iterations": 7, "options": {"filters": 8}}
    filled = apply_recipe("000", given, ("iterations",))
    assert filled["iterations"] == 7
    assert filled["options"]["filters"] == 8
    assert filled["phase"] == "griffin-lim"


def test_unknown_recipes_and_other_methods_are_refused() -> None:
    with pytest.raises(InvalidSettingError, match="recipe='005' must be one of 000, 001, 002"):
        apply_recipe("005", GIVEN, ())
    with pytest.raises(InvalidSettingError, match="recipe='003' is of method='voice-cnn', not 'gr"):
        apply_recipe("003", GIVEN, ("method",))
    assert apply_recipe("003", {**GIVEN, "method": "voice-cnn"}, ("method",))
