"""A client for Python programs. It sends files or blobs, and gets them back stylised.

    with Client() as astfx:
        astfx.engine.render("voice.wav", "wet.wav", style="rain.wav", strength=0.8)

It needs only python-osc and this package, not torch.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from astfx_bridge.addresses import ROWS
from astfx_bridge.errors import BridgeError, RefusedError
from astfx_bridge.settings import OSC_PORT
from astfx_bridge.table import Value
from astfx_bridge.wire.connection import UDP, Connection
from astfx_bridge.wire.framing import LENGTH
from astfx_bridge.wire.osc import Message


@dataclass(frozen=True, kw_only=True)
class Result:
    """The result of a job that is done.

    Attributes
    ----------
    id : int or str
    output : str or bytes
        The path of the result, or the clip itself if a blob was sent.
    sample_rate : int, hertz
    frames : int
        The length of the result.
    """

    id: Value
    output: str | bytes
    sample_rate: int
    frames: int


class Client(Connection):
    """A connection to a bridge, with functions for its commands.

    Parameters
    ----------
    host : str
    port : int
    transport : {"length", "slip", "udp"}
        TCP with a length before each packet, TCP with SLIP, or UDP.
    token : str
        The server's token, if it has one. It can be sent by TCP only.
    timeout_seconds : float
        How long to wait for an answer. Jobs may take longer.

    Raises
    ------
    BridgeError
        If nothing answers there.
    RefusedError
        If the token is wrong.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = OSC_PORT,
        *,
        transport: str = LENGTH,
        token: str = "",
        timeout_seconds: float = 10.0,
    ) -> None:
        super().__init__(host, port, transport=transport, timeout_seconds=timeout_seconds)
        if token and transport != UDP:
            try:
                self._authenticate(token)
            except BaseException:
                self.close()
                raise

    def _authenticate(self, token: str) -> None:
        self.send("/astfx/auth", token)
        answer = self.receive()
        if answer is None:
            raise BridgeError(f"no answer from {self.where} in {self.timeout_seconds:g} seconds")
        if answer.address == "/astfx/fail":
            raise RefusedError(str(answer.values[2]))

    def replies(self, address: str, *values: Value) -> Iterator[Message]:
        """Send a message, and yield everything that the server sends until it has handled it.

        Raises
        ------
        BridgeError
            If the server does not answer in time.
        """
        token = f"end-{secrets.token_hex(6)}"
        self.send(address, *values)
        self.send("/astfx/ping", token)
        deadline = time.monotonic() + self.timeout_seconds
        while (message := self.receive(deadline - time.monotonic())) is not None:
            if message.address == "/astfx/pong" and message.values == (token,):
                return
            yield message
        raise BridgeError(
            f"no answer to {address} from {self.where} in {self.timeout_seconds:g} seconds"
        )

    def ask(self, address: str, *values: Value) -> list[Message]:
        """Send a message and return its replies. Messages of running jobs stay for `receive`.

        Raises
        ------
        RefusedError
            If the reply is a fail.
        """
        wanted = ROWS[address].replies if address in ROWS else ()
        found, others = [], []
        refused = ""
        for message in self.replies(address, *values):
            if message.address == "/astfx/fail" and message.values[0] in (address, "/astfx/packet"):
                refused = str(message.values[2])
            elif message.address in wanted:
                found.append(message)
            else:
                others.append(message)
        self.inbox.extend(others)
        if refused:
            raise RefusedError(refused)
        return found

    def render(
        self,
        content: str,
        output: str,
        *,
        job_id: int | str = 0,
        progress: Callable[[float], None] | None = None,
        timeout_seconds: float = 3600.0,
        **settings: Value,
    ) -> Result:
        """Render a file to a file. Both are paths on the server, under its roots.

        Parameters
        ----------
        content, output : str
        job_id : int or str
            0 lets the server choose one. The same request with the same id is answered from the
            server's record.
        progress : callable, optional
            Called with the fraction that is done.
        timeout_seconds : float
        **settings
            Parameters of the job by name: ``style="rain.wav", strength=0.5``.

        Raises
        ------
        RefusedError
            If the job is refused, fails or is cancelled.
        BridgeError
            If the connection is lost, or the job does not end in time.
        """
        values = [content, output, *_pairs(settings)]
        return self._job("/astfx/render", job_id, values, progress, timeout_seconds)

    def render_blob(
        self,
        clip: bytes,
        *,
        job_id: int | str = 0,
        progress: Callable[[float], None] | None = None,
        timeout_seconds: float = 3600.0,
        **settings: Value,
    ) -> Result:
        """Render the bytes of a WAV or FLAC. The `output` of the result is bytes too."""
        values = [clip, *_pairs(settings)]
        return self._job("/astfx/render/blob", job_id, values, progress, timeout_seconds)

    def _job(
        self,
        address: str,
        job_id: int | str,
        values: list[Value],
        progress: Callable[[float], None] | None,
        timeout_seconds: float,
    ) -> Result:
        self.send(address, job_id, *values)
        deadline = time.monotonic() + timeout_seconds
        job: Value = job_id
        others: list[Message] = []
        try:
            while (message := self.receive(deadline - time.monotonic())) is not None:
                kind, said = message.address, message.values
                if kind == "/astfx/queued" and (not job or said[0] == job):
                    job = said[0]
                elif kind == "/astfx/progress" and said[0] == job:
                    if progress is not None:
                        progress(float(said[1]))
                elif kind == "/astfx/fail" and said[:2] in ((address, job), ("/astfx/packet", 0)):
                    raise RefusedError(str(said[2]))
                elif kind == "/astfx/done" and said[:2] == (address, job):
                    output, sample_rate, frames = said[2:]
                    assert isinstance(output, str | bytes)
                    return Result(
                        id=job, output=output, sample_rate=int(sample_rate), frames=int(frames)
                    )
                else:
                    others.append(message)
        finally:
            self.inbox.extend(others)
        raise BridgeError(f"job {job!r} did not end in {timeout_seconds:g} seconds")


def _pairs(settings: dict[str, Value]) -> list[Value]:
    return [part for pair in settings.items() for part in pair]
