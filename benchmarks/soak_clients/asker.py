"""A client of the soak test in Python: `asker.py astfx|liblo PORT FIRST COUNT LOG`.

It requests COUNT jobs, cancels every fifth, repeats requests that are not answered, and logs all
replies.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

from astfx.errors import AstfxError

IN_FLIGHT, PATIENCE_SECONDS = 6, 2.0
REFUSED = "nothing was accepted"  # the records could not be written

Hear = Callable[[str, list[Any]], None]


class AstfxLine:
    """The bridge's own client over TCP, which connects again when the server is back."""

    def __init__(self, port: int, hear: Hear) -> None:
        from astfx_bridge import Client

        def connect() -> Client:
            return Client(port=port, timeout_seconds=2.0)

        self._connect = connect
        self._hear = hear
        self._client: Any = None

    def send(self, address: str, *values: Any) -> None:
        try:
            self._client = self._client or self._connect()
            self._client.send(address, *values)
        except AstfxError:
            self._client = None

    def turn(self) -> None:
        message = None
        try:
            if self._client is None:
                time.sleep(0.05)
            else:
                message = self._client.receive(0.05)
        except AstfxError:
            self._client = None
        if message is not None:
            self._hear(message.address, list(message.values))


class LibloLine:
    """liblo over UDP."""

    def __init__(self, port: int, hear: Hear) -> None:
        import pyliblo3 as liblo

        self._server, self._target = liblo.Server(), liblo.Address("127.0.0.1", port)
        self._message = liblo.Message
        self._server.add_method(None, None, lambda path, values, *rest: hear(path, values))

    def send(self, address: str, *values: Any) -> None:
        self._server.send(self._target, self._message(address, *values))

    def turn(self) -> None:
        self._server.recv(50)


class Asker:
    """A client that requests jobs and logs their replies."""

    def __init__(self, kind: str, port: int, first: int, count: int, log: TextIO) -> None:
        self._waiting = list(range(first, first + count))
        self._asked: dict[int, float] = {}
        self._queued: set[int] = set()
        self._log = log
        self._line: AstfxLine | LibloLine
        self._line = (AstfxLine if kind == "astfx" else LibloLine)(port, self.hear)

    def hear(self, address: str, values: list[Any]) -> None:
        event = address.removeprefix("/astfx/")
        if event == "queued" and values[0] in self._asked:
            self._note(event, values[0])
            if values[0] not in self._queued and values[0] % 5 == 0:
                self._line.send("/astfx/cancel", values[0])
            self._queued.add(values[0])
        elif event == "fail" and REFUSED in str(values[2]):
            return  # the request is sent again
        elif event in ("done", "fail") and values[0] == "/astfx/render":
            self._note(event, values[1], str(values[2]))
            self._asked.pop(values[1], None)

    def _note(self, event: str, number: int, detail: str = "") -> None:
        line = {"time": time.time(), "id": number, "event": event, "detail": detail}
        self._log.write(json.dumps(line) + "\n")
        self._log.flush()

    def run(self) -> None:
        while self._waiting or self._asked:
            while self._waiting and len(self._asked) < IN_FLIGHT:
                self._asked[self._waiting.pop(0)] = 0.0
            for number, asked_at in list(self._asked.items()):
                if time.monotonic() - asked_at > PATIENCE_SECONDS:
                    self._asked[number] = time.monotonic()
                    self._line.send(
                        "/astfx/render", number, "content.wav", f"soak-{number}.wav",
                        "style", "style.wav", "quality", "draft", "iterations", 1,
                    )  # fmt: skip
                    if number in self._queued and number % 5 == 0:
                        self._line.send("/astfx/cancel", number)
            self._line.turn()


if __name__ == "__main__":
    kind, port, first, count, path = sys.argv[1:]
    with Path(path).open("w") as log:
        Asker(kind, int(port), int(first), int(count), log).run()
