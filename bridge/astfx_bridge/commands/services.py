"""What the handlers of commands may use of the server."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from astfx_bridge.jobs.lifecycle import JobLifecycle
from astfx_bridge.live.children import LiveSessions
from astfx_bridge.parameters import ServerParameters
from astfx_bridge.roots import Roots
from astfx_bridge.settings import ServerSettings
from astfx_bridge.table import Call
from astfx_bridge.wire.access import Access
from astfx_bridge.wire.peers import Peer


@dataclass(frozen=True, kw_only=True)
class Services:
    """The parts of the server that handlers use.

    Attributes
    ----------
    settings : ServerSettings
    access : Access
        Checks tokens and admits UDP sources.
    roots : Roots
        The folders that clients may use.
    parameters : ServerParameters
    jobs : JobLifecycle
        Accepts, finds and ends jobs.
    osc_port : callable
        Returns the port that the server listens on. It is not known before it listens.
    subscribers : callable
        Returns the peers that receive the messages of every job.
    stop : callable
        Ends the server.
    live : LiveSessions
    """

    settings: ServerSettings
    access: Access
    roots: Roots
    parameters: ServerParameters
    jobs: JobLifecycle
    osc_port: Callable[[], int]
    subscribers: Callable[[], list[Peer]]
    stop: Callable[[], None]
    live: LiveSessions = field(default_factory=LiveSessions)


Handler = Callable[[Services, Peer, Call], Coroutine[Any, Any, None] | None]
