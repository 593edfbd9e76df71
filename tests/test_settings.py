from __future__ import annotations

import ast
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from astfx import settings
from astfx.api import transfer
from astfx.errors import AstfxError, InvalidSettingError, UnknownSettingError
from astfx.methods import METHODS, find_method
from astfx.settings import RENDER_TABLE, Settings, make_options, make_settings

BAD = [
    ({"strength": 1.5}, "strength=1.5 must lie between 0 and 1"),
    ({"strength": math.nan}, "strength=nan must lie between 0 and 1"),
    ({"strength": "full"}, "strength='full' must lie between 0 and 1"),
    ({"timbre": -0.1}, "timbre=-0.1 must lie between 0 and 1"),
    ({"texture": 1.5}, "texture=1.5 must lie between 0 and 1"),
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
        "method 'gram' has no option 'filters'; it has kernel_ms, bias, headroom, level_weight,",
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


def test_what_type_checkers_know_of_the_table_is_the_table() -> None:
    """The two classes of keyword arguments have every setting with its type, and nothing else."""
    found: dict[str, str] = {}
    for node in ast.walk(ast.parse(Path(settings.__file__).read_text())):
        if isinstance(node, ast.ClassDef) and node.name in ("EngineOptions", "RenderOptions"):
            for item in node.body:
                if isinstance(item, ast.AnnAssign):
                    found[ast.unparse(item.target)] = ast.unparse(item.annotation)
    kinds = {name: row.type.__name__ for name, row in RENDER_TABLE.items()}
    kinds |= {"recipe": "str", "options": "Mapping[str, Any]"}
    assert found == {name: f"{kind} | None" for name, kind in kinds.items()}


def test_an_unknown_setting_names_the_nearest() -> None:
    with pytest.raises(UnknownSettingError, match="no setting 'strenght': did you mean 'strength'"):
        transfer(np.zeros(100), "rain", 22050, strenght=0.5)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="no setting 'zz': the settings are strength, timbre,"):
        make_settings({}, zz=1)


NEW_ROW = """\
    warmth: float = _setting(0.25, "How warm it is.", low=0, high=2, in_presets=True)
"""
SEEN_EVERYWHERE = """
import inspect, numpy as np, pytest
from typer.testing import CliRunner
import astfx
from astfx.cli.main import app
from astfx.presets.checks import check_settings
from astfx.settings import RenderOptions, table_of_settings

assert astfx.Settings().warmth == 0.25
assert "warmth" in RenderOptions.__annotations__
for use in (
    lambda: astfx.Settings(warmth=3),
    lambda: astfx.transfer(np.zeros(100), "rain", 22050, warmth=3),
    lambda: astfx.StyleTransfer("rain", warmth=3),
    lambda: check_settings({"warmth": 3}),
):
    with pytest.raises(astfx.AstfxError, match="warmth=3 must lie between 0 and 2"):
        use()
assert astfx.StyleTransfer("rain", warmth=0.5).to_dict()["warmth"] == 0.5
assert "warmth : 0 to 2, 0.25 by default" in inspect.getdoc(astfx.transfer)
assert "--warmth" in CliRunner().invoke(app, ["render", "--help"], env={"COLUMNS": "200"}).output
from astfx_bridge.addresses import PARAMETERS, ROWS
from astfx_bridge.jobs.tasks import render_settings

argument = PARAMETERS["warmth"].argument
assert (argument.low, argument.high, PARAMETERS["warmth"].default) == (0, 2, 0.25)
assert "/astfx/param/warmth" in ROWS
values = {name: parameter.default for name, parameter in PARAMETERS.items()}
assert render_settings({**values, "warmth": 0.75}, 1).warmth == 0.75
assert "| `warmth` | `0.25` | 0 to 2 | How warm it is. |" in table_of_settings()
"""


def test_a_setting_declared_once_is_seen_everywhere(tmp_path: Path) -> None:
    root = Path(settings.__file__).parents[1]
    for name in ("astfx", "bridge", "presets"):
        shutil.copytree(root / name, tmp_path / name)
    table = tmp_path / "astfx" / "settings.py"
    text = table.read_text()
    place = text.index("    mix: float = _setting(")
    table.write_text(text[:place] + NEW_ROW + text[place:])
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{tmp_path / 'bridge'}"}
    subprocess.run(
        [sys.executable, "-c", SEEN_EVERYWHERE], check=True, cwd=tmp_path, env=environment
    )


def test_given_settings_override_those_of_a_preset() -> None:
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
