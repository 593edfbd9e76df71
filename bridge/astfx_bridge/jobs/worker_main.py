"""The worker process: it reads jobs from standard input and writes progress and outcomes.

Both are lines of JSON. Run as `python -m astfx_bridge.jobs.worker_main LOCKFILE`. The process ends
as soon as the server does, because its standard input closes then. While it holds the lock, a new
server knows that it is still there.
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

Send = Callable[[dict[str, Any]], None]


class Inbox:
    """What the server sends: jobs, and that the running one is cancelled."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.jobs: SimpleQueue[dict[str, Any]] = SimpleQueue()
        self.cancelled = ""
        self._stream = stream
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        for line in self._stream:
            message = json.loads(line)
            if "cancel" in message:
                self.cancelled = message["cancel"]
            else:
                self.jobs.put(message)
        os._exit(0)  # the server is gone; the next one removes half-written files


class Progress:
    """Reports the progress of a job, ten times a second at most and at its end."""

    def __init__(self, job_id: str, inbox: Inbox, send: Send) -> None:
        self._job_id, self._inbox, self._send = job_id, inbox, send
        self._sent_at, self._sent = -1.0, -1.0

    def __call__(self, share: float) -> bool:
        """Report the fraction that is done. Returns False if the job is cancelled."""
        now = monotonic()
        if share > self._sent and (share >= 1.0 or now - self._sent_at >= PROGRESS_SECONDS):
            self._sent_at, self._sent = now, share
            self._send({"progress": share})
        return self._inbox.cancelled != self._job_id


def main() -> None:
    """Run jobs until the server ends."""
    # Ctrl-C ends the server, which then stops this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    # Libraries may print to standard output, so the server gets a descriptor of its own.
    to_server = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    inbox = Inbox(sys.stdin.buffer)
    with FileLock(sys.argv[1], timeout=ORPHAN_SECONDS):

        def send(message: dict[str, Any]) -> None:
            to_server.write(json.dumps(message).encode() + b"\n")

        from astfx_bridge.jobs.tasks import TASKS, known_methods, warm_up

        warm_up()
        send({"ready": {"methods": known_methods()}})
        while True:
            job = inbox.jobs.get()
            send({"begun": job["id"]})
            progress = Progress(job["id"], inbox, send)
            send(outcome_of(TASKS[job["kind"]], job, progress))


def outcome_of(
    task: Callable[[dict[str, Any], Callable[[float], bool]], dict[str, Any]],
    job: dict[str, Any],
    progress: Callable[[float], bool],
) -> dict[str, Any]:
    """Run a task, and return its result under "done", or why it failed under "failed"."""
    from astfx.errors import AstfxError

    try:
        return {"done": task(job, progress)}
    except AstfxError as error:
        return {"failed": str(error)}
    except MemoryError:
        return {"failed": "there is not enough memory for this job"}
    except Exception as error:  # a bug fails its job, and the worker goes on
        return {"failed": f"unexpected {type(error).__name__}: {error}"}


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.parent.mkdir(parents=True, exist_ok=True)
    main()
