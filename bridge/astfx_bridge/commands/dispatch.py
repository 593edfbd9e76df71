"""From packets to handlers: limits, order, the checks of the table, and a fail for each refusal."""

from __future__ import annotations

import asyncio
import difflib
import sqlite3
from collections.abc import Mapping
from contextlib import suppress
from functools import partial

from astfx.errors import AstfxError
from astfx_bridge.addresses import REPLIES, ROWS
from astfx_bridge.commands.services import Handler, Services
from astfx_bridge.complaints import complain
from astfx_bridge.errors import PacketError, RefusedError
from astfx_bridge.ids import MAX_ID_CHARACTERS, canonical_id
from astfx_bridge.jobs import log
from astfx_bridge.table import Call, Value
from astfx_bridge.wire.osc import Message, decode, is_pattern, matcher
from astfx_bridge.wire.peers import MAX_BACKLOG, Peer, StreamPeer

# A connection is read again only once what it sent beyond this has been handled.
_MANY_BYTES = 2**20
# So many messages of one sender are handled before the others have their turn.
_MESSAGES_PER_TURN = 50


class Dispatcher:
    """Takes packets in, and calls the handlers of each sender's messages one after another.

    Parameters
    ----------
    services : Services
        Passed to every handler.
    handlers : mapping of str to Handler
        By the names that the address table gives them.
    """

    def __init__(self, services: Services, handlers: Mapping[str, Handler]) -> None:
        self._services, self._handlers = services, handlers
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    async def close(self) -> None:
        """Cancel the handlers that still run. Nothing that they work on was acknowledged."""
        self._closed = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def receive(self, peer: Peer, packet: bytes) -> None:
        """Take a packet in. A packet that exceeds a limit is dropped and answered with a fail."""
        rate = self._services.settings.limits.messages_per_second
        if not peer.message_rate.take():
            return self._drop(peer, 1, f"more than {rate:g} messages a second")
        try:
            messages = decode(packet)
        except PacketError as error:
            if peer.complaint_rate.take():
                fail(peer, error.address or "/astfx/packet", 0, str(error))
            return None
        if len(messages) > 1 and not peer.message_rate.take(len(messages) - 1):
            return self._drop(peer, len(messages), f"more than {rate:g} messages a second")
        if len(peer.backlog) + len(messages) > MAX_BACKLOG:
            return self._drop(peer, len(messages), f"more than {MAX_BACKLOG} messages wait")
        peer.backlog.extend(messages)
        if isinstance(peer, StreamPeer):
            peer.work_bytes += len(packet)
            if len(peer.backlog) > MAX_BACKLOG // 2 or peer.work_bytes > _MANY_BYTES:
                peer.pause()
        if not peer.busy:
            self._drain(peer)
        return None

    def _drop(self, peer: Peer, count: int, why: str) -> None:
        peer.dropped += count
        if peer.complaint_rate.take():
            fail(peer, "/astfx/packet", 0, f"{why}: {peer.dropped} were dropped")
            peer.dropped = 0

    def _drain(self, peer: Peer) -> None:
        """Handle the backlog until a handler has to wait, or it is the turn of others."""
        if self._closed:
            return
        peer.busy = True
        for _ in range(_MESSAGES_PER_TURN):
            if not peer.backlog:
                peer.busy = False
                peer.resume()
                return
            if self._handle(peer, peer.backlog.popleft()):
                return
        asyncio.get_running_loop().call_soon(self._drain, peer)

    def _handle(self, peer: Peer, message: Message) -> bool:
        """Call the handlers of a message. True if one has to wait; it drains the backlog later."""
        address = message.address
        if address in REPLIES and address not in ROWS:
            return False  # a server's reply: answering replies would never end
        if not self._admitted(peer, address):
            return False
        try:
            calls = self._calls(peer, message)
        except RefusedError as error:
            _refuse(peer, message, address, str(error))
            return False
        return self._run(peer, calls, message)

    def _run(self, peer: Peer, calls: list[Call], message: Message) -> bool:
        peer.useful = True
        for call in calls:
            try:
                waiting = self._handlers[call.row.handler](self._services, peer, call)
            except Exception as error:
                self._failed(peer, call, message, error)
                continue
            if waiting is not None:
                # Patterns reach only handlers that do not wait, so no other call follows.
                task = asyncio.create_task(waiting)
                self._tasks.add(task)
                task.add_done_callback(partial(self._finished, peer, call, message))
                return True
        return False

    def _finished(self, peer: Peer, call: Call, message: Message, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if isinstance(error, Exception):
            self._failed(peer, call, message, error)
        self._drain(peer)

    def _failed(self, peer: Peer, call: Call, message: Message, error: Exception) -> None:
        if isinstance(error, AstfxError):
            text = str(error)
        elif isinstance(error, sqlite3.Error | OSError):
            text = f"the server failed ({error}): nothing was accepted"
        else:
            text = f"unexpected {type(error).__name__}: {error}"
            complain(f"{call.row.address}: {text}")
        _refuse(peer, message, call.row.address, text)

    def _calls(self, peer: Peer, message: Message) -> list[Call]:
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
        """The calls of an address pattern: one for each row that it may reach and that fits."""
        try:
            pattern = matcher(message.address)
        except PacketError as error:
            raise RefusedError(str(error)) from None
        calls = []
        for row in ROWS.values():
            # A parameter's address only asks if it comes without an argument.
            only_asks = not row.changes or (row.parameter is not None and not message.values)
            if only_asks and pattern.fullmatch(row.address):
                with suppress(RefusedError):
                    calls.append(Call(row, *row.check(message.values)))
        if not calls:
            raise RefusedError("no address matches: patterns reach only those that change nothing")
        return calls

    def _admitted(self, peer: Peer, address: str) -> bool:
        """Whether a peer may send to an address. A connection without the token is closed."""
        access = self._services.access
        if not access.needs_token or not isinstance(peer, StreamPeer) or peer.authenticated:
            return True
        if address == "/astfx/auth":
            return True
        peer.backlog.clear()
        fail(peer, "/astfx/auth", 0, "this server needs a token: send /astfx/auth token first")
        peer.close()
        return False


def _refuse(peer: Peer, message: Message, address: str, reason: str) -> None:
    """Answer a message with a fail. What asked for a job is a line of the log too."""
    job_id = failed_id(message.values)
    fail(peer, address, job_id, reason)
    if address in ROWS and ROWS[address].job:
        log.refused(peer.name, address, job_id, reason)


def failed_id(values: tuple[Value, ...]) -> Value:
    """The id that a fail carries: the first argument where it can be an id, else 0."""
    first = values[0] if values else 0
    if isinstance(first, bytes) or (isinstance(first, float) and not first.is_integer()):
        return 0
    return canonical_id(first)


def fail(peer: Peer, address: str, job_id: Value, message: str) -> None:
    """Send a fail, with its texts cut to what OSC clients can be expected to show."""
    job_id = job_id[:MAX_ID_CHARACTERS] if isinstance(job_id, str) else job_id
    peer.send("/astfx/fail", address[:256], job_id, message[:1000])
