"""Live audio between JACK ports through the OSC server."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from astfx.audio import Waveform
from tests.bridge.serving import Server, make_sounds, until
from tests.playing.jack_server import RATE, JackServer, Tape, running_jack

pytestmark = pytest.mark.hosts


@pytest.fixture
def jack(tmp_path: Path) -> Iterator[JackServer]:
    with running_jack(256, tmp_path) as running:
        yield running


@pytest.fixture
def server(jack: JackServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in ("JACK_DEFAULT_SERVER", "JACK_NO_START_SERVER"):
        monkeypatch.setenv(name, jack.environment[name])
    root = tmp_path / "root"
    root.mkdir()
    make_sounds(root)
    running = Server(root, tmp_path / "state").start()
    yield running
    running.stop_loudly()


def clicks() -> Waveform:
    clip = np.zeros((2, 2 * RATE), np.float32)
    clip[:, RATE // 2] = 0.5
    return clip


def test_a_session_connects_the_ports_that_it_is_given(jack: JackServer, server: Server) -> None:
    tape = Tape(jack, clicks())
    with server.client() as client:
        words: tuple[Any, ...] = ("tape-out", "tape-in:in_0,tape-in:in_1")
        client.send("/astfx/live/open", 7, *words, "style", "rain", "mix", 0.0, "gain", 6.0206)
        _, rate, size, latency = until(client, "/astfx/live/opened").values
        assert (rate, size) == (RATE, jack.frames)
        tape.freewheel(True)
        played, heard = tape.play()
        tape.freewheel(False)
        place = int(played[0].argmax())
        assert isinstance(latency, int)
        assert np.flatnonzero(heard[0]).tolist() == [place + latency]
        assert heard[0].max() == pytest.approx(1.0, abs=1e-4)
        client.send("/astfx/live/open", 8, "nobody", "default", "style", "rain")
        text = str(until(client, "/astfx/fail").values[2])
        assert text.startswith("input 'nobody' is no JACK port or client: ")
        client.ask("/astfx/notify", 1)
        tape.close()
        os.kill(jack.process.pid, signal.SIGTERM)
        key, reason = until(client, "/astfx/live/closed").values
        assert key == 7
        assert "the JACK server has stopped" in str(reason)
