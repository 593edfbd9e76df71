"""The plugin's engine `stream` in real hosts that render offline, and the process behind it."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import astfx
from astfx.audio import Waveform
from astfx.presets import find
from tests.bridge.plugin.clap_host import ClapPlugin
from tests.bridge.plugin.conftest import music
from tests.bridge.plugin.relay import exists
from tests.bridge.plugin.test_hosts import RATE, lv2, needs, numbers_of, vst3
from tests.bridge.plugin.test_relay import wait_until

pytestmark = pytest.mark.hosts

__all__ = ["lv2"]  # a fixture
PATIENCE_SECONDS = 120
PCM24 = 2.0**-23


def python(clip: Waveform, rate: int, style: str = "rain", **settings: Any) -> Waveform:
    return np.asarray(astfx.StyleTransfer(style, engine="stream", **settings)(clip, rate))


def stream(bundles: Path, name: str = "astfx") -> Any:
    plugin = vst3(bundles, name)
    plugin.engine = "stream"
    return plugin


@pytest.mark.parametrize(("rate", "channels"), [(44_100, 2), (48_000, 1), (96_000, 2)])
def test_vst3_equals_the_effect(bundles: Path, rate: int, channels: int) -> None:
    clip = music(rate, channels, 3.0)
    plugin = stream(bundles, "astfx-mono" if channels == 1 else "astfx")
    output = plugin(clip, rate)
    assert output.shape == clip.shape  # pedalboard compensates the latency
    np.testing.assert_array_equal(output, python(clip, rate))


@pytest.mark.parametrize("size", [64, 441, 8192])
def test_vst3_equals_the_effect_in_any_buffer_size(bundles: Path, size: int) -> None:
    clip = music(RATE, 2, 2.0)
    plugin = stream(bundles)
    plugin.preset, plugin.strength, plugin.mix = "wind", 60.0, 80.0
    plugin.morph_to, plugin.morph = "crowd-murmur", 40.0
    output = plugin(clip, RATE, buffer_size=size)
    shares = {name: getattr(plugin, name) for name in ("strength", "mix", "morph")}
    shares = {name: float(np.float32(np.float32(x) / 100.0)) for name, x in shares.items()}
    expected = python(clip, RATE, "wind", morph_to="crowd-murmur", **shares)
    np.testing.assert_allclose(output, expected, atol=1e-6)


def test_vst3_renders_the_same_bits_again(bundles: Path) -> None:
    clip = music(RATE, 2, 3.0)
    plugin = stream(bundles)
    first = plugin(clip, RATE, buffer_size=512)
    np.testing.assert_array_equal(plugin(clip, RATE, buffer_size=512), first)
    np.testing.assert_array_equal(plugin(clip, RATE, buffer_size=480), first)
    np.testing.assert_array_equal(stream(bundles)(clip, RATE), first)


def test_vst3_goes_from_one_engine_to_the_other(bundles: Path) -> None:
    clip = music(RATE, 2, 1.0)
    plugin = vst3(bundles)
    live = plugin(clip, RATE)
    plugin.engine = "stream"
    np.testing.assert_array_equal(plugin(clip, RATE), python(clip, RATE))
    plugin.engine = "live"
    np.testing.assert_array_equal(plugin(clip, RATE), live)


def test_vst3_changes_during_a_render_are_the_effects(bundles: Path) -> None:
    clip = music(RATE, 2, 3.0)
    effect = astfx.StyleTransfer("rain", engine="stream")
    expected = [effect.process(clip[:, :RATE], RATE, reset=False)]
    effect.strength = 0.5
    change = round(1.15 * RATE)  # a preset is heard 150 ms after the change
    expected.append(effect.process(clip[:, RATE:change], RATE, reset=False))
    effect.style = "bells"
    expected.append(effect.process(clip[:, change:], RATE, reset=False))
    for size in (512, 480):
        plugin = stream(bundles)
        first = plugin(clip[:, :RATE], RATE, buffer_size=size, reset=False)
        plugin.preset, plugin.strength = "bells", 50.0
        rest = plugin(clip[:, RATE:], RATE, buffer_size=size, reset=False)
        latency = plugin.reported_latency_samples
        output = np.concatenate([first, rest], axis=1)[:, latency:]
        wanted = np.concatenate(expected, axis=1)[:, : output.shape[1]]
        np.testing.assert_array_equal(output, wanted)
        assert output.shape[1] > 2.7 * RATE


def test_vst3_gain_and_bypass(bundles: Path) -> None:
    clip = music(RATE, 2, 2.0)
    plugin = stream(bundles)
    plugin.output_gain_db = 6.0
    factor = 10.0 ** (plugin.output_gain_db / 20.0)
    expected = factor * python(clip, RATE)
    np.testing.assert_allclose(plugin(clip, RATE), expected, rtol=1e-4, atol=1e-6)
    plugin.bypass = 1
    np.testing.assert_array_equal(plugin(clip, RATE), clip)


def test_vst3_a_plugin_that_is_deleted_ends_its_process(bundles: Path) -> None:
    before = backends_of(os.getpid())
    plugin = stream(bundles)
    plugin(np.zeros((2, 4_800), np.float32), RATE)
    process = next(found for found in backends_of(os.getpid()) if found not in before)
    del plugin
    gc.collect()
    assert not exists(process)


def test_vst3_a_project_has_the_engine(bundles: Path) -> None:
    clip = music(RATE, 2, 1.0)
    plugin = stream(bundles)
    saved = plugin(clip, RATE)
    state = plugin.raw_state
    opened = vst3(bundles)
    opened.raw_state = state
    assert opened.engine == "stream"
    np.testing.assert_array_equal(opened(clip, RATE), saved)


def backends_of(process_id: int) -> list[int]:
    """The processes of the engine that a process has started."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
        except OSError:
            continue
        if int(parent) == process_id and is_backend(int(folder.name)):
            found.append(int(folder.name))
    return found


