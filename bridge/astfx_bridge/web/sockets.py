"""OSC over WebSocket, and OSCQuery's LISTEN: one socket carries both.

A binary message is an OSC packet, in either direction. A text message is a command of OSCQuery,
such as ``{"COMMAND": "LISTEN", "DATA": "/astfx/param/mix"}``. From then on, each new value of the
address is sent as an OSC message.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from starlette.responses import JSONResponse
from starlette.websockets import WebSocket, WebSocketDisconnect

from astfx_bridge.addresses import ROWS
from astfx_bridge.errors import RefusedError
from astfx_bridge.settings import Limits
from astfx_bridge.table import Value
from astfx_bridge.wire.access import RateLimiter
from astfx_bridge.wire.osc import encode
from astfx_bridge.wire.peers import SPARE_BYTES, PacketReceiver, SendDatagram, StreamPeer
from astfx_bridge.wire.streams import Streams

NORMAL, REFUSED = 1000, 1008  # the codes with which a socket is closed
_COMMANDS = ("LISTEN", "IGNORE")


class Incoming(Protocol):
    """What is known below ASGI of what comes in over a socket.

    Attributes
    ----------
    on_data : callable
        Called with the size of the part of a message that waits for its rest, when that grows.
    """

    on_data: Callable[[int], object]

    @property
    def heard_at(self) -> float:
        """When something last came."""

    @property
    def held_bytes(self) -> int:
        """The size of the part of a message that waits for its rest."""

    def ignore(self) -> None:
        """Forget what came, and whatever comes still."""


class WebSocketPeer(StreamPeer):
    """A client at the other end of a WebSocket.

    Parameters
    ----------
    socket : WebSocket
    blob_bytes : int
        The longest packet that is allowed.
    send_datagram, message_rate
        See `Peer`.

    Attributes
    ----------
    listened : set of str
        The addresses whose new values it receives.
    readable : asyncio.Event
        Set while it may be read from.
    code : int
        The code with which its socket is closed.
    """

    door = "WebSocket"

    def __init__(
        self,
        socket: WebSocket,
        blob_bytes: int,
        send_datagram: SendDatagram,
        message_rate: RateLimiter,
    ) -> None:
        host, port = socket.client or ("", 0)
        super().__init__(host, port, send_datagram, message_rate)
        self.listened: set[str] = set()
        self.readable = asyncio.Event()
        self.readable.set()
        self.code = NORMAL
        self._limit = blob_bytes + SPARE_BYTES
        self._outbox: asyncio.Queue[bytes | str | None] = asyncio.Queue()
        self._waiting_bytes = 0
        self._closing = False

    @property
    def is_listening(self) -> bool:
        """Whether it receives what it did not ask for message by message."""
        return self.notify or bool(self.listened)

    def send_value(self, address: str, value: Value) -> None:
        """Send the new value of an address that it listens to."""
        self._put(encode(address, [value]))

    def complain(self, message: str) -> None:
        """Say why a command of OSCQuery was refused."""
        if self.complaint_rate.take():
            self._put(json.dumps({"ERROR": message[:1000]}))

    def _send_stream(self, packet: bytes) -> bool:
        return self._put(packet)

    def _put(self, data: bytes | str) -> bool:
        if self._closing:
            return False
        self._waiting_bytes += len(data)
        if self._waiting_bytes > self._limit:
            # It does not read its replies, which would fill the memory.
            self._outbox = asyncio.Queue()
            self.close()
            return False
        self._outbox.put_nowait(data)
        return True

    async def write(self, socket: WebSocket) -> None:
        """Send what waits to be sent, until the peer is closed."""
        while (data := await self._outbox.get()) is not None:
            if isinstance(data, bytes):
                await socket.send_bytes(data)
            else:
                await socket.send_text(data)
            self._waiting_bytes -= len(data)

    def pause(self) -> None:
        """Stop reading until the backlog has been handled."""
        self.readable.clear()

    def resume(self) -> None:
        """Read again, because the backlog has been handled."""
        super().resume()
        self.readable.set()

    def close(self) -> None:
        """Send what is still buffered, then close."""
        self._closing = True
        self._outbox.put_nowait(None)


class _Stream:
    """A socket as one of the server's streams."""

    def __init__(self, peer: WebSocketPeer, incoming: Incoming, now: float) -> None:
        self._peer, self._incoming = peer, incoming
        self.begun_at = now

    @property
    def heard_at(self) -> float:
        return self._incoming.heard_at

    @property
    def held_bytes(self) -> int:
        return self._incoming.held_bytes

    def refuse(self, address: str, message: str) -> None:
        self._peer.send("/astfx/fail", address, 0, message)
        self._peer.code = REFUSED
        self._peer.close()
        self._incoming.ignore()


