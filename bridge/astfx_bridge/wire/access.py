"""Who may send, and how fast: tokens, admitted UDP sources, message rates."""

from __future__ import annotations

import hmac
import ipaddress
import time
from collections import Counter
from collections.abc import Callable

from astfx_bridge.errors import RefusedError

AUTH_SECONDS = 10.0
MAX_WRONG_TOKENS = 10
LOCKOUT_SECONDS = 60.0
MAX_LOCKOUT_HOSTS = 256


class RateLimiter:
    """A limit on how many messages come in a second. Twice as many may come at once.

    Parameters
    ----------
    per_second : float
        Messages per second.
    clock : callable
        Returns the time in seconds.
    """

    def __init__(self, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._clock = per_second, clock
        self._left, self._seen = 2.0 * per_second, clock()

    def take(self, count: int = 1) -> bool:
        """Count messages in, and return whether they are within the rate."""
        now = self._clock()
        self._left = min(2.0 * self._rate, self._left + (now - self._seen) * self._rate)
        self._seen = now
        if count > self._left:
            return False
        self._left -= count
        return True


class LockedOutError(RefusedError):
    """A host has sent too many wrong tokens."""


class Access:
    """Checks tokens, and keeps the UDP sources that authenticated TCP connections admit.

    One counter of wrong tokens serves all doors of the server, so a host that is locked out at one
    is locked out at all. The addresses of one IPv6 network (/64) count as one host.

    Parameters
    ----------
    token : str
        The token of the server. If it is empty, everybody is admitted.
    clock : callable
        Returns the time in seconds.
    """

    def __init__(self, token: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._token = token.encode()
        self._clock = clock
        self._bound: Counter[tuple[str, int]] = Counter()
        self._wrong: dict[str, list[float]] = {}

    @property
    def needs_token(self) -> bool:
        """Whether clients must send a token."""
        return bool(self._token)

    def check_token(self, host: str, token: str) -> None:
        """Check the token that a host has sent.

        Raises
        ------
        LockedOutError
            If the host has sent ten wrong ones within the last minute.
        RefusedError
            If it is wrong.
        """
        host = _network(host)
        now = self._clock()
        recent = [when for when in self._wrong.get(host, []) if now - when < LOCKOUT_SECONDS]
        if len(recent) >= MAX_WRONG_TOKENS:
            raise LockedOutError("too many wrong tokens: wait a minute")
        if self._token and not hmac.compare_digest(token.encode(), self._token):
            self._wrong = {host: [*recent, now], **self._other_hosts(host)}
            raise RefusedError("the token is wrong")

    def bind(self, host: str, port: int) -> None:
        """Admit UDP from a port of a host, or from all its ports if the port is 0."""
        self._bound[host, port] += 1

    def release(self, host: str, port: int) -> None:
        """Undo one call of `bind`."""
        self._bound[host, port] -= 1
        if self._bound[host, port] <= 0:
            del self._bound[host, port]

    def admits(self, host: str, port: int) -> bool:
        """Whether UDP from a port of a host is admitted."""
        return not self._token or (host, port) in self._bound or (host, 0) in self._bound

    def _other_hosts(self, host: str) -> dict[str, list[float]]:
        """The wrong tokens of the other hosts, the latest hosts only."""
        others = [(name, times) for name, times in self._wrong.items() if name != host]
        return dict(others[: MAX_LOCKOUT_HOSTS - 1])


def _network(host: str) -> str:
    """What counts as one host: an IPv4 address, or the /64 network of an IPv6 address."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return host
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, 64), strict=False))
