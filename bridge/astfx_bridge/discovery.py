"""The server announced by zeroconf, so that OSCQuery clients find it by themselves."""

from __future__ import annotations

import ipaddress
import socket
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from astfx.errors import MissingDependencyError

if TYPE_CHECKING:
    from astfx_bridge.server import Bridge

SERVICES = ("_oscjson._tcp.local.", "_osc._udp.local.")


def available() -> bool:
    """Whether zeroconf is installed."""
    return find_spec("zeroconf") is not None


class Announcement:
    """The services that are announced; `close` takes them back."""

    def __init__(self, zeroconf: Any) -> None:
        self._zeroconf = zeroconf

    def close(self) -> None:
        """Take the announcement back."""
        self._zeroconf.unregister_all_services()
        self._zeroconf.close()


def announce(bridge: Bridge) -> Announcement | None:
    """Announce the OSCQuery server and the OSC port.

    Where the network does not let it, a line says so and the server goes on without.

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
        host = socket.gethostbyname(bridge.settings.host)
        anywhere = ipaddress.ip_address(host).is_unspecified
        # On the loopback interface only this machine hears it.
        zeroconf = Zeroconf(interfaces=InterfaceChoice.All if anywhere else [host])
        address = socket.gethostbyname(socket.gethostname()) if anywhere else host
        for service, port in zip(SERVICES, (bridge.http_port, bridge.osc_port), strict=True):
            zeroconf.register_service(
                ServiceInfo(
                    service,
                    f"astfx {bridge.osc_port}.{service}",
                    addresses=[socket.inet_aton(address)],
                    port=port,
                    server=f"astfx-{bridge.osc_port}.local.",
                ),
                allow_name_change=True,
            )
    except (OSError, Error) as error:
        print(f"astfx-bridge: not announced by zeroconf ({error})", file=sys.stderr)
        return None
    return Announcement(zeroconf)
