"""Presets have titles in any script; their files have safe names, and either finds them."""

from __future__ import annotations

import os
import re
import struct
import unicodedata
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import event, given
from hypothesis import strategies as st

import astfx
from astfx import presets
from astfx.errors import PresetError, PresetNotFoundError
from astfx.presets import Preset
from astfx.presets.library import called_like, name_for
from astfx.presets.naming import NAME, check_name, check_title, folded, hashed_name, name_of
from astfx.presets.titles import title_in

SAFE = re.compile("[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?")
WINDOWS = {"con", "prn", "aux", "nul", *(f"{d}{k}" for d in ("com", "lpt") for k in range(10))}


def named(drops: Preset, title: str) -> Preset:
    return replace(drops, name=name_for(title), title=title)


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Rain", "rain"),
        ("Rain on  tin!", "rain-on-tin"),
        ("Été 2", "ete-2"),
        ("--a--", "a"),
        ("Straße", "strasse"),
        ("Smørrebrød", "smorrebrod"),
        ("İstanbul", "istanbul"),
        ("Con", "con-preset"),
        ("雨", "preset-124d6058"),
        ("Дождь 2", "2-8ec51b44"),
        ("🌧️", "preset-3255a4cc"),
    ],
)
def test_a_title_becomes_a_name(title: str, name: str) -> None:
    assert name_of(title) == name


@given(st.text(max_size=260))
def test_any_title_has_a_safe_name_or_is_refused(title: str) -> None:
    try:
        name = name_of(title)
    except PresetError:
        event("refused")
        return
    assert SAFE.fullmatch(name)
    assert NAME.fullmatch(name)
    assert name not in WINDOWS
    assert name_of(unicodedata.normalize("NFD", title)) == name
    assert check_title(check_title(title)) == check_title(title)


@pytest.mark.parametrize(
    ("one", "other"),
    [("雨", "雪"), ("a雨", "b雨"), ("x" * 70, "x" * 71), ("🌧", "🔥"), ("हवा", "हव")],
)
def test_titles_that_cannot_be_written_have_different_names(one: str, other: str) -> None:
    assert name_of(one) != name_of(other)


@pytest.mark.parametrize("title", ["", " ", "!!!", "two\nlines", "a\x1b[2J", "a" * 201, 3, None])
def test_what_is_no_title_is_refused(title: object) -> None:
    message = "must be one line of 1 to 200 characters, with a letter, digit or symbol"
    with pytest.raises(PresetError, match=message):
        check_title(title)


@pytest.mark.parametrize("name", ["con", "nul", "com1", "lpt9"])
def test_names_that_windows_reserves_are_refused(name: str) -> None:
    with pytest.raises(PresetError, match=f"preset name '{name}' is reserved on Windows"):
        check_name(name)
    assert name_of(name) == f"{name}-preset"


@pytest.mark.parametrize("suffix", [".astfx", ".toml"])
@pytest.mark.parametrize("title", ["雨", "Straße", "Été", 'He said "no"', "👩‍🚒"])
def test_a_title_is_kept_as_it_was_typed(
    title: str, suffix: str, drops: Preset, tmp_path: Path
) -> None:
    path = tmp_path / f"a{suffix}"
    named(drops, unicodedata.normalize("NFD", title)).save(path)
    assert Preset.load(path).title == Preset.load(path).label == title
    assert title_in(path) == title
    assert repr(title) in repr(Preset.load(path))


def test_a_preset_without_a_title_is_written_as_before(drops: Preset, tmp_path: Path) -> None:
    drops.save(tmp_path / "drops.toml")
    assert "title" not in (tmp_path / "drops.toml").read_text()
    assert Preset.load(tmp_path / "drops.toml").label == "drops"


def test_a_preset_is_made_with_a_title_for_a_name() -> None:
    noise = np.random.default_rng(0).standard_normal(22_050).astype(np.float32)
    made = Preset.from_audio(noise, name="雨", sample_rate=22_050)
    assert (made.name, made.title) == (name_of("雨"), "雨")
    blend = Preset.blend({made: 1.0}, name="Rain on tin")
    assert (blend.name, blend.title) == ("rain-on-tin", "Rain on tin")
    assert Preset.blend({made: 1.0}).name == made.name