def is_backend(process_id: int) -> bool:
    """Whether a process runs the engine, and has not ended."""
    try:
        words = Path(f"/proc/{process_id}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return b"astfx_bridge.live.backend" in words


def test_a_host_that_is_killed_leaves_nothing_behind(bundles: Path, tmp_path: Path) -> None:
    code = """
import sys, numpy, pedalboard
plugins = [pedalboard.load_plugin(sys.argv[1]) for _ in range(2)]
for plugin in plugins:
    plugin.engine = "stream"
    plugin(numpy.zeros((2, 48000), numpy.float32), 48000)
print("ready", flush=True)
sys.stdin.read()
"""
    before = set(tmp_path.iterdir())
    host = subprocess.Popen(
        [sys.executable, "-c", code, str(bundles / "vst3" / "astfx.vst3")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path), "TMPDIR": str(tmp_path)},
    )
    assert host.stdout is not None
    assert host.stdin is not None
    assert host.stdout.readline() == b"ready\n"
    processes = backends_of(host.pid)
    assert len(processes) == 2
    host.send_signal(signal.SIGKILL)
    host.wait(PATIENCE_SECONDS)
    for process in processes:
        while is_backend(process):  # it looks for its host every few milliseconds
            os.sched_yield()
    assert set(tmp_path.iterdir()) == before
    host.stdin.close()
    host.stdout.close()


# --- CLAP --------------------------------------------------------------------------------------


def test_clap_equals_the_effect_and_shows_its_process(bundles: Path) -> None:
    path = bundles / "clap" / "astfx" / "astfx.clap"
    before = backends_of(os.getpid())
    plugin = ClapPlugin(path, "org.astfx.stereo", RATE, 2)
    clip = music(RATE, 2, 2.0)
    assert plugin.text("Backend", plugin.value("Backend")) == "unused"
    plugin.set("Engine", 1)
    plugin.set("Strength", 60.0)
    plugin.process(np.zeros((2, 64), np.float32))  # before any other sound, so it is used at once
    plugin.deactivate()
    plugin.activate()
    expected = python(clip, RATE, strength=float(np.float32(60.0) / np.float32(100.0)))
    latency = plugin.latency
    output = plugin.run(clip, 512)
    assert plugin.text("Backend", plugin.value("Backend")) == "runs"
    assert plugin.text("Engine", plugin.value("Engine")) == "stream"
    assert plugin.value("Late blocks") == 0
    process = next(found for found in backends_of(os.getpid()) if found not in before)
    plugin.close()
    assert not exists(process)
    assert not output[:, :latency].any()
    np.testing.assert_array_equal(output[:, latency:], expected[:, :-latency])


