"""The process that runs the plugin's engine `stream`, without a plugin."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from astfx_bridge.live.backend import Backend
from astfx_bridge.live.ring_file import EVENT_BYTES, HEADER_BYTES, Event, RingFile

import astfx
from astfx.audio import Waveform
from astfx.errors import PresetError
from astfx.presets import find
from astfx.presets.files import packed

RATE, FRAMES, PLACES = 22_050, 1 << 16, 64
LATENCY = astfx.StyleTransfer("rain", engine="stream").latency_samples_at(RATE)
PATIENCE_SECONDS = 120.0
SAME = 1e-6


def noise(n: int) -> Waveform:
    return (0.1 * np.random.default_rng(1).standard_normal((2, n))).astype(np.float32)


def effect(style: str = "rain", **settings: object) -> astfx.StyleTransfer:
    return astfx.StyleTransfer(style, engine="stream", **settings)  # type: ignore[arg-type]


class Host:
    """The plugin's side of a ring."""

    def __init__(self, path: Path, latency: int = LATENCY, *, waits: bool = True) -> None:
        self.ring = RingFile.create(path, RATE, 2, FRAMES, latency, PLACES)
        self._waits = waits
        self._n_events = self._stream = 0

    def set(self, word: int, value: int) -> None:
        self.ring._map[word : word + 8] = value.to_bytes(8, "little")

    def keep(self, name: str) -> tuple[int, int]:
        data, place = packed(find(name)), self.ring.path.stat().st_size
        with self.ring.path.open("r+b") as file:
            file.seek(place)
            file.write(data)
        return place, len(data)

    def add(self, event: Event) -> None:
        at = HEADER_BYTES + 2 * 2 * 4 * FRAMES + EVENT_BYTES * (self._n_events % PLACES)
        self.ring._map[at : at + EVENT_BYTES] = event.packed()
        self._n_events += 1
        self.set(448, self._n_events)

    def begin(self, event: Event) -> None:
        self._n_events = 0
        self.set(64, 0)
        self.set(576, int(self._waits))
        self.add(event)
        self._stream += 1
        self.set(320, self._stream)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    host = Host(tmp_path / "x.ring")
    yield host
    host.ring.close()


def processed(backend: Backend, ring: RingFile, clip: Waveform, size: int = 500) -> Waveform:
    """What has come out after a clip was written in blocks."""
    first = ring.n_output
    for k in range(0, clip.shape[1], size):
        ring.write(clip[:, k : k + size])
        backend.work()
    return ring.read(first, ring.n_output - first)


def test_the_output_is_the_effects(host: Host) -> None:
    rain = host.keep("rain")
    backend = Backend(host.ring)
    assert not backend.work()  # no stream yet
    host.begin(Event(0, 0.7, 0.8, 0.0, rain, (0, 0)))
    assert backend.work()
    assert host.ring.ready == 1
    clip = noise(2 * RATE)
    output = processed(backend, host.ring, clip)
    expected = effect(strength=float(np.float32(0.7)), mix=float(np.float32(0.8)))
    np.testing.assert_array_equal(output, expected.process(clip, RATE, reset=False))
    host.begin(Event(0, 1.0, 1.0, 0.0, rain, (0, 0)))  # a new stream
    backend.work()
    output = processed(backend, host.ring, clip[:, :RATE], 333)
    np.testing.assert_array_equal(output, effect().process(clip[:, :RATE], RATE, reset=False))


def test_changes_begin_at_their_frame(host: Host) -> None:
    rain, bells = host.keep("rain"), host.keep("bells")
    host.begin(Event(0, 1.0, 1.0, 0.0, rain, (0, 0)))
    backend = Backend(host.ring)
    backend.work()
    clip = noise(2 * RATE)
    host.add(Event(10_000, 0.5, 1.0, 0.0, rain, (0, 0)))
    host.add(Event(15_001, 0.5, 1.0, 0.25, bells, rain))
    output = processed(backend, host.ring, clip)
    expected = effect()
    parts = [expected.process(clip[:, :10_000], RATE, reset=False)]
    expected.strength = 0.5
    parts.append(expected.process(clip[:, 10_000:15_001], RATE, reset=False))
    expected.morph, expected.style, expected.morph_to = 0.25, find("bells"), find("rain")
    parts.append(expected.process(clip[:, 15_001:], RATE, reset=False))
    np.testing.assert_array_equal(output, np.concatenate(parts, axis=1))


