"""Reads and writes OSC packets: python-osc, with the limits that it lacks."""

from __future__ import annotations

import math
import os
import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from numbers import Integral, Real

from pythonosc.osc_message import OscMessage, ParseError
from pythonosc.osc_message_builder import OscMessageBuilder

from astfx_bridge.errors import PacketError
from astfx_bridge.table import Value

MAX_DATAGRAM_BYTES = 65_507
MAX_DEPTH = 8
MAX_MESSAGES = 1024
MAX_ARGUMENTS = 256
MAX_ADDRESS_BYTES = 256
MAX_TEXT_BYTES = 4096

_BUNDLE = b"#bundle\0"
_HEADER_BYTES = 16
_FIXED_BYTES = {"i": 4, "f": 4, "h": 8, "d": 8, "T": 0, "F": 0}
_LARGEST_F = (2 - 2**-23) * 2.0**127
_PATTERN = re.compile(r"/[!-\"$-~]*\Z")


Sendable = Value | os.PathLike[str]


@dataclass(frozen=True)
class Message:
    """One OSC message. Numbers are int or float; booleans become 1 and 0."""

    address: str
    values: tuple[Value, ...]


def decode(packet: bytes) -> list[Message]:
    """Read a packet: a message, or a bundle of messages, whose time tags are ignored.

    Raises
    ------
    PacketError
        If it is not OSC, bundles are nested deeper than 8, or a part is too long or one too many.
    """
    return [_message(element) for element in _elements(packet)]


def _elements(packet: bytes) -> Iterator[bytes]:
    """The messages of a bundle in their order, without recursion."""
    waiting, count = [(packet, 0)], 0
    while waiting:
        element, depth = waiting.pop()
        if not element.startswith(_BUNDLE):
            count += 1
            if count > MAX_MESSAGES:
                raise PacketError(f"a bundle may hold at most {MAX_MESSAGES} messages")
            yield element
            continue
        if depth == MAX_DEPTH:
            raise PacketError(f"bundles may be nested at most {MAX_DEPTH} deep")
        if len(element) < _HEADER_BYTES:
            raise PacketError("a bundle is cut off in its time tag")
        inner, start = [], _HEADER_BYTES
        while start < len(element):
            if start + 4 > len(element):
                raise PacketError("a bundle is cut off in the size of an element")
            (size,) = struct.unpack_from(">i", element, start)
            stop = start + 4 + size
            if size <= 0 or size % 4 or stop > len(element):
                raise PacketError(f"a bundle's element has an impossible size of {size} bytes")
            inner.append((element[start + 4 : stop], depth + 1))
            if len(inner) > MAX_MESSAGES:
                raise PacketError(f"a bundle may hold at most {MAX_MESSAGES} messages")
            start = stop
        waiting += reversed(inner)


def _message(data: bytes) -> Message:
    address, start = _text(data, 0, MAX_ADDRESS_BYTES, "the address")
    if not _PATTERN.match(address):
        raise PacketError("not OSC: a message starts with an address such as /astfx/ping")
    if start == len(data):
        return Message(address, ())  # very old clients omit the type tags
    tags, start = _text(data, start, MAX_ARGUMENTS + 1, "the type tags", address)
    if not tags.startswith(","):
        raise PacketError("not OSC: the type tags must start with a comma", address)
    for tag in tags[1:]:
        start = _end_of(data, start, tag, address)
    if start != len(data):
        raise PacketError(f"{len(data) - start} bytes follow the last argument", address)
    try:
        values = OscMessage(data).params
    except (ParseError, UnicodeDecodeError, ValueError) as error:
        raise PacketError(f"not OSC: {error}", address) from None
    return Message(address, tuple(int(v) if isinstance(v, bool) else v for v in values))


