from __future__ import annotations

import asyncio

import pytest
from astfx_bridge.settings import Limits
from astfx_bridge.wire import tcp
from astfx_bridge.wire.access import Access
from astfx_bridge.wire.peers import Peer, TcpPeer

from tests.bridge.offline import Stream


class NoReceiver:
    def receive(self, peer: Peer, packet: bytes) -> None:
        raise AssertionError("no packet was sent")


def test_a_connection_that_sends_no_token_in_time_is_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tcp, "AUTH_SECONDS", 0.25)
    gone: list[TcpPeer] = []
    stream = Stream()

    async def run() -> None:
        endpoint = tcp.TcpEndpoint(
            NoReceiver(),
            Access("a long secret"),
            Limits(),
            lambda packet, target: None,
            gone.append,
        )
        connection = endpoint.connection()
        connection.connection_made(stream)
        assert not stream.closed
        async with asyncio.timeout(60.0):
            while not stream.closed:
                await asyncio.sleep(0.01)
        connection.connection_lost(None)
        assert len(gone) == 1
        assert endpoint.peers == set()

    asyncio.run(run())
    (fail,) = stream.received
    assert fail.values == ("/astfx/auth", 0, "no token within 0.25 seconds")
