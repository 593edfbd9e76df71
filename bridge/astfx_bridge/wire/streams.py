"""The connections of all stream clients, TCP and WebSocket: how many, how idle, how much memory."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from astfx_bridge.settings import Limits
from astfx_bridge.wire.access import Access
from astfx_bridge.wire.peers import StreamPeer

FIRST_SECONDS = 600.0  # in which a connection must have sent something useful
STALL_SECONDS = 30.0  # after which half a packet is given up
IDLE_SECONDS = 60.0  # after which a connection that awaits nothing may have to make room


class Stream(Protocol):
    """A connection."""

    @property
    def begun_at(self) -> float:
        """When it was made, in seconds of the clock."""

    @property
    def heard_at(self) -> float:
        """When something last came."""

    @property
    def held_bytes(self) -> int:
        """The size of the part of a packet that waits for its rest."""

    def refuse(self, address: str, message: str) -> None:
        """Send a fail, and close the connection."""


class Streams:
    """All stream connections of the server.

    Parameters
    ----------
    access : Access
    limits : Limits
    awaits : callable
        Returns whether a peer waits for the end of a job.
    on_disconnect : callable
        Called with each peer whose connection has ended.
    clock : callable
        Returns the time in seconds.
    """

    def __init__(
        self,
        access: Access,
        limits: Limits,
        awaits: Callable[[StreamPeer], bool],
        on_disconnect: Callable[[StreamPeer], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.clock = clock
        self._access, self._limits = access, limits
        self._awaits, self._on_disconnect = awaits, on_disconnect
        self._streams: dict[StreamPeer, Stream] = {}

    @property
    def peers(self) -> list[StreamPeer]:
        """The connected clients."""
        return list(self._streams)

    def add(self, peer: StreamPeer, stream: Stream) -> bool:
        """Take a connection, and return whether there was room for it."""
        if not self._make_room():
            return False
        self._streams[peer] = stream
        return True

    def remove(self, peer: StreamPeer) -> None:
        """Let a connection go that has ended."""
        if self._streams.pop(peer, None) is not None:
            for port in peer.bound_ports:
                self._access.release(peer.host, port)
            self._on_disconnect(peer)

    def too_many(self) -> str:
        """What a client is told when there is no room."""
        return f"there are {self._limits.connections} connections already, no more are taken"

    def _make_room(self) -> bool:
        """Make sure that one more connection is possible, and return whether it is.

        Connections that have sent nothing useful go first, the oldest of them before the others.
        Then one goes that has been idle for a minute and awaits nothing.
        """
        if len(self._streams) < self._limits.connections:
            return True
        now = self.clock()
        useless = [stream for peer, stream in self._streams.items() if not peer.useful]
        idle = [
            stream
            for peer, stream in self._streams.items()
            if now - stream.heard_at >= IDLE_SECONDS and not self._is_needed(peer)
        ]
        for streams in (useless, idle):
            if streams:
                longest = min(streams, key=lambda stream: stream.heard_at)
                longest.refuse(
                    "/astfx/connect", "this connection was idle, and has made room for another"
                )
                return True
        return False

    def _is_needed(self, peer: StreamPeer) -> bool:
        return peer.is_listening or peer.busy or bool(peer.bound_ports) or self._awaits(peer)

    def sweep(self) -> None:
        """Close the connections that send nothing useful, or stop in the middle of a packet."""
        now = self.clock()
        for peer, stream in list(self._streams.items()):
            silent = now - stream.heard_at
            if not (peer.useful or peer.is_listening) and now - stream.begun_at >= FIRST_SECONDS:
                stream.refuse(
                    "/astfx/connect", f"nothing useful was sent within {FIRST_SECONDS:g} seconds"
                )
            elif stream.held_bytes and not peer.busy and silent >= STALL_SECONDS:
                stream.refuse(
                    "/astfx/packet",
                    f"the rest of a packet did not come within {STALL_SECONDS:g} seconds",
                )

    def limit_memory(self) -> None:
        """Keep what is held of packets below one limit for all connections together."""
        limit = self._limits.unfinished_bytes
        while True:
            holders = [stream for stream in self._streams.values() if stream.held_bytes]
            working = sum(peer.work_bytes for peer in self._streams)
            if working + sum(stream.held_bytes for stream in holders) <= limit or not holders:
                return
            longest = min(holders, key=lambda stream: stream.heard_at)
            longest.refuse(
                "/astfx/packet",
                f"more than {limit} bytes of unfinished packets are waiting, and this connection "
                "was silent longest: send it again later",
            )

    def close(self) -> None:
        """Close all connections."""
        for peer in self.peers:
            peer.close()
