"""Clients as the server sees them: where to answer, how fast they may speak, what waits."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from astfx_bridge.table import Value
from astfx_bridge.wire.access import Bucket
from astfx_bridge.wire.framing import frame
from astfx_bridge.wire.osc import MAX_DATAGRAM_BYTES, Message, encode

MAX_BACKLOG = 2000
_SPARE_BYTES = 4 * 2**20

SendDatagram = Callable[[bytes, tuple[str, int]], None]


class Peer:
    """A sender of messages. Its messages are handled one after another, in their order.

    Parameters
    ----------
    host, port : str, int
        Where its messages come from.
    send_datagram : callable
        Sends UDP from the server's own port.
    bucket : Bucket
        Its share of the message rate.
    """

    by_tcp = False

    def __init__(self, host: str, port: int, send_datagram: SendDatagram, bucket: Bucket) -> None:
        self.host, self.port = host, port
        self.bucket, self.complaints = bucket, Bucket(0.5)
        self.backlog: deque[Message] = deque()
        self.busy = False
        self.reply_port = 0
        self.notify = False
        self.dropped = 0
        self._send_datagram = send_datagram

    @property
    def udp_target(self) -> tuple[str, int] | None:
        """Where its replies go by UDP; None if they go over its TCP connection."""
        return self.host, self.reply_port or self.port

    def send(self, address: str, *values: Value) -> bool:
        """Send a message; whether it could be."""
        target = self.udp_target
        packet = encode(address, values)
        if target is None:
            return self._send_stream(packet)
        if len(packet) > MAX_DATAGRAM_BYTES:
            return False
        self._send_datagram(packet, target)
        return True

    def _send_stream(self, packet: bytes) -> bool:
        raise NotImplementedError

    def resume(self) -> None:
        """The backlog is short again."""


class TcpPeer(Peer):
    """A TCP connection.

    Parameters
    ----------
    transport : asyncio.Transport
    blob_bytes : int
        Longest packet.
    send_datagram, bucket
        See `Peer`.
    """

    by_tcp = True

    def __init__(
        self,
        transport: asyncio.Transport,
        blob_bytes: int,
        send_datagram: SendDatagram,
        bucket: Bucket,
    ) -> None:
        host, port = transport.get_extra_info("peername")[:2]
        super().__init__(host, port, send_datagram, bucket)
        self.framing = "length"
        self.authenticated = False
        self.bound_ports: list[int] = []
        self._transport, self._limit = transport, blob_bytes + _SPARE_BYTES
        self._paused = False

    @property
    def udp_target(self) -> tuple[str, int] | None:
        """Only if it asked for replies by UDP."""
        return (self.host, self.reply_port) if self.reply_port else None

    def _send_stream(self, packet: bytes) -> bool:
        if self._transport.is_closing():
            return False
        if self._transport.get_write_buffer_size() > self._limit:
            self._transport.abort()  # it does not read its replies: memory is not its to fill
            return False
        self._transport.write(frame(packet, self.framing))
        return True

    def pause(self) -> None:
        """Read no more until the backlog is shorter."""
        if not self._paused and not self._transport.is_closing():
            self._paused = True
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read again."""
        if self._paused and not self._transport.is_closing():
            self._paused = False
            self._transport.resume_reading()

    def close(self) -> None:
        """Send what is left, then close."""
        self._transport.close()
