"""Announces the server by zeroconf, so that OSCQuery clients find it by themselves."""

from __future__ import annotations

import ipaddress
import socket
from importlib.util import find_spec
from typing import Any

from astfx.errors import MissingDependencyError
from astfx_bridge.complaints import complain

SERVICES = ("_oscjson._tcp.local.", "_osc._udp.local.")


def available() -> bool:
    """Whether zeroconf is installed."""
    return find_spec("zeroconf") is not None


class Announcement:
    """The announced services. `close` withdraws them."""

    def __init__(self, zeroconf: Any) -> None:
        self._zeroconf = zeroconf

    def close(self) -> None:
        """Withdraw the announcement."""
        self._zeroconf.unregister_all_services()
        self._zeroconf.close()


def announce(listen_host: str, osc_port: int, http_port: int) -> Announcement | None:
    """Announce the OSC port and the OSCQuery server.

    If the network does not allow it, this prints a line to standard error and returns None.

    Raises
    ------
    MissingDependencyError
        If zeroconf is not installed.
    """
    try:
        from zeroconf import Error, InterfaceChoice, ServiceInfo, Zeroconf
    except ImportError:
        raise MissingDependencyError(
            "announcing needs zeroconf: pip install 'astfx[discovery]'"
        ) from None
    try:
        host = socket.gethostbyname(listen_host)
        anywhere = ipaddress.ip_address(host).is_unspecified
        # On the loopback interface, only this machine receives it.
        zeroconf = Zeroconf(interfaces=InterfaceChoice.All if anywhere else [host])
        address = socket.gethostbyname(socket.gethostname()) if anywhere else host
        for service, port in zip(SERVICES, (http_port, osc_port), strict=True):
            zeroconf.register_service(
                ServiceInfo(
                    service,
                    f"astfx {osc_port}.{service}",
                    addresses=[socket.inet_aton(address)],
                    port=port,
                    server=f"astfx-{osc_port}.local.",
                ),
                allow_name_change=True,
            )
    except (OSError, Error) as error:
        complain(f"not announced by zeroconf ({error})")
        return None
    return Announcement(zeroconf)
