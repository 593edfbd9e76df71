"""The Python client, when the server is gone or silent."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from astfx_bridge import Client
from astfx_bridge.errors import BridgeError

SHORT_SECONDS = 0.05


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A TCP server that accepts connections and answers nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def client_of(silent: socket.socket, token: str = "") -> Client:
    port = silent.getsockname()[1]
    return Client(port=port, timeout_seconds=SHORT_SECONDS, token=token)


def test_no_server_is_told_in_a_sentence() -> None:
    with pytest.raises(BridgeError, match=r"no bridge on 127.0.0.1 port 1 .*: start `astfx serve`"):
        Client(port=1)
    with pytest.raises(BridgeError, match=r"transport='pigeon' must be one of length, slip, udp"):
        Client(transport="pigeon")


def test_a_server_that_does_not_answer_is_told_in_a_sentence(silent: socket.socket) -> None:
    where = f"127.0.0.1 port {silent.getsockname()[1]}"
    with client_of(silent) as client:
        with pytest.raises(BridgeError, match=rf"^no answer to /astfx/ping from {where} in 0.05 s"):
            client.ask("/astfx/ping")
        with pytest.raises(BridgeError, match=r"^job 7 did not end in 0.05 seconds$"):
            client.render("a.wav", "b.wav", job_id=7, timeout_seconds=SHORT_SECONDS)
    with pytest.raises(BridgeError, match=rf"^no answer from {where} in 0.05 seconds$"):
        client_of(silent, token="a long secret")


def test_a_connection_that_is_closed_or_reset_is_told_in_a_sentence(silent: socket.socket) -> None:
    where = f"127.0.0.1 port {silent.getsockname()[1]}"
    with client_of(silent) as client:
        silent.accept()[0].close()
        with pytest.raises(BridgeError, match=rf"^the bridge on {where} has closed the connection"):
            client.receive(60.0)
    with client_of(silent) as client:
        accepted, _ = silent.accept()
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        accepted.close()
        with pytest.raises(BridgeError, match=rf"^lost the bridge on {where} \(.*reset"):
            client.receive(60.0)
