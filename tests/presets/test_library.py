from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
import soundfile

import astfx
from astfx import presets
from astfx.audio import Waveform
from astfx.errors import AudioFileError, InvalidSettingError, PresetError, PresetNotFoundError
from astfx.presets import Preset

RATE = 22_050


def test_the_users_presets_override_the_factorys(drops: Preset, own_folder: Path) -> None:
    assert presets.find("rain").author == "astfx"
    kept = presets.keep(replace(drops, name="rain"))
    assert kept == own_folder / "rain.astfx"
    assert presets.find("rain").author == "Ada"
    assert dict(presets.paths())["rain"] == kept
    assert presets.names().count("rain") == 1
    kept.unlink()
    assert presets.find("rain").author == "astfx"


def test_what_is_kept_is_not_replaced_unasked(drops: Preset, own_folder: Path) -> None:
    presets.keep(drops)
    with pytest.raises(PresetError, match="preset 'drops' exists in"):
        presets.keep(drops.with_settings(mix=0.5))
    presets.keep(drops.with_settings(mix=0.5), replace=True)
    assert presets.find("drops").settings["mix"] == 0.5


def test_a_pair_counts_as_kept(drops: Preset, own_folder: Path) -> None:
    own_folder.mkdir()
    drops.save(own_folder / "drops.toml")
    assert presets.find("drops").author == "Ada"
    with pytest.raises(PresetError, match="exists"):
        presets.keep(drops)


def test_files_of_other_names_are_no_presets(own_folder: Path) -> None:
    own_folder.mkdir()
    for name in ("My Rain.astfx", "notes.txt", ".hidden.astfx", "UPPER.toml"):
        (own_folder / name).write_text("x")
    (own_folder / "folder.astfx").mkdir()
    assert all(path.parent == presets.factory_folder() for _, path in presets.paths())


def test_a_folder_that_cannot_be_made_is_refused(
    drops: Preset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("ASTFX_PRESETS", str(tmp_path / "file" / "own"))
    with pytest.raises(AudioFileError, match=r"folder '.*own' cannot be made"):
        presets.keep(drops)


@pytest.mark.parametrize("name", ["../rain", "rain/../rain", "", "a" * 65, "-"])
def test_what_is_no_name_is_not_found(name: str, own_folder: Path) -> None:
    with pytest.raises(PresetNotFoundError, match=f"there is no preset '{re.escape(name)}'"):
        presets.find(name)


@pytest.mark.parametrize(
    "name", ["hand-drums", "Hand Drums", "HandDrums", "hand_drums", " hand  drums"]
)
def test_names_are_found_without_regard_to_case_spaces_and_hyphens(
    name: str, own_folder: Path
) -> None:
    assert presets.find(name).name == "hand-drums"
    found = presets.resolve(name)
    assert found is not None
    assert found.name == "hand-drums"


def test_a_file_overrides_a_preset_of_a_similar_name(
    own_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("Rain").write_text("x")
    assert presets.resolve("Rain") is None
    assert presets.resolve("rain") is not None


def test_an_unknown_name_is_answered_with_the_nearest(own_folder: Path) -> None:
    with pytest.raises(PresetNotFoundError, match="there is no preset 'bels': did you mean bells"):
        presets.find("bels")
    with pytest.raises(PresetNotFoundError, match="`astfx presets list` shows them"):
        presets.find("xylophone-of-doom-42")


def test_a_style_is_a_preset_if_it_is_one_or_names_one(
    drops: Preset, own_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    drops.save("drops.astfx")
    assert presets.resolve(drops) is drops
    for given in ("drops.astfx", Path("drops.astfx"), str(tmp_path / "drops.astfx")):
        found = presets.resolve(given)
        assert found is not None
        assert found.name == "drops"
    assert presets.resolve("rain") is not None
    for other in ("rain.wav", "./rain", "-", "voice.safetensors", None, 3):
        assert presets.resolve(other) is None


def test_a_file_without_a_suffix_is_a_style_where_no_preset_has_its_name(
    own_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PresetNotFoundError, match="there is no preset 'thing'"):
        presets.resolve("thing")
    Path("thing").write_text("x")
    assert presets.resolve("thing") is None


def test_every_function_takes_a_preset_by_name_object_and_file(
    drops: Preset, melody: Waveform, own_folder: Path, tmp_path: Path
) -> None:
    content = melody[:, :RATE]
    soundfile.write(tmp_path / "in.wav", content.T, RATE, subtype="FLOAT")
    presets.keep(drops)
    settings = astfx.Settings(iterations=1, quality="draft")
    outputs = set()
    styles: list[str | Preset | Path] = ["drops", drops, own_folder / "drops.astfx"]
    for index, style in enumerate(styles):
        output = astfx.transfer(content, style, RATE, iterations=1, quality="draft", strength=1.0)
        target = tmp_path / f"{index}.wav"
        astfx.transfer_file(tmp_path / "in.wav", style, target, settings)
        outputs.add((output.tobytes(), target.read_bytes()))
    assert len(outputs) == 1


def test_a_preset_has_its_own_sample_rate(drops: Preset, melody: Waveform) -> None:
    with pytest.raises(InvalidSettingError, match="style_sample_rate=8000 is for a style that is"):
        astfx.transfer(melody, drops, RATE, style_sample_rate=8000)
