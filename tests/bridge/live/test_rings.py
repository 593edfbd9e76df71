"""Ring files: their layout, and live audio through one."""

from __future__ import annotations

import struct
import threading
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from astfx_bridge.live.renders import RenderProblem, Renders, RenderState
from astfx_bridge.live.ring_file import Event, RingFile
from astfx_bridge.live.ring_io import RingIO
from astfx_bridge.live.session import LiveSession, LiveSetup

import astfx
from astfx.audio import Waveform
from astfx.errors import DeviceError

RATE, BLOCK = 22_050, 128
PATIENCE_SECONDS = 120.0
SAME = 1e-6


def noise(n: int) -> Waveform:
    return (0.1 * np.random.default_rng(1).standard_normal((2, n))).astype(np.float32)


def through(ring: RingFile, clip: Waveform) -> Waveform:
    """What comes out while a clip is written, as fast as it goes."""
    parts: list[Waveform] = []
    n_read = ring.n_output
    for first in range(0, clip.shape[1], BLOCK):
        ring.write(clip[:, first : first + BLOCK])
        while ring.n_input - ring.n_output > ring.frames // 2:
            threading.Event().wait(0.001)
        n_new = ring.n_output - n_read
        parts.append(ring.read(n_read, n_new))
        n_read += n_new
    while ring.n_output < ring.n_input // BLOCK * BLOCK:
        assert not ring.has_ended
        threading.Event().wait(0.001)
    parts.append(ring.read(n_read, ring.n_output - n_read))
    return np.concatenate(parts, axis=1)


def test_the_layout_is_the_one_that_is_documented(tmp_path: Path) -> None:
    path, clip = tmp_path / "x.ring", noise(10)
    with closing(RingFile.create(path, RATE, 2, 64, 77)) as ring:
        ring.write(clip)
        ring.write(clip[:, :3], output=True)
        ring.end()
        ring.renders = 0x3040201
    data = path.read_bytes()
    assert struct.unpack_from("<8s6I", data) == (b"ASTFXRNG", 3, RATE, 2, 64, 77, 0)
    assert [struct.unpack_from("<Q", data, place)[0] for place in (64, 128, 192)] == [10, 3, 1]
    assert struct.unpack_from("<Q", data, 640) == (0x3040201,)
    assert Renders.unpacked(0x3040201) == Renders(RenderState(1), RenderProblem(2), 3, 4)
    assert Renders(RenderState(1), RenderProblem(2), 3, 4).packed() == 0x3040201
    event = Event(9, 0.5, 0.25, 0.125, (1, 2), (3, 4), renders=True)
    assert event.packed() == struct.pack("<Q3fI4Q8x", 9, 0.5, 0.25, 0.125, 1, 1, 2, 3, 4)
    assert Event.unpacked(event.packed()) == event
    rings = np.frombuffer(data, "<f4", offset=4096).reshape(2, 64, 2)
    np.testing.assert_array_equal(rings[0, :10], clip.T)
    np.testing.assert_array_equal(rings[1, :3], clip[:, :3].T)


def test_a_ring_wraps(tmp_path: Path) -> None:
    clip = noise(40)
    with closing(RingFile.create(tmp_path / "x.ring", RATE, 2, 16, 0)) as ring:
        for first in range(0, 40, 8):
            ring.write(clip[:, first : first + 8])
            found = ring.read(first, 8, output=False)
            np.testing.assert_array_equal(found, clip[:, first : first + 8])


def test_audio_through_a_ring_is_that_of_the_offline_effect(tmp_path: Path) -> None:
    clip = noise(3 * RATE)
    session = LiveSession(1, LiveSetup(style="rain", engine="live"))
    io = RingIO(tmp_path / "x.ring", RATE, BLOCK)
    io.start(session)
    with closing(RingFile(tmp_path / "x.ring")) as ring:
        assert (ring.sample_rate, ring.channels) == (RATE, 2)
        output = through(ring, clip)
        latency = ring.latency_samples
    io.close()
    session.close()
    assert not (tmp_path / "x.ring").exists()
    assert latency == session.player.latency_samples
    expected = astfx.StyleTransfer("rain", engine="live")(clip, RATE)
    n = output.shape[1] - latency
    assert not output[:, :latency].any()
    np.testing.assert_allclose(output[:, latency:], expected[:, :n], atol=SAME)
    assert session.player.figures.late_blocks == 0


def test_what_is_no_ring_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "other").write_bytes(b"RIFF" * 2000)
    with pytest.raises(DeviceError, match=r"ring '.*none' cannot be opened"):
        RingFile(tmp_path / "none")
    with pytest.raises(DeviceError, match=r"ring '.*empty' cannot be opened"):
        RingFile(tmp_path / "empty")
    with pytest.raises(DeviceError, match=r"ring '.*other' is not a ring of this version"):
        RingFile(tmp_path / "other")
    with closing(RingFile.create(tmp_path / "short", RATE, 2, 64, 0)):
        pass
    with (tmp_path / "short").open("r+b") as file:
        file.truncate(4200)
    with pytest.raises(DeviceError, match=r"ring '.*short' is damaged: 4200 bytes do not hold"):
        RingFile(tmp_path / "short")
    with pytest.raises(DeviceError, match=r"ring '.*x' cannot be made \(No such file"):
        RingFile.create(tmp_path / "none" / "x", RATE, 2, 64, 0)
