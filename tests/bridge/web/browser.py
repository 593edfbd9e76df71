"""A WebSocket client as a browser has one, made of wsproto."""

from __future__ import annotations

import json
import socket
from collections import deque
from types import TracebackType
from typing import Any, Self

from astfx_bridge.table import Value
from astfx_bridge.wire.osc import Message, decode, encode
from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Ping,
    RejectConnection,
    Request,
    TextMessage,
)

from tests.bridge.serving import PATIENCE_SECONDS, Server


class Refused(Exception):  # noqa: N818
    """The server did not accept the WebSocket; the argument is the HTTP status."""


class Browser:
    """A connected WebSocket.

    Attributes
    ----------
    closed : tuple of int and str, or None
        The code and the reason with which the server closed it.
    """

    def __init__(self, server: Server, path: str = "/", **headers: str) -> None:
        host = headers.pop("host", f"127.0.0.1:{server.http_port}")
        self.stream = socket.create_connection(("127.0.0.1", server.http_port))
        self.stream.settimeout(PATIENCE_SECONDS)
        self._connection = WSConnection(ConnectionType.CLIENT)
        self._parts: list[bytes | str] = []
        self.inbox: deque[Message | dict[str, Any]] = deque()
        self.closed: tuple[int, str] | None = None
        self._status = 0
        extra = [(name.encode(), value.encode()) for name, value in headers.items()]
        self._send(Request(host=host, target=path, extra_headers=extra))
        while not self._status:
            self._read()
        if self._status != 101:
            self.stream.close()
            raise Refused(self._status)

    def _send(self, event: Any) -> None:
        self.stream.sendall(self._connection.send(event))

    def _read(self) -> None:
        data = self.stream.recv(1 << 20)
        if not data:
            self.closed = self.closed or (1006, "")
            return
        self._connection.receive_data(data)
        for event in self._connection.events():
            if isinstance(event, AcceptConnection):
                self._status = 101
            elif isinstance(event, RejectConnection):
                self._status = event.status_code
            elif isinstance(event, CloseConnection):
                self.closed = (int(event.code), event.reason or "")
            elif isinstance(event, Ping):
                self._send(event.response())
            elif isinstance(event, TextMessage | BytesMessage):
                self._parts.append(event.data if isinstance(event.data, str) else bytes(event.data))
                if event.message_finished:
                    self._take()

    def _take(self) -> None:
        parts, self._parts = self._parts, []
        if isinstance(parts[0], str):
            self.inbox.append(json.loads("".join(map(str, parts))))
        else:
            self.inbox.extend(decode(b"".join(part for part in parts if isinstance(part, bytes))))

    def send(self, address: str, *values: Value) -> None:
        """Send an OSC message."""
        self._send(BytesMessage(data=encode(address, values)))

    def send_text(self, text: str) -> None:
        self._send(TextMessage(data=text))

    def command(self, command: str, data: object) -> None:
        """Send a command of OSCQuery."""
        self.send_text(json.dumps({"COMMAND": command, "DATA": data}))

    def receive(self) -> Message | dict[str, Any]:
        """What comes next. The connection must not end."""
        while not self.inbox:
            assert self.closed is None, self.closed
            self._read()
        return self.inbox.popleft()

    def until(self, address: str) -> Message:
        """The next message with an address. Others are dropped."""
        while True:
            message = self.receive()
            if isinstance(message, Message) and message.address == address:
                return message

    def until_closed(self) -> tuple[int, str]:
        """The code and the reason with which the server closes it."""
        while self.closed is None:
            self._read()
        return self.closed

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stream.close()