@pytest.mark.parametrize(
    ("title", "ways"),
    [
        ("雨", ["雨", " 雨 "]),
        ("Straße", ["Straße", "STRASSE", "straße", "strasse"]),
        ("Été au lac", ["été au lac", "e\u0301te\u0301-au-lac", "ETE-au-lac", "ÉTÉ_AU_LAC"]),
        ("AC/DC", ["AC/DC", "ac/dc", "ac-dc"]),
        ("Dr. Rain", ["Dr. Rain", "dr-rain"]),
    ],
)
def test_a_preset_is_found_by_its_title_and_its_name(
    title: str, ways: list[str], drops: Preset, own_folder: Path
) -> None:
    kept = named(drops, title)
    presets.keep(kept)
    for way in (*ways, kept.name):
        found = presets.resolve(way)
        assert found is not None
        assert found.title == title
        assert presets.find(way).name == kept.name
    assert astfx.StyleTransfer(title, engine="live").to_dict()["style"]["name"] == title
    assert called_like(f"{kept.name}.wav") == kept.name


def test_a_name_goes_before_a_title(drops: Preset, own_folder: Path) -> None:
    presets.keep(replace(drops, name="puddle", title="Rain"))
    assert presets.find("rain").author == "astfx"
    assert presets.find("Rain").author == "astfx"
    assert presets.find("puddle").title == "Rain"


def test_an_existing_file_goes_before_a_title_that_looks_like_a_path(
    drops: Preset, own_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    presets.keep(named(drops, "Dr. Rain"))
    Path("Dr. Rain").write_text("x")
    assert presets.resolve("Dr. Rain") is None


def test_titles_that_would_share_a_file_get_files_of_their_own(
    drops: Preset, own_folder: Path
) -> None:
    kept = {title: presets.keep(named(drops, title)) for title in ("Mucke", "Mücke", "Mücke!")}
    assert kept["Mucke"].name == "mucke.astfx"
    assert len(set(kept.values())) == 3
    for title in kept:
        assert presets.find(title).title == title
    # A title that is there already has the name that it had.
    assert name_for("mÜCKE") == kept["Mücke"].stem
    assert name_for("MUCKE") == "mucke"


def test_a_plain_name_that_another_title_has_is_refused(drops: Preset, own_folder: Path) -> None:
    presets.keep(named(drops, "Mücke"))
    with pytest.raises(PresetError, match=r"preset 'mucke' exists in '.*' with the title 'Mücke'"):
        presets.keep(named(drops, "Mucke"))


def test_names_of_other_titles_are_different_even_when_long() -> None:
    name = hashed_name("b", "a" * 64)
    assert len(name) == 64
    assert name != hashed_name("c", "a" * 64)
    assert hashed_name("B", "x") == hashed_name("b", "x")


def test_the_nearest_titles_are_suggested_by_name(drops: Preset, own_folder: Path) -> None:
    presets.keep(named(drops, "Großmütterchen"))
    with pytest.raises(PresetNotFoundError, match="did you mean grossmutterchen"):
        presets.find("Großmuterchen")


def test_a_preset_is_renamed_to_a_title(drops: Preset, own_folder: Path) -> None:
    presets.keep(drops)
    path = presets.rename("drops", "雨")
    assert path == own_folder / f"{name_of('雨')}.astfx"
    assert presets.find("雨").title == "雨"
    with pytest.raises(PresetError, match="preset '雨' has that name already"):
        presets.rename("雨", "雨")
    assert presets.rename("雨", "drops") == own_folder / "drops.astfx"
    assert presets.find("drops").title == ""
    # Only the title changes: the file stays.
    assert presets.rename("drops", "Drops") == own_folder / "drops.astfx"
    assert presets.find("drops").title == "Drops"
    assert os.listdir(own_folder) == ["drops.astfx"]


def test_a_pair_is_renamed_to_one_file(drops: Preset, own_folder: Path) -> None:
    own_folder.mkdir()
    drops.save(own_folder / "drops.toml")
    presets.rename("drops", "Drops")
    assert os.listdir(own_folder) == ["drops.astfx"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"nonsense",
        struct.pack("<Q", 2**60) + b"{}",
        struct.pack("<Q", 2) + b"[]",
        struct.pack("<Q", 2) + b"{}",
        struct.pack("<Q", 2**16) + b"[" * 2**16,
        struct.pack("<Q", 35) + b'{"__metadata__":{"astfx-preset":3}}',
    ],
)
def test_a_damaged_file_has_no_title(data: bytes, tmp_path: Path) -> None:
    for name in ("a.astfx", "a.toml"):
        (tmp_path / name).write_bytes(data)
        assert title_in(tmp_path / name) == ""
    assert title_in(tmp_path / "missing.toml") == ""


def test_letters_are_compared_in_any_form() -> None:
    assert folded("Ａｂ ｃ") == folded("abc")
    assert folded("É") == folded("E\u0301") == folded("é")
    assert folded("雨") != folded("雪")
