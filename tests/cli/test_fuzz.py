"""Random options on nasty files: each command ends with a complete result, or with a sentence."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from astfx.settings import RENDER_TABLE
from tests.conftest import Run

RATE = 8000
NUMBERS: tuple[Any, ...] = (0, 0.3, 1, -1, 2, 7.5, 1e9, "nan", "inf", "x", "")
GOOD = ("good.wav", "loud.wav", "stereo.flac", "many.wav", "short.wav", "voice.mp3")
OUTPUTS = (
    "o.wav", "o.flac", "o.mp3", "o.ogg", "o.opus", "o.aiff", "o.m4a", "o", "o.xyz", "no/o.wav",
    "good.wav", "folder.wav", "out/", ".", "", "o.raw", "ü 🎵.wav", "-.wav",
)  # fmt: skip
WORDS = ("", "x", "auto", "ü", "gram", "../x", "-", "a=b", "🎵", "x" * 300)


@pytest.fixture
def sounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of files that are good, strange or broken, which is the current folder."""
    monkeypatch.setenv("ASTFX_PRESETS", str(tmp_path / "presets"))
    monkeypatch.setattr("astfx.audio.ffmpeg.program", lambda: None)
    folder = tmp_path / "sounds"
    folder.mkdir()
    monkeypatch.chdir(folder)
    rng = np.random.default_rng(0)
    noise = 0.2 * rng.standard_normal(RATE // 2)
    soundfile.write("good.wav", noise, RATE)
    soundfile.write("loud.wav", 6.0 * noise, RATE, subtype="FLOAT")
    soundfile.write("stereo.flac", np.stack([noise, noise[::-1]], axis=1), 22_050)
    soundfile.write("many.wav", np.stack([noise[:900]] * 32, axis=1), RATE)
    soundfile.write("too-many.wav", np.stack([noise[:90]] * 33, axis=1), RATE)
    soundfile.write("one.wav", noise[:1], RATE)
    soundfile.write("short.wav", noise[:40], RATE)
    soundfile.write("silent.wav", np.zeros(RATE // 2), RATE)
    soundfile.write("low.wav", noise, 4000)
    soundfile.write("high.wav", noise, 192_000)
    soundfile.write("nan.wav", np.where(noise > 0.3, np.nan, noise), RATE, subtype="FLOAT")
    soundfile.write("a b'\"ü 🎵.ogg", noise, RATE)
    soundfile.write("voice.mp3", noise, RATE)
    Path("empty.wav").touch()
    Path("text.wav").write_text("not audio\n" * 90)
    Path("text.m4a").write_text("not audio\n" * 90)
    Path("cut.flac").write_bytes(Path("stereo.flac").read_bytes()[:3000])
    Path("cut.wav").write_bytes(Path("good.wav").read_bytes()[:3000])
    Path("folder.wav").mkdir()
    Path("rain").mkdir()
    Path("preset.astfx").write_bytes(b"not a preset")
    Path("style.safetensors").write_bytes(b"\xff" * 99)
    return folder


def some_file(rng: random.Random) -> str:
    if rng.random() < 0.6:
        return rng.choice(GOOD)
    there = sorted(path.name for path in Path().iterdir())
    return rng.choice([*there, "missing.wav", "x" * 300])


def some_style(rng: random.Random) -> str:
    return rng.choice([some_file(rng), *GOOD, "hail", "Glass", "bells", "rian", "rain.wav", ""])


def some_output(rng: random.Random) -> str:
    return rng.choice(OUTPUTS if rng.random() < 0.4 else OUTPUTS[:5])


def some_settings(rng: random.Random) -> list[Any]:
    """Up to three settings: some with a value that is allowed, some with any value."""
    found: list[Any] = []
    for name in rng.sample(sorted(RENDER_TABLE), rng.randint(0, 3)):
        row = RENDER_TABLE[name]
        if row.type is dict:
            found += ["--set", rng.choice(["bias=0.4", "bias=x", "kernel_ms=23,255", *WORDS])]
        elif row.type is bool:
            found.append(f"--{row.short.replace('_', '-')}")
        else:
            allowed = row.choices or ((row.low, row.default) if row.type is not str else ("gram",))
            chosen = rng.choice(allowed if rng.random() < 0.85 else (*NUMBERS, *WORDS))
            if chosen is not None:
                found += [f"--{row.short.replace('_', '-')}", chosen]
    return found


def render(rng: random.Random) -> list[Any]:
    contents = [some_file(rng) for _ in range(rng.choice([1, 1, 1, 1, 1, 2]))]
    words: list[Any] = ["render", *contents, "-s", some_style(rng), "-o", some_output(rng)]
    words += ["--quality", "draft", "--iterations", 1, *some_settings(rng)]
    extras: list[list[Any]] = [
        ["--float"], ["--peak", rng.choice(["limit", "scale", "clip", "x"])],
        ["--start", rng.choice(NUMBERS)], ["--seconds", rng.choice(NUMBERS)],
        ["--sample-rate", rng.choice([8000, 44_100, 1, "x"])],
        ["--bitrate", rng.choice([64, 128, *NUMBERS])], ["--quiet"],
        ["--report", rng.choice(["r.json", "o.wav", "no/r.json", "folder.wav"])],
        ["--recipe", rng.choice(["ulyanov-2016", "x"])],
    ]  # fmt: skip
    for extra in rng.sample(extras, rng.choice([0, 0, 1, 2])):
        words += extra
    return words


def preset(rng: random.Random) -> list[Any]:
    name = rng.choice(["x", "Glass", "hail", "", "../x", "ü", "preset.astfx", "x" * 70])
    return ["presets", *rng.choice([
        ["make", some_file(rng), "--name", name, "--tags", rng.choice(WORDS)],
        ["show", name], ["remove", name], ["rename", name, "y"], ["verify", some_file(rng)],
        ["edit", name, "--description", rng.choice(WORDS), "--strength", rng.choice(NUMBERS)],
        ["import", some_file(rng)], ["export", name, rng.choice(["e.astfx", "e.toml", "e.x"])],
        ["blend", f"{name}={rng.choice(NUMBERS)}", "hail=1", "--name", "b"],
        ["list", "--search", rng.choice(WORDS), rng.choice(["--names", "--json"])],
    ])]  # fmt: skip


def other(rng: random.Random) -> list[Any]:
    return rng.choice([
        ["prepare", some_style(rng), "-o", rng.choice(["p.safetensors", "p.x", "no/p.safetensors"]),
         "--sample-rate", rng.choice([8000, 1, "x"])],
        ["score", some_file(rng), "-c", some_file(rng), "-s", some_style(rng)],
        ["methods", "--json"], ["doctor"], ["weights", "list"],
        ["weights", "add", "vgg19", some_file(rng)],
        ["train", "audio-cnn", some_file(rng), "-o", "w.safetensors"],
        ["train", "x", "rain", "-o", "w.safetensors", "--plot", "no/x.png"],
        [rng.choice(WORDS)], ["--version"], ["render", "--help"],
    ])  # fmt: skip


def snapshot(folder: Path) -> dict[Path, tuple[int, int]]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in files}


MAKERS: tuple[Callable[[random.Random], list[Any]], ...] = (render, render, render, preset, other)
READABLE = (".wav", ".flac", ".mp3", ".ogg", ".opus", ".aiff")


@pytest.mark.parametrize(
    ("first", "count"), [(0, 60), pytest.param(60, 500, marks=pytest.mark.slow)]
)
def test_any_options_on_any_files_end_well(
    first: int, count: int, run: Run, sounds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASTFX_WEIGHTS", str(sounds.parent / "weights"))
    originals = set(snapshot(sounds))
    for seed in range(first, first + count):
        rng = random.Random(seed)
        words = rng.choice(MAKERS)(rng)
        if any("\0" in str(word) for word in words):
            continue
        before = snapshot(sounds)
        code, out, err = run(*words)  # an exception fails the test with its traceback
        shown = f"seed {seed}: astfx {' '.join(map(repr, map(str, words)))}\n{out}{err}"
        assert code in (0, 1, 2), shown
        assert "Traceback" not in out + err, shown
        after = snapshot(sounds)
        assert not [path for path in after if ".part" in path.name], shown
        if code:
            assert err.strip(), shown
        new = [path for path in after if before.get(path) != after[path]]
        inputs = {str(word) for i, word in enumerate(words) if i == 0 or words[i - 1] != "-o"}
        assert not {path.name for path in new if path in originals} & inputs, shown
        for path in new:
            is_report = "--report" in words and words[words.index("--report") + 1] == path.name
            if path.suffix in READABLE and not is_report:
                assert soundfile.info(path).frames > 0, shown
            if path.name in OUTPUTS[:7]:
                path.unlink()
