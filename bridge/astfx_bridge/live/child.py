"""The process of a live session of the server, which keeps all that is heavy out of the server.

It reads lines of JSON from standard input: first what to open, then commands. It answers each with
a line. It ends when it is told to, or when its standard input closes, because the server is gone.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import IO, Any

from astfx.runtime.deadlines import with_deadlines
from astfx_bridge.live.jack_io import JackIO
from astfx_bridge.live.ring_io import PREFIX, RingIO
from astfx_bridge.live.session import LiveSession, LiveSetup, answer, reason_of


def main(commands: IO[str], results: IO[str]) -> None:
    """Open a session, and carry out commands until it ends."""
    lock = threading.Lock()

    def send(message: dict[str, Any]) -> None:
        with lock:
            results.write(json.dumps(message) + "\n")
            results.flush()

    request = json.loads(commands.readline())
    io: JackIO | RingIO | None = None
    session: LiveSession | None = None
    with with_deadlines():
        try:
            if request["input"].startswith(PREFIX):
                path = Path(request["input"].removeprefix(PREFIX))
                io = RingIO(path, request["sample_rate"], request["block_size"])
            else:
                io = JackIO(request["name"], request["input"], request["output"])
            session = LiveSession(request["id"], LiveSetup(**request["setup"]))
            io.start(session)
            player = session.player
            send({"ready": [player.sample_rate, player.block_size, player.latency_samples]})
            threading.Thread(target=_listen, args=(session, commands, send), daemon=True).start()
            session.ended.wait()
        except Exception as error:
            send({"failed": reason_of(error)})
            return
        finally:
            if io is not None:
                io.close()
            if session is not None and hasattr(session, "player"):
                _closed(session)
    send({"ended": session.reason})


def _closed(session: LiveSession) -> None:
    try:
        session.close()
    except Exception as error:
        session.reason = session.reason or reason_of(error)


def _listen(session: LiveSession, commands: IO[str], send: Any) -> None:
    for line in commands:
        message = json.loads(line)
        if message.get("close"):
            session.end()
            continue
        number = message["n"]
        try:
            replies = answer(session, message["address"], message["values"], message["pairs"])
            send({"n": number, "replies": replies})
        except Exception as error:
            send({"n": number, "fail": reason_of(error)})
    session.end("the server is gone")


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal is for the server
    # Whatever a library prints must not come between the results.
    output = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    main(sys.stdin, output)
    output.close()
