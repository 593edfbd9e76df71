"""A hundred thousand packets that no client should send, through each door of the server."""

from __future__ import annotations

import os
import random
import socket
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from astfx_bridge.addresses import ROWS
from astfx_bridge.table import Value
from astfx_bridge.wire.framing import LENGTH, SLIP, frame
from astfx_bridge.wire.osc import encode

from tests.bridge.serving import Server

PACKETS = 100_000  # through each door
GROWTH_MB = 20
HARMLESS = [address for address in ROWS if address not in ("/astfx/quit",)]
TEXTS = [
    *("", "a", "../../../etc/passwd", "/etc/shadow", "content.wav", "x.wav", "ü\u2028", "x" * 3000),
    *("style", "style.wav", "strength", "..", "/", "~/x.wav", "$(touch x)", "'; drop table jobs"),
    *("../outside/x.wav", "quality", "draft", "nul\x01"),
]


class Packets:
    """Random packets, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def value(self) -> Value:
        rng = self._random
        values: list[Value] = [
            rng.randrange(-(2**31), 2**31),
            rng.choice([0, 1, -1, 7]),
            rng.choice([0.5, -1.0, float("nan"), float("inf"), 1e38]),
            rng.choice(TEXTS),
            rng.randbytes(rng.randrange(1, 200)),
        ]
        return rng.choice(values)

    def message(self) -> bytes:
        rng = self._random
        address = rng.choice(HARMLESS)
        if rng.random() < 0.3:
            place = rng.randrange(len(address))
            address = address[:place] + rng.choice("*?[]{}!,-/x#é") + address[place + 1 :]
        values = [self.value() for _ in range(rng.randrange(6))]
        if "quit" in address:  # pragma: no cover - the one command that ends the test
            address = "/astfx/ping"
        return encode(address, values)

    def bundle(self, depth: int) -> bytes:
        rng = self._random
        inner = [
            self.bundle(depth - 1) if depth and rng.random() < 0.7 else self.message()
            for _ in range(rng.randrange(1, 4))
        ]
        parts = b"".join(struct.pack(">i", len(part)) + part for part in inner)
        return b"#bundle\0" + struct.pack(">Q", rng.randrange(2**64)) + parts

    def nested(self) -> bytes:
        packet = self.message()
        for _ in range(self._random.randrange(1, 400)):
            packet = b"#bundle\0" + bytes(8) + struct.pack(">i", len(packet)) + packet
        return packet[:60_000]

    def damaged(self) -> bytes:
        rng = self._random
        packet = bytearray(self.message() if rng.random() < 0.7 else self.bundle(2))
        for _ in range(rng.randrange(1, 4)):
            packet[rng.randrange(len(packet))] = rng.randrange(256)
        return bytes(packet[: rng.randrange(len(packet) + 1)])

    def one(self) -> bytes:
        rng = self._random
        kind = rng.random()
        if kind < 0.3:
            return rng.randbytes(rng.randrange(200))
        if kind < 0.6:
            return self.message()
        if kind < 0.85:
            return self.damaged()
        if kind < 0.95:
            return self.bundle(3)[:60_000]
        if kind < 0.995:
            return self.nested()
        return rng.randbytes(rng.randrange(60_000))


def snapshot(folder: Path, apart: Path) -> dict[str, tuple[int, int]]:
    """Size and time of everything in a folder, except one part of it."""
    found = {}
    for path in folder.rglob("*"):
        if not path.is_relative_to(apart) and path.is_file():
            stat = path.lstat()
            found[str(path)] = (stat.st_size, stat.st_mtime_ns)
    return found


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


def drain(stream: socket.socket) -> None:
    """Read what has come, without waiting for more."""
    stream.setblocking(False)
    with suppress(OSError):
        while stream.recv(1 << 20):
            pass
    stream.settimeout(10)


def flood_tcp(server: Server, packets: Packets, count: int, framing: str) -> None:
    rng = random.Random(count)
    stream: socket.socket | None = None
    for number in range(count):
        packet = packets.one()
        data = frame(packet, framing)
        if rng.random() < 0.02:
            data = rng.randbytes(40) if rng.random() < 0.5 else data[: len(data) // 2]
        for _ in range(2):  # the server closes a stream that it cannot read, so use a new one
            try:
                if stream is None:
                    stream = socket.create_connection(("127.0.0.1", server.port), 10)
                stream.sendall(data)
                break
            except OSError:
                if stream is not None:
                    stream.close()
                stream = None
        if number % 200 == 0 and stream is not None:
            drain(stream)
    if stream is not None:
        stream.close()


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


def flood_web(server: Server, packets: Packets, count: int) -> None:
    """Send packets and commands over WebSockets, broken frames, and broken requests."""
    rng = random.Random(count)
    stream: socket.socket | None = None
    for number in range(count):
        kind = TEXT_FRAME if rng.random() < 0.1 else BINARY_FRAME
        data = websocket_frame(packets.one(), kind)
        if rng.random() < 0.02:
            data = rng.randbytes(40) if rng.random() < 0.5 else data[: len(data) // 2]
        if rng.random() < 0.02 and stream is not None:
            stream.close()
            stream = None
            data = bytes(rng.choice([0, rng.randrange(256), byte]) for byte in HANDSHAKE)
        for _ in range(2):
            try:
                if stream is None:
                    stream = socket.create_connection(("127.0.0.1", server.http_port), 10)
                    if rng.random() < 0.9:
                        stream.sendall(HANDSHAKE)
                        stream.recv(1 << 16)
                stream.sendall(data)
                break
            except OSError:
                if stream is not None:
                    stream.close()
                stream = None
        if number % 200 == 0 and stream is not None:
            drain(stream)
    if stream is not None:
        stream.close()


def answered(server: Server) -> None:
    with server.client("udp") as client:
        for _ in range(50):
            client.send("/astfx/ping", "alive")
            message = client.receive(0.5)
            if message is not None and message.values == ("alive",):
                return
    raise AssertionError("the server does not answer")


def resident_mb(server: Server) -> float | None:
    """The memory of the server in megabytes, None where /proc does not tell."""
    assert server.process is not None
    pages = Path(f"/proc/{server.process.pid}/statm")
    if not pages.exists():
        return None
    return int(pages.read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 2**20


def warm_up(server: Server) -> None:
    """Let the server load and allocate what the first packets of each kind need."""
    flood_udp(server, Packets(4), 2000)
    for framing in (LENGTH, SLIP):
        flood_tcp(server, Packets(5), 2000, framing)
    flood_web(server, Packets(6), 2000)
    answered(server)


@pytest.mark.slow
def test_nothing_that_is_sent_breaks_or_escapes(
    start: Callable[..., Server], tmp_path: Path
) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "x.wav").write_bytes(b"untouched")
    server = start("--messages-per-second", "1000000", "--queue-jobs", "4")
    before = snapshot(tmp_path, server.root)
    warm_up(server)
    began_mb = resident_mb(server)
    began = time.monotonic()
    flood_udp(server, Packets(0), PACKETS)
    flood_tcp(server, Packets(1), PACKETS, LENGTH)
    flood_tcp(server, Packets(2), PACKETS, SLIP)
    flood_web(server, Packets(3), PACKETS)
    print(f"{4 * PACKETS} packets in {time.monotonic() - began:.1f} s")
    answered(server)
    assert server.process is not None
    assert server.process.poll() is None
    with server.client() as client:
        client.ask("/astfx/cancel/all")
        assert client.ask("/astfx/ping", 1)[0].values == (1,)
    if began_mb is not None:
        assert resident_mb(server) - began_mb < GROWTH_MB  # type: ignore[operator]
    after = snapshot(tmp_path, server.root)
    changed = {path for path in before | after if before.get(path) != after.get(path)}
    allowed = (server.state, server.log)
    assert all(any(Path(path).is_relative_to(one) for one in allowed) for path in changed), changed
    assert {path.name for path in server.root.iterdir()} <= {
        *("content.wav", "style.wav", "small.wav", "mid.wav", "long.wav", "x.wav", "a", "x"),
    }
