"""The socket of a client: OSC messages out and in, over UDP or TCP."""

from __future__ import annotations

import socket
import time
from collections import deque
from contextlib import suppress
from types import TracebackType
from typing import Self

from astfx_bridge.errors import BridgeError
from astfx_bridge.settings import OSC_PORT
from astfx_bridge.wire.framing import LENGTH, SLIP, Deframer, frame
from astfx_bridge.wire.osc import Message, Sendable, decode, encode

UDP = "udp"
TRANSPORTS = (LENGTH, SLIP, UDP)
_LONGEST_BYTES = 2**30


class Connection:
    """A socket to a bridge, which sends and receives messages.

    Parameters
    ----------
    host : str
    port : int
    transport : {"length", "slip", "udp"}
        TCP with a length before each packet, TCP with SLIP, or UDP.
    timeout_seconds : float
        How long to wait for an answer. Jobs may take longer.

    Raises
    ------
    BridgeError
        If nothing answers there.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = OSC_PORT,
        *,
        transport: str = LENGTH,
        timeout_seconds: float = 10.0,
    ) -> None:
        if transport not in TRANSPORTS:
            raise BridgeError(f"transport={transport!r} must be one of {', '.join(TRANSPORTS)}")
        self.transport, self.timeout_seconds = transport, timeout_seconds
        self.where = f"{host} port {port}"
        self.inbox: deque[Message] = deque()
        self._deframer = Deframer(_LONGEST_BYTES)
        kind = socket.SOCK_DGRAM if transport == UDP else socket.SOCK_STREAM
        self._socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind)
        try:
            self._socket.settimeout(timeout_seconds)
            self._socket.connect((host, port))
        except OSError as error:
            self._socket.close()
            raise BridgeError(
                f"no bridge on {self.where} ({error.strerror or error}): start `astfx serve`"
            ) from None

    @property
    def local_port(self) -> int:
        """The port that this client sends from."""
        return int(self._socket.getsockname()[1])

    def send(self, address: str, *values: Sendable) -> None:
        """Send a message, without waiting for an answer.

        Raises
        ------
        BridgeError
            If the connection is gone.
        """
        packet = encode(address, values)
        try:
            self._socket.settimeout(self.timeout_seconds)
            self._socket.sendall(packet if self.transport == UDP else frame(packet, self.transport))
        except OSError as error:
            if not self._told_why():
                raise BridgeError(f"lost the bridge on {self.where} ({error})") from None

    def _told_why(self) -> bool:
        """Whether the server has said why it reads no more. `receive` returns this then."""
        before, deadline = len(self.inbox), time.monotonic() + self.timeout_seconds
        with suppress(BridgeError):
            while self._read(deadline):
                pass
        return len(self.inbox) > before

    def receive(self, timeout_seconds: float | None = None) -> Message | None:
        """The next message, or None if none comes in time.

        Raises
        ------
        BridgeError
            If the connection is gone.
        """
        limit = self.timeout_seconds if timeout_seconds is None else timeout_seconds
        deadline = time.monotonic() + limit
        while not self.inbox:
            if not self._read(deadline):
                return None
        return self.inbox.popleft()

    def _read(self, deadline: float) -> bool:
        """Read into the inbox what comes next, and return whether anything came in time."""
        left = deadline - time.monotonic()
        if left <= 0.0:
            return False
        self._socket.settimeout(left)
        try:
            data = self._socket.recv(1 << 20)
        except TimeoutError:
            return False
        except OSError as error:
            raise BridgeError(f"lost the bridge on {self.where} ({error})") from None
        if self.transport == UDP:
            self.inbox.extend(decode(data))
            return True
        if not data:
            raise BridgeError(f"the bridge on {self.where} has closed the connection")
        for packet in self._deframer.feed(data):
            self.inbox.extend(decode(packet))
        return True

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
