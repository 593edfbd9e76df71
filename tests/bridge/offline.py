"""The server's parts without sockets and without workers, to ask its handlers directly."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

from astfx_bridge.commands.dispatch import Dispatcher
from astfx_bridge.commands.registry import HANDLERS
from astfx_bridge.commands.services import Handler, Services
from astfx_bridge.jobs.lifecycle import JobLifecycle
from astfx_bridge.jobs.store import JobStore
from astfx_bridge.parameters import ServerParameters
from astfx_bridge.roots import Roots
from astfx_bridge.settings import Limits, ServerSettings
from astfx_bridge.table import Value
from astfx_bridge.wire.access import Access, RateLimiter
from astfx_bridge.wire.framing import Deframer
from astfx_bridge.wire.osc import Message, decode, encode
from astfx_bridge.wire.peers import Peer, TcpPeer

OSC_PORT = 9101
ANY_RATE = 1e9


class UdpClient(Peer):
    """A UDP client that keeps what it is sent."""

    def __init__(self) -> None:
        super().__init__("127.0.0.1", 5000, self._receive, RateLimiter(ANY_RATE))
        self.received: list[Message] = []

    def _receive(self, packet: bytes, target: tuple[str, int]) -> None:
        self.received += decode(packet)


class Stream(asyncio.Transport):
    """A TCP connection of the server that keeps what is written to it.

    `changes` says when the server stopped reading from it, and when it read on.
    """

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 5000)})
        self.closed = False
        self.changes: list[str] = []
        self._deframer = Deframer(2**20)
        self.received: list[Message] = []

    def write(self, data: object) -> None:
        assert isinstance(data, bytes)
        for packet in self._deframer.feed(data):
            self.received += decode(packet)

    def pause_reading(self) -> None:
        self.changes.append("paused")

    def resume_reading(self) -> None:
        self.changes.append("resumed")

    def get_write_buffer_size(self) -> int:
        return 0

    def can_write_eof(self) -> bool:
        return False

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True


def tcp_peer(stream: Stream) -> TcpPeer:
    return TcpPeer(stream, 2**20, lambda packet, target: None, RateLimiter(ANY_RATE))


def make_services(
    folder: Path,
    *,
    token: str = "",
    carry_out: Callable[[list[Peer], bytes], None] = lambda owners, packet: None,
    **limits: float,
) -> Services:
    """Services whose root is `folder`/root. Their workers are never started."""
    (folder / "root").mkdir()
    for name in ("blobs", "presets", "styles"):
        (folder / "state" / name).mkdir(parents=True)
    settings = ServerSettings(
        roots=(folder / "root",),
        state=folder / "state",
        token=token,
        limits=Limits(**limits),  # type: ignore[arg-type]
    )
    roots = Roots(settings.roots, settings.state)
    store = JobStore(settings.state / "jobs.sqlite")
    return Services(
        settings=settings,
        access=Access(token),
        roots=roots,
        parameters=ServerParameters(),
        jobs=JobLifecycle(
            settings, store, roots, list, lambda: None, lambda facts: None, carry_out
        ),
        osc_port=lambda: OSC_PORT,
        subscribers=list,
        stop=lambda: None,
    )


def handle(
    services: Services, peer: Peer, packet: bytes, handlers: Mapping[str, Handler] = HANDLERS
) -> None:
    """Dispatch a packet, and wait until its messages have been handled."""

    async def run() -> None:
        Dispatcher(services, handlers).receive(peer, packet)
        async with asyncio.timeout(60.0):
            while peer.busy:
                await asyncio.sleep(0.001)

    asyncio.run(run())


def ask(services: Services, address: str, *values: Value) -> list[Message]:
    """What a UDP client is sent in answer to a message."""
    client = UdpClient()
    handle(services, client, encode(address, values))
    return client.received


def refusal(services: Services, address: str, *values: Value) -> str:
    """The message of the fail that answers a message."""
    (fail,) = ask(services, address, *values)
    assert fail.address == "/astfx/fail"
    assert fail.values[0] == address
    return str(fail.values[2])
