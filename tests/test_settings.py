from __future__ import annotations

import inspect
import math
from dataclasses import fields
from typing import Any

import pytest

from astfx.api import transfer
from astfx.cli.main import render as cli_render
from astfx.errors import AstfxError, InvalidSettingError
from astfx.methods import METHODS, find_method
from astfx.settings import Settings, make_options, make_settings

BAD = [
    ({"strength": 1.5}, "strength=1.5 must lie between 0 and 1"),
    ({"strength": math.nan}, "strength=nan must lie between 0 and 1"),
    ({"strength": "full"}, "strength='full' must lie between 0 and 1"),
    ({"mix": -0.1}, "mix=-0.1 must lie between 0 and 1"),
    ({"mix": True}, "mix=True must lie between 0 and 1"),
    ({"iterations": 0}, "iterations=0 must be a whole number between 1 and 100000"),
    ({"iterations": 2.5}, "iterations=2.5 must be a whole number between 1 and 100000"),
    ({"budget_seconds": 0}, "budget_seconds=0 must lie between 0.01 and 86400 (seconds)"),
    ({"seed": -1}, "seed=-1 must be a whole number between 0 and"),
    ({"threads": 0}, "threads=0 must be a whole number between 1 and 256"),
    ({"phase_iterations": -1}, "phase_iterations=-1 must be a whole number between 0 and 10000"),
    ({"window_ms": 1}, "window_ms=1 must lie between 5 and 500 (milliseconds)"),
    ({"segment_seconds": 0.2}, "segment_seconds=0.2 must lie between 1 and 120 (seconds)"),
    ({"overlap_seconds": 0}, "overlap_seconds=0 must lie between 0.1 and 10 (seconds)"),
    (
        {"segment_seconds": 2.0, "overlap_seconds": 1.5},
        "overlap_seconds=1.5 must be at most half of segment_seconds=2.0",
    ),
]


@pytest.mark.parametrize(("values", "message"), BAD)
def test_out_of_range_settings_name_value_rule_and_unit(
    values: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidSettingError) as caught:
        Settings(**values)
    assert str(caught.value).startswith(message)
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, AstfxError)


BAD_OPTIONS = [
    ("gram", {"kernel_ms": ()}, "kernel_ms=() must name one to eight durations"),
    ("gram", {"kernel_ms": (0.5,)}, "kernel_ms=0.5 must lie between 1 and 2000 (milliseconds)"),
    ("gram", {"bias": -1.0}, "bias=-1.0 must lie between 0 and 100"),
    ("gram", {"headroom": 0.5}, "headroom=0.5 must lie between 1 and 1000"),
    ("gram", {"content_weight": -1.0}, "content_weight=-1.0 must lie between 0 and 1000"),
    ("gram", {"bias": "x"}, "bias='x' must be a number"),
    ("gram", {"bias": (1.0, 2.0)}, "bias=(1.0, 2.0) must be a single value"),
    ("gram", {"kernel_ms": "abc"}, "kernel_ms='abc' must be a number"),
    ("gram", {"onset_weight": -1.0}, "onset_weight=-1.0 must lie between 0 and 1000"),
    ("shallow-cnn", {"filters": 64.5}, "filters=64.5 must be a whole number"),
    ("shallow-cnn", {"start": 3}, "start=3 must be a name"),
    (
        "gram",
        {"filters": 3},
        "method 'gram' has no option 'filters'; it has kernel_ms, bias, headroom, content_weight,",
    ),
    ("shallow-cnn", {"filters": 0}, "filters=0 must lie between 1 and 16384"),
    ("shallow-cnn", {"kernel_ms": 0.0}, "kernel_ms=0.0 must lie between 1 and 2000"),
    ("shallow-cnn", {"start": "x"}, "start='x' must be one of content, noise"),
    ("shallow-cnn", {"content_weight": -1.0}, "content_weight=-1.0 must lie between 0 and 1000"),
]


@pytest.mark.parametrize(("method", "values", "message"), BAD_OPTIONS)
def test_bad_options_name_value_and_rule(method: str, values: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidSettingError) as caught:
        make_options(METHODS[method].options, method, values)
    assert str(caught.value).startswith(message)


def test_unknown_method_lists_the_known_ones() -> None:
    with pytest.raises(InvalidSettingError, match="method='x' must be one of gram, shallow-cnn"):
        find_method("x")


def test_defaults_of_transfer_and_of_the_command_line_are_those_of_settings() -> None:
    """But for what a preset or a recipe may set: None there is its value, else Settings'."""
    defaults = {field.name: getattr(Settings(), field.name) for field in fields(Settings)}
    defaults |= dict.fromkeys(("strength", "mix", "quality"))
    assert make_settings({}, strength=None, mix=None, quality=None, options=None) == Settings()
    function = {
        name: parameter.default
        for name, parameter in inspect.signature(transfer).parameters.items()
        if name in defaults and name != "options"
    }
    # None leaves a setting to a preset or a recipe, and without one to the default.
    presets_own = {"strength", "mix", "quality", "method", "phase", "window_ms"}
    wanted = {name: None if name in presets_own else value for name, value in defaults.items()}
    assert function == {name: value for name, value in wanted.items() if name != "options"}
    command = inspect.signature(cli_render).parameters
    for name, parameter in command.items():
        if name in defaults and name != "options":
            assert parameter.default == wanted[name], name


def test_what_is_given_stands_before_a_presets_settings() -> None:
    own = {"strength": 0.5, "mix": 0.0, "engine": "live", "options": {"bias": 0.1}}
    found = make_settings(own, strength=None, mix=0.25)
    assert found == Settings(strength=0.5, mix=0.25, options={"bias": 0.1})
    assert make_settings(own, method="shallow-cnn").options == {}


@pytest.mark.parametrize("name", list(METHODS))
def test_every_method_says_what_it_is(name: str) -> None:
    row = METHODS[name]
    for text in (row.summary, row.front_end, row.features, row.statistics, row.optimiser):
        assert text
    assert row.source
    assert row.needs
    assert set(row.prepared_options) <= set(row.options.__dataclass_fields__)
    assert row.context_ms(row.options()) > 0
