"""Who is let in, and how fast: tokens, bound UDP sources, message rates."""

from __future__ import annotations

import hmac
import time
from collections import Counter
from collections.abc import Callable

from astfx_bridge.errors import RefusedError

AUTH_SECONDS = 10.0
WRONG_TOKENS_PER_MINUTE = 10


class Bucket:
    """Messages that one sender may still send now.

    Parameters
    ----------
    per_second : float
    clock : callable
        Seconds.
    """

    def __init__(self, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._clock = per_second, clock
        self._left, self._seen = 2.0 * per_second, clock()

    def take(self, count: int = 1) -> bool:
        """Whether `count` messages are within the rate."""
        now = self._clock()
        self._left = min(2.0 * self._rate, self._left + (now - self._seen) * self._rate)
        self._seen = now
        if count > self._left:
            return False
        self._left -= count
        return True


class Access:
    """The token, and the UDP sources that authenticated TCP connections speak for.

    Parameters
    ----------
    token : str
        Empty lets everybody in.
    clock : callable
        Seconds.
    """

    def __init__(self, token: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._token = token.encode()
        self._clock = clock
        self._bound: Counter[tuple[str, int]] = Counter()
        self._wrong: dict[str, list[float]] = {}

    @property
    def needs_token(self) -> bool:
        """Whether clients must authenticate."""
        return bool(self._token)

    def check_token(self, host: str, token: str) -> None:
        """Compare a token.

        Raises
        ------
        RefusedError
            If it is wrong, or too many wrong ones came from that host in the last minute.
        """
        now = self._clock()
        recent = [when for when in self._wrong.get(host, []) if now - when < 60.0]
        if len(recent) >= WRONG_TOKENS_PER_MINUTE:
            raise RefusedError("too many wrong tokens: wait a minute")
        if self._token and not hmac.compare_digest(token.encode(), self._token):
            self._wrong = {host: [*recent, now], **_newest(self._wrong, host)}
            raise RefusedError("the token is wrong")

    def bind(self, host: str, port: int) -> None:
        """Let UDP from a host and port in; port 0 is any port of it."""
        self._bound[host, port] += 1

    def release(self, host: str, port: int) -> None:
        """Undo one `bind`."""
        self._bound[host, port] -= 1
        if self._bound[host, port] <= 0:
            del self._bound[host, port]

    def admits(self, host: str, port: int) -> bool:
        """Whether a UDP source may speak."""
        return not self._token or (host, port) in self._bound or (host, 0) in self._bound


def _newest(wrong: dict[str, list[float]], host: str) -> dict[str, list[float]]:
    """The other hosts' failures, few enough to stay small."""
    others = [(name, times) for name, times in wrong.items() if name != host]
    return dict(others[:255])
