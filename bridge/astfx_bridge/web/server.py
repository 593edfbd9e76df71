"""The web server: uvicorn in the server's event loop, with limits on slow and idle connections."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import h11
import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.wsproto_impl import WSProtocol

from astfx_bridge.errors import BridgeError
from astfx_bridge.settings import ServerSettings
from astfx_bridge.wire.streams import Streams

MAX_CONNECTIONS = 64
REQUEST_SECONDS = 10.0  # in which a request must have come
LONGEST_HEADERS_BYTES = 16_384
CLOSE_SECONDS = 1
_SPARE_BYTES = 2**20  # more than comes at once


class HttpConnections:
    """The HTTP connections. A new one always finds room, unless all others are being answered.

    Parameters
    ----------
    clock : callable
        Returns the time in seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self._known: dict[HttpProtocol, None] = {}

    def __len__(self) -> int:
        """How many there are."""
        return len(self._known)

    def add(self, new: HttpProtocol) -> bool:
        """Take a connection, and return whether there was room for it.

        Those that have not sent a whole request yet make room, the longest silent first, and those
        that have been answered only after them.
        """
        if len(self._known) >= MAX_CONNECTIONS:
            idle = [each for each in self._known if not each.is_answering]
            if not idle:
                return False
            min(idle, key=lambda each: (each.cycle is not None, each.heard_at)).drop()
        self._known[new] = None
        return True

    def remove(self, gone: HttpProtocol) -> None:
        """Let a connection go that has ended, or has become a WebSocket."""
        self._known.pop(gone, None)

    def sweep(self) -> None:
        """Close the connections whose request does not come."""
        now = self.clock()
        for each in list(self._known):
            if not each.is_answering and now - each.heard_at >= REQUEST_SECONDS:
                each.drop()


class HttpProtocol(H11Protocol):
    """uvicorn's HTTP protocol, among `HttpConnections`."""

    house: HttpConnections
    heard_at: float = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Called by asyncio."""
        super().connection_made(transport)
        self.heard_at = self.house.clock()
        if not self.house.add(self):
            transport.close()

    @property
    def is_answering(self) -> bool:
        """Whether a request has come and is being answered."""
        return self.cycle is not None and not self.cycle.response_complete

    def data_received(self, data: bytes) -> None:
        """Called by asyncio."""
        self.heard_at = self.house.clock()
        if not self.transport.is_closing():
            super().data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by asyncio."""
        self.house.remove(self)
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Called by uvicorn when what came is not HTTP, also in the middle of a request."""
        if self.is_answering:
            # Its answer can no longer be sent, and uvicorn would log this with a traceback.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            headers = [("Content-Length", "0"), ("Connection", "close")]
            answer = h11.Response(status_code=400, headers=headers, reason=b"Bad Request")
            for part in (answer, h11.EndOfMessage()):
                self.transport.write(self.conn.send(part) or b"")
        self.transport.close()

    def handle_websocket_upgrade(self, event: Any) -> None:
        """Called by uvicorn."""
        self.house.remove(self)
        super().handle_websocket_upgrade(event)

    def drop(self) -> None:
        """Close the connection at once."""
        self.house.remove(self)
        self.transport.abort()


class SocketProtocol(WSProtocol):
    """uvicorn's WebSocket protocol, among `Streams`."""

    streams: Streams
    heard_at: float = 0.0
    on_data: Callable[[int], object] = staticmethod(lambda held_bytes: None)
    _ignoring = False

    @property
    def held_bytes(self) -> int:
        """The size of the part of a message that waits for its rest."""
        return self.buffer.length

    def data_received(self, data: bytes) -> None:
        """Called by asyncio."""
        if self._ignoring:
            return
        self.heard_at = self.streams.clock()
        super().data_received(data)
        self.on_data(self.held_bytes)
        self.streams.limit_memory()

    def ignore(self) -> None:
        """Forget what came, and whatever comes still. The client can end it and read why."""
        self._ignoring = True
        self.buffer.clear()

    async def run_asgi(self) -> None:
        """Called by uvicorn."""
        self.scope["state"]["incoming"] = self
        await super().run_asgi()


class _Uvicorn(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the bridge."""
        yield


class WebServer:
    """The web server.

    Parameters
    ----------
    settings : ServerSettings
    app : Starlette
    streams : Streams

    Attributes
    ----------
    port : int

    Raises
    ------
    BridgeError
        If the port is taken.
    """

    def __init__(self, settings: ServerSettings, app: Starlette, streams: Streams) -> None:
        assert settings.http_port is not None
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        # Named as TCP: only then does asyncio send at once, without Nagle's algorithm.
        self._socket = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            if os.name == "posix":
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._socket.bind((settings.host, settings.http_port))
            self._socket.listen(MAX_CONNECTIONS)
        except OSError as error:
            self._socket.close()
            raise BridgeError(
                f"cannot listen on {settings.host} port {settings.http_port} for OSCQuery "
                f"({error.strerror}): choose another --http-port"
            ) from None
        self.port = int(self._socket.getsockname()[1])
        self._connections = house = HttpConnections(streams.clock)
        self._server = _Uvicorn(
            uvicorn.Config(
                app,
                http=type("Http", (HttpProtocol,), {"house": house}),
                ws=type("Socket", (SocketProtocol,), {"streams": streams}),
                # A longer message is refused before, with a fail that can be read.
                ws_max_size=settings.limits.blob_bytes + _SPARE_BYTES,
                ws_per_message_deflate=False,  # a short message could grow beyond any limit
                lifespan="off",
                log_config=None,
                log_level="error",
                access_log=False,  # a request may hold a token
                server_header=False,
                proxy_headers=False,
                h11_max_incomplete_event_size=LONGEST_HEADERS_BYTES,
                timeout_graceful_shutdown=CLOSE_SECONDS,
            )
        )
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start to answer."""
        self._task = asyncio.create_task(self._server.serve([self._socket]), name="web server")

    def sweep(self) -> None:
        """Close the connections whose request does not come."""
        self._connections.sweep()

    async def close(self) -> None:
        """Stop listening, and close all connections."""
        if self._task is not None:
            self._server.should_exit = True
            await self._task
        self._socket.close()
