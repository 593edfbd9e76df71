"""A real server in a process of its own, on free ports, with a small root folder."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import soundfile
from astfx_bridge import Client
from astfx_bridge.wire.osc import Message

from astfx.audio import Waveform

ROOT = Path(__file__).parents[2]
RATE = 22_050
QUICK = ("quality", "draft", "iterations", 1)
# A long time, because a busy machine may delay a process. Nothing here is timed.
PATIENCE_SECONDS = 120.0


@dataclass
class Server:
    """A running ``astfx-bridge serve``."""

    root: Path
    state: Path
    options: tuple[str, ...] = ()
    process: subprocess.Popen[str] | None = field(default=None, repr=False)
    port: int = 0
    http_port: int = 0
    banner: str = ""

    @property
    def log(self) -> Path:
        """The file of the server's standard error."""
        return self.state.with_suffix(".log")

    def start(self) -> Server:
        """Start it, and read its ports from what it prints."""
        words = ["--osc-port", str(self.port), "--http-port", str(self.http_port)]
        words += ["--root", str(self.root), "--state", str(self.state), *self.options]
        if "--announce" not in self.options:
            words.append("--no-announce")
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "astfx_bridge", "serve", *words],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=environment(),
            )
        assert self.process.stdout is not None
        lines = []
        for line in self.process.stdout:
            lines.append(line)
            if line.startswith("OSC "):
                self.port = int(line.split("port ")[1].split(",")[0])
            if line.startswith("OSCQuery"):
                self.http_port = int(line.rstrip("/\n").rsplit(":", 1)[1])
            if line.startswith("try"):
                break
        self.banner = "".join(lines)
        assert self.port, f"the server did not start: {self.banner}"
        return self

    def kill(self) -> None:
        """Kill it, as a crash would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        self._close_pipe()

    def stop(self) -> int:
        """End it as Ctrl-C would, and return its exit code. It must have printed no error."""
        code, text = self.stop_loudly()
        assert text == "", text[:6000]
        return code

    def stop_loudly(self) -> tuple[int, str]:
        """End it as Ctrl-C would, and return its exit code and what it printed of errors."""
        if self.process is None:
            return 0, ""
        self.process.send_signal(signal.SIGINT)
        try:
            code = self.process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        self._close_pipe()
        text = self.log.read_text()
        self.log.write_text("")
        return code, text

    def _close_pipe(self) -> None:
        assert self.process is not None
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.process = None

    def client(self, transport: str = "length", token: str = "") -> Client:
        """A client that is connected to it."""
        return Client(
            "127.0.0.1",
            self.port,
            transport=transport,
            token=token,
            timeout_seconds=PATIENCE_SECONDS,
        )


def environment() -> dict[str, str]:
    """The environment of a program that uses this checkout."""
    paths = [str(ROOT), str(ROOT / "bridge"), os.environ.get("PYTHONPATH", "")]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path for path in paths if path),
        "OMP_NUM_THREADS": "1",
    }


def make_sounds(folder: Path) -> None:
    """Write contents of 1, 6 and 40 seconds, and two styles, to a folder."""
    rng = np.random.default_rng(0)
    time_axis = np.arange(RATE) / RATE
    tone = 0.3 * np.sin(2 * np.pi * 440 * time_axis) * np.exp(-3 * time_axis)
    noise = 0.1 * rng.standard_normal(RATE)
    soundfile.write(folder / "content.wav", tone, RATE, subtype="FLOAT")
    soundfile.write(folder / "style.wav", noise, RATE, subtype="FLOAT")
    soundfile.write(folder / "small.wav", noise[:8000], 8000, subtype="PCM_16")
    soundfile.write(folder / "mid.wav", np.tile(tone, 6), RATE, subtype="PCM_16")
    soundfile.write(folder / "long.wav", np.tile(tone, 40), RATE, subtype="PCM_16")


def until(client: Client, address: str, seconds: float = 180.0) -> Message:
    """The next message with an address. Others are dropped."""
    deadline = time.monotonic() + seconds
    while (message := client.receive(deadline - time.monotonic())) is not None:
        if message.address == address:
            return message
    raise AssertionError(f"no {address} in {seconds} seconds")


def collect(client: Client, quiet_seconds: float) -> list[Message]:
    """All messages that come, until none has come for so many seconds."""
    found = []
    while (message := client.receive(quiet_seconds)) is not None:
        found.append(message)
    return found


def eventually(holds: Callable[[], bool]) -> None:
    """Wait until the server has made a condition true."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, f"{holds} does not hold"
        time.sleep(0.02)


def read(path: Path) -> Waveform:
    data, _ = soundfile.read(path, dtype="float32", always_2d=True)
    return np.ascontiguousarray(data.T)


def need_ipv6() -> None:
    """Skip the test on a machine without IPv6."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("this machine has no IPv6")


def resident_mb(server: Server) -> float | None:
    """The memory of the server in megabytes, None where /proc does not tell."""
    assert server.process is not None
    pages = Path(f"/proc/{server.process.pid}/statm")
    if not pages.exists():
        return None
    return int(pages.read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 2**20
