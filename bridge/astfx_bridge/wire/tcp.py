"""OSC over TCP, framed by SLIP or by lengths. If the server has a token, it must come first."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from typing import cast

from astfx_bridge.errors import PacketError
from astfx_bridge.settings import Limits
from astfx_bridge.wire.access import AUTH_SECONDS, Access, RateLimiter
from astfx_bridge.wire.framing import Deframer
from astfx_bridge.wire.peers import PacketReceiver, SendDatagram, TcpPeer
from astfx_bridge.wire.streams import Streams

LINGER_SECONDS = 10.0  # in which a refused client can end what it sends, and read why
# A client that has vanished is noticed after about a minute.
_KEEPALIVE = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}


class TcpEndpoint:
    """The server's door for TCP.

    Parameters
    ----------
    receiver : PacketReceiver
    access : Access
    limits : Limits
    send_datagram : callable
        Sends the replies of clients that want them by UDP.
    streams : Streams
        The connections of all stream clients.

    Attributes
    ----------
    lingering : set of connection
        The refused clients that may still read why.
    """

    def __init__(
        self,
        receiver: PacketReceiver,
        access: Access,
        limits: Limits,
        send_datagram: SendDatagram,
        streams: Streams,
    ) -> None:
        self.receiver, self.access, self.limits = receiver, access, limits
        self.send_datagram, self.streams = send_datagram, streams
        self.lingering: set[_Connection] = set()

    def connection(self) -> asyncio.Protocol:
        """Called by asyncio for each connection."""
        return _Connection(self)


class _Connection(asyncio.Protocol):
    def __init__(self, endpoint: TcpEndpoint) -> None:
        self._endpoint = endpoint
        # Nothing long is read before the token.
        limit_bytes = 4096 if endpoint.access.needs_token else endpoint.limits.blob_bytes
        self._deframer = Deframer(limit_bytes)
        self._peer: TcpPeer | None = None
        self._auth_timer: asyncio.TimerHandle | None = None
        self.begun_at = self.heard_at = endpoint.streams.clock()

    @property
    def held_bytes(self) -> int:
        """The size of the part of a packet that waits for its rest."""
        return self._deframer.held_bytes

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        endpoint = self._endpoint
        message_rate = RateLimiter(endpoint.limits.messages_per_second)
        stream = cast(asyncio.Transport, transport)
        _keep_alive(stream)
        peer = self._peer = TcpPeer(
            stream, endpoint.limits.blob_bytes, endpoint.send_datagram, message_rate
        )
        if not endpoint.streams.add(peer, self):
            self.refuse("/astfx/connect", endpoint.streams.too_many())
            return
        if endpoint.access.needs_token:
            loop = asyncio.get_running_loop()
            self._auth_timer = loop.call_later(AUTH_SECONDS, self._auth_timeout)

    def data_received(self, data: bytes) -> None:
        peer = self._peer
        if peer is None:
            return
        self.heard_at = self._endpoint.streams.clock()
        try:
            for packet in self._deframer.feed(data):
                peer.framing = self._deframer.framing
                self._endpoint.receiver.receive(peer, packet)
                if peer.authenticated and self._auth_timer is not None:
                    self._auth_timer.cancel()
                    self._auth_timer = None
                    self._deframer.limit_bytes = self._endpoint.limits.blob_bytes
        except PacketError as error:
            peer.framing = self._deframer.framing or peer.framing
            self.refuse("/astfx/packet", str(error))
        else:
            self._endpoint.streams.limit_memory()

    def refuse(self, address: str, message: str) -> None:
        """Send a fail, and close the connection."""
        if self._peer is not None:
            self._peer.send("/astfx/fail", address, 0, message)
            if len(self._endpoint.lingering) < self._endpoint.limits.connections:
                self._endpoint.lingering.add(self)
                self._peer.close_gently(LINGER_SECONDS)
            else:
                self._peer.close()
            self._drop()

    def _auth_timeout(self) -> None:
        if self._peer is not None and not self._peer.authenticated:
            self.refuse("/astfx/auth", f"no token within {AUTH_SECONDS:g} seconds")

    def connection_lost(self, error: Exception | None) -> None:
        self._endpoint.lingering.discard(self)
        self._drop()

    def _drop(self) -> None:
        peer, self._peer = self._peer, None
        self._deframer = Deframer(0)
        if self._auth_timer is not None:
            self._auth_timer.cancel()
            self._auth_timer = None
        if peer is not None:
            self._endpoint.streams.remove(peer)


def _keep_alive(stream: asyncio.Transport) -> None:
    """Let the system notice when a client has vanished without a word."""
    bound = stream.get_extra_info("socket")
    if bound is None:
        return
    with suppress(OSError):
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _KEEPALIVE.items():
            if hasattr(socket, name):
                bound.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
