"""TCP connections that vanish, stall, idle or hold memory, without sockets and with a clock."""

from __future__ import annotations

import asyncio
import socket

import pytest
from astfx_bridge.settings import Limits
from astfx_bridge.wire import streams, tcp
from astfx_bridge.wire.access import Access
from astfx_bridge.wire.framing import frame
from astfx_bridge.wire.osc import encode
from astfx_bridge.wire.peers import Peer, StreamPeer, TcpPeer

from tests.bridge.offline import Stream

IDLE = "this connection was idle, and has made room for another"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Receiver:
    """Takes every packet for something useful."""

    def receive(self, peer: Peer, packet: bytes) -> None:
        peer.useful = True


class House:
    """An endpoint with a clock, and the peers that it has lost."""

    def __init__(self, token: str = "", **limits: int) -> None:
        self.gone: list[StreamPeer] = []
        self.waiting: set[StreamPeer] = set()
        self.clock = Clock()
        access, limited = Access(token), Limits(**limits)
        self.streams = streams.Streams(
            access, limited, lambda peer: peer in self.waiting, self.gone.append, self.clock
        )
        self.endpoint = tcp.TcpEndpoint(
            Receiver(), access, limited, lambda packet, target: None, self.streams
        )

    def connect(self, *, useful: bool = False) -> tuple[Stream, asyncio.Protocol]:
        stream, connection = Stream(), self.endpoint.connection()
        connection.connection_made(stream)
        if useful:
            self.send(connection, frame(encode("/astfx/ping", []), "length"))
        return stream, connection

    def send(self, connection: asyncio.Protocol, data: bytes) -> None:
        self.clock.now += 1.0
        connection.data_received(data)


def said(stream: Stream) -> list[object]:
    """The texts of the fails that a connection was sent."""
    return [message.values[2] for message in stream.received if message.address == "/astfx/fail"]


def test_a_connection_that_sends_no_token_in_time_is_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tcp, "AUTH_SECONDS", 0.25)

    async def run() -> None:
        house = House("a long secret")
        stream, connection = house.connect()
        assert not stream.closed
        async with asyncio.timeout(60.0):
            while not stream.closed:
                await asyncio.sleep(0.01)
        connection.connection_lost(None)
        assert len(house.gone) == 1
        assert house.streams.peers == []
        (fail,) = stream.received
        assert fail.values == ("/astfx/auth", 0, "no token within 0.25 seconds")

    asyncio.run(run())


def test_a_connection_that_sent_nothing_useful_makes_room_for_another() -> None:
    house = House(connections=2)
    useful, _ = house.connect(useful=True)
    house.clock.now += 1.0
    vanished, _ = house.connect()
    house.clock.now += 1.0
    later, _ = house.connect()
    assert (useful.closed, vanished.closed, later.closed) == (False, True, False)
    assert said(vanished) == [IDLE]


def test_a_connection_in_use_makes_no_room_until_it_was_idle_for_a_minute() -> None:
    house = House(connections=2)
    one, first = house.connect(useful=True)
    other, _ = house.connect(useful=True)
    refused, _ = house.connect()
    assert said(refused) == ["there are 2 connections already, no more are taken"]
    assert refused.closed
    house.clock.now += streams.IDLE_SECONDS - 1.0
    house.send(first, frame(encode("/astfx/ping", []), "length"))
    taken, _ = house.connect()
    assert (one.closed, other.closed, taken.closed) == (False, True, False)
    assert said(other) == [IDLE]


@pytest.mark.parametrize("need", ["notify", "busy", "bound_ports", "a job"])
def test_a_connection_that_awaits_something_makes_no_room(need: str) -> None:
    house = House(connections=1)
    stream, _ = house.connect(useful=True)
    (peer,) = house.streams.peers
    if need == "a job":
        house.waiting.add(peer)
    else:
        setattr(peer, need, [5000] if need == "bound_ports" else True)
    house.clock.now += 2.0 * streams.IDLE_SECONDS
    refused, _ = house.connect()
    assert (stream.closed, refused.closed) == (False, True)


