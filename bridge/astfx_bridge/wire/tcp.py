"""OSC over TCP: SLIP and length-prefixed, detected; a token first where one is needed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from astfx_bridge.errors import PacketError
from astfx_bridge.settings import Limits
from astfx_bridge.wire.access import AUTH_SECONDS, Access, Bucket
from astfx_bridge.wire.framing import Deframer
from astfx_bridge.wire.peers import SendDatagram, TcpPeer
from astfx_bridge.wire.udp import Receiver


class TcpHub:
    """All TCP connections.

    Parameters
    ----------
    receiver : Receiver
    access : Access
    limits : Limits
    send_datagram : callable
        For clients that want their replies by UDP.
    on_leave : callable
        Called with each peer that has gone.
    """

    def __init__(
        self,
        receiver: Receiver,
        access: Access,
        limits: Limits,
        send_datagram: SendDatagram,
        on_leave: Callable[[TcpPeer], None],
    ) -> None:
        self.receiver, self.access, self.limits = receiver, access, limits
        self.send_datagram, self.on_leave = send_datagram, on_leave
        self.peers: set[TcpPeer] = set()

    def connection(self) -> asyncio.Protocol:
        """Called by asyncio for each connection."""
        return _Connection(self)

    def close(self) -> None:
        """Close all connections."""
        for peer in list(self.peers):
            peer.close()


class _Connection(asyncio.Protocol):
    def __init__(self, hub: TcpHub) -> None:
        self._hub = hub
        # Before the token nothing long is worth reading.
        first = 4096 if hub.access.needs_token else hub.limits.blob_bytes
        self._deframer = Deframer(first)
        self._peer: TcpPeer | None = None
        self._hurry: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        hub = self._hub
        bucket = Bucket(hub.limits.messages_per_second)
        stream = cast(asyncio.Transport, transport)
        peer = self._peer = TcpPeer(stream, hub.limits.blob_bytes, hub.send_datagram, bucket)
        if len(hub.peers) >= hub.limits.connections:
            peer.send(
                "/astfx/fail",
                "/astfx/connect",
                0,
                f"there are {hub.limits.connections} connections already, no more are taken",
            )
            peer.close()
            self._peer = None
            return
        hub.peers.add(peer)
        if hub.access.needs_token:
            loop = asyncio.get_running_loop()
            self._hurry = loop.call_later(AUTH_SECONDS, self._too_late)

    def data_received(self, data: bytes) -> None:
        peer = self._peer
        if peer is None:
            return
        try:
            for packet in self._deframer.feed(data):
                peer.framing = self._deframer.framing
                self._hub.receiver.receive(peer, packet)
                if peer.authenticated and self._hurry is not None:
                    self._hurry.cancel()
                    self._hurry = None
                    self._deframer.limit_bytes = self._hub.limits.blob_bytes
        except PacketError as error:
            peer.framing = self._deframer.framing or peer.framing
            peer.send("/astfx/fail", "/astfx/packet", 0, str(error))
            peer.close()
            self._drop()

    def _too_late(self) -> None:
        if self._peer is not None and not self._peer.authenticated:
            self._peer.send(
                "/astfx/fail", "/astfx/auth", 0, f"no token within {AUTH_SECONDS:g} seconds"
            )
            self._peer.close()

    def connection_lost(self, error: Exception | None) -> None:
        if self._hurry is not None:
            self._hurry.cancel()
        self._drop()

    def _drop(self) -> None:
        peer, self._peer = self._peer, None
        if peer is not None:
            self._hub.peers.discard(peer)
            for port in peer.bound_ports:
                self._hub.access.release(peer.host, port)
            self._hub.on_leave(peer)
