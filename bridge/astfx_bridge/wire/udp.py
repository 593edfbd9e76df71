"""OSC over UDP: datagrams to 65 kB, one receive loop, answers from the same socket."""

from __future__ import annotations

import asyncio
import socket
from collections import OrderedDict
from contextlib import suppress
from typing import Protocol, cast

from astfx_bridge.wire.access import Access, Bucket
from astfx_bridge.wire.peers import Peer

MAX_SOURCES = 1024
_RECEIVE_BUFFER_BYTES = 4 * 2**20


class Receiver(Protocol):
    """What takes packets."""

    def receive(self, peer: Peer, packet: bytes) -> None:
        """Handle one packet."""


class UdpEndpoint(asyncio.DatagramProtocol):
    """The server's UDP socket and the sources that spoke to it, the longest silent dropped first.

    Parameters
    ----------
    receiver : Receiver
    access : Access
    messages_per_second : float
        From one source.
    """

    def __init__(self, receiver: Receiver, access: Access, messages_per_second: float) -> None:
        self._receiver, self._access, self._rate = receiver, access, messages_per_second
        self._sources: OrderedDict[tuple[str, int], Peer] = OrderedDict()
        self._transport: asyncio.DatagramTransport | None = None
        self._refusals = Bucket(5.0)
        self._own_port = 0

    @property
    def peers(self) -> list[Peer]:
        """The sources heard of."""
        return list(self._sources.values())

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio."""
        self._transport = cast(asyncio.DatagramTransport, transport)
        self._own_port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, source: tuple[str, int]) -> None:
        """Called by asyncio."""
        host, port = source[:2]
        if port == self._own_port and host in (self._own_host(), "127.0.0.1", "::1"):
            return  # an answer to oneself would never end
        if not self._access.admits(host, port):
            if self._refusals.take():  # never more answers than an attacker could misuse
                Peer(host, port, self.send, self._refusals).send(
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
        """Called by asyncio, when a client has closed its port: nothing to be done."""

    def peer(self, host: str, port: int) -> Peer:
        """The source at an address."""
        key = (host, port)
        if key not in self._sources:
            self._sources[key] = Peer(host, port, self.send, Bucket(self._rate))
            while len(self._sources) > MAX_SOURCES:
                self._sources.popitem(last=False)
        self._sources.move_to_end(key)
        return self._sources[key]

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
    """A bound UDP socket with room for bursts."""
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
