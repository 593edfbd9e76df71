"""From packets to handlers: limits, order, the table's checks, and a fail for what is refused."""

from __future__ import annotations

import asyncio
import difflib
import hashlib
import json
import sqlite3
import sys
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from astfx.errors import AstfxError
from astfx_bridge.addresses import REPLIES, ROWS
from astfx_bridge.errors import PacketError, RefusedError
from astfx_bridge.table import Row, Value
from astfx_bridge.wire.osc import Message, decode, is_pattern, matcher
from astfx_bridge.wire.peers import MAX_BACKLOG, Peer, TcpPeer

if TYPE_CHECKING:
    from astfx_bridge.server import Bridge

_AT_A_TIME = 50


@dataclass(frozen=True)
class Call:
    """A message that fits its row.

    Attributes
    ----------
    row : Row
    values : dict
        Arguments by name.
    pairs : list of (str, value)
        What followed them.
    """

    row: Row
    values: dict[str, Value]
    pairs: list[tuple[str, Value]]

    @cached_property
    def digest(self) -> str:
        """Everything that is asked, in a few characters."""

        def plain(value: Value) -> Value:
            return hashlib.sha256(value).hexdigest() if isinstance(value, bytes) else value

        values = {name: plain(value) for name, value in self.values.items()}
        pairs = [(key, plain(value)) for key, value in self.pairs]
        text = json.dumps([self.row.address, values, pairs])
        return hashlib.sha256(text.encode()).hexdigest()


Handler = Callable[["Bridge", Peer, Call], Awaitable[None] | None]


class Dispatcher:
    """Takes packets, and calls handlers one after another for each sender.

    Parameters
    ----------
    bridge : Bridge
    handlers : mapping of str to Handler
    """

    def __init__(self, bridge: Bridge, handlers: Mapping[str, Handler]) -> None:
        self._bridge, self._handlers = bridge, handlers
        self._tasks: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Give up what is still being looked at; nothing of it was acknowledged."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def receive(self, peer: Peer, packet: bytes) -> None:
        """Take a packet in; what breaks a limit is dropped with a fail."""
        rate = self._bridge.settings.limits.messages_per_second
        if not peer.bucket.take():
            return self._drop(peer, 1, f"more than {rate:g} messages a second")
        try:
            messages = decode(packet)
        except PacketError as error:
            if peer.complaints.take():
                fail(peer, error.address or "/astfx/packet", 0, str(error))
            return None
        if len(messages) > 1 and not peer.bucket.take(len(messages) - 1):
            return self._drop(peer, len(messages), f"more than {rate:g} messages a second")
        if len(peer.backlog) + len(messages) > MAX_BACKLOG:
            return self._drop(peer, len(messages), f"more than {MAX_BACKLOG} messages wait")
        peer.backlog.extend(messages)
        if isinstance(peer, TcpPeer) and len(peer.backlog) > MAX_BACKLOG // 2:
            peer.pause()
        if not peer.busy:
            self._drain(peer)
        return None

    def _drop(self, peer: Peer, count: int, why: str) -> None:
        peer.dropped += count
        if peer.complaints.take():
            fail(peer, "/astfx/packet", 0, f"{why}: {peer.dropped} were dropped")
            peer.dropped = 0

    def _drain(self, peer: Peer) -> None:
        """Handle what waits, until a handler needs time or others should have their turn."""
        peer.busy = True
        for _ in range(_AT_A_TIME):
            if not peer.backlog:
                peer.busy = False
                peer.resume()
                return
            waiting = self._handle(peer, peer.backlog.popleft())
            if waiting is not None:
                task = asyncio.create_task(waiting)
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
                return
        asyncio.get_running_loop().call_soon(self._drain, peer)

    def _handle(self, peer: Peer, message: Message) -> Coroutine[Any, Any, None] | None:
        address = message.address
        if address in REPLIES and address not in ROWS:
            return None  # somebody else's answers, or one's own: answering would never end
        try:
            calls = self._calls(peer, message)
        except RefusedError as error:
            fail(peer, address, subject(message.values), str(error))
            return None
        return self._run(peer, calls, message)

    def _run(
        self, peer: Peer, calls: list[Call], message: Message
    ) -> Coroutine[Any, Any, None] | None:
        for call in calls:
            try:
                waiting = self._handlers[call.row.handler](self._bridge, peer, call)
            except Exception as error:
                self._failed(peer, call, message, error)
                continue
            if waiting is not None:
                return self._finish(
                    peer, call, message, waiting
                )  # only ever the last: it asks nothing
        return None

    async def _finish(
        self,
        peer: Peer,
        call: Call,
        message: Message,
        waiting: Awaitable[None],
    ) -> None:
        try:
            await waiting
        except Exception as error:
            self._failed(peer, call, message, error)
        self._drain(peer)

    def _failed(self, peer: Peer, call: Call, message: Message, error: Exception) -> None:
        if isinstance(error, AstfxError):
            text = str(error)
        elif isinstance(error, sqlite3.Error | OSError):
            text = f"the server could not do its part ({error}): nothing was accepted"
        else:
            text = f"unexpected {type(error).__name__}: {error}"
            print(f"astfx-bridge: {call.row.address}: {text}", file=sys.stderr)
        fail(peer, call.row.address, subject(message.values), text)

    def _calls(self, peer: Peer, message: Message) -> list[Call]:
        self._check_access(peer, message.address)
        if is_pattern(message.address):
            return self._matching(message)
        if message.address not in ROWS:
            near = difflib.get_close_matches(message.address[:80], ROWS, n=1)
            hint = f": did you mean {near[0]}?" if near else ""
            raise RefusedError(f"there is no address {message.address}{hint}")
        row = ROWS[message.address]
        if row.tcp_only and not peer.by_tcp:
            raise RefusedError(f"{row.address} needs TCP")
        return [Call(row, *row.check(message.values))]

    def _matching(self, message: Message) -> list[Call]:
        """The rows that an address pattern reaches: those that only ask, and fit the arguments."""
        try:
            pattern = matcher(message.address)
        except PacketError as error:
            raise RefusedError(str(error)) from None
        calls = []
        for row in ROWS.values():
            asks = not row.changes or (row.parameter is not None and not message.values)
            if asks and pattern.fullmatch(row.address):
                with suppress(RefusedError):
                    calls.append(Call(row, *row.check(message.values)))
        if not calls:
            raise RefusedError("no address that only asks matches: patterns change nothing")
        return calls

    def _check_access(self, peer: Peer, address: str) -> None:
        access = self._bridge.access
        if not access.needs_token or not isinstance(peer, TcpPeer) or peer.authenticated:
            return
        if address != "/astfx/auth":
            peer.backlog.clear()
            fail(peer, "/astfx/auth", 0, "this server needs a token: send /astfx/auth token first")
            peer.close()
            raise RefusedError("not authenticated")


def subject(values: tuple[Value, ...]) -> Value:
    """What a fail names: the first argument, where it can be an id."""
    first = values[0] if values else 0
    if isinstance(first, float) and first.is_integer():
        return int(first)  # Pure Data's numbers are all floats
    return first if isinstance(first, int | str) else 0


def fail(peer: Peer, address: str, about: Value, message: str) -> None:
    """Send a fail."""
    about = about[:80] if isinstance(about, str) else about
    if isinstance(about, int) and not -(2**31) <= about < 2**31:
        about = str(about)
    peer.send("/astfx/fail", address[:256], about, message[:1000])
