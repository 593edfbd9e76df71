"""The clients as the server sees them: where to reply, how fast they may send, what waits."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol

from astfx_bridge.table import Value
from astfx_bridge.wire.access import RateLimiter
from astfx_bridge.wire.framing import frame
from astfx_bridge.wire.osc import MAX_DATAGRAM_BYTES, Message, encode

MAX_BACKLOG = 2000
SPARE_BYTES = 4 * 2**20

SendDatagram = Callable[[bytes, tuple[str, int]], None]


class Peer:
    """A client that sends messages. They are handled one after another, in their order.

    Parameters
    ----------
    host, port : str, int
        Where its messages come from.
    send_datagram : callable
        Sends UDP from the server's own port.
    message_rate : RateLimiter
        Limits the messages that it may send.

    Attributes
    ----------
    door : str
        What it came in by: "UDP", "TCP" or "WebSocket".
    complaint_rate : RateLimiter
        Limits the fails that it gets for broken or dropped packets.
    backlog : deque of Message
        The messages that wait to be handled.
    busy : bool
        Whether its messages are being handled.
    reply_port : int
        The UDP port that it wants replies at; 0 means where its messages come from.
    notify : bool
        Whether it receives the messages of every job.
    dropped : int
        The messages that were dropped since it was last told so.
    useful : bool
        Whether it has sent a message that could be carried out.
    """

    by_tcp = False
    door = "UDP"

    def __init__(
        self, host: str, port: int, send_datagram: SendDatagram, message_rate: RateLimiter
    ) -> None:
        self.host, self.port = host, port
        self.message_rate, self.complaint_rate = message_rate, RateLimiter(0.5)
        self.backlog: deque[Message] = deque()
        self.busy = False
        self.reply_port = 0
        self.notify = False
        self.dropped = 0
        self.useful = False
        self._send_datagram = send_datagram

    @property
    def name(self) -> str:
        """How the log calls it, such as "UDP 127.0.0.1:50123"."""
        return f"{self.door} {self.host}:{self.port}"

    @property
    def udp_target(self) -> tuple[str, int] | None:
        """Where its replies go by UDP, or None if they go over its TCP connection."""
        return self.host, self.reply_port or self.port

    def send(self, address: str, *values: Value) -> bool:
        """Send a message, and return whether it could be sent."""
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
        """Receive again, because the backlog has been handled."""


class AbsentPeer(Peer):
    """A client that is gone. What it had asked to be done is done, and nothing is sent."""

    by_tcp = True  # it may have been, and blobs are among what it asked for

    def __init__(self) -> None:
        super().__init__("", 0, lambda packet, target: None, RateLimiter(MAX_BACKLOG))

    @property
    def name(self) -> str:
        """How the log calls it."""
        return "a client that is gone"

    @property
    def udp_target(self) -> None:
        """Nowhere."""

    def _send_stream(self, packet: bytes) -> bool:
        return False


class StreamPeer(Peer):
    """A client with a connection of its own.

    Parameters
    ----------
    host, port, send_datagram, message_rate
        See `Peer`.

    Attributes
    ----------
    authenticated : bool
        Whether it has sent the right token.
    bound_ports : list of int
        The UDP ports of its host that it has admitted.
    work_bytes : int
        The size of the packets that are being handled.
    """

    by_tcp = True
    door = "TCP"

    def __init__(
        self, host: str, port: int, send_datagram: SendDatagram, message_rate: RateLimiter
    ) -> None:
        super().__init__(host, port, send_datagram, message_rate)
        self.authenticated = False
        self.bound_ports: list[int] = []
        self.work_bytes = 0

    @property
    def udp_target(self) -> tuple[str, int] | None:
        """Where its replies go by UDP, or None unless it asked for that."""
        return (self.host, self.reply_port) if self.reply_port else None

    @property
    def is_listening(self) -> bool:
        """Whether it receives what it did not ask for message by message."""
        return self.notify

    def pause(self) -> None:
        """Stop reading until the backlog has been handled."""
        raise NotImplementedError

    def resume(self) -> None:
        """Read again, because the backlog has been handled."""
        self.work_bytes = 0

    def close(self) -> None:
        """Send what is still buffered, then close."""
        raise NotImplementedError


class TcpPeer(StreamPeer):
    """A TCP connection.

    Parameters
    ----------
    transport : asyncio.Transport
    blob_bytes : int
        The longest packet that is allowed.
    send_datagram, message_rate
        See `Peer`.

    Attributes
    ----------
    framing : {"length", "slip"}
        How it frames its packets, and so the replies too.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        blob_bytes: int,
        send_datagram: SendDatagram,
        message_rate: RateLimiter,
    ) -> None:
        host, port = transport.get_extra_info("peername")[:2]
        super().__init__(host, port, send_datagram, message_rate)
        self.framing = "length"
        self._transport, self._limit = transport, blob_bytes + SPARE_BYTES
        self._paused = False
        self._ended = False

    def _send_stream(self, packet: bytes) -> bool:
        if self._ended or self._transport.is_closing():
            return False
        if self._transport.get_write_buffer_size() > self._limit:
            self._transport.abort()  # it does not read its replies, which would fill the memory
            return False
        self._transport.write(frame(packet, self.framing))
        return True

    def pause(self) -> None:
        """Stop reading until the backlog has been handled."""
        if not self._paused and not self._transport.is_closing():
            self._paused = True
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read again, because the backlog has been handled."""
        super().resume()
        if self._paused and not self._transport.is_closing():
            self._paused = False
            self._transport.resume_reading()

    def close(self) -> None:
        """Send what is still buffered, then close."""
        self._transport.close()

    def close_gently(self, seconds: float) -> None:
        """Send what is still buffered, then close, but read on for so many seconds.

        Closed at once, a client that still sends would lose its connection before it could read
        what was sent to it.
        """
        if self._transport.is_closing() or not self._transport.can_write_eof():
            self._transport.close()
            return
        self.resume()
        self._ended = True
        self._transport.write_eof()
        asyncio.get_running_loop().call_later(seconds, self._transport.abort)


class PacketReceiver(Protocol):
    """Takes the packets that peers send."""

    def receive(self, peer: Peer, packet: bytes) -> None:
        """Handle one packet."""