class WebSockets:
    """The server's door for WebSockets.

    Parameters
    ----------
    receiver : PacketReceiver
    limits : Limits
    send_datagram : callable
        Sends the replies of clients that want them by UDP.
    streams : Streams
        The connections of all stream clients.
    """

    def __init__(
        self,
        receiver: PacketReceiver,
        limits: Limits,
        send_datagram: SendDatagram,
        streams: Streams,
    ) -> None:
        self._receiver, self._limits = receiver, limits
        self._send_datagram, self._streams = send_datagram, streams

    async def serve(self, socket: WebSocket, incoming: Incoming) -> None:
        """Serve a socket to its end. Its client was admitted."""
        peer = WebSocketPeer(
            socket,
            self._limits.blob_bytes,
            self._send_datagram,
            RateLimiter(self._limits.messages_per_second),
        )
        peer.authenticated = True
        stream = _Stream(peer, incoming, self._streams.clock())
        if not self._streams.add(peer, stream):
            refusal = JSONResponse({"ERROR": self._streams.too_many()}, 503)
            await socket.send_denial_response(refusal)
            return
        incoming.on_data = lambda held_bytes: self._check_length(stream, held_bytes)
        try:
            await socket.accept()
            tasks = [
                asyncio.create_task(self._read(socket, peer, stream)),
                asyncio.create_task(peer.write(socket)),
            ]
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            self._streams.remove(peer)
            with suppress(WebSocketDisconnect, RuntimeError):
                await socket.close(peer.code)

    def _check_length(self, stream: _Stream, n_bytes: int) -> bool:
        """Refuse a packet that is too long, and return whether it is not."""
        limit = self._limits.blob_bytes
        if n_bytes > limit:
            stream.refuse("/astfx/packet", f"a packet is longer than the {limit} bytes allowed")
        return n_bytes <= limit

    async def _read(self, socket: WebSocket, peer: WebSocketPeer, stream: _Stream) -> None:
        while True:
            await peer.readable.wait()
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            data = message.get("bytes") or message.get("text") or ""
            if not self._check_length(stream, len(data)):
                continue  # the peer ends as soon as it was told
            if (packet := message.get("bytes")) is not None:
                self._receiver.receive(peer, packet)
            elif not peer.message_rate.take():
                peer.complain(f"more than {self._limits.messages_per_second:g} messages a second")
            else:
                try:
                    _command(peer, message.get("text") or "")
                except RefusedError as error:
                    peer.complain(str(error))

    def tell(self, address: str, value: Value) -> None:
        """Send the new value of an address to those that listen to it."""
        for peer in self._streams.peers:
            if isinstance(peer, WebSocketPeer) and address in peer.listened:
                peer.send_value(address, value)


def _command(peer: WebSocketPeer, text: str) -> None:
    """Carry out a command of OSCQuery.

    Raises
    ------
    RefusedError
        If it is none, or names an address that has no value.
    """
    try:
        said = json.loads(text[:4096])
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict) or said.get("COMMAND") not in _COMMANDS:
        raise RefusedError(
            'a text must be a command such as {"COMMAND": "LISTEN", "DATA": "/astfx/param/mix"}; '
            "OSC messages must be binary"
        )
    address = said.get("DATA")
    row = ROWS.get(address) if isinstance(address, str) else None
    if row is None or row.parameter is None:
        raise RefusedError(f"address {str(address)[:256]!r} has no value to listen to")
    if said["COMMAND"] == "LISTEN":
        peer.listened.add(row.address)
    else:
        peer.listened.discard(row.address)
