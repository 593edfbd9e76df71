"""The commands `weights`, `train`, `distill` and `compare`, run in this process."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from astfx.audio import Waveform
from astfx.networks import soundnet, vgg
from astfx.recipes import RECIPES
from tests.conftest import Run

RATE = 22050


@pytest.fixture(autouse=True)
def own_weights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty folder for the user's weights."""
    monkeypatch.setenv("ASTFX_WEIGHTS", str(tmp_path / "weights"))


@pytest.fixture
def clips(tmp_path: Path, melody: Waveform, rain: Waveform) -> tuple[Path, Path]:
    content, style = tmp_path / "content.wav", tmp_path / "style.wav"
    soundfile.write(content, melody[0, :RATE], RATE)
    soundfile.write(style, rain[0, : 2 * RATE], RATE)
    return content, style


def test_weights_are_added_and_listed(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "vgg19.pth"
    torch.save(vgg.random_state(0), path)
    code, out, err = run("weights", "add", "vgg19", path)
    assert code == 0, err
    assert out.startswith(str(tmp_path / "weights" / "vgg19.safetensors"))
    assert "weights of vgg19, 80.1 MB" in out
    code, out, _ = run("weights", "list")
    assert code == 0
    assert str(tmp_path / "weights" / "vgg19.safetensors") in out
    assert "soundnet runs on seeded random weights" in out


def test_weights_of_another_network_are_one_sentence(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "w.pth"
    torch.save(soundnet.random_state(0), path)
    code, _, err = run("weights", "add", "vgg19", path)
    assert code == 2
    assert err.strip() == "astfx: weights for vgg19 lack the tensor 'features.0.weight'"
    assert not (tmp_path / "weights").exists()


def test_train_writes_weights_and_a_picture(run: Run, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for label, slope in (("dull", 0.9), ("bright", -0.9)):
        (tmp_path / "data" / label).mkdir(parents=True)
        for take in range(8):
            noise = rng.standard_normal(6000)
            noise[1:] += slope * noise[:-1]
            soundfile.write(tmp_path / "data" / label / f"{take}.wav", 0.05 * noise, 8000)
    output = tmp_path / "w.safetensors"
    code, out, err = run(
        "train", "audio-cnn", tmp_path / "data", "-o", output, "--epochs", 2, "--seconds", 0.5,
        "--provenance", "noise",
    )  # fmt: skip
    assert code == 0, err
    assert "2 classes" in out
    assert "held-out clips are right" in out
    assert (tmp_path / "w.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert run("weights", "add", "audio-cnn", output)[0] == 0
    code, _, err = run("train", "audio-cnn", tmp_path / "none", "-o", output)
    assert code == 2
    assert err.strip() == f"astfx: data set '{tmp_path / 'none'}' is not a folder"
    code, _, err = run("train", "audio-cnn", tmp_path / "data", "-o", output, "--seconds", 0)
    assert (code, "seconds=0.0 must lie between 0.1 and 60" in err) == (2, True)
    astray = tmp_path / "none" / "w.safetensors"
    code, _, err = run("train", "audio-cnn", tmp_path / "data", "-o", astray)
    assert (code, err.strip()) == (2, f"astfx: weights file '{astray}': its folder does not exist")
    code, _, err = run("train", "audio-cnn", tmp_path / "data", "-o", output, "--resume")
    assert (code, "only a training that was interrupted leaves one" in err) == (2, True)
    code, _, err = run("train", "x", tmp_path, "-o", output, "--plot", "curves.bmp")
    assert (code, "must end in .png" in err) == (2, True)


def test_an_interrupted_training_says_how_to_go_on(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*arguments: object, **named: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("astfx.networks.train.train", interrupted)
    code, _, err = run("train", "audio-cnn", tmp_path, "-o", tmp_path / "w.safetensors")
    assert code == 130
    assert err.strip() == "astfx: interrupted: --resume continues after the last complete epoch"


@pytest.mark.parametrize("name", list(RECIPES))
def test_recipes_render(name: str, run: Run, clips: tuple[Path, Path], tmp_path: Path) -> None:
    content, style = clips
    output, report = tmp_path / "o.wav", tmp_path / "o.json"
    small = ["--set", "filters=64"] if RECIPES[name].settings["method"] == "shallow-cnn" else []
    code, out, err = run(
        "render", content, "-s", style, "-o", output, "--recipe", name, "--iterations", 1,
        "--phase-iterations", 2, "--report", report, *small,
    )  # fmt: skip
    assert code == 0, err
    settings = json.loads(report.read_text())["settings"]
    assert settings["method"] == RECIPES[name].settings["method"]
    assert settings["iterations"] == 1
    for key, value in RECIPES[name].options.items():
        if key != "filters":
            assert settings["options"][key] == (list(value) if isinstance(value, tuple) else value)
    if name == "iiit-vadodara":
        assert "vgg19 runs on seeded random weights" in out


def test_an_unknown_recipe_is_refused(run: Run, clips: tuple[Path, Path], tmp_path: Path) -> None:
    content, style = clips
    code, _, err = run("render", content, "-s", style, "-o", tmp_path / "o.wav", "--recipe", "9")
    assert code == 2
    assert err.strip() == f"astfx: recipe='9' must be one of {', '.join(RECIPES)}"


def test_distill_then_render(run: Run, clips: tuple[Path, Path], tmp_path: Path) -> None:
    content, style = clips
    kept, output = tmp_path / "rain.safetensors", tmp_path / "o.wav"
    code, out, err = run(
        "distill", style, "-o", kept, "--sample-rate", RATE, "--steps", 2, "--phrases", 2
    )
    assert code == 0, err
    assert out.startswith(f"{kept}: feed-forward network for 22050 Hz")
    code, _, err = run("render", content, "-s", kept, "-o", output, "--method", "feed-forward")
    assert code == 0, err
    assert soundfile.info(output).frames == RATE
    code, _, err = run("distill", style, "-o", tmp_path / "rain.wav")
    assert (code, "must end in .safetensors" in err) == (2, True)


def test_a_distilled_preset_is_used_by_its_name(
    run: Run, clips: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASTFX_PRESETS", str(tmp_path / "presets"))
    content, _ = clips
    small = ["--set", "teacher_iterations=2", "--set", "hidden=16"]
    code, out, err = run(
        "distill", "rain", "--sample-rate", RATE, "--steps", 2, "--phrases", 2, *small
    )
    assert code == 0, err
    kept = Path(out.split(": feed-forward network for 22050 Hz")[0])
    assert kept.parent == tmp_path / "presets" / "distilled"
    # A second training would give other numbers, so the render used the network that was saved.
    monkeypatch.setattr("astfx.methods.feed_forward._lessons", lambda *a: pytest.fail("trained"))
    rendered = {}
    for style in ("rain", kept):
        output = tmp_path / "o.wav"
        code, _, err = run(
            "render", content, "-s", style, "-o", output, "--method", "feed-forward",
            "--set", "hidden=16",
        )  # fmt: skip
        assert code == 0, err
        rendered[style] = output.read_bytes()
    assert rendered["rain"] == rendered[kept]
    code, out, err = run("presets", "list")
    assert "distilled" not in out


def test_a_sound_is_distilled_into_a_file(run: Run, clips: tuple[Path, Path]) -> None:
    code, _, err = run("distill", clips[1])
    assert code == 2
    assert err.strip() == (
        f"astfx: the network of an audio file needs an output: astfx distill {clips[1]} -o "
        "FILE.safetensors (only that of a preset is saved with the presets)"
    )
    code, _, err = run("distill", "rainn")
    assert (code, "there is no preset 'rainn'" in err) == (2, True)


@pytest.mark.usefixtures("unscored")
def test_compare_writes_a_page(run: Run, clips: tuple[Path, Path], tmp_path: Path) -> None:
    folder = tmp_path / "comparison"
    code, out, err = run(
        "compare", *clips, "-o", folder, "--methods", "adain, histogram", "--quality", "draft"
    )
    assert code == 0, err
    assert out.strip() == f"{folder / 'index.html'}: 2 methods side by side, to open in a browser"
    code, _, err = run("compare", *clips, "-o", folder, "--methods", "x")
    assert (code, "method='x' must be one of" in err) == (2, True)
