"""Styles by path and by the name of a preset, with a stand-in for the library of presets."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest
from astfx_bridge.errors import RefusedError
from astfx_bridge.jobs import styles
from astfx_bridge.roots import Roots

import astfx


@pytest.fixture
def roots(tmp_path: Path) -> Roots:
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "rain.wav").write_bytes(b"x")
    (tmp_path / "root" / "glass").write_bytes(b"x")
    (tmp_path / "made").mkdir()
    (tmp_path / "clips").mkdir()
    return Roots([tmp_path / "root"], tmp_path / "state")


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> None:
    """A library that holds the presets glass and rain."""
    module = ModuleType("astfx.presets")
    module.names = lambda: ["glass", "rain"]  # type: ignore[attr-defined]
    module.find = lambda name: f"preset {name}"  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "astfx.presets", module)
    monkeypatch.setattr(astfx, "presets", module, raising=False)


def test_a_path_is_found_under_the_roots(roots: Roots, tmp_path: Path) -> None:
    found = styles.resolve("rain.wav", roots, tmp_path / "made", tmp_path / "clips")
    assert found == {"style": str(tmp_path / "root" / "rain.wav")}


@pytest.mark.usefixtures("library")
def test_a_file_wins_over_a_preset_of_the_same_name(roots: Roots, tmp_path: Path) -> None:
    assert "style" in styles.resolve("glass", roots, tmp_path / "made", tmp_path / "clips")
    found = styles.resolve("rain", roots, tmp_path / "made", tmp_path / "clips")
    assert found == {"preset": "rain"}


@pytest.mark.usefixtures("library")
def test_presets_made_here_come_first(tmp_path: Path) -> None:
    made = tmp_path / "made"
    made.mkdir()
    (made / "mine.astfx").write_bytes(b"")
    (made / "rain.astfx").write_bytes(b"")
    assert styles.preset_names(made) == ["mine", "rain", "glass"]
    assert styles.load({"preset": "glass", "presets": str(made)}) == "preset glass"
    assert styles.load({"style": "/root/rain.wav"}) == "/root/rain.wav"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "there is no style: add `style PATH`, or send /astfx/set style PATH"),
        ("../rain.wav", "style '../rain.wav' lies outside the server's roots"),
        ("gone.wav", "style 'gone.wav' does not exist"),
        ("snow", "style 'snow' is neither a file under the roots nor a preset nor a kept clip"),
    ],
)
def test_a_style_that_is_nowhere_is_refused(
    roots: Roots, tmp_path: Path, name: str, message: str
) -> None:
    with pytest.raises(RefusedError) as caught:
        styles.resolve(name, roots, tmp_path / "made", tmp_path / "clips")
    assert str(caught.value) == message


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "x" * 65, "ü", "Rain", "a b"])
def test_a_preset_name_holds_only_letters_digits_and_inner_hyphens(name: str) -> None:
    assert styles.checked_name("warm-rain-2", "preset") == "warm-rain-2"
    with pytest.raises(RefusedError, match="must be 1 to 64 lower-case letters and digits"):
        styles.checked_name(name, "preset")
