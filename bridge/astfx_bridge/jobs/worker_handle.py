"""The server's side of a worker process: start it, give it jobs, stop it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

START_SECONDS = 120.0
END_SECONDS = 2.0


class WorkerGoneError(Exception):
    """The process ended in the middle of a job."""


class WorkerIdleError(WorkerGoneError):
    """The process had ended before it took the job, so the job did not crash it."""


class WorkerHandle:
    """A worker process and the pipes to it.

    Parameters
    ----------
    process : asyncio.subprocess.Process
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.jobs_done = 0

    @classmethod
    async def start(cls, lock: Path) -> tuple[WorkerHandle, dict[str, Any]]:
        """Start a process, wait until it is ready, and return the facts that it reports."""
        quiet = None if os.environ.get("ASTFX_DEBUG") else asyncio.subprocess.DEVNULL
        worker = cls(
            await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",  # import nothing from the folder of the user's sounds
                "-m",
                "astfx_bridge.jobs.worker_main",
                str(lock),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=quiet,
            )
        )
        try:
            async with asyncio.timeout(START_SECONDS):
                return worker, (await worker._read())["ready"]
        except BaseException:
            await worker.stop()
            raise

    async def _read(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = await self.process.stdout.readline()
        if not line.endswith(b"\n"):
            raise WorkerGoneError
        message: dict[str, Any] = json.loads(line)
        return message

    def _write(self, message: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        with suppress(OSError, RuntimeError):
            self.process.stdin.write(json.dumps(message).encode() + b"\n")

    async def run(self, spec: dict[str, Any], progress: Callable[[float], None]) -> dict[str, Any]:
        """Run a job and return its outcome.

        Raises
        ------
        WorkerIdleError
            If the process had ended before it took the job.
        WorkerGoneError
            If the process ends before the job does.
        """
        self._write(spec)
        try:
            await self._read()
        except WorkerGoneError:
            raise WorkerIdleError from None
        while "progress" in (message := await self._read()):
            progress(message["progress"])
        self.jobs_done += 1
        return message

    def cancel(self, job_id: str) -> None:
        """Ask the process to give up its job."""
        self._write({"cancel": job_id})

    def kill(self) -> None:
        """Kill the process."""
        with suppress(ProcessLookupError):
            self.process.kill()

    async def stop(self) -> str:
        """End the process, and say how it ended."""
        if self.process.stdout is not None and self.process.stdout.at_eof():
            # The process is ending by itself. `kill` would poll it and so consume its exit status
            # before asyncio reads it; asyncio would then report 255.
            with suppress(TimeoutError):
                await asyncio.wait_for(self.process.wait(), END_SECONDS)
        if self.process.returncode is None:
            self.kill()
        code = await self.process.wait()
        # Close the pipes here, or asyncio would do so after its loop has ended.
        self.process._transport.close()  # type: ignore[attr-defined]
        return f"signal {-code}" if code < 0 else f"exit code {code}"