def test_a_connection_that_sends_nothing_useful_is_closed_in_the_end() -> None:
    house = House()
    silent, _ = house.connect()
    useful, _ = house.connect(useful=True)
    house.clock.now = streams.FIRST_SECONDS - 0.1
    house.streams.sweep()
    assert not silent.closed
    house.clock.now = streams.FIRST_SECONDS
    house.streams.sweep()
    assert said(silent) == ["nothing useful was sent within 600 seconds"]
    assert (silent.closed, useful.closed) == (True, False)


def test_half_a_packet_is_given_up_when_its_rest_does_not_come() -> None:
    house = House()
    stream, connection = house.connect(useful=True)
    house.send(connection, b"\0\0\1\0half")
    house.clock.now += streams.STALL_SECONDS - 0.1
    house.streams.sweep()
    assert not stream.closed
    house.clock.now += 0.1
    house.streams.sweep()
    assert said(stream) == ["the rest of a packet did not come within 30 seconds"]
    assert stream.closed


def test_unfinished_packets_share_one_limit_and_the_longest_silent_goes() -> None:
    house = House(blob_bytes=1000)
    held = [house.connect(useful=True) for _ in range(3)]
    half = b"\0\0\3\xe8" + bytes(896)  # 900 of 1004 bytes
    for _, connection in held[:2]:
        house.send(connection, half)
    house.send(held[0][1], b"more")  # the second is now silent longest
    house.send(held[2][1], half)
    assert [stream.closed for stream, _ in held] == [False, True, False]
    assert said(held[1][0]) == [
        "more than 2000 bytes of unfinished packets are waiting, and this connection was silent "
        "longest: send it again later"
    ]
    total = sum(each.held_bytes for each in house.streams._streams.values())
    assert total == 904 + 900


def test_packets_that_are_being_handled_count_too() -> None:
    house = House(blob_bytes=1000)
    (one, connection), (other, _) = house.connect(useful=True), house.connect(useful=True)
    house.streams.peers[1].work_bytes = 1500
    house.send(connection, b"\0\0\3\xe8" + bytes(896))
    assert (one.closed, other.closed) == (True, False)


def test_a_refused_client_is_told_why_and_nothing_more() -> None:
    async def run() -> None:
        house = House(blob_bytes=1000)
        loop = asyncio.get_running_loop()
        server = await loop.create_server(house.endpoint.connection, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(frame(encode("/astfx/ping", []), "length"))
        async with asyncio.timeout(60.0):
            while not (house.streams.peers and house.streams.peers[0].useful):
                await asyncio.sleep(0.01)
        (peer,) = house.streams.peers
        writer.write(b"\0\1\0\0" + bytes(60_000))
        answer = await reader.read()
        assert b"a packet of 65536 bytes was announced, 1000 are allowed" in answer
        assert not peer.send("/astfx/done", 1)
        writer.write(bytes(60_000))  # it is read, and forgotten
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        async with asyncio.timeout(60.0):
            while house.endpoint.lingering:
                await asyncio.sleep(0.01)
        server.close()

    asyncio.run(run())


def test_the_system_watches_over_connections() -> None:
    async def run() -> list[int]:
        house = House()
        loop = asyncio.get_running_loop()
        server = await loop.create_server(house.endpoint.connection, "127.0.0.1", 0)
        with socket.create_connection(server.sockets[0].getsockname()):
            async with asyncio.timeout(60.0):
                while not house.streams.peers:
                    await asyncio.sleep(0.01)
            (peer,) = house.streams.peers
            assert isinstance(peer, TcpPeer)
            bound = peer._transport.get_extra_info("socket")
            alive = bound.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            idle = bound.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE)
            house.streams.close()
        server.close()
        return [alive, idle]

    assert asyncio.run(run()) == [1, 30]
