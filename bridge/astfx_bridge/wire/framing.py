"""Packets in a TCP stream, framed by SLIP (OSC 1.1) or by a length before each (OSC 1.0)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from pythonosc import slip

from astfx_bridge.errors import PacketError

SLIP, LENGTH = "slip", "length"
_SLIP_STARTS = slip.END + b"/#"  # some clients omit the first END


class Deframer:
    """Cuts a stream into packets.

    The first byte shows which framing is used, because a length below the limit starts with a
    small byte.

    Parameters
    ----------
    limit_bytes : int
        The longest packet that is allowed.
    """

    def __init__(self, limit_bytes: int) -> None:
        self.framing = ""
        self.limit_bytes = limit_bytes
        self._held = bytearray()
        self._escape = b""

    @property
    def held_bytes(self) -> int:
        """The size of the part of a packet that waits for its rest."""
        return len(self._held)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the packets that are complete with these bytes.

        Raises
        ------
        PacketError
            If a packet is longer than the limit, or the framing is broken. Nothing more can be
            read from the stream then.
        """
        if not self.framing and data:
            self.framing = SLIP if data[:1] in _SLIP_STARTS else LENGTH
        yield from self._slip(data) if self.framing == SLIP else self._lengths(data)

    def _lengths(self, data: bytes) -> Iterator[bytes]:
        self._held += data
        while len(self._held) >= 4:
            (size,) = struct.unpack_from(">I", self._held)
            if not 0 < size <= self.limit_bytes:
                raise PacketError(
                    f"a packet of {size} bytes was announced, {self.limit_bytes} are allowed (or "
                    "this is neither SLIP nor length-prefixed OSC)"
                )
            if len(self._held) < 4 + size:
                return
            packet = bytes(memoryview(self._held)[4 : 4 + size])
            del self._held[: 4 + size]
            yield packet

    def _slip(self, data: bytes) -> Iterator[bytes]:
        # Unescape as data comes. A long packet unescaped at once would make everybody wait.
        *whole, rest = (self._escape + data).split(slip.END)
        self._escape = b""
        for part in whole:
            self._add(part)
            if self._held:
                packet = bytes(self._held)
                self._held.clear()
                yield packet
        if rest.endswith(slip.ESC):
            rest, self._escape = rest[:-1], slip.ESC
        self._add(rest)

    def _add(self, part: bytes) -> None:
        try:
            self._held += slip.decode(part)
        except slip.ProtocolError:
            raise PacketError("a SLIP escape is broken") from None
        if len(self._held) > self.limit_bytes:
            raise PacketError(f"a packet is longer than the {self.limit_bytes} bytes allowed")


def frame(packet: bytes, framing: str) -> bytes:
    """Frame a packet for a stream."""
    if framing == SLIP:
        return slip.encode(packet)
    return struct.pack(">I", len(packet)) + packet
