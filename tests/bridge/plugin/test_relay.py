"""The plugin's side of the engine `stream`: rings, lateness, and the process."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from astfx_bridge.live.backend import Backend
from astfx_bridge.live.renders import RenderProblem, Renders, RenderState, renders_folder
from astfx_bridge.live.ring_file import Event, RingFile

import astfx
from astfx.audio import Waveform
from tests.bridge.plugin.conftest import music
from tests.bridge.plugin.engine import Engine, blocks
from tests.bridge.plugin.relay import NativeRelay, exists
from tests.bridge.plugin.test_engine import RATES

pytestmark = pytest.mark.hosts

RATE, BLOCK, FADE = 48_000, 256, 256
PATIENCE_SECONDS = 120.0
LEVEL_TOLERANCE = 0.01


def effect(style: str = "rain", **settings: object) -> astfx.StyleTransfer:
    return astfx.StyleTransfer(style, engine="stream", **settings)  # type: ignore[arg-type]


@pytest.fixture
def relay(engine: Engine) -> Iterator[NativeRelay]:
    made = NativeRelay(engine, RATE, 2, BLOCK)
    yield made
    made.close()


@pytest.fixture
def ring(relay: NativeRelay) -> Iterator[RingFile]:
    with closing(RingFile(relay.path)) as ring:
        yield ring


def late(clip: Waveform, n: int) -> Waveform:
    """A clip that is n samples late, of the same length."""
    return np.pad(clip, ((0, 0), (n, 0)))[:, : clip.shape[1]]


# --- the shared memory -------------------------------------------------------------------------


def test_both_sides_have_the_same_layout(relay: NativeRelay, ring: RingFile) -> None:
    python = effect().latency_samples_at(RATE)
    assert (ring.sample_rate, ring.channels, ring.latency_samples) == (RATE, 2, python)
    assert ring.frames >= 2 * RATE
    relay.set(strength=0.5, mix=0.25, morph=0.75)
    relay.begin("rain", "bells", waits=True)
    assert (ring.stream, ring.n_events, ring.n_input, ring.waits) == (1, 1, 0, True)
    event = ring.event(0)
    assert event is not None
    assert (event.frame, event.strength, event.mix, event.morph) == (0, 0.5, 0.25, 0.75)
    assert ring.bytes_at(*event.first) != ring.bytes_at(*event.second)
    clip = music(RATE, 2, 0.1)
    relay.process(clip)
    assert (ring.n_input, ring.n_events) == (clip.shape[1], 1)
    np.testing.assert_array_equal(ring.read(0, ring.n_input, output=False), clip)
    relay.set(strength=0.5, mix=0.25, morph=0.5, renders=True)
    relay.process(clip[:, :10], ("bells", ""))
    later = Event(clip.shape[1], 0.5, 0.25, 0.5, event.second, (0, 0), renders=True)
    assert (event.renders, ring.event(1)) == (False, later)
    relay.set(strength=0.5, mix=0.25, morph=0.5)
    relay.process(clip[:, :10])
    assert ring.event(2) == replace(later, frame=clip.shape[1] + 10, renders=False)


def test_a_process_that_ends_while_it_records_has_lost_the_region(
    relay: NativeRelay, ring: RingFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASTFX_PYTHON", "/bin/false")
    for state in RenderState:
        ring.renders = Renders(state, RenderProblem.NONE, 5).packed()
        relay.begin()
        relay.start()
        wait_until(lambda: relay.problem != "")
        relay.stop()
        if state in (RenderState.RECORDING, RenderState.RENDERING):
            expected = Renders(RenderState.FAILED, RenderProblem.LOST, 5)
        else:
            expected = Renders(state, RenderProblem.NONE, 5)
        assert Renders.unpacked(ring.renders) == expected


def test_both_sides_have_the_same_problems_of_renders(relay: NativeRelay) -> None:
    labels = [label.replace("no ", "").split()[0].upper() for label in relay.render_problems]
    assert labels == [problem.name for problem in RenderProblem]


@pytest.mark.parametrize(
    ("line", "folder"),
    [
        ("", "{home}/Music"),
        ('XDG_MUSIC_DIR="$HOME/Musik und \\"mehr\\""', '{home}/Musik und "mehr"'),
        ('XDG_MUSIC_DIR="/srv/music"', "/srv/music"),
        ('# XDG_MUSIC_DIR="/srv/music"', "{home}/Music"),
        ('XDG_MUSIC_DIR="music"', "{home}/Music"),
    ],
)
def test_both_sides_have_the_same_folder_of_renders(
    relay: NativeRelay, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, line: str, folder: str
) -> None:
    (tmp_path / ".config").mkdir(mode=0o700)
    (tmp_path / ".config" / "user-dirs.dirs").write_text(f'XDG_DESKTOP_DIR="$HOME/x"\n{line}\n')
    for name in ("ASTFX_RENDERS", "XDG_CONFIG_HOME", "XDG_MUSIC_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    expected = Path(folder.format(home=tmp_path)) / "astfx"
    assert relay.render_path(7) == expected / "render-0007.wav"
    assert renders_folder() == expected
    monkeypatch.setenv("ASTFX_RENDERS", "/srv/renders")
    assert relay.render_path(12345) == Path("/srv/renders/render-12345.wav")


def test_the_memory_cannot_be_made_shorter(relay: NativeRelay) -> None:
    with relay.path.open("r+b") as file, pytest.raises(PermissionError):
        file.truncate(100)


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, *RATES])
def test_the_latency_is_pythons_and_a_buffer(engine: Engine, rate: int) -> None:
    python = effect().latency_samples_at(rate)
    assert engine.c.astfx_stream_latency(rate) == python
    buffer = engine.c.astfx_relay_latency(rate, 64) - python
    assert buffer == pytest.approx(1024 * rate / 48_000, abs=1)
    longer = engine.c.astfx_relay_latency(rate, 4096) - python
    assert longer == pytest.approx(4096 + 384 * rate / 48_000, abs=1)


# --- the audio thread --------------------------------------------------------------------------


@pytest.mark.parametrize("sizes", [[64], [BLOCK], [1, 200, 37]])
def test_the_output_is_the_effects(relay: NativeRelay, ring: RingFile, sizes: list[int]) -> None:
    relay.begin()
    backend = Backend(ring)
    backend.work()
    clip = music(RATE, 2, 1.0)
    parts = []
    for block in blocks(clip, sizes):
        parts.append(relay.process(block))
        backend.work()  # while the next block comes in
    output = np.concatenate(parts, axis=1)
    assert relay.n_late == 0
    assert not output[:, : relay.latency].any()
    expected = effect()(clip, RATE)[:, : -relay.latency]
    np.testing.assert_array_equal(output[:, relay.latency :], expected)


def test_without_the_process_the_sound_is_dry_and_aligned(relay: NativeRelay) -> None:
    relay.begin()
    clip = music(RATE, 2, 0.5)
    np.testing.assert_array_equal(relay.run(clip, [BLOCK]), late(clip, relay.latency))
    assert relay.n_late == 0  # it has not started yet


def test_a_late_block_is_dry_after_a_fade_and_is_counted(
    relay: NativeRelay, ring: RingFile
) -> None:
    relay.begin()
    backend = Backend(ring)
    backend.work()
    clip = music(RATE, 2, 1.5)
    wet, dry = late(effect()(clip, RATE), relay.latency), late(clip, relay.latency)
    gone = range(60, 160)  # blocks during which the process does nothing
    parts = []
    for k, block in enumerate(blocks(clip, [BLOCK])):
        parts.append(relay.process(block))
        if k not in gone:
            backend.work()
        if k == gone.stop:
            n_late = relay.n_late
            # It was so far behind that it has left input out.
            assert ring.first_output > gone.start * BLOCK
            break
    output = np.concatenate(parts, axis=1)
    n = output.shape[1]
    apart = (np.abs(wet - dry) > 0.02)[:, :n]
    with np.errstate(divide="ignore", invalid="ignore"):
        levels = ((output - dry[:, :n]) / (wet - dry)[:, :n])[apart]
    time_of = np.nonzero(apart)[1]
    assert levels.min() > -LEVEL_TOLERANCE
    assert levels.max() < 1.0 + LEVEL_TOLERANCE
    order = np.argsort(time_of, kind="stable")
    times, levels = time_of[order], levels[order]
    steps = np.abs(np.diff(levels)) - np.diff(times) / FADE
    assert steps.max() < LEVEL_TOLERANCE  # never faster than the fade
    # All of the finished sound was played, less the fade.
    finished = gone.start * BLOCK + 1024 - FADE
    assert (
        levels[(times > relay.latency) & (times < finished - BLOCK)] > 1.0 - LEVEL_TOLERANCE
    ).all()
    assert (np.abs(levels[times > finished + FADE]) < LEVEL_TOLERANCE).all()
    assert len(gone) - 6 < n_late < len(gone)


def test_it_comes_back_after_a_fade(relay: NativeRelay, ring: RingFile) -> None:
    relay.begin()
    backend = Backend(ring)
    clip = music(RATE, 2, 2.0)
    parts = []
    for k, block in enumerate(blocks(clip, [BLOCK])):
        parts.append(relay.process(block))
        if k > 100:
            backend.work()
    output = np.concatenate(parts, axis=1)
    dry = late(clip, relay.latency)
    first = int(np.argmax(np.abs(output - dry).max(axis=0) > 0.0))
    assert 100 * BLOCK < first < 110 * BLOCK
    # The process hears what was before it started, and the fade begins with its share of 0.
    assert np.abs(output - dry)[:, first : first + 20].max() < 20 / FADE * 2.0 * np.abs(clip).max()
    assert np.abs(output - dry)[:, -RATE // 4 :].max() > 0.05


def test_gain_and_bypass_hold_for_both_sounds(relay: NativeRelay, ring: RingFile) -> None:
    clip = music(RATE, 2, 0.5)
    expected = late(effect()(clip, RATE), relay.latency)
    for backend in (None, Backend(ring)):
        wanted = late(clip, relay.latency) if backend is None else expected
        for gain, bypass in ((0.5, False), (0.5, True)):
            relay.set(gain=gain, bypass=bypass)
            relay.begin()
            parts = []
            if backend is not None:
                backend.work()
            for block in blocks(clip, [BLOCK]):
                parts.append(relay.process(block))
                if backend is not None:
                    backend.work()
            output = np.concatenate(parts, axis=1)
            shown = late(clip, relay.latency) if bypass else np.float32(gain) * wanted
            np.testing.assert_array_equal(output, shown)


def test_a_damaged_ring_gives_numbers(relay: NativeRelay, ring: RingFile) -> None:
    relay.begin()
    backend = Backend(ring)
    backend.work()
    clip = music(RATE, 2, 1.0)
    rng = np.random.default_rng(3)
    pages = np.frombuffer(ring._map, np.uint8)
    for k, block in enumerate(blocks(clip, [BLOCK])):
        output = relay.process(block)
        assert np.isfinite(output).all()
        if k % 2:
            at = rng.integers(0, 4096)
            pages[at : at + 8] = rng.integers(0, 256, len(pages[at : at + 8]))
        else:
            first = rng.integers(4096 + len(pages) // 2, len(pages) - 4096)
            pages[first : first + 4096] = 255  # not a number
    del pages


def test_samples_that_are_no_numbers_are_dry(relay: NativeRelay, ring: RingFile) -> None:
    relay.begin()
    ring.write_output(0, np.full((2, ring.frames // 2), np.nan, np.float32))
    ring.ready = ring.stream
    clip = music(RATE, 2, 0.5)
    np.testing.assert_array_equal(relay.run(clip, [BLOCK]), late(clip, relay.latency))


# --- the process -------------------------------------------------------------------------------


def wait_until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    pause = threading.Event()
    while not holds():
        assert time.monotonic() < end
        pause.wait(0.005)


@pytest.fixture
def running(relay: NativeRelay, monkeypatch: pytest.MonkeyPatch) -> NativeRelay:
    """A relay with a process that runs."""
    monkeypatch.setenv("ASTFX_PYTHON", sys.executable)
    relay.begin(waits=True)
    relay.start()
    wait_until(lambda: relay.state == "runs")
    return relay


def test_an_offline_render_waits_and_is_the_effects(running: NativeRelay) -> None:
    clip = music(RATE, 2, 2.0)
    output = running.run(clip, [BLOCK], may_wait=True)
    expected = late(effect()(clip, RATE), running.latency)
    np.testing.assert_array_equal(output, expected)
    assert (running.n_late, running.problem) == (0, "")


def test_a_host_may_render_offline_from_some_time_on(
    relay: NativeRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASTFX_PYTHON", sys.executable)
    relay.begin()
    relay.start()
    wait_until(lambda: relay.state == "runs")
    clip = music(RATE, 2, 2.0)
    expected = late(effect()(clip, RATE), relay.latency)
    np.testing.assert_array_equal(relay.run(clip, [BLOCK], may_wait=True), expected)
    assert relay.n_late == 0


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_an_offline_render_goes_on_with_another_process(
    running: NativeRelay, how: signal.Signals
) -> None:
    clip = music(RATE, 2, 1.0)
    first = running.process_id
    parts = [running.run(clip[:, : RATE // 2], [BLOCK], may_wait=True)]
    os.kill(first, how)
    parts.append(running.run(clip[:, RATE // 2 :], [BLOCK], may_wait=True))
    assert running.process_id not in (first, -1)
    assert not exists(first)
    # The new process has heard everything, because the ring still had it.
    expected = late(effect()(clip, RATE), running.latency)
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), expected)
    assert running.n_late == 0


def test_the_process_ends_with_the_plugin(running: NativeRelay) -> None:
    process = running.process_id
    assert exists(process)
    assert Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")[1:4] == [
        b"-P",
        b"-m",
        b"astfx_bridge.live.backend",
    ]
    running.stop()
    assert not exists(process)
    assert running.state == "unused"


def test_no_file_of_the_host_is_open_in_the_process(running: NativeRelay) -> None:
    links = [os.readlink(link) for link in Path(f"/proc/{running.process_id}/fd").iterdir()]
    ours = [link for link in links if link.startswith(("/memfd:astfx", "/dev/null"))]
    assert len(ours) >= 4
    others = [link for link in links if link not in ours]
    assert all(link.startswith(("/dev/", "anon_inode:", "/proc/")) for link in others), others


def test_a_process_that_is_stopped_is_replaced(
    relay: NativeRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASTFX_PYTHON", sys.executable)
    relay.begin()  # in real time, it may be silent for a second
    relay.start()
    wait_until(lambda: relay.state == "runs")
    stopped = relay.process_id
    os.kill(stopped, signal.SIGSTOP)
    wait_until(lambda: relay.process_id not in (stopped, -1))
    assert not exists(stopped)
    assert "showed no sign of life, and was ended" in relay.problem
    wait_until(lambda: relay.state == "runs")
    assert relay.problem == ""


def test_a_process_that_lives_but_hangs_is_replaced(
    relay: NativeRelay, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    script = tmp_path / "python"
    script.write_text(
        f"#!{sys.executable}\n"
        "import sys, time, pathlib\n"
        "from astfx_bridge.live.ring_file import RingFile\n"
        "ring = RingFile(pathlib.Path(sys.argv[4]))\n"
        "ring.ready = ring.stream\n"
        "while True:\n"
        "    ring.beat()\n"
        "    time.sleep(0.02)\n"
    )
    script.chmod(0o755)
    monkeypatch.setenv("ASTFX_PYTHON", str(script))
    relay.begin()
    relay.start()
    relay.run(music(RATE, 2, 0.5), [BLOCK])
    wait_until(lambda: relay.state == "runs")
    hanging = relay.process_id
    wait_until(lambda: relay.process_id not in (hanging, -1))
    assert not exists(hanging)
    assert "finished nothing for too long, and was ended" in relay.problem


def test_a_missing_python_is_told_and_nothing_waits(
    relay: NativeRelay,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("ASTFX_PYTHON", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    relay.begin(waits=True)
    relay.start()
    wait_until(lambda: relay.state == "not found")
    assert relay.problem == (
        "the engine `stream` needs Python with astfx, which was not found: install the plugin "
        "again (astfx plugin install), or set ASTFX_PYTHON to the path of the interpreter"
    )
    assert capfd.readouterr().err == f"astfx: {relay.problem}\n"  # the host's terminal
    clip = music(RATE, 2, 0.5)
    output = relay.run(clip, [BLOCK], may_wait=True)
    np.testing.assert_array_equal(output, late(clip, relay.latency))


def test_the_command_astfx_is_found(
    relay: NativeRelay, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    script = tmp_path / "astfx"
    script.write_text(f"#!{sys.executable}\nfrom astfx.cli.main import main\nmain()\n")
    script.chmod(0o755)
    monkeypatch.delenv("ASTFX_PYTHON", raising=False)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    relay.begin()
    relay.start()
    wait_until(lambda: relay.state == "runs")


def test_a_python_that_fails_again_and_again_is_told(
    relay: NativeRelay,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    script = tmp_path / "python"
    script.write_text("#!/bin/sh\nexit 3\n")
    script.chmod(0o755)
    monkeypatch.setenv("ASTFX_PYTHON", str(script))
    relay.begin(waits=True)
    relay.start()
    clip = music(RATE, 2, 0.5)
    output = relay.run(clip, [BLOCK], may_wait=True)  # gives up when the process has failed often
    np.testing.assert_array_equal(output, late(clip, relay.latency))
    assert relay.state == "fails"
    assert relay.problem == f"the process of the engine `stream` ({script}) has ended with status 3"
    assert capfd.readouterr().err == f"astfx: {relay.problem}\n"  # once, not for each try
