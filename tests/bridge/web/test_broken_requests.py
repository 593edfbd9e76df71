"""Requests that begin as HTTP and do not go on as HTTP."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

from tests.bridge.serving import PATIENCE_SECONDS, Server

GET = b"GET /?HOST_INFO HTTP/1.1\r\nHost: localhost\r\n"
BROKEN = {
    "in its body": [
        b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n"
    ],
    "in the body of one that is answered": [GET + b"Transfer-Encoding: chunked\r\n\r\nx\r\n"],
    "in the body of a HEAD": [
        GET.replace(b"GET", b"HEAD") + b"Transfer-Encoding: chunked\r\n\r\nx\r\n"
    ],
    "behind it": [GET + b"\r\n\0\0\r\n\r\n"],
    "after its answer": [GET + b"\r\n", b"\0\0\r\n\r\n"],
    "in the body that comes after its answer": [
        GET + b"Content-Length: 1\r\n\r\n",
        b"ab\0\r\n\r\n",
    ],
}


@pytest.mark.parametrize("where", list(BROKEN))
def test_a_request_that_is_broken_ends_its_connection_and_logs_nothing(
    start: Callable[..., Server], where: str
) -> None:
    server = start()
    first, *later = BROKEN[where]
    answer = b""
    with socket.create_connection(("127.0.0.1", server.http_port), PATIENCE_SECONDS) as stream:
        stream.sendall(first)
        for data in later:
            answer += stream.recv(1 << 16)
            stream.sendall(data)
        while part := stream.recv(1 << 16):
            answer += part
    assert answer == b"" or answer.startswith(b"HTTP/1.1 ")
    assert server.stop() == 0  # and it has printed nothing