@pytest.fixture
def plugin(bundles: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ClapPlugin:
    """The plugin with the engine `stream`, which writes what it renders to the test's folder."""
    monkeypatch.setenv("ASTFX_RENDERS", str(tmp_path / "renders"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    plugin = ClapPlugin(bundles / "clap" / "astfx" / "astfx.clap", "org.astfx.stereo", RATE, 2)
    plugin.set("Engine", 1)
    plugin.process(np.zeros((2, 64), np.float32))
    plugin.deactivate()
    plugin.activate()
    return plugin


def test_clap_renders_a_region_to_a_file(plugin: ClapPlugin, tmp_path: Path) -> None:
    clip = 0.3 * music(RATE, 2, 2.5)
    first, last = 30_011, 90_007
    plugin.set("Strength", 50.0)

    def shown(name: str) -> str:
        return plugin.text(f"Render {name}", plugin.value(f"Render {name}"))

    plugin.run(clip[:, :first], 512)
    assert (shown("state"), shown("problem"), plugin.value("Render number")) == ("none", "none", 0)
    plugin.set("Render a region", 1.0)
    plugin.run(clip[:, first:last], 480)
    assert shown("state") == "recording"
    plugin.set("Render a region", 0.0)
    plugin.run(clip[:, last:], 512)

    def has_ended() -> bool:
        plugin.process(clip[:, :512])
        return shown("state") not in ("recording", "rendering")

    wait_until(has_ended)
    assert (shown("state"), shown("problem"), plugin.value("Render number")) == ("ready", "none", 1)
    plugin.deactivate()
    plugin._sample_rate = 44_100  # another process takes over
    plugin.activate()
    assert (shown("state"), plugin.value("Render number")) == ("ready", 1)
    plugin.close()
    (path,) = (tmp_path / "renders").iterdir()
    assert path.name == "render-0001.wav"
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    assert rate == RATE
    plain = replace(find("rain"), settings={})
    expected = astfx.transfer(clip[:, first:last], plain, RATE, strength=0.5)
    np.testing.assert_allclose(samples.T, expected, atol=PCM24)
    assert [left.name for left in (tmp_path / "cache").rglob("regions/*")] == ["queue.lock"]


def test_clap_a_plugin_that_is_deleted_gives_up_its_region(
    plugin: ClapPlugin, tmp_path: Path
) -> None:
    clip = music(RATE, 2, 20.0)
    plugin.set("Render a region", 1.0)
    plugin.run(clip, 4096)
    plugin.set("Render a region", 0.0)

    def is_rendered_in_part() -> bool:
        plugin.process(clip[:, :512])
        return plugin.value("Render progress") > 0.0

    wait_until(is_rendered_in_part)
    (left,) = region_processes(tmp_path)
    plugin.close()
    wait_until(lambda: not exists(left))
    assert not (tmp_path / "renders").exists()
    assert [left.name for left in (tmp_path / "cache").rglob("regions/*")] == ["queue.lock"]


def region_processes(folder: Path) -> list[int]:
    """The processes that render regions to a folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            words = path.read_bytes().split(b"\0")
            if (
                b"astfx_bridge.live.region_process" in words
                and str(folder / "renders").encode() in words
            ):
                found.append(int(path.parent.name))
    return found


# --- LV2 ---------------------------------------------------------------------------------------


def test_lv2_hosts_can_say_that_they_render_offline(bundles: Path) -> None:
    text = (bundles / "lv2" / "astfx.lv2" / "astfx.ttl").read_text()
    port = next(part for part in text.split("] ,") if "lv2_freewheel" in part)
    assert "lv2:designation lv2:freeWheeling ;" in port
    assert "a lv2:InputPort, lv2:ControlPort ;" in port
    assert "lv2:default 0" in port


def test_lv2_ffmpeg_equals_the_effect(bundles: Path, lv2: dict[str, str], tmp_path: Path) -> None:
    needs("ffmpeg")
    clip = music(RATE, 2, 5.0)
    soundfile.write(tmp_path / "in.wav", clip.T, RATE, subtype="FLOAT")
    controls = f"engine=1|preset={numbers_of(bundles)['wind']}"
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
    expected = python(clip, RATE, "wind")
    latency = int(np.argmax(np.abs(output).max(axis=0) > 0.0))  # the clip begins at once
    n = output.shape[1] - latency
    assert n > 4 * RATE
    np.testing.assert_array_equal(output[:, latency:], expected[:, :n])
