"""The settings that a server is started with. They are checked once."""

from __future__ import annotations

import ipaddress
import math
from dataclasses import dataclass, field
from pathlib import Path

from astfx_bridge.errors import BridgeError

OSC_PORT, HTTP_PORT = 9101, 9102
MIN_TOKEN_CHARACTERS = 8


def is_loopback(host: str) -> bool:
    """Whether an address is a loopback address, which other machines cannot reach."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Limits on what clients may ask for. A request beyond one is answered with a fail.

    Attributes
    ----------
    clip_seconds : float
        The longest content or style.
    blob_bytes : int
        The longest packet over TCP, and so the longest clip in a blob.
    queue_jobs : int
        The most jobs that have not ended.
    connections : int
        The most TCP connections at a time.
    messages_per_second : float
        The most messages from one sender. Twice as many may come at once.
    kept_records : int
        The number of ended jobs that are kept on record.
    kept_blob_bytes : int
        The total size of the blob results that are kept.
    kept_style_bytes : int
        The total size of the style clips that clients have sent to be kept.
    job_seconds : float
        A job that runs longer is stopped and fails.
    """

    clip_seconds: float = 1800.0
    blob_bytes: int = 64 * 2**20
    queue_jobs: int = 1000
    connections: int = 32
    messages_per_second: float = 2000.0
    kept_records: int = 10_000
    kept_blob_bytes: int = 2**30
    kept_style_bytes: int = 2**30
    job_seconds: float = 3600.0

    @property
    def unfinished_bytes(self) -> int:
        """The most that may be kept of packets that are not whole or not handled yet, together."""
        return 2 * self.blob_bytes

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not (math.isfinite(value) and value > 0):
                raise BridgeError(f"{name}={value!r} must be above 0")
        if self.blob_bytes > 2**30:
            raise BridgeError(f"blob_bytes={self.blob_bytes} must be at most {2**30} (1 GiB)")


@dataclass(frozen=True, kw_only=True)
class ServerSettings:
    """Where a server listens, which folders it may use, and how much it does at a time.

    Attributes
    ----------
    host : str
        The address to listen on. All but loopback addresses need a token.
    osc_port : int, 0 to 65535
        The port for UDP and TCP. 0 takes a free one.
    http_port : int or None, 0 to 65535
        The port for OSCQuery. 0 takes a free one, None turns it off.
    roots : tuple of Path
        The folders that clients may read from and write to.
    state : Path
        The folder of the server's records. It is created if it does not exist.
    jobs : int, 1 to 64
        How many renders run at a time.
    token : str
        The secret that clients must send. Empty means none.
    announce : bool
        Whether to announce the server by zeroconf.
    limits : Limits
    """

    host: str = "127.0.0.1"
    osc_port: int = OSC_PORT
    http_port: int | None = HTTP_PORT
    roots: tuple[Path, ...] = (Path(),)
    state: Path = Path("astfx-state")
    jobs: int = 1
    token: str = field(default="", repr=False)
    announce: bool = False
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if self.host == "localhost":  # the name may stand for several addresses
            object.__setattr__(self, "host", "127.0.0.1")
        for name, port in (("osc_port", self.osc_port), ("http_port", self.http_port)):
            if port is not None and not 0 <= port <= 65_535:
                raise BridgeError(f"{name}={port} must lie between 0 and 65535")
        if not 1 <= self.jobs <= 64:
            raise BridgeError(f"jobs={self.jobs} must lie between 1 and 64")
        if not self.roots:
            raise BridgeError("a server needs at least one root folder")
        if self.token and (len(self.token) < MIN_TOKEN_CHARACTERS or not self.token.isprintable()):
            raise BridgeError(
                f"the token must have at least {MIN_TOKEN_CHARACTERS} printable characters"
            )
        if not self.token and not is_loopback(self.host):
            raise BridgeError(
                f"host {self.host} can be reached from other machines: give a --token that "
                "clients must know, or listen on 127.0.0.1"
            )
