"""The plugin in real hosts: pedalboard, jalv on JACK, ffmpeg, ecasound, and a host of CLAP."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pedalboard
import pytest
import soundfile
from astfx_bridge import building

import astfx
from astfx.audio import Waveform
from tests.bridge.plugin.clap_host import ClapPlugin
from tests.bridge.plugin.conftest import music
from tests.bridge.plugin.test_engine import assert_equal

pytestmark = pytest.mark.hosts

URI = "urn:astfx:plugin:stereo"
RATE = 48_000
JACK_TRIES = 3
PERCENT, DECIBEL = "%", "dB"


def needs(program: str) -> None:
    if shutil.which(program) is None and "ASTFX_HOSTS" not in os.environ:
        pytest.skip(f"needs {program}")


def vst3(bundles: Path, name: str = "astfx") -> Any:
    path = str(bundles / "vst3" / f"{name}.vst3")
    return pedalboard.load_plugin(path)  # type: ignore[attr-defined]


def python(clip: Waveform, rate: int, style: str = "rain", **settings: Any) -> Waveform:
    return np.asarray(astfx.StyleTransfer(style, engine="live", **settings)(clip, rate))


# --- pedalboard: VST3 --------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", [22_050, 44_100, 48_000, 96_000, 192_000])
def test_vst3_equals_the_effect(bundles: Path, rate: int, channels: int) -> None:
    clip = music(rate, channels, 3.0)
    plugin = vst3(bundles, "astfx-mono" if channels == 1 else "astfx")
    output = plugin(clip, rate)
    assert output.shape == clip.shape  # pedalboard compensates the latency
    assert_equal(output, python(clip, rate))
    latency = astfx.StyleTransfer("rain", engine="live").latency_samples_at(rate)
    assert plugin.reported_latency_samples == latency


@pytest.mark.parametrize("size", [32, 441, 8192])
def test_vst3_equals_the_effect_in_any_buffer_size(bundles: Path, size: int) -> None:
    clip = music(RATE, 2, 2.0)
    plugin = vst3(bundles)
    plugin.preset, plugin.strength, plugin.mix = "wind", 60.0, 80.0
    plugin.morph_to, plugin.morph = "crowd-murmur", 40.0
    output = plugin(clip, RATE, buffer_size=size)
    settings = {"strength": plugin.strength / 100.0, "mix": plugin.mix / 100.0}
    morph = {"morph_to": "crowd-murmur", "morph": plugin.morph / 100.0}
    assert_equal(output, python(clip, RATE, "wind", **settings, **morph))


def test_vst3_renders_the_same_bits_again(bundles: Path) -> None:
    clip = music(RATE, 2, 3.0)
    plugin = vst3(bundles)
    first = plugin(clip, RATE, buffer_size=512)
    np.testing.assert_array_equal(plugin(clip, RATE, buffer_size=480), first)
    np.testing.assert_array_equal(vst3(bundles)(clip, RATE), first)


def test_vst3_names_units_and_texts(bundles: Path) -> None:
    plugin = vst3(bundles)
    found = {p.name: (p.label, p.string_value) for p in plugin.parameters.values()}
    assert {name: found[name][0] for name in ("Strength", "Mix", "Morph", "Output gain")} == {
        "Strength": PERCENT,
        "Mix": PERCENT,
        "Morph": PERCENT,
        "Output gain": DECIBEL,
    }
    assert (found["Preset"][1], found["Morph to"][1]) == ("rain", "bells")
    assert "Bypass" in found


def test_vst3_gain_and_bypass(bundles: Path) -> None:
    clip = music(RATE, 2, 2.0)
    plugin = vst3(bundles)
    plain = plugin(clip, RATE)
    plugin.output_gain_db = 6.0
    factor = 10.0 ** (plugin.output_gain_db / 20.0)
    np.testing.assert_allclose(plugin(clip, RATE), factor * plain, rtol=1e-4, atol=1e-6)
    plugin.bypass = 1
    np.testing.assert_array_equal(plugin(clip, RATE), clip)


def test_vst3_a_change_of_preset_during_a_render_is_heard_at_the_same_sample(
    bundles: Path,
) -> None:
    clip = music(RATE, 2, 3.0)
    outputs = []
    for size in (512, 512, 480):
        plugin = vst3(bundles)
        first = plugin(clip[:, :RATE], RATE, buffer_size=size, reset=False)
        plugin.preset = "bells"
        rest = plugin(clip[:, RATE:], RATE, buffer_size=size, reset=False)
        outputs.append(np.concatenate([first, rest], axis=1))
    np.testing.assert_array_equal(outputs[0], outputs[1])
    np.testing.assert_array_equal(outputs[0], outputs[2])
    rain = vst3(bundles)
    expected = rain.process(clip, RATE, reset=False)
    n = round(1.15 * RATE) + rain.reported_latency_samples  # 150 ms after the change
    np.testing.assert_array_equal(outputs[0][:, :n], expected[:, :n])
    assert np.abs(outputs[0][:, n + RATE // 2 :] - expected[:, n + RATE // 2 :]).max() > 0.01


# --- CLAP --------------------------------------------------------------------------------------


@pytest.fixture
def clap(bundles: Path) -> Iterator[ClapPlugin]:
    plugin = ClapPlugin(bundles / "clap" / "astfx" / "astfx.clap", "org.astfx.stereo", RATE, 2)
    yield plugin
    plugin.close()


def test_clap_equals_the_effect(clap: ClapPlugin) -> None:
    clip = music(RATE, 2, 3.0)
    clap.set("Strength", 60.0)
    clap.set("Mix", 90.0)
    output = clap.run(clip, 512)
    expected = python(clip, RATE, strength=0.6, mix=0.9)
    assert clap.latency == astfx.StyleTransfer("rain", engine="live").latency_samples_at(RATE)
    assert not output[:, : clap.latency].any()
    assert_equal(output[:, clap.latency :], expected[:, : -clap.latency])


def test_clap_mono(bundles: Path) -> None:
    path = bundles / "clap" / "astfx" / "astfx-mono.clap"
    plugin = ClapPlugin(path, "org.astfx.mono", 44_100, 1)
    clip = music(44_100, 1, 2.0)
    output = plugin.run(clip, 333)
    latency = plugin.latency
    plugin.close()
    assert_equal(output[:, latency:], python(clip, 44_100)[:, :-latency])


def test_clap_parameters_and_state(clap: ClapPlugin) -> None:
    infos = clap.infos()
    assert list(infos) == [
        "Strength",
        "Mix",
        "Preset",
        "Morph to",
        "Morph",
        "Output gain",
        "Bypass",
        "Engine",
        "Render a region",
        "Input level",
        "Output level",
        "Preset problem",
        "Backend",
        "Late blocks",
        "Render state",
        "Render problem",
        "Render progress",
        "Render number",
    ]
    automatable, read_only = 1 << 5, 1 << 3
    fixed = [name for name, info in infos.items() if not info.flags & automatable]
    assert fixed == ["Engine", *list(infos)[9:]]
    assert [name for name, info in infos.items() if info.flags & read_only] == list(infos)[9:]
    assert clap.text("Preset", clap.value("Preset")) == "rain"
    index = next(k for k in range(128) if clap.text("Preset", k) == "choir")
    clap.set("Preset", index)
    clap.set("Morph", 25.0)
    clap.process(np.zeros((2, 64), np.float32))
    state = clap.save()
    clap.set("Preset", 0)
    clap.set("Morph", 0.0)
    clap.process(np.zeros((2, 64), np.float32))
    clap.deactivate()
    assert clap.load(state)
    clap.activate()
    assert (clap.text("Preset", clap.value("Preset")), clap.value("Morph")) == ("choir", 25.0)
    clip = music(RATE, 2, 1.0)
    expected = python(clip, RATE, "choir", morph_to="bells", morph=0.25)
    latency = clap.latency
    assert_equal(clap.run(clip, 512)[:, latency:], expected[:, :-latency])


# --- LV2 ---------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def lv2(bundles: Path) -> dict[str, str]:
    """Variables with which hosts find the plugin, and nothing else."""
    return {**os.environ, "LV2_PATH": str(bundles / "lv2")}


def numbers_of(bundles: Path) -> dict[str, int]:
    names = sorted(path.stem for path in (bundles / "lv2" / "astfx.lv2" / "presets").glob("*.toml"))
    return {name: index for index, name in enumerate(names)}


def test_lv2_ffmpeg_equals_the_effect(bundles: Path, lv2: dict[str, str], tmp_path: Path) -> None:
    needs("ffmpeg")
    clip = music(RATE, 2, 3.0)
    soundfile.write(tmp_path / "in.wav", clip.T, RATE, subtype="FLOAT")
    controls = f"strength=70|preset={numbers_of(bundles)['wind']}"
    graph = f"lv2=p=urn\\\\:astfx\\\\:plugin\\\\:stereo:c={controls}"
    done = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", "in.wav", "-af", graph, "-c:a", "pcm_f32le", "out.wav"],
        cwd=tmp_path,
        env=lv2,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    output = soundfile.read(tmp_path / "out.wav", dtype="float32", always_2d=True)[0].T
    latency = astfx.StyleTransfer("wind", engine="live").latency_samples_at(RATE)
    n = output.shape[1] - latency
    assert n > 2 * RATE
    assert_equal(output[:, latency:], python(clip, RATE, "wind", strength=0.7)[:, :n])


def test_lv2_ecasound_equals_the_effect(bundles: Path, lv2: dict[str, str], tmp_path: Path) -> None:
    needs("ecasound")
    clip = 0.4 * music(RATE, 2, 3.0)  # ecasound clips at full scale
    soundfile.write(tmp_path / "in.wav", clip.T, RATE, subtype="FLOAT")
    # ecasound counts the latency, which is an output, as the first parameter.
    chain = [f"-elv2:{URI},0,100,100,{numbers_of(bundles)['wind']},0,0,0,1"]
    done = subprocess.run(
        ["ecasound", "-f:f32_le,2,48000", "-b:512", "-i", "in.wav", "-o", "out.wav", *chain],
        cwd=tmp_path,
        env=lv2,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    output = soundfile.read(tmp_path / "out.wav", dtype="float32", always_2d=True)[0].T
    latency = astfx.StyleTransfer("wind", engine="live").latency_samples_at(RATE)
    n = output.shape[1] - latency
    assert_equal(output[:, latency:], python(clip, RATE, "wind")[:, :n])


@contextmanager
def jack(name: str, frames: int, log: Path) -> Iterator[dict[str, str]]:
    """A JACK server on its dummy driver, which waits for its clients."""
    server = [name, "-S", "-R", "-P", "70", "-d", "dummy", "-r", str(RATE), "-p", str(frames)]
    variables = {
        **os.environ,
        "JACK_DEFAULT_SERVER": name,
        "JACK_NO_START_SERVER": "1",
        "JACK_NO_AUDIO_RESERVATION": "1",
    }
    with log.open("w") as out:
        running = subprocess.Popen(["jackd", "-n", *server], env=variables, stdout=out, stderr=out)
        try:
            subprocess.run(["jack_wait", "-w", "-t", "20"], env=variables, check=True, stdout=out)
            yield variables
        finally:
            running.send_signal(signal.SIGTERM)
            running.wait(20)


def test_lv2_jalv_is_late_by_its_latency_and_has_no_wrong_frame(
    build_folder: Path, lv2: dict[str, str], tmp_path: Path
) -> None:
    check_jalv(build_folder, lv2, tmp_path, 256, seconds=10)


@pytest.mark.slow
@pytest.mark.parametrize("frames", [256, 512])
def test_lv2_jalv_for_ten_minutes(
    build_folder: Path, lv2: dict[str, str], tmp_path: Path, frames: int
) -> None:
    xruns = check_jalv(build_folder, lv2, tmp_path, frames, seconds=600)
    assert xruns == 0


def check_jalv(
    build_folder: Path,
    lv2: dict[str, str],
    folder: Path,
    frames: int,
    seconds: int,
    controls: Sequence[str] = (),
    latency: int | None = None,
) -> int:
    """The input comes back bit for bit at a strength of 0, late by the latency that is reported.

    Returns the number of xruns, which other programs can cause too. On a busy machine, JACK leaves
    a client out now and then without saying so, and all later frames are wrong then. So the best of
    some tries counts: what the plugin does wrong, it does each time.
    """
    for program in ("jackd", "jalv", "jack_wait"):
        needs(program)
    building.build(build_folder, "jack_check")
    if latency is None:
        latency = astfx.StyleTransfer("rain", engine="live").latency_samples_at(RATE)
    for _ in range(JACK_TRIES):
        found = heard_through_jalv(build_folder, lv2, folder, frames, seconds, controls, latency)
        if found["wrong"] == 0:
            break
    assert found["wrong"] == 0, found
    assert found["latency"] == latency
    assert found["checked"] > (seconds - 1) * RATE
    return found["xruns"]


def heard_through_jalv(
    build_folder: Path,
    lv2: dict[str, str],
    folder: Path,
    frames: int,
    seconds: int,
    controls: Sequence[str],
    latency: int,
) -> dict[str, int]:
    """What `jack_check` finds: the latency, and numbers of frames and xruns."""
    with jack(f"astfx{os.getpid()}", frames, folder / "jack.log") as variables:
        own = {name: value for name, value in variables.items() if name.startswith("JACK_")}
        variables = {**lv2, **own}
        words = [word for control in ("strength=0", *controls) for word in ("-c", control)]
        jalv = subprocess.Popen(
            ["jalv", "-x", "-n", "astfx-test", *words, URI],
            env=variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            check = [str(build_folder / "jack_check"), "astfx-test", str(seconds), str(latency)]
            done = subprocess.run(check, env=variables, capture_output=True, text=True)
            assert jalv.poll() is None
        finally:
            jalv.terminate()
            jalv.communicate(timeout=20)
    assert done.returncode == 0, done.stdout + done.stderr
    words = done.stdout.split()[-8:]
    return dict(zip(words[::2], map(int, words[1::2]), strict=True))
