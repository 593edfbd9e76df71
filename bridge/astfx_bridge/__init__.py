r"""An OSC server for astfx, for Max, Pure Data, SuperCollider, REAPER and whatever speaks OSC.

The map
-------
``addresses``   THE table: every address, what it takes, what it answers
``server``      `Bridge`, the server; ``settings``: what it is started with
``client``      `Client`, for Python programs and for ``astfx send``

The way of a message, a module each::

    udp, tcp -> access -> dispatch -> control, job_commands -> jobs (SQLite) -> pool -> worker
    framing, osc          table       requests, roots, styles                           work
                          peers <---- notices <-------------------------------------'
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