def _end_of(data: bytes, start: int, tag: str, address: str) -> int:
    """The end of an argument. python-osc alone would read byte by byte, and without a limit."""
    if tag == "s":
        return _text(data, start, MAX_TEXT_BYTES, "a text", address)[1]
    if tag == "b":
        if start + 4 > len(data):
            raise PacketError("a blob is cut off in its size", address)
        size: int = struct.unpack_from(">i", data, start)[0]
        stop = start + 4 + size + -size % 4
        if size < 0:
            raise PacketError(f"a blob has an impossible size of {size} bytes", address)
    elif tag in _FIXED_BYTES:
        stop = start + _FIXED_BYTES[tag]
    else:
        raise PacketError(
            f"arguments of type {tag!r} are not understood: send i, f, s or b", address
        )
    if stop > len(data):
        raise PacketError("the last argument is cut off", address)
    return stop


def _text(data: bytes, start: int, limit: int, what: str, address: str = "") -> tuple[str, int]:
    stop = data.find(b"\0", start, start + limit + 1)
    if stop < 0:
        cut = start + limit + 1 > len(data)
        rule = "is cut off" if cut else f"is longer than {limit} bytes"
        raise PacketError(f"{what} {rule}", address)
    end = stop + 4 - (stop - start) % 4
    if end > len(data):
        raise PacketError(f"{what} is cut off", address)
    try:
        return data[start:stop].decode(), end
    except UnicodeDecodeError:
        raise PacketError(f"{what} is not UTF-8", address) from None


def encode(address: str, values: Sequence[Sendable]) -> bytes:
    """Write a message. Its arguments have the types i, f, s and b only.

    A number that i or f cannot hold is written as a text, and so is a path.

    Raises
    ------
    PacketError
        If an argument is something else.
    """
    builder = OscMessageBuilder(address)
    for value in values:
        if isinstance(value, bytes):
            builder.add_arg(value, "b")
        elif isinstance(value, Integral) and -(2**31) <= int(value) < 2**31:
            builder.add_arg(int(value), "i")
        elif isinstance(value, Real) and not isinstance(value, Integral) and _fits_f(value):
            builder.add_arg(float(value), "f")
        elif isinstance(value, str | os.PathLike | Real):
            text = os.fspath(value) if isinstance(value, os.PathLike) else str(value)
            # File names may hold bytes that are no text, and OSC texts end at the first zero.
            builder.add_arg(text.encode(errors="replace").decode().replace("\0", " "), "s")
        else:
            raise PacketError(
                f"an argument of {address} is {value!r}: it must be a number, a text, a path or "
                "bytes",
                address,
            )
    return builder.build().dgram


def _fits_f(value: Real) -> bool:
    return not math.isfinite(value) or abs(float(value)) <= _LARGEST_F


def is_pattern(address: str) -> bool:
    """Whether an address contains wildcards."""
    return any(sign in address for sign in "?*[]{}")


def matcher(pattern: str) -> re.Pattern[str]:
    """An address pattern as a regular expression.

    Raises
    ------
    PacketError
        If a bracket is left open, or the pattern has more wildcards than any address needs.
    """
    if sum(pattern.count(sign) for sign in "?*[{") > 4:
        raise PacketError("an address pattern may hold at most 4 wildcards", pattern)
    parts, rest = [], pattern
    while rest:
        sign, rest = rest[0], rest[1:]
        if sign in "[{":
            inner, closed, rest = rest.partition("]" if sign == "[" else "}")
            if not closed or not inner.strip("!"):
                raise PacketError("a bracket of the address pattern is left open or empty", pattern)
            if sign == "{":
                parts.append("(?:" + "|".join(map(re.escape, inner.split(","))) + ")")
            else:
                negated, inner = inner.startswith("!"), inner.removeprefix("!")
                body = "-".join(re.escape(part) for part in inner.split("-"))
                parts.append(f"[{'^' if negated else ''}{body}]")
        else:
            parts.append({"*": "[^/]*", "?": "[^/]"}.get(sign) or re.escape(sign))
    try:
        return re.compile("".join(parts))
    except re.error:
        raise PacketError("the address pattern cannot be read", pattern) from None
