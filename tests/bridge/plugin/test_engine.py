"""The engine in C++ equals the engine `live` in Python."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from astfx_bridge import building

import astfx
from astfx import Preset
from astfx.audio import Waveform
from astfx.plan import RenderPlan
from astfx.presets import find
from astfx.settings import Settings
from astfx.streaming.engines import _style_frames, engine_shape
from astfx.streaming.live import LiveEngine
from astfx.streaming.streamer import latency_samples
from tests.bridge.plugin.conftest import music
from tests.bridge.plugin.engine import Engine, NativeEffect, NativePreset, NativeStage, blocks

pytestmark = pytest.mark.hosts

RATES = (22_050, 32_000, 44_100, 48_000, 88_200, 96_000, 176_400, 192_000)
FRAMES_TOLERANCE = 1e-5  # log magnitude
OUTPUT_TOLERANCE_DB = -90.0  # RMS of the difference, relative to the output
LARGEST_DIFFERENCE = 2e-4  # full scale = 1


def python_frames(name: str, rate: int) -> Waveform:
    targets = find(name).targets(RenderPlan.of(Settings(), rate))
    return _style_frames(targets, rate, Settings())


def assert_equal(native: Waveform, python: Waveform) -> None:
    """Equal within the stated tolerance."""
    difference = native.astype(np.float64) - python
    rms = np.sqrt(np.square(difference).mean() / np.square(python, dtype=np.float64).mean())
    assert np.abs(difference).max() < LARGEST_DIFFERENCE
    assert 20.0 * np.log10(rms + 1e-12) < OUTPUT_TOLERANCE_DB


@pytest.mark.parametrize("size", [0, 3, 55, 56, 63, 64, 65, 119, 1000])
def test_sha256(engine: Engine, size: int) -> None:
    data = bytes(k * 37 % 256 for k in range(size))
    assert engine.sha256(data) == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("rate", [8_000, 11_025, 12_345, 16_000, 24_000, 47_999, *RATES])
def test_the_grid_and_the_latency_are_pythons(engine: Engine, rate: int) -> None:
    hop, delay = engine_shape("live", rate, Settings())
    assert engine.shape(rate) == (8 * hop, hop, latency_samples(hop, delay))
    assert latency_samples(hop, delay) == astfx.StyleTransfer(
        "rain", engine="live"
    ).latency_samples_at(rate)


def test_every_factory_preset_is_read(engine: Engine, presets: Path) -> None:
    paths = sorted(presets.glob("*.toml"))
    assert len(paths) >= 40
    for path in paths:
        preset = Preset.load(path)
        name, family, digest = NativePreset(engine, path).texts
        assert (name, family) == (preset.name, preset.family)
        assert digest in path.read_text("utf-8")


@pytest.mark.parametrize("rate", RATES)
def test_the_styles_frames_are_pythons(engine: Engine, presets: Path, rate: int) -> None:
    native = NativePreset(engine, presets / "rain.toml").frames(rate)
    np.testing.assert_allclose(native, python_frames("rain", rate), atol=FRAMES_TOLERANCE)


def test_a_blends_frames_are_pythons(engine: Engine, tmp_path: Path) -> None:
    blend = Preset.blend({"rain": 0.7, "bells": 0.3}, name="mixed")
    blend.save(tmp_path / "mixed.astfx")
    native = NativePreset(engine, tmp_path / "mixed.astfx").frames(48_000)
    targets = blend.targets(RenderPlan.of(Settings(), 48_000))
    python = _style_frames(targets, 48_000, Settings())
    np.testing.assert_allclose(native, python, atol=FRAMES_TOLERANCE)


def test_a_short_styles_frames_are_repeated_as_in_python(engine: Engine, tmp_path: Path) -> None:
    click = 0.1 * np.random.default_rng(0).standard_normal(6_000)
    preset = Preset.from_audio(click, name="click", sample_rate=44_100)
    preset.save(tmp_path / "click.astfx")
    native = NativePreset(engine, tmp_path / "click.astfx").frames(44_100)
    targets = preset.targets(RenderPlan.of(Settings(), 44_100))
    python = _style_frames(targets, 44_100, Settings())
    np.testing.assert_allclose(native, python, atol=FRAMES_TOLERANCE)


def test_a_factory_preset_is_packed_as_python_reads_it(
    engine: Engine, presets: Path, tmp_path: Path
) -> None:
    (tmp_path / "rain.astfx").write_bytes(engine.packed(presets / "rain.toml"))
    packed, original = Preset.load(tmp_path / "rain.astfx"), find("rain")
    assert packed.name == original.name
    assert packed.tensors["frames"].equal(original.tensors["frames"])
    digests = [NativePreset(engine, path).texts for path in tmp_path.iterdir()]
    assert digests == [NativePreset(engine, presets / "rain.toml").texts]


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", RATES)
def test_the_stage_is_pythons(engine: Engine, rate: int, channels: int) -> None:
    frames = python_frames("rain", rate)
    python, native = LiveEngine(frames, rate, channels), NativeStage(engine, frames, rate, channels)
    hop = python.hop_length
    outputs: tuple[list[Waveform], list[Waveform]] = ([], [])
    clip = music(rate, channels, 4.0)
    for index, block in enumerate(blocks(clip[:, : clip.shape[1] // hop * hop], [hop])):
        strength = 0.5 if index % 50 > 40 else 1.0
        outputs[0].append(native.process(block, strength))
        outputs[1].append(python.process(np.ascontiguousarray(block), np.array([strength])))
    assert_equal(np.concatenate(outputs[0], axis=1), np.concatenate(outputs[1], axis=1))


@pytest.mark.parametrize("name", ["bells", "wind", "clockwork"])
def test_styles_of_other_kinds(engine: Engine, presets: Path, name: str) -> None:
    clip = music(48_000, 2, 12.0, seed=1)
    effect = astfx.StyleTransfer(name, engine="live")
    python = effect.process(clip, 48_000, reset=False)
    native = NativeEffect(engine, 48_000, 2, NativePreset(engine, presets / f"{name}.toml"))
    assert_equal(native.run(clip, [512])[:, native.latency :], python)


@pytest.mark.parametrize("sizes", [[1], [64], [512], [8192], [1, 999, 37, 4096]])
@pytest.mark.parametrize("rate", [44_100, 96_000])
def test_the_effect_is_pythons_in_any_blocks(
    engine: Engine, presets: Path, rate: int, sizes: list[int]
) -> None:
    clip = music(rate, 2, 2.0)
    effect = astfx.StyleTransfer("rain", engine="live", strength=0.7, mix=0.8)
    python = effect.process(clip, rate, reset=False)
    native = NativeEffect(engine, rate, 2, NativePreset(engine, presets / "rain.toml"))
    native.set(strength=0.7, mix=0.8)
    output = native.run(clip, sizes)
    assert native.latency == effect.latency_samples_at(rate)
    assert not output[:, : native.latency].any()
    assert_equal(output[:, native.latency :], python)


def test_a_morph_is_pythons(engine: Engine, presets: Path) -> None:
    clip = music(48_000, 2, 3.0)
    effect = astfx.StyleTransfer("rain", engine="live", morph_to="bells", morph=0.4)
    rain, bells = (NativePreset(engine, presets / f"{n}.toml") for n in ("rain", "bells"))
    native = NativeEffect(engine, 48_000, 2, rain, bells)
    native.set(morph=0.4)
    python = effect.process(clip, 48_000, reset=False)
    assert_equal(native.run(clip, [480])[:, native.latency :], python)


def test_changes_of_controls_are_ramped_as_in_python(engine: Engine, presets: Path) -> None:
    clip = music(48_000, 1, 4.0)
    effect = astfx.StyleTransfer("rain", engine="live", morph_to="bells")
    rain, bells = (NativePreset(engine, presets / f"{n}.toml") for n in ("rain", "bells"))
    native = NativeEffect(engine, 48_000, 1, rain, bells)
    steps = [(1.0, 1.0, 0.0), (0.4, 1.0, 0.0), (0.0, 1.0, 0.0), (1.0, 0.5, 0.6), (1.0, 1.0, 0.3)]
    outputs: tuple[list[Waveform], list[Waveform]] = ([], [])
    for index, block in enumerate(blocks(clip, [512])):
        strength, mix, morph = steps[index // 80 % len(steps)]
        effect.strength, effect.mix, effect.morph = strength, mix, morph
        native.set(strength=strength, mix=mix, morph=morph)
        outputs[0].append(native.process(block))
        outputs[1].append(effect.process(block, 48_000, reset=False))
    python = np.concatenate(outputs[1], axis=1)
    assert_equal(np.concatenate(outputs[0], axis=1)[:, native.latency :], python)


def test_a_change_of_style_fades_in_as_in_python(engine: Engine, presets: Path) -> None:
    clip = music(48_000, 1, 3.0)
    effect = astfx.StyleTransfer("rain", engine="live")
    effect.prepare(48_000, 1, 560)
    rain, bells = (NativePreset(engine, presets / f"{n}.toml") for n in ("rain", "bells"))
    native = NativeEffect(engine, 48_000, 1, rain)
    outputs: tuple[list[Waveform], list[Waveform]] = ([], [])
    for index, block in enumerate(blocks(clip, [560])):  # hops
        if index == 100:
            effect.style = "bells"
            preparation = effect._preparation
            assert preparation is not None
            preparation.join()
            native.change(bells)
        outputs[0].append(native.process(block))
        outputs[1].append(effect.process(block, 48_000, reset=False))
    python = np.concatenate(outputs[1], axis=1)
    assert_equal(np.concatenate(outputs[0], axis=1)[:, native.latency :], python)


def test_changes_of_style_are_heard_at_the_same_sample_in_any_blocks(
    engine: Engine, presets: Path
) -> None:
    clip = music(48_000, 1, 3.0)
    styles = [
        NativePreset(engine, presets / f"{n}.toml") for n in ("rain", "bells", "wind", "choir")
    ]
    outputs = []
    for sizes in ([480], [64, 1000], [4096]):
        native = NativeEffect(engine, 48_000, 1, styles[0])
        parts = []
        for index, quarter in enumerate(np.array_split(clip, 12, axis=1)):
            if 0 < index < 4:  # faster than the fades
                native.change(styles[index], styles[index - 1])
                native.set(morph=0.3)
            parts.append(native.run(quarter, sizes))
            native.empty_trash()
        outputs.append(np.concatenate(parts, axis=1))
    np.testing.assert_array_equal(outputs[0], outputs[1])
    np.testing.assert_array_equal(outputs[0], outputs[2])


def test_without_strength_or_mix_the_output_is_the_input_bit_for_bit(
    engine: Engine, presets: Path
) -> None:
    clip = music(48_000, 2, 1.0)
    for settings in ({"strength": 0.0}, {"mix": 0.0}, {"bypass": 1.0}):
        native = NativeEffect(engine, 48_000, 2, NativePreset(engine, presets / "rain.toml"))
        native.set(**settings)  # type: ignore[arg-type]
        output = native.run(clip, [333])[:, native.latency :]
        np.testing.assert_array_equal(output, clip[:, : output.shape[1]])


def test_without_a_style_the_output_is_the_input_bit_for_bit(engine: Engine) -> None:
    clip = music(44_100, 2, 1.0)
    output = NativeEffect(engine, 44_100, 2).run(clip, [256])
    latency = engine.shape(44_100)[2]
    np.testing.assert_array_equal(output[:, latency:], clip[:, : clip.shape[1] - latency])


def test_an_impulse_is_late_by_the_latency(engine: Engine, presets: Path) -> None:
    clip = np.zeros((1, 20_000), np.float32)
    clip[0, 5_000] = 0.5
    native = NativeEffect(engine, 48_000, 1, NativePreset(engine, presets / "rain.toml"))
    native.set(strength=0.0)
    assert int(native.run(clip, [512])[0].argmax()) == 5_000 + native.latency


def test_the_worker_thread_changes_no_bit(engine: Engine, presets: Path) -> None:
    clip = music(48_000, 2, 10.0)
    rain = NativePreset(engine, presets / "rain.toml")
    alone = NativeEffect(engine, 48_000, 2, rain).run(clip, [64])
    helped = NativeEffect(engine, 48_000, 2, rain, worker=True)
    np.testing.assert_array_equal(helped.run(clip, [64]), alone)


def test_the_output_gain_follows_the_input_of_its_time(engine: Engine) -> None:
    native = NativeEffect(engine, 48_000, 1)
    clip = np.full((1, 9_600), 0.25, np.float32)
    before = native.process(clip[:, :4_800])
    native.set(gain=2.0)
    output = np.concatenate([before, native.process(clip), native.process(clip)], axis=1)[0]
    at = 4_800 + native.latency
    ramp = round(0.02 * 48_000)
    assert (output[native.latency : at] == 0.25).all()
    assert (np.diff(output[at : at + ramp]) > 0.0).all()
    assert (output[at + ramp : -1] == 0.5).all()


@pytest.mark.parametrize(
    ("kind", "rate"), [("live", 48_000), ("live", 192_000), ("stream", 48_000)]
)
def test_the_audio_thread_neither_allocates_nor_locks_nor_calls_the_system(
    engine: Engine, build_folder: Path, presets: Path, kind: str, rate: int
) -> None:
    building.build(build_folder, "real_time")
    # The process of the engine `stream` takes a few seconds to start.
    seconds = "8" if kind == "live" else "25"
    program = [str(build_folder / "real_time"), str(rate), seconds, kind]
    variables = {
        **os.environ,
        "ASTFX_FACTORY_PRESETS": str(presets),
        "ASTFX_PYTHON": sys.executable,
    }
    for breaks in ("malloc", "getpid"):  # the hooks notice both
        noticed = subprocess.run([*program, breaks], capture_output=True, text=True, env=variables)
        assert noticed.returncode == 1, noticed.stdout
        assert noticed.stderr.strip() in ("malloc", "free", "system call 39")
    done = subprocess.run(program, capture_output=True, text=True, env=variables)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def fuzzed(folder: Path, presets: Path, step: int) -> str:
    """Run the program that fuzzes the engine, and return what it has printed."""
    styles = [str(presets / name) for name in ("rain.toml", "bells.toml")]
    variables = {**os.environ, "ASTFX_FACTORY_PRESETS": str(presets), "ASTFX_PRESETS": "/none"}
    done = subprocess.run(
        [str(folder / "fuzz"), *styles, str(step)], capture_output=True, text=True, env=variables
    )
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    return done.stdout


def test_what_no_host_should_do(engine: Engine, build_folder: Path, presets: Path) -> None:
    building.build(build_folder, "fuzz")
    shown = fuzzed(build_folder, presets, 1)
    assert "blocks of stream: sizes from 0 to 8192 in steps of 1\n" in shown
    assert shown.endswith("rings: done\n")


@pytest.mark.slow
@pytest.mark.parametrize("sanitizer", ["address,undefined", "thread"])
def test_what_no_host_should_do_under_a_sanitizer(
    build_folder: Path, presets: Path, sanitizer: str
) -> None:
    folder = build_folder.with_name(f"plugin-{sanitizer.partition(',')[0]}")
    building.build(folder, "fuzz", ASTFX_SANITIZE=sanitizer)
    assert fuzzed(folder, presets, 61).endswith("rings: done\n")
