"""The process that renders: jobs in on standard input, progress and outcomes out, as JSON lines.

`python -m astfx_bridge.jobs.worker_main LOCKFILE`. It ends at once when the server does, because
its standard input closes then. The lock tells a new server that no old worker is left.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from time import monotonic
from typing import IO, Any

from filelock import FileLock

PROGRESS_SECONDS = 0.1
ORPHAN_SECONDS = 20.0
NICENESS = 10

Say = Callable[[dict[str, Any]], None]


class Inbox:
    """What the server says: jobs, and that the running one is cancelled."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.jobs: SimpleQueue[dict[str, Any]] = SimpleQueue()
        self.cancelled = ""
        self._stream = stream
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        for line in self._stream:
            said = json.loads(line)
            if "cancel" in said:
                self.cancelled = said["cancel"]
            else:
                self.jobs.put(said)
        os._exit(0)  # the server is gone; half-written files are its successor's to remove


class Progress:
    """Passes on how far a job is, ten times a second and at its end; False cancels it."""

    def __init__(self, job_id: str, inbox: Inbox, say: Say) -> None:
        self._job_id, self._inbox, self._say = job_id, inbox, say
        self._said_at, self._said = -1.0, -1.0

    def __call__(self, share: float) -> bool:
        """Tell, and say whether to go on."""
        now = monotonic()
        if share > self._said and (share >= 1.0 or now - self._said_at >= PROGRESS_SECONDS):
            self._said_at, self._said = now, share
            self._say({"progress": share})
        return self._inbox.cancelled != self._job_id


def main() -> None:
    """Take jobs until the server ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which then stops us
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    # Libraries may print: the line to the server is a descriptor of its own.
    line_out = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    inbox = Inbox(sys.stdin.buffer)
    with FileLock(sys.argv[1], timeout=ORPHAN_SECONDS):

        def say(message: dict[str, Any]) -> None:
            line_out.write(json.dumps(message).encode() + b"\n")

        from astfx_bridge.jobs.tasks import WORK, known_methods, warm_up

        warm_up()
        say({"ready": {"methods": known_methods()}})
        while True:
            job = inbox.jobs.get()
            say({"begun": job["id"]})
            say(_outcome(WORK[job["kind"]], job, inbox, say))


def _outcome(
    work: Callable[..., dict[str, Any]], job: dict[str, Any], inbox: Inbox, say: Say
) -> dict[str, Any]:
    from astfx.errors import AstfxError

    progress = Progress(job["id"], inbox, say)
    try:
        return {"done": work(job, progress)}
    except AstfxError as error:
        return {"failed": str(error)}
    except MemoryError:
        return {"failed": "there is not enough memory for this job"}
    except Exception as error:  # a bug must fail its job and leave the worker alive
        return {"failed": f"unexpected {type(error).__name__}: {error}"}


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.parent.mkdir(parents=True, exist_ok=True)
    main()
