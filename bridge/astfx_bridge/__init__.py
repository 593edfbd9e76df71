"""An OSC server for astfx, for Max, Pure Data, SuperCollider, REAPER and whatever speaks OSC.

The map
-------
===============  ==================================================================
``addresses``    the address table: every address, its arguments and its replies
``wire/``        how packets come and go: UDP, TCP, OSC, and who may send
``jobs/``        what happens to a job: its record, its worker, who is told of it
``commands/``    what each address does: the dispatcher and the handlers
``server``       `Bridge`, which puts these together
``client``       `Client`, for Python programs and for ``astfx send``
``oscquery``     the address table over HTTP; ``discovery`` announces the server
===============  ==================================================================

Imports run one way: ``addresses`` <- ``wire`` <- ``jobs`` <- ``commands`` <- ``server``.

A request for a job, what is done for it, and how its progress comes back::

    wire.udp, wire.tcp -> commands.dispatch -> commands.rendering -> jobs.lifecycle -> jobs.store
    jobs.store -> jobs.pool -> jobs.worker_handle -> jobs.worker_main, a process -> jobs.tasks
    jobs.pool -> jobs.lifecycle -> jobs.notices -> wire.peers
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from astfx_bridge.client import Client as Client
    from astfx_bridge.server import Bridge as Bridge
    from astfx_bridge.settings import Limits as Limits
    from astfx_bridge.settings import ServerSettings as ServerSettings

_HOMES = {
    "Bridge": "astfx_bridge.server",
    "Client": "astfx_bridge.client",
    "Limits": "astfx_bridge.settings",
    "ServerSettings": "astfx_bridge.settings",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'astfx_bridge' has no attribute {name!r}")
