from __future__ import annotations

import asyncio
import gc
import struct
from pathlib import Path

import pytest
from astfx_bridge.commands import dispatch
from astfx_bridge.commands.registry import HANDLERS
from astfx_bridge.commands.services import Services
from astfx_bridge.table import Call
from astfx_bridge.wire.osc import encode
from astfx_bridge.wire.peers import MAX_BACKLOG, Peer

from tests.bridge.offline import Stream, UdpClient, handle, make_services, refusal, tcp_peer


def pings(count: int) -> bytes:
    """A bundle of so many pings."""
    ping = encode("/astfx/ping", [])
    return b"#bundle\0" + bytes(8) + count * (struct.pack(">i", len(ping)) + ping)


def test_a_bug_is_a_fail_and_a_line_in_the_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(services: Services, peer: Peer, call: Call) -> None:
        raise KeyError("lost")

    services, client = make_services(tmp_path), UdpClient()
    handle(services, client, encode("/astfx/ping", [7]), {**HANDLERS, "ping": broken})
    (fail,) = client.received
    assert fail.values == ("/astfx/ping", 7, "unexpected KeyError: 'lost'")
    assert capsys.readouterr().err == "astfx-bridge: /astfx/ping: unexpected KeyError: 'lost'\n"


def test_a_record_that_cannot_be_read_is_a_fail(tmp_path: Path) -> None:
    services = make_services(tmp_path)
    services.jobs.store.close()
    message = refusal(services, "/astfx/status", 1)
    assert message.startswith("the server failed (Cannot operate on a closed")
    assert message.endswith("): nothing was accepted")


def test_a_pattern_that_reaches_nothing_is_refused(tmp_path: Path) -> None:
    message = refusal(make_services(tmp_path), "/astfx/qu?t")
    assert message == "no address matches: patterns reach only those that change nothing"


def test_a_backlog_that_is_too_long_is_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "MAX_BACKLOG", 2)
    services, client = make_services(tmp_path), UdpClient()
    handle(services, client, pings(3))
    (fail,) = client.received
    assert fail.values == ("/astfx/packet", 0, "more than 2 messages wait: 3 were dropped")
    assert MAX_BACKLOG == 2000


@pytest.mark.filterwarnings("error")
def test_closing_ends_handlers_that_have_not_begun_and_begins_no_other(tmp_path: Path) -> None:
    begun = []

    async def slow(services: Services, peer: Peer, call: Call) -> None:
        begun.append(call)

    client = UdpClient()
    dispatcher = dispatch.Dispatcher(make_services(tmp_path), {**HANDLERS, "ping": slow})

    async def run() -> None:
        dispatcher.receive(client, pings(3))
        await dispatcher.close()
        for _ in range(3):
            await asyncio.sleep(0)

    asyncio.run(run())
    gc.collect()  # a coroutine that was never awaited would say so now
    assert begun == []
    assert client.received == []


def test_messages_of_a_sender_are_handled_one_after_another(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    order = []

    async def slow(services: Services, peer: Peer, call: Call) -> None:
        order.append("begin")
        await asyncio.sleep(0)
        order.append("end")
        raise KeyError("lost")

    client = UdpClient()
    handle(make_services(tmp_path), client, pings(3), {**HANDLERS, "ping": slow})
    assert order == 3 * ["begin", "end"]
    assert [fail.values[2] for fail in client.received] == 3 * ["unexpected KeyError: 'lost'"]
    assert capsys.readouterr().err.count("KeyError") == 3


def test_closing_leaves_what_waits_in_a_backlog(tmp_path: Path) -> None:
    """Messages are handled so many at a time; those of the next turn are not handled any more."""
    handled = []

    def count(services: Services, peer: Peer, call: Call) -> None:
        handled.append(call)

    client = UdpClient()
    dispatcher = dispatch.Dispatcher(make_services(tmp_path), {**HANDLERS, "ping": count})

    async def run() -> None:
        dispatcher.receive(client, pings(60))
        await dispatcher.close()
        for _ in range(3):
            await asyncio.sleep(0)

    asyncio.run(run())
    assert len(handled) == 50
    assert len(client.backlog) == 10


@pytest.mark.parametrize(("count", "changes"), [(2, []), (3, ["paused", "resumed"])])
def test_a_connection_is_not_read_while_half_a_backlog_waits(
    count: int, changes: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "MAX_BACKLOG", 4)
    stream = Stream()
    handle(make_services(tmp_path), tcp_peer(stream), pings(count))
    assert [message.address for message in stream.received] == count * ["/astfx/pong"]
    assert stream.changes == changes


@pytest.mark.parametrize(
    ("first", "expected"),
    [(7, 7), (7.0, 7), (7.5, 0), ("seven", "seven"), ("x" * 100, "x" * 80), (b"blob", 0)],
)
def test_a_fail_names_the_first_argument_where_it_can_be_an_id(
    tmp_path: Path, first: int | float | str | bytes, expected: int | str
) -> None:
    client = UdpClient()
    handle(make_services(tmp_path), client, encode("/astfx/nowhere", [first]))
    assert client.received[0].values[1] == expected