def test_a_stream_that_runs_already_goes_on_where_it_is(tmp_path: Path) -> None:
    host = Host(tmp_path / "x.ring", waits=False)
    with closing(host.ring) as ring:
        rain = host.keep("rain")
        host.begin(Event(0, 1.0, 1.0, 0.0, rain, (0, 0)))
        for k in range(PLACES + 5):  # more than are kept
            host.add(Event(k, 0.0, 1.0, 0.0, rain, (0, 0)))
        clip = noise(3 * RATE)
        ring.write(clip[:, :50_000])
        backend = Backend(ring)
        backend.work()
        backend.work()
        assert ring.ready == 1
        assert 0 < ring.first_output < 50_000
        assert ring.first_output <= ring.n_output == 50_000
        # At a strength of 0, the output is the input.
        first = ring.first_output
        output = ring.read(first, 50_000 - first)
        np.testing.assert_array_equal(output, clip[:, first - LATENCY : 50_000 - LATENCY])


def test_a_backend_that_is_far_behind_leaves_input_out(tmp_path: Path) -> None:
    host = Host(tmp_path / "x.ring", waits=False)
    with closing(host.ring) as ring:
        host.begin(Event(0, 0.0, 1.0, 0.0, host.keep("rain"), (0, 0)))
        backend = Backend(ring)
        backend.work()
        clip = noise(RATE)
        ring.write(clip[:, :1_000])
        backend.work()
        ring.write(clip[:, 1_000:15_000])
        backend.work()
        first = ring.first_output
        assert first > 14_000
        output = processed(backend, ring, clip[:, 15_000:])
        end = ring.n_output
        assert RATE - end < 128  # too few for a block
        output = ring.read(first, end - first)
        np.testing.assert_array_equal(output, clip[:, first - LATENCY : end - LATENCY])


def test_a_prepared_effect_is_used_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepared: list[int] = []
    prepare = astfx.StyleTransfer.prepare

    def counted(effect: astfx.StyleTransfer, *words: int) -> None:
        prepared.append(1)
        prepare(effect, *words)

    monkeypatch.setattr(astfx.StyleTransfer, "prepare", counted)
    host = Host(tmp_path / "x.ring", waits=False)
    clip = noise(RATE)
    with closing(host.ring) as ring:
        rain = host.keep("rain")
        backend = Backend(ring)
        for strength in (1.0, 0.5):
            host.begin(Event(0, strength, 1.0, 0.0, rain, (0, 0)))
            backend.work()
            expected = effect(strength=strength).process(clip, RATE, reset=False)
            output = processed(backend, ring, clip)
            np.testing.assert_array_equal(output, expected[:, : output.shape[1]])
            assert output.shape[1] > RATE - LATENCY - 128
    assert prepared == [1]


def test_a_plugin_of_another_version_is_refused(tmp_path: Path) -> None:
    host = Host(tmp_path / "x.ring", LATENCY + 1)
    with closing(host.ring) as ring:
        host.begin(Event(0, 1.0, 1.0, 0.0, host.keep("rain"), (0, 0)))
        wrong = rf"expects a latency of {LATENCY + 1} samples, but the engine has {LATENCY}: inst"
        with pytest.raises(PresetError, match=wrong):
            Backend(ring).work()


def command(host: Host, parent: int) -> list[str]:
    words = [sys.executable, "-P", "-m", "astfx_bridge.live.backend"]
    return [*words, str(host.ring.path), str(parent)]


def wait_for(process: subprocess.Popen[bytes]) -> int:
    return process.wait(PATIENCE_SECONDS)


def test_the_process_says_why_it_ends(host: Host) -> None:
    host.begin(Event(0, 1.0, 1.0, 0.0, (0, 10), (0, 0)))
    assert wait_for(subprocess.Popen(command(host, os.getpid()))) == 1
    assert host.ring.message.startswith("preset of the plugin ")


def test_the_process_ends_at_once_if_its_starter_is_gone_already(host: Host) -> None:
    assert wait_for(subprocess.Popen(command(host, os.getppid()))) == 0


def test_the_process_ends_with_the_one_that_started_it(host: Host, tmp_path: Path) -> None:
    words = command(host, -1)[:-1]
    code = (
        f"import os, subprocess; words = {words!r} + [str(os.getpid())]\n"
        "print(subprocess.Popen(words).pid, flush=True); input()"
    )
    read, write = os.pipe()
    starter = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=write, stderr=write
    )
    os.close(write)
    with os.fdopen(read, "rb") as output:
        assert int(output.readline()) > 0
        host.begin(Event(0, 1.0, 1.0, 0.0, host.keep("rain"), (0, 0)))
        ticks = threading.Event()
        while host.ring.ready != 1:
            assert starter.poll() is None
            ticks.wait(0.01)
        starter.kill()
        starter.wait(PATIENCE_SECONDS)
        assert output.read() == b""  # until the last process has closed it
    assert starter.stdin is not None
    starter.stdin.close()
