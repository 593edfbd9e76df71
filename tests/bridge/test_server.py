"""What keeps a server from starting, and where it listens."""

from __future__ import annotations

import asyncio
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from astfx_bridge import Bridge, Client, ServerSettings
from astfx_bridge.errors import BridgeError
from filelock import FileLock

from tests.bridge.serving import Server, environment, need_ipv6


def test_other_machines_need_a_token(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "astfx_bridge", "serve", "--host", "0.0.0.0", "--state", tmp_path],
        capture_output=True,
        text=True,
        env=environment(),
    )
    assert result.returncode == 2
    assert result.stderr.startswith(
        "astfx-bridge: host 0.0.0.0 can be reached from other machines: give a --token"
    )


def test_a_port_that_is_taken_is_told_in_a_sentence(server: Server, tmp_path: Path) -> None:
    words = ["serve", "--osc-port", str(server.port), "--state", str(tmp_path / "s")]
    result = subprocess.run(
        [sys.executable, "-m", "astfx_bridge", *words],
        capture_output=True,
        text=True,
        env=environment(),
    )
    assert result.returncode == 2
    assert result.stderr == (
        f"astfx-bridge: cannot listen on 127.0.0.1 port {server.port} (Address already in use)\n"
    )


def test_a_state_folder_in_use_is_told_in_a_sentence(server: Server) -> None:
    words = ["serve", "--osc-port", "0", "--state", str(server.state)]
    result = subprocess.run(
        [sys.executable, "-m", "astfx_bridge", *words],
        capture_output=True,
        text=True,
        env=environment(),
    )
    assert result.returncode == 2
    assert result.stderr == (
        f"astfx-bridge: another server uses the state folder '{server.state}'\n"
    )


def test_ipv6_loopback_works_as_well(start: Callable[..., Server]) -> None:
    need_ipv6()
    server = start("--host", "::1")
    for transport in ("length", "slip", "udp"):
        with Client("::1", server.port, transport=transport) as client:
            assert client.ask("/astfx/ping", 1)[0].values == (1,)


def test_a_state_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    state = tmp_path / "file" / "state"
    with pytest.raises(BridgeError) as caught:
        Bridge(ServerSettings(roots=(tmp_path,), state=state))
    assert str(caught.value) == f"state folder '{state}' cannot be used (Not a directory)"


def test_records_that_cannot_be_read_are_told_and_the_folder_is_free_again(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    (state / "jobs.sqlite").write_bytes(b"no database" * 100)
    settings = ServerSettings(roots=(tmp_path,), state=state)
    with pytest.raises(BridgeError) as caught:
        Bridge(settings)
    assert str(caught.value) == f"the records in '{state}' cannot be read (file is not a database)"
    with FileLock(state / "server.lock", timeout=0):
        pass


def test_records_that_are_locked_at_the_start_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("astfx_bridge.server.BUSY_SECONDS", 0.1)
    settings = ServerSettings(
        osc_port=0, http_port=None, roots=(tmp_path,), state=tmp_path / "state"
    )
    bridge = Bridge(settings)
    other = sqlite3.connect(tmp_path / "state" / "jobs.sqlite", isolation_level=None)
    other.execute("begin immediate")

    async def run() -> None:
        with pytest.raises(BridgeError) as caught:
            await bridge.start()
        expected = f"the records in '{settings.state}' cannot be written (database is locked)"
        assert str(caught.value) == expected
        await bridge.close()

    asyncio.run(run())
    other.close()


def test_an_oscquery_port_that_is_taken_is_told(tmp_path: Path) -> None:
    async def run(settings: ServerSettings) -> None:
        bridge = Bridge(settings)
        try:
            await bridge.start()
        finally:
            await bridge.close()

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings = ServerSettings(
            osc_port=0, http_port=port, roots=(tmp_path,), state=tmp_path / "state"
        )
        with pytest.raises(BridgeError) as caught:
            asyncio.run(run(settings))
    assert str(caught.value) == (
        f"cannot listen on 127.0.0.1 port {port} for OSCQuery (Address already in use): "
        "choose another --http-port"
    )
