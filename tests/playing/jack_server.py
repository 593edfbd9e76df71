"""A JACK server on its dummy driver, and clients that play to and record from ports."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from astfx.audio import Waveform

RATE = 48_000
START_SECONDS, PATIENCE_SECONDS, CLOSING_SECONDS, CALLBACK_SECONDS = 30.0, 240.0, 10.0, 2.0


def jack_or_skip() -> Any:
    """The package JACK-Client; skips where it or jackd is missing, unless ASTFX_HOSTS is set."""
    try:
        import jack

        if shutil.which("jackd"):
            return jack
        reason = "jackd is not installed"
    except (ImportError, OSError) as error:
        reason = str(error)
    if "ASTFX_HOSTS" in os.environ:
        pytest.fail(f"{reason}: .ci/run installs it")
    pytest.skip(reason)


class JackServer:
    """A running server.

    Attributes
    ----------
    name : str
    environment : mapping
        For programs that are to use it.
    """

    def __init__(self, name: str, frames: int, folder: Path) -> None:
        self.name, self.frames = name, frames
        self.jack = jack_or_skip()
        self.jack.set_error_function(lambda message: None)
        self.jack.set_info_function(lambda message: None)
        self.environment = {
            **os.environ,
            "JACK_DEFAULT_SERVER": name,
            "JACK_NO_START_SERVER": "1",
            "JACK_NO_AUDIO_RESERVATION": "1",
            "OMP_NUM_THREADS": "1",
        }
        command = ["jackd", "-n", name, "-r", "-d", "dummy", "-r", str(RATE), "-p", str(frames)]
        with (folder / f"{name}.log").open("wb") as log:
            self.process = subprocess.Popen(
                command, env=self.environment, stdout=log, stderr=subprocess.STDOUT
            )

    def client(self, name: str) -> Any:
        """A client of this server, once it runs."""
        end = time.monotonic() + START_SECONDS
        while True:
            try:
                return self.jack.Client(name, no_start_server=True, servername=self.name)
            except self.jack.JackError:
                if time.monotonic() > end or self.process.poll() is not None:
                    raise
                self.process.poll()
                threading.Event().wait(0.05)

    def close(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(CLOSING_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextmanager
def running_jack(frames: int, folder: Path) -> Iterator[JackServer]:
    """A server on the dummy driver, at 48 kHz with blocks of `frames`."""
    server = JackServer(f"astfx-{secrets.token_hex(4)}", frames, folder)
    try:
        server.client("first").close()
        yield server
    finally:
        server.close()


class Tape:
    """Plays a clip into ports, and records what comes out of others, aligned to the sample.

    Two clients do it, so that JACK runs what lies between them in the same cycle.

    Parameters
    ----------
    server : JackServer
    clip : (channels, samples)
        Played once, then silence.
    """

    def __init__(self, server: JackServer, clip: Waveform) -> None:
        self._clip, self._place, self._jack = clip, 0, server.jack
        self._parts: list[Waveform] = []
        self._inputs: list[Waveform] = []
        self._played = np.zeros_like(clip[:, :0])
        self.finished = threading.Event()
        self.rolling = self._closing = False
        self._ended: set[str] = set()
        self._source, self._recorder = server.client("tape-out"), server.client("tape-in")
        self.outs = [self._source.outports.register(f"out_{k}") for k in range(len(clip))]
        self.ins = [self._recorder.inports.register(f"in_{k}") for k in range(len(clip))]
        self.heard = [self._recorder.inports.register(f"dry_{k}") for k in range(len(clip))]
        self._source.set_process_callback(self._play)
        self._recorder.set_process_callback(self._record)
        self._source.activate()
        self._recorder.activate()
        for out, dry in zip(self.outs, self.heard, strict=True):
            self._recorder.connect(out, dry)

    def connect(self, inputs: Sequence[str], outputs: Sequence[str]) -> None:
        """Connect to the input ports and from the output ports of what is tested."""
        for ours, name in zip(self.outs, inputs, strict=True):
            port = self._source.get_port_by_name(name)
            for other in self._source.get_all_connections(port):
                self._source.disconnect(other, port)
            self._source.connect(ours, port)
        for name, ours in zip(outputs, self.ins, strict=True):
            self._recorder.connect(name, ours)

    def _end_if_closing(self, name: str) -> None:
        """Let a callback end its thread: JACK kills one that waits for Python's lock."""
        if self._closing:
            self._ended.add(name)
            raise self._jack.CallbackExit

    def _play(self, frames: int) -> None:
        self._end_if_closing("source")
        block = np.zeros((len(self._clip), frames), np.float32)
        if self.rolling:
            part = self._clip[:, self._place : self._place + frames]
            block[:, : part.shape[1]] = part
            self._place += frames
        for port, channel in zip(self.outs, block, strict=True):
            port.get_array()[:] = channel

    def _record(self, frames: int) -> None:
        self._end_if_closing("recorder")
        if self.rolling:
            self._inputs.append(np.stack([port.get_array() for port in self.heard]))
            self._parts.append(np.stack([port.get_array() for port in self.ins]))
        if self._place >= self._clip.shape[1]:
            self.finished.set()

    def play(self) -> tuple[Waveform, Waveform]:
        """Play the clip. Returns what was played and what came back, from the same moment on."""
        self._parts, self._inputs, self._place = [], [], 0
        self.finished.clear()
        self.rolling = True
        assert self.finished.wait(PATIENCE_SECONDS)
        self.rolling = False
        played, heard = list(self._inputs), list(self._parts)
        n = min(len(played), len(heard))
        return np.concatenate(played[:n], axis=1), np.concatenate(heard[:n], axis=1)

    def wait_until(self, place: int) -> None:
        """Wait until so many samples were played."""
        end = time.monotonic() + PATIENCE_SECONDS
        while self._place < place:
            assert time.monotonic() < end
            threading.Event().wait(0.01)

    def freewheel(self, on: bool) -> None:
        """Let the server run as fast as it can, and wait for every client."""
        self._source.set_freewheel(on)

    def close(self) -> None:
        """Leave the server. One that is stuck is not waited for."""
        self._closing = True
        end = time.monotonic() + CALLBACK_SECONDS
        while len(self._ended) < 2 and time.monotonic() < end:
            threading.Event().wait(0.01)
        threading.Event().wait(0.05)  # the last callbacks return

        def leave() -> None:
            for client in (self._source, self._recorder):
                with suppress(Exception):
                    client.deactivate()
                with suppress(Exception):
                    client.close()

        leaving = threading.Thread(target=leave, daemon=True)
        leaving.start()
        leaving.join(CLOSING_SECONDS)
