"""The server: sockets, records and workers around one event loop."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

from filelock import FileLock, Timeout

from astfx_bridge import discovery, oscquery
from astfx_bridge.addresses import PARAMETERS
from astfx_bridge.commands.dispatch import Dispatcher
from astfx_bridge.commands.registry import HANDLERS
from astfx_bridge.errors import BridgeError
from astfx_bridge.jobs.lifecycle import Desk
from astfx_bridge.jobs.pool import wait_for_orphans
from astfx_bridge.jobs.store import JobStore
from astfx_bridge.roots import Roots
from astfx_bridge.settings import ServerSettings
from astfx_bridge.table import Value
from astfx_bridge.wire.access import Access
from astfx_bridge.wire.peers import Peer, TcpPeer
from astfx_bridge.wire.tcp import TcpHub
from astfx_bridge.wire.udp import UdpEndpoint, udp_socket

_PORT_TRIES = 20


def _reason(error: OSError) -> str:
    """What the system says; asyncio repeats the address in its own words."""
    return os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)


class Bridge:
    """An OSC server that renders.

    Parameters
    ----------
    settings : ServerSettings

    Raises
    ------
    BridgeError
        If the state folder is in use, a root is missing, or (from `start`) a port is taken.
    """

    def __init__(self, settings: ServerSettings) -> None:
        self.settings = settings
        state = settings.state
        try:
            for folder in ("blobs", "presets"):
                (state / folder).mkdir(parents=True, exist_ok=True)
            os.chmod(state, 0o700)
        except OSError as error:
            raise BridgeError(f"state folder '{state}' cannot be used ({error.strerror})") from None
        self.roots = Roots(settings.roots, state)
        self._lock = FileLock(state / "server.lock", timeout=0)
        try:
            self._lock.acquire()
        except Timeout:
            raise BridgeError(f"another server uses the state folder '{state}'") from None
        try:
            wait_for_orphans(state)
            self.store = JobStore(state / "jobs.sqlite")
        except sqlite3.Error as error:
            self._lock.release()
            raise BridgeError(f"the records in '{state}' cannot be read ({error})") from None
        except BridgeError:
            self._lock.release()
            raise
        self.access = Access(settings.token)
        self.parameters: dict[str, Value] = {
            name: parameter.default for name, parameter in PARAMETERS.items()
        }
        self.choices: dict[str, tuple[str, ...]] = {}
        self._dispatcher = dispatcher = Dispatcher(self, HANDLERS)
        rate = settings.limits.messages_per_second
        self.udp = UdpEndpoint(dispatcher, self.access, rate)
        self.tcp = TcpHub(dispatcher, self.access, settings.limits, self.udp.send, self._left)
        self.desk = Desk(settings, self.store, self.roots, self.subscribers, self._ready)
        self.osc_port, self.http_port = 0, 0
        self._listener: asyncio.Server | None = None
        self._http: oscquery.OscQueryServer | None = None
        self._announcement: discovery.Announcement | None = None
        self._stopping: asyncio.Event | None = None

    async def start(self) -> None:
        """Listen, and take up the jobs that an earlier server left."""
        self._stopping = asyncio.Event()
        await self._listen()
        if self.settings.http_port is not None:
            self._http = oscquery.OscQueryServer(self)
            self.http_port = self._http.port
            if self.settings.announce:
                self._announcement = await asyncio.to_thread(discovery.announce, self)
        # Where a token is needed, no UDP source is let in before its TCP connection is back.
        self.desk.begin(None if self.access.needs_token else self.udp.peer)

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        host, port = self.settings.host, self.settings.osc_port
        for attempt in range(_PORT_TRIES):
            try:
                self._listener = await loop.create_server(self.tcp.connection, host, port)
                self.osc_port = self._listener.sockets[0].getsockname()[1]
                bound = udp_socket(host, self.osc_port)
                break
            except OSError as error:
                if self._listener is not None:
                    self._listener.close()
                # A free TCP port may be taken for UDP: try another, if it may be any.
                if port or attempt + 1 == _PORT_TRIES:
                    raise BridgeError(
                        f"cannot listen on {host} port {port} ({_reason(error)})"
                    ) from None
        await loop.create_datagram_endpoint(lambda: self.udp, sock=bound)

    async def run(self, ready: Callable[[Bridge], None] | None = None) -> None:
        """Serve until `stop`, SIGINT or SIGTERM."""
        await self.start()
        assert self._stopping is not None
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            with suppress(NotImplementedError, RuntimeError, ValueError):
                loop.add_signal_handler(number, self.stop)
        try:
            if ready is not None:
                ready(self)
            await self._stopping.wait()
        finally:
            await self.close()

    def stop(self) -> None:
        """End `run`."""
        if self._stopping is not None:
            self._stopping.set()

    def soon(self, action: Callable[[], None]) -> None:
        """Do something when the present message has been handled."""
        asyncio.get_running_loop().call_soon(action)

    async def close(self) -> None:
        """Give everything back; jobs that have not ended stay on record."""
        if self._announcement is not None:
            await asyncio.to_thread(self._announcement.close)
        if self._http is not None:
            await asyncio.to_thread(self._http.close)
        if self._listener is not None:
            self._listener.close()
        self.udp.close()
        self.tcp.close()
        await self._dispatcher.close()
        await self.desk.end_all()
        self.store.close()
        self._lock.release()

    # What handlers use

    def checked(self, key: str, value: Value) -> Value:
        """A value for a parameter, brought to its type.

        Raises
        ------
        RefusedError
        """
        argument = PARAMETERS[key].argument
        return replace(argument, choices=self.choices.get(key, argument.choices)).check(value)

    def subscribers(self) -> list[Peer]:
        """The peers that are told everything."""
        return [peer for peer in (*self.tcp.peers, *self.udp.peers) if peer.notify]

    def _left(self, peer: TcpPeer) -> None:
        self.desk.notices.leave(peer)

    def _ready(self, facts: dict[str, Any]) -> None:
        self.choices["method"] = tuple(facts["methods"])
