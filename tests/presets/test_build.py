from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from astfx.presets import Preset, factory_folder
from presets.build import LARGEST_BYTES, MAX_FRAMES, built, main
from presets.synthesis import FAMILIES, SOUNDS

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", ["rain", pytest.param("bells", marks=pytest.mark.slow)])
def test_the_library_is_built_the_same_twice(name: str, tmp_path: Path) -> None:
    """By the command in a process of its own, and here."""
    command = [sys.executable, "-m", "presets.build", name, "--into", str(tmp_path)]
    subprocess.run(command, check=True, cwd=ROOT)
    (tmp_path / "again").mkdir()
    built(name).save(tmp_path / "again" / f"{name}.toml")
    for file in (f"{name}.toml", f"{name}.safetensors"):
        assert (tmp_path / file).read_bytes() == (tmp_path / "again" / file).read_bytes()


@pytest.mark.parametrize("name", ["hail", "gong"])
def test_what_is_committed_is_what_the_script_builds(name: str) -> None:
    """To within what processors differ by: a step of the frames, a thousandth elsewhere."""
    made, kept = built(name), Preset.load(factory_folder() / f"{name}.toml")
    assert made.description == kept.description
    assert {**made.provenance, "astfx_version": ""} == {**kept.provenance, "astfx_version": ""}
    assert set(made.tensors) == set(kept.tensors)
    for key, tensor in made.tensors.items():
        if tensor.dtype == torch.uint8:
            difference = tensor.int() - kept.tensors[key].int()
            assert int(difference.abs().max()) <= 1
            assert float((difference != 0).float().mean()) < 0.01
        else:
            assert torch.allclose(tensor.double(), kept.tensors[key].double(), rtol=1e-3, atol=1e-3)


def test_the_library_is_whole_described_and_small() -> None:
    folder = factory_folder()
    assert {path.stem for path in folder.glob("*.toml")} == set(SOUNDS)
    assert {path.stem for path in folder.glob("*.safetensors")} == set(SOUNDS)
    assert len(FAMILIES) >= 8
    total = sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
    assert total <= LARGEST_BYTES
    for name, sound in SOUNDS.items():
        preset = Preset.load(folder / f"{name}.toml")
        assert preset.name == name
        assert (preset.author, preset.licence) == ("astfx", "CC0-1.0")
        assert (preset.family, preset.tags) == (sound.family, sound.tags)
        assert preset.description == sound.description
        assert preset.provenance["script"] == f"python -m presets.build {name}"
        assert len(preset.tensors["frames"]) == MAX_FRAMES


def test_an_unknown_sound_is_not_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["build", "rian", "--into", str(tmp_path)])
    with pytest.raises(SystemExit, match="there is no sound 'rian'"):
        main()
    assert not list(tmp_path.iterdir())
