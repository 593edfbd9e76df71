"""Floods of mutated packets through each door of a server."""

from __future__ import annotations

import random
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from astfx_bridge.wire.framing import LENGTH, SLIP, frame
from astfx_bridge.wire.osc import encode

from tests.bridge.mutants import Packets
from tests.bridge.serving import PATIENCE_SECONDS, Server

GROWTH_MB = 20  # the most by which the memory of a server may grow, whatever it is sent


def flood_udp(server: Server, packets: Packets, count: int) -> None:
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(8)]
    try:
        for number in range(count):
            sender = sockets[number % 8]
            sender.sendto(packets.one(), ("127.0.0.1", server.port))
            if number % 500 == 0:
                answered(server)  # wait for the server, so that the datagrams do arrive
    finally:
        for sender in sockets:
            sender.close()


SETTLE_EVERY = 50  # packets
BROKEN_SHARE = 0.02  # of the packets, after which a stream can no longer be read
ALIVE = b"alive"
SETTLE = (encode("/astfx/replyto", [0]), encode("/astfx/ping", [ALIVE.decode()]))


def flood_stream(
    connect: Callable[[], socket.socket],
    enclose: Callable[[bytes], bytes],
    packets: Packets,
    count: int,
) -> None:
    """Send packets over streams, and broken frames, after each of which the stream is a new one.

    Parameters
    ----------
    connect : callable
        Returns a new stream.
    enclose : callable
        Returns a packet as it is sent over the stream.
    packets : Packets
    count : int
    """
    rng = random.Random(count)
    stream = connect()
    for number in range(count):
        data, broken = enclose(packets.one()), rng.random() < BROKEN_SHARE
        if broken:
            settle(stream, enclose)
            data = rng.randbytes(40) if rng.random() < 0.5 else data[: len(data) // 2]
        with suppress(OSError):
            stream.sendall(data)
        if broken or (number % SETTLE_EVERY == 0 and not settle(stream, enclose)):
            finish(stream)
            stream = connect()
    settle(stream, enclose)
    finish(stream)


def settle(stream: socket.socket, enclose: Callable[[bytes], bytes]) -> bool:
    """Wait until the server has handled all that was sent. False if it has closed the stream."""
    received = b""
    try:
        for packet in SETTLE:
            stream.sendall(enclose(packet))
        while ALIVE not in received:
            part = stream.recv(1 << 16)
            if not part:
                return False
            received = received[-len(ALIVE) :] + part
    except ConnectionError:
        return False
    return True


def finish(stream: socket.socket) -> None:
    """Close a stream, once the server has read it to its end."""
    with stream, suppress(OSError):
        stream.shutdown(socket.SHUT_WR)
        while stream.recv(1 << 16):
            pass


def flood_tcp(server: Server, packets: Packets, count: int, framing: str) -> None:
    """Send packets over TCP."""

    def connect() -> socket.socket:
        return socket.create_connection(("127.0.0.1", server.port), PATIENCE_SECONDS)

    flood_stream(connect, partial(frame, framing=framing), packets, count)


HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
TEXT_FRAME, BINARY_FRAME = 0x81, 0x82


def websocket_frame(data: bytes, kind: int) -> bytes:
    """A client's frame. Its mask is zero, which leaves the data as they are."""
    if len(data) < 126:
        size = bytes([128 | len(data)])
    elif len(data) < 2**16:
        size = struct.pack(">BH", 128 | 126, len(data))
    else:
        size = struct.pack(">BQ", 128 | 127, len(data))
    return bytes([kind]) + size + bytes(4) + data


def flood_websocket(server: Server, packets: Packets, count: int) -> None:
    """Send packets over WebSockets, some as commands of OSCQuery, and broken handshakes."""
    rng = random.Random(count)

    def connect() -> socket.socket:
        place = ("127.0.0.1", server.http_port)
        while rng.random() < 0.1:
            broken = bytes(rng.choice([0, rng.randrange(256), byte]) for byte in HANDSHAKE)
            stream = socket.create_connection(place, PATIENCE_SECONDS)
            stream.sendall(broken)
            finish(stream)
        stream = socket.create_connection(place, PATIENCE_SECONDS)
        stream.sendall(HANDSHAKE)
        stream.recv(1 << 16)
        return stream

    def enclose(packet: bytes) -> bytes:
        is_text = packet not in SETTLE and rng.random() < 0.1
        return websocket_frame(packet, TEXT_FRAME if is_text else BINARY_FRAME)

    flood_stream(connect, enclose, packets, count)


def flood_http(server: Server, packets: Packets, count: int) -> None:
    """Send requests by HTTP, some of them several at once."""
    rng = random.Random(count)
    sent = 0
    while sent < count:
        requests = [packets.http() for _ in range(rng.choice((1, 1, 1, 3)))]
        sent += len(requests)
        stream = socket.create_connection(("127.0.0.1", server.http_port), PATIENCE_SECONDS)
        with suppress(OSError):
            stream.sendall(b"".join(requests))
        finish(stream)


def answered(server: Server) -> None:
    with server.client("udp") as client:
        for _ in range(50):
            client.send("/astfx/ping", "alive")
            message = client.receive(0.5)
            if message is not None and message.values == ("alive",):
                return
    raise AssertionError("the server does not answer")


DOORS: dict[str, Callable[[Server, Packets, int], None]] = {
    "UDP": flood_udp,
    "TCP, length first": partial(flood_tcp, framing=LENGTH),
    "TCP, SLIP": partial(flood_tcp, framing=SLIP),
    "HTTP": flood_http,
    "WebSocket": flood_websocket,
}
OPTIONS = ("--messages-per-second", "1000000", "--queue-jobs", "4")  # of a server that is flooded


def flood_all(server: Server, count: int, seed: int) -> None:
    """Send so many packets through each door, and wait until the server answers again."""
    for place, flood in enumerate(DOORS.values()):
        flood(server, Packets(seed + place), count)
        answered(server)
