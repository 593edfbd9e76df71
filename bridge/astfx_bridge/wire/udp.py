"""OSC over UDP: one socket for all clients, which also sends the replies."""

from __future__ import annotations

import asyncio
import socket
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from typing import cast

from astfx_bridge.wire.access import Access, RateLimiter
from astfx_bridge.wire.peers import PacketReceiver, Peer

MAX_PEERS = 1024
_RECEIVE_BUFFER_BYTES = 4 * 2**20


class UdpEndpoint(asyncio.DatagramProtocol):
    """The UDP socket of the server, and the clients that have sent to it.

    When there are too many, the one that has been silent longest is forgotten, subscribers last.

    Parameters
    ----------
    receiver : PacketReceiver
    access : Access
    messages_per_second : float
        The most that one client may send.
    on_forget : callable
        Called with each client that is no longer admitted.
    """

    def __init__(
        self,
        receiver: PacketReceiver,
        access: Access,
        messages_per_second: float,
        on_forget: Callable[[Peer], None],
    ) -> None:
        self._on_forget = on_forget
        self._receiver, self._access, self._rate = receiver, access, messages_per_second
        self._peers: OrderedDict[tuple[str, int], Peer] = OrderedDict()
        self._transport: asyncio.DatagramTransport | None = None
        self._refusal_rate = RateLimiter(5.0)
        self._own_port = 0

    @property
    def peers(self) -> list[Peer]:
        """The clients that have sent something."""
        return list(self._peers.values())

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio."""
        self._transport = cast(asyncio.DatagramTransport, transport)
        self._own_port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, source: tuple[str, int]) -> None:
        """Called by asyncio."""
        host, port = source[:2]
        if port == self._own_port and host in (self._own_host(), "127.0.0.1", "::1"):
            return  # the server's own packet: answering it would never end
        if not self._access.admits(host, port):
            if self._refusal_rate.take():  # a forged source must not be flooded with refusals
                Peer(host, port, self.send, self._refusal_rate).send(
                    "/astfx/fail",
                    "/astfx/auth",
                    0,
                    "this server needs a token: send /astfx/auth token udp_port over TCP first",
                )
            return
        self._receiver.receive(self.peer(host, port), data)

    def _own_host(self) -> str:
        assert self._transport is not None
        return str(self._transport.get_extra_info("sockname")[0])

    def error_received(self, error: Exception) -> None:
        """Called by asyncio when a client has closed its port. Nothing needs to be done."""

    def peer(self, host: str, port: int) -> Peer:
        """The client at a port of a host."""
        key = (host, port)
        if key not in self._peers:
            self._peers[key] = Peer(host, port, self.send, RateLimiter(self._rate))
            if len(self._peers) > MAX_PEERS:
                quiet = (known for known, peer in self._peers.items() if not peer.notify)
                del self._peers[next(quiet, next(iter(self._peers)))]
        self._peers.move_to_end(key)
        return self._peers[key]

    def forget_refused(self) -> None:
        """Forget the clients that are no longer admitted, because a connection has ended."""
        for host, port in list(self._peers):
            if not self._access.admits(host, port):
                self._on_forget(self._peers.pop((host, port)))

    def send(self, packet: bytes, target: tuple[str, int]) -> None:
        """Send a datagram."""
        if self._transport is not None and not self._transport.is_closing():
            with suppress(OSError):
                self._transport.sendto(packet, target)

    def close(self) -> None:
        """Close the socket."""
        if self._transport is not None:
            self._transport.close()


def udp_socket(host: str, port: int) -> socket.socket:
    """A bound UDP socket whose buffer has room for bursts."""
    family = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0][0]
    bound = socket.socket(family, socket.SOCK_DGRAM)
    try:
        with suppress(OSError):
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
        bound.setblocking(False)
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    return bound
