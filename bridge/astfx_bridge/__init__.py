"""An OSC server for astfx, for Max, Pure Data, SuperCollider, REAPER and whatever speaks OSC.

The map
-------
===============  ==================================================================
``addresses``    the address table: every address, its arguments and its replies
``wire/``        how packets come and go: UDP, TCP, OSC, and who may send
``jobs/``        what happens to a job: its record, its worker, who is told of it
``commands/``    what each address does: the dispatcher and the handlers
``web/``         the door for browsers and OSCQuery clients: HTTP and WebSocket
``server``       `Bridge`, which puts these together
``client``       `Client`, for Python programs and for ``astfx send``
``discovery``    announces the server by zeroconf
===============  ==================================================================

Imports run one way: ``addresses`` <- ``wire`` <- ``jobs`` <- ``commands`` <- ``web`` <- ``server``.

A request for a job, what is done for it, and how its progress comes back::

    wire.udp, wire.tcp -> commands.dispatch -> commands.rendering -> jobs.lifecycle -> jobs.store
    jobs.store -> jobs.pool -> jobs.worker_handle -> jobs.worker_main, a process -> jobs.tasks
    jobs.pool -> jobs.lifecycle -> jobs.notices -> wire.peers
"""

from __future__ import annotations

import lazy_loader

# __init__.pyi says which module defines each public name. Type checkers read it too.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
