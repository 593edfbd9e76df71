"""OSC over TCP, framed by SLIP or by lengths. If the server has a token, it must come first."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from astfx_bridge.errors import PacketError
from astfx_bridge.settings import Limits
from astfx_bridge.wire.access import AUTH_SECONDS, Access, RateLimiter
from astfx_bridge.wire.framing import Deframer
from astfx_bridge.wire.peers import PacketReceiver, SendDatagram, TcpPeer


class TcpEndpoint:
    """All TCP connections of the server.

    Parameters
    ----------
    receiver : PacketReceiver
    access : Access
    limits : Limits
    send_datagram : callable
        Sends the replies of clients that want them by UDP.
    on_disconnect : callable
        Called with each peer whose connection has ended.

    Attributes
    ----------
    peers : set of TcpPeer
        The connected clients.
    """

    def __init__(
        self,
        receiver: PacketReceiver,
        access: Access,
        limits: Limits,
        send_datagram: SendDatagram,
        on_disconnect: Callable[[TcpPeer], None],
    ) -> None:
        self.receiver, self.access, self.limits = receiver, access, limits
        self.send_datagram, self.on_disconnect = send_datagram, on_disconnect
        self.peers: set[TcpPeer] = set()

    def connection(self) -> asyncio.Protocol:
        """Called by asyncio for each connection."""
        return _Connection(self)

    def close(self) -> None:
        """Close all connections."""
        for peer in list(self.peers):
            peer.close()


class _Connection(asyncio.Protocol):
    def __init__(self, endpoint: TcpEndpoint) -> None:
        self._endpoint = endpoint
        # Nothing long is read before the token.
        limit_bytes = 4096 if endpoint.access.needs_token else endpoint.limits.blob_bytes
        self._deframer = Deframer(limit_bytes)
        self._peer: TcpPeer | None = None
        self._auth_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        endpoint = self._endpoint
        message_rate = RateLimiter(endpoint.limits.messages_per_second)
        stream = cast(asyncio.Transport, transport)
        peer = self._peer = TcpPeer(
            stream, endpoint.limits.blob_bytes, endpoint.send_datagram, message_rate
        )
        if len(endpoint.peers) >= endpoint.limits.connections:
            peer.send(
                "/astfx/fail",
                "/astfx/connect",
                0,
                f"there are {endpoint.limits.connections} connections already, no more are taken",
            )
            peer.close()
            self._peer = None
            return
        endpoint.peers.add(peer)
        if endpoint.access.needs_token:
            loop = asyncio.get_running_loop()
            self._auth_timer = loop.call_later(AUTH_SECONDS, self._auth_timeout)

    def data_received(self, data: bytes) -> None:
        peer = self._peer
        if peer is None:
            return
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
            peer.send("/astfx/fail", "/astfx/packet", 0, str(error))
            peer.close()
            self._drop()

    def _auth_timeout(self) -> None:
        if self._peer is not None and not self._peer.authenticated:
            self._peer.send(
                "/astfx/fail", "/astfx/auth", 0, f"no token within {AUTH_SECONDS:g} seconds"
            )
            self._peer.close()

    def connection_lost(self, error: Exception | None) -> None:
        if self._auth_timer is not None:
            self._auth_timer.cancel()
        self._drop()

    def _drop(self) -> None:
        peer, self._peer = self._peer, None
        if peer is not None:
            self._endpoint.peers.discard(peer)
            for port in peer.bound_ports:
                self._endpoint.access.release(peer.host, port)
            self._endpoint.on_disconnect(peer)
