"""Live audio through the server: it is another process, and every parameter acts at once."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from astfx_bridge.client import Client
from astfx_bridge.live.ring_file import RingFile

from tests.bridge.live.test_rings import BLOCK, RATE, noise, through
from tests.bridge.serving import Server, until

RING = ("ring:talk.ring", "ring:talk.ring")
USUAL = ("sample_rate", RATE, "block_size", BLOCK)


def opened(client: Client, session_id: Any, *pairs: Any) -> tuple[Any, ...]:
    client.send("/astfx/live/open", session_id, *RING, *USUAL, *pairs)
    return until(client, "/astfx/live/opened").values


def children(server: Server) -> list[int]:
    """The processes of live sessions."""
    assert server.process is not None
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            line = (folder / "cmdline").read_text()
        except (OSError, ValueError):
            continue
        if parent == server.process.pid and "live.child" in line:
            found.append(int(folder.name))
    return found


def test_a_session_plays_and_every_parameter_acts_at_once(start: Callable[..., Server]) -> None:
    server = start()
    path = server.root / "talk.ring"
    clip = noise(RATE)
    with server.client() as client:
        session_id, rate, size, latency = opened(client, 7, "style", "rain", "mix", 0.0)
        assert (session_id, rate, size) == (7, RATE, BLOCK)
        with closing(RingFile(path)) as ring:
            assert ring.latency_samples == latency
            output = through(ring, clip)
            np.testing.assert_array_equal(output[:, latency:], clip[:, : output.shape[1] - latency])
            client.send("/astfx/live/set", 7, "gain", -6.0)
            assert until(client, "/astfx/live/value").values == (7, "gain", -6.0)
            quieter = through(ring, clip)[:, RATE // 2 :]
            assert np.std(quieter) == pytest.approx(0.501 * np.std(clip), rel=0.05)
            client.send("/astfx/live/set", 7, "mix", 1.0)
            until(client, "/astfx/live/value")
            wet = through(ring, clip)[:, RATE // 2 :]
            assert np.corrcoef(wet[0], quieter[0, : wet.shape[1]])[0, 1] < 0.9
        client.send("/astfx/live/record", 7, "take.wav")
        path_of, frames = until(client, "/astfx/live/recording").values[1:]
        assert (path_of, frames) == (str(server.root / "take.wav"), 0)
        with closing(RingFile(path)) as ring:
            through(ring, clip)
        client.send("/astfx/live/status", 7)
        status = until(client, "/astfx/live/status").values
        assert status[2] == 0  # a ring waits, so nothing is late
        assert status[-1] == ""
        client.send("/astfx/live/list")
        assert until(client, "/astfx/live/sessions").values == (1,)
        session = until(client, "/astfx/live/session").values
        assert session == (7, f"ring:{path}", "ring:talk.ring", "live", latency)
        client.send("/astfx/live/close", 7)
        assert until(client, "/astfx/live/closed").values == (7, "")
        assert soundfile.info(server.root / "take.wav").frames >= RATE // BLOCK * BLOCK
        assert not path.exists()
        client.send("/astfx/live/list")
        assert until(client, "/astfx/live/sessions").values == (0,)


def test_what_a_live_session_refuses(start: Callable[..., Server]) -> None:
    server = start()
    style = ("style", "rain")
    (server.root / "style.txt").write_text("no sound")
    refused: list[tuple[tuple[Any, ...], str]] = [
        (("/astfx/live/open", 1, *RING), "there is no style: add `style NAME`"),
        (("/astfx/live/open", 1, *RING, "speed", 2), "a live session has no 'speed': it has style"),
        (("/astfx/live/open", 1, *RING, *style, "mix", 3.0), "mix=3 must lie between 0 and 1"),
        (("/astfx/live/open", 1, *RING, *style, "engine", "render"), "engine='render' must be one"),
        (("/astfx/live/open", 1, *RING, "style", "/etc/x.wav"), "lies outside the server's roots"),
        (
            ("/astfx/live/open", 1, "ring:../x", "ring:../x", *style),
            "ring '../x' lies outside the server's roots",
        ),
        (("/astfx/live/open", 1, RING[0], "none", *style), "must be one and the same ring"),
        (("/astfx/live/open", 1, *RING, "style", "style.txt"), "style.txt"),
        (("/astfx/live/set", 9, "mix", 1.0), "there is no live session 9: /astfx/live/list"),
        (("/astfx/live/close", 9), "there is no live session 9"),
    ]
    with server.client() as client:
        for message, text in refused:
            client.send(*message)
            assert text in str(until(client, "/astfx/fail").values[2]), message
        opened(client, 0, *style)
        client.send("/astfx/live/open", 1, *RING, *style)
        text = str(until(client, "/astfx/fail").values[2])
        assert "the live session 1 runs already: close it first" in text
        for message, expected in (
            (("/astfx/live/set", 1, "style", "nothing-such"), "neither a file under the roots nor"),
            (("/astfx/live/set", 1, "morph", 2.0), "Morph must be between 0.0 and 1.0"),
            (("/astfx/live/record", 1, "../x.wav"), "recording '../x.wav' lies outside"),
        ):
            client.send(*message)
            assert expected in str(until(client, "/astfx/fail").values[2])


def test_a_session_that_dies_is_told_to_subscribers(start: Callable[..., Server]) -> None:
    server = start()
    with server.client() as client:
        client.ask("/astfx/notify", 1)
        opened(client, "one", "style", "rain")
        (process,) = children(server)
        os.kill(process, signal.SIGKILL)
        assert until(client, "/astfx/live/closed").values == ("one", "its process ended")
        opened(client, "one", "style", "rain")  # the id is free again


def test_sessions_end_with_the_server(start: Callable[..., Server]) -> None:
    server = start()
    with server.client() as client:
        opened(client, 1, "style", "rain")
        (process,) = children(server)
    server.kill()
    for _ in range(2000):
        if not Path(f"/proc/{process}").exists():
            break
        threading.Event().wait(0.05)
    else:
        raise AssertionError("the session outlived the server")
