from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from astfx.presets import Preset, factory_folder
from presets.build import LARGEST_BYTES, MAX_FRAMES, built, main, sizes
from presets.synthesis import FAMILIES, SOUNDS

ROOT = Path(__file__).parents[2]
SIMD = np.show_config(mode="dicts")["SIMD Extensions"]
OLD_PROCESSOR = {
    "ATEN_CPU_CAPABILITY": "default",
    "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
    "OPENBLAS_CORETYPE": "Nehalem",
    "NPY_DISABLE_CPU_FEATURES": " ".join(SIMD["found"]),
}


@pytest.mark.parametrize("name", ["rain", pytest.param("bells", marks=pytest.mark.slow)])
def test_the_library_is_built_the_same_twice(name: str, tmp_path: Path) -> None:
    """Once by the command without the instructions of newer processors, once in this process."""
    command = [sys.executable, "-m", "presets.build", name, "--into", str(tmp_path)]
    subprocess.run(command, check=True, cwd=ROOT, env={**os.environ, **OLD_PROCESSOR})
    (tmp_path / "again").mkdir()
    built(name).save(tmp_path / "again" / f"{name}.toml")
    for file in (f"{name}.toml", f"{name}.safetensors"):
        assert (tmp_path / file).read_bytes() == (tmp_path / "again" / file).read_bytes()


@pytest.mark.parametrize("name", ["hail", "gong"])
def test_what_is_committed_is_what_the_script_builds(name: str) -> None:
    made, kept = built(name), Preset.load(factory_folder() / f"{name}.toml")
    assert made.description == kept.description
    assert {**made.provenance, "astfx_version": ""} == {**kept.provenance, "astfx_version": ""}
    assert set(made.tensors) == set(kept.tensors)
    for key, tensor in made.tensors.items():
        assert torch.equal(tensor, kept.tensors[key]), key


def test_the_library_is_complete_described_and_small() -> None:
    folder = factory_folder()
    assert {path.stem for path in folder.glob("*.toml")} == set(SOUNDS)
    assert {path.stem for path in folder.glob("*.safetensors")} == set(SOUNDS)
    assert len(FAMILIES) >= 8
    count, _, deflated = sizes(folder)
    assert count == len(SOUNDS)
    assert deflated <= LARGEST_BYTES
    for name, sound in SOUNDS.items():
        preset = Preset.load(folder / f"{name}.toml")
        assert (preset.name, preset.title) == (name, sound.title)
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
