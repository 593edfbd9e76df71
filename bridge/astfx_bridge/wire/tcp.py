"""OSC over TCP, framed by SLIP or by lengths. If the server has a token, it must come first."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import cast

from astfx_bridge.errors import PacketError
from astfx_bridge.settings import Limits
from astfx_bridge.wire.access import AUTH_SECONDS, Access, RateLimiter
from astfx_bridge.wire.framing import Deframer
from astfx_bridge.wire.peers import PacketReceiver, SendDatagram, TcpPeer

FIRST_SECONDS = 30.0  # in which a connection must have sent something useful
STALL_SECONDS = 30.0  # after which half a packet is given up
LINGER_SECONDS = 10.0  # in which a refused client can end what it sends, and read why
IDLE_SECONDS = 60.0  # after which a connection that awaits nothing may have to make room
# A client that has vanished is noticed after about a minute.
_KEEPALIVE = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}


class TcpEndpoint:
    """All TCP connections of the server.

    Parameters
    ----------
    receiver : PacketReceiver
    access : Access
    limits : Limits
    send_datagram : callable
        Sends the replies of clients that want them by UDP.
    awaits : callable
        Returns whether a peer waits for the end of a job.
    on_disconnect : callable
        Called with each peer whose connection has ended.
    clock : callable
        Returns the time in seconds.

    Attributes
    ----------
    connections : dict of TcpPeer to connection
        The connected clients.
    lingering : set of connection
        The refused clients that may still read why.
    """

    def __init__(
        self,
        receiver: PacketReceiver,
        access: Access,
        limits: Limits,
        send_datagram: SendDatagram,
        awaits: Callable[[TcpPeer], bool],
        on_disconnect: Callable[[TcpPeer], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.receiver, self.access, self.limits = receiver, access, limits
        self.send_datagram, self.on_disconnect = send_datagram, on_disconnect
        self.clock = clock
        self.connections: dict[TcpPeer, _Connection] = {}
        self.lingering: set[_Connection] = set()
        self._awaits = awaits

    @property
    def peers(self) -> list[TcpPeer]:
        """The connected clients."""
        return list(self.connections)

    def connection(self) -> asyncio.Protocol:
        """Called by asyncio for each connection."""
        return _Connection(self)

    def make_room(self) -> bool:
        """Make sure that one more connection is possible, and return whether it is.

        Connections that have sent nothing useful go first, the oldest of them before the others.
        Then one goes that has been idle for a minute and awaits nothing.
        """
        if len(self.connections) < self.limits.connections:
            return True
        now = self.clock()
        useless = [peer for peer in self.connections if not peer.useful]
        idle = [
            peer
            for peer, connection in self.connections.items()
            if now - connection.heard_at >= IDLE_SECONDS and not self._is_needed(peer)
        ]
        for peers in (useless, idle):
            if peers:
                longest = min(peers, key=lambda peer: self.connections[peer].heard_at)
                self.connections[longest].refuse(
                    "/astfx/connect", "this connection was idle, and has made room for another"
                )
                return True
        return False

    def _is_needed(self, peer: TcpPeer) -> bool:
        return peer.notify or peer.busy or bool(peer.bound_ports) or self._awaits(peer)

    def sweep(self) -> None:
        """Close the connections that send nothing useful, or stop in the middle of a packet."""
        now = self.clock()
        for peer, connection in list(self.connections.items()):
            silent = now - connection.heard_at
            if not peer.useful and now - connection.begun_at >= FIRST_SECONDS:
                connection.refuse(
                    "/astfx/connect", f"nothing useful was sent within {FIRST_SECONDS:g} seconds"
                )
            elif connection.held_bytes and not peer.busy and silent >= STALL_SECONDS:
                connection.refuse(
                    "/astfx/packet",
                    f"the rest of a packet did not come within {STALL_SECONDS:g} seconds",
                )

    def limit_memory(self) -> None:
        """Keep what is held of packets below one limit for all connections together."""
        limit = self.limits.unfinished_bytes
        while True:
            holders = [each for each in self.connections.values() if each.held_bytes]
            working = sum(peer.work_bytes for peer in self.connections)
            if working + sum(each.held_bytes for each in holders) <= limit or not holders:
                return
            longest = min(holders, key=lambda each: each.heard_at)
            longest.refuse(
                "/astfx/packet",
                f"more than {limit} bytes of unfinished packets are waiting, and this connection "
                "was silent longest: send it again later",
            )

    def close(self) -> None:
        """Close all connections."""
        for peer in self.peers:
            peer.close()


class _Connection(asyncio.Protocol):
    def __init__(self, endpoint: TcpEndpoint) -> None:
        self._endpoint = endpoint
        # Nothing long is read before the token.
        limit_bytes = 4096 if endpoint.access.needs_token else endpoint.limits.blob_bytes
        self._deframer = Deframer(limit_bytes)
        self._peer: TcpPeer | None = None
        self._auth_timer: asyncio.TimerHandle | None = None
        self.begun_at = self.heard_at = endpoint.clock()

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
        if not endpoint.make_room():
            self.refuse(
                "/astfx/connect",
                f"there are {endpoint.limits.connections} connections already, no more are taken",
            )
            return
        endpoint.connections[peer] = self
        if endpoint.access.needs_token:
            loop = asyncio.get_running_loop()
            self._auth_timer = loop.call_later(AUTH_SECONDS, self._auth_timeout)

    def data_received(self, data: bytes) -> None:
        peer = self._peer
        if peer is None:
            return
        self.heard_at = self._endpoint.clock()
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
            self._endpoint.limit_memory()

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
        if peer is not None and self._endpoint.connections.pop(peer, None) is not None:
            for port in peer.bound_ports:
                self._endpoint.access.release(peer.host, port)
            self._endpoint.on_disconnect(peer)


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
