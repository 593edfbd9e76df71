"""The server: it puts sockets, handlers, records and workers together in one event loop."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from astfx_bridge import discovery
from astfx_bridge.commands.dispatch import Dispatcher
from astfx_bridge.commands.registry import HANDLERS
from astfx_bridge.commands.services import Services
from astfx_bridge.errors import BridgeError, RefusedError
from astfx_bridge.jobs.lifecycle import JobLifecycle
from astfx_bridge.live.children import LiveSessions
from astfx_bridge.parameters import ServerParameters
from astfx_bridge.roots import Roots
from astfx_bridge.settings import ServerSettings
from astfx_bridge.state import StateFolder
from astfx_bridge.table import Value
from astfx_bridge.web.app import application
from astfx_bridge.web.server import WebServer
from astfx_bridge.web.sockets import WebSockets
from astfx_bridge.web.status import StatusPage
from astfx_bridge.wire.access import Access
from astfx_bridge.wire.peers import AbsentPeer, Peer
from astfx_bridge.wire.streams import Streams
from astfx_bridge.wire.tcp import TcpEndpoint
from astfx_bridge.wire.udp import UdpEndpoint, udp_socket

WATCH_SECONDS = 2.0
BUSY_SECONDS = 5.0
_PORT_TRIES = 20


def _reason(error: OSError) -> str:
    """The system's own message; that of asyncio would repeat the address."""
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

    Attributes
    ----------
    settings : ServerSettings
    roots : Roots
    store : JobStore
    access : Access
    parameters : ServerParameters
    jobs : JobLifecycle
    live : LiveSessions
    osc_port, http_port : int
        Where it listens; 0 until it does.
    """

    def __init__(self, settings: ServerSettings) -> None:
        self.settings = settings
        self.roots = Roots(settings.roots, settings.state)
        self._state = StateFolder(settings.state)
        self.store = self._state.store
        self.access = Access(settings.token)
        self.parameters = ServerParameters()
        self.jobs = JobLifecycle(
            settings,
            self.store,
            self.roots,
            self._subscribers,
            self._check_state,
            self._worker_ready,
            self._carry_out,
        )
        self.live = LiveSessions(self._live_ended)
        services = Services(
            settings=settings,
            access=self.access,
            roots=self.roots,
            parameters=self.parameters,
            jobs=self.jobs,
            osc_port=lambda: self.osc_port,
            subscribers=self._subscribers,
            stop=self.stop,
            live=self.live,
        )
        self._dispatcher = dispatcher = Dispatcher(services, HANDLERS)
        rate = settings.limits.messages_per_second
        notices = self.jobs.notices
        self._udp = UdpEndpoint(dispatcher, self.access, rate, notices.remove_peer)
        self._streams = Streams(self.access, settings.limits, notices.awaits, self._disconnected)
        self._tcp = TcpEndpoint(
            dispatcher, self.access, settings.limits, self._udp.send, self._streams
        )
        self.osc_port, self.http_port = 0, 0
        self._listener: asyncio.Server | None = None
        self._web: WebServer | None = None
        self._announcement: discovery.Announcement | None = None
        self._stopping: asyncio.Event | None = None
        self._watch: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start to listen, and resume the jobs that an earlier server left."""
        self._stopping = asyncio.Event()
        await self._listen()
        if self.settings.http_port is not None:
            self._web = self._web_server()
            self.http_port = self._web.port
            self._web.start()
            if self.settings.announce:
                self._announcement = await asyncio.to_thread(
                    discovery.announce, self.settings.host, self.osc_port, self.http_port
                )
        # With a token, no UDP client is admitted again before its TCP connection is back.
        self.store.wait_at_most(BUSY_SECONDS)  # nobody is served yet
        try:
            self.jobs.resume(None if self.access.needs_token else self._udp.peer)
        except sqlite3.Error as error:
            raise BridgeError(
                f"the records in '{self.settings.state}' cannot be written ({error})"
            ) from None
        self.store.wait_at_most(0.0)
        self._watch = asyncio.create_task(self._keep_watch())

    def _web_server(self) -> WebServer:
        sockets = WebSockets(self._dispatcher, self.settings.limits, self._udp.send, self._streams)
        self.parameters.watch(lambda name, value: sockets.tell(f"/astfx/param/{name}", value))
        status = StatusPage(self.settings, self.parameters, self.jobs, lambda: self.osc_port)
        app = application(
            self.settings, self.parameters, self.access, sockets, lambda: self.osc_port, status
        )
        return WebServer(self.settings, app, self._streams)

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        host, port = self.settings.host, self.settings.osc_port
        for attempt in range(_PORT_TRIES):
            try:
                self._listener = await loop.create_server(self._tcp.connection, host, port)
                self.osc_port = self._listener.sockets[0].getsockname()[1]
                bound = udp_socket(host, self.osc_port)
                break
            except OSError as error:
                if self._listener is not None:
                    self._listener.close()
                # A free TCP port may be taken for UDP. Try another, unless one was asked for.
                if port or attempt + 1 == _PORT_TRIES:
                    raise BridgeError(
                        f"cannot listen on {host} port {port} ({_reason(error)})"
                    ) from None
        await loop.create_datagram_endpoint(lambda: self._udp, sock=bound)

    async def run(self, ready: Callable[[Bridge], None] | None = None) -> None:
        """Serve until `stop`, SIGINT or SIGTERM.

        Parameters
        ----------
        ready : callable, optional
            Called with this server once it listens.
        """
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
        """Make `run` return."""
        if self._stopping is not None:
            self._stopping.set()

    async def close(self) -> None:
        """Close everything. Jobs that have not ended stay on record."""
        if self._watch is not None:
            self._watch.cancel()
        if self._announcement is not None:
            await asyncio.to_thread(self._announcement.close)
        if self._listener is not None:
            self._listener.close()
        await self._dispatcher.close()
        await self.live.close_all()
        await self.jobs.stop_workers()
        if self._web is not None:
            await self._web.close()
        self._udp.close()
        self._streams.close()
        self._state.close()

    def _disconnected(self, peer: Peer) -> None:
        """Let a peer go whose connection has ended, and the UDP clients that it had admitted."""
        self.jobs.notices.remove_peer(peer)
        self._udp.forget_refused()

    def _live_ended(self, session_id: Value, reason: str) -> None:
        for peer in self._subscribers():
            peer.send("/astfx/live/closed", session_id, reason)

    def _subscribers(self) -> list[Peer]:
        """The peers that receive the messages of every job."""
        return [peer for peer in (*self._streams.peers, *self._udp.peers) if peer.notify]

    def _check_state(self) -> None:
        done = self._state.check()
        if done:
            self.jobs.report_trouble(done)

    async def _keep_watch(self) -> None:
        """Notice within seconds when records are removed or connections stall.

        What is wrong with the records is said once.
        """
        told = ""
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            self._streams.sweep()
            if self._web is not None:
                self._web.sweep()
            try:
                self._check_state()
            except RefusedError as error:
                if str(error) != told:
                    self.jobs.report_trouble(str(error))
                told = str(error)
            else:
                told = ""

    def _carry_out(self, owners: list[Peer], packet: bytes) -> None:
        """Carry out the completion of a job, for the client that asked for the job.

        If that client is gone, its completion is carried out all the same, and nobody is answered.
        """
        peer = owners[0] if owners else AbsentPeer()
        asyncio.get_running_loop().call_soon(self._dispatcher.receive, peer, packet)

    def _worker_ready(self, facts: dict[str, Any]) -> None:
        self.parameters.allow_methods(facts["methods"])
