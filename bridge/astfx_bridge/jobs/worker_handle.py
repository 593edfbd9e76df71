"""One worker process and the line to it."""

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
    """The process had ended before it saw the job, which is not to blame."""


class Worker:
    """One process and the line to it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.jobs_done = 0

    @classmethod
    async def start(cls, lock: Path) -> tuple[Worker, dict[str, Any]]:
        """Start a process and wait until it is ready; give what it says of itself."""
        quiet = None if os.environ.get("ASTFX_DEBUG") else asyncio.subprocess.DEVNULL
        worker = cls(
            await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",  # not from the folder of the user's sounds
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
                return worker, (await worker._hear())["ready"]
        except BaseException:
            await worker.stop()
            raise

    async def _hear(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = await self.process.stdout.readline()
        if not line.endswith(b"\n"):
            raise WorkerGoneError
        said: dict[str, Any] = json.loads(line)
        return said

    def _tell(self, message: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        with suppress(OSError, RuntimeError):
            self.process.stdin.write(json.dumps(message).encode() + b"\n")

    async def run(self, spec: dict[str, Any], progress: Callable[[float], None]) -> dict[str, Any]:
        """Do a job; give its outcome.

        Raises
        ------
        WorkerIdleError
            If the process had ended before it took the job.
        WorkerGoneError
            If the process ends before the job.
        """
        self._tell(spec)
        try:
            await self._hear()
        except WorkerGoneError:
            raise WorkerIdleError from None
        while "progress" in (said := await self._hear()):
            progress(said["progress"])
        self.jobs_done += 1
        return said

    def cancel(self, job_id: str) -> None:
        """Ask the process to give its job up."""
        self._tell({"cancel": job_id})

    def kill(self) -> None:
        """End the process now."""
        with suppress(ProcessLookupError):
            self.process.kill()

    async def stop(self) -> str:
        """End the process; say how it ended."""
        if self.process.stdout is not None and self.process.stdout.at_eof():
            # It ends by itself. `kill` would look at it first and so take its exit status away
            # from asyncio, which then reports 255 in its stead.
            with suppress(TimeoutError):
                await asyncio.wait_for(self.process.wait(), END_SECONDS)
        if self.process.returncode is None:
            self.kill()
        code = await self.process.wait()
        # Closing the pipes here keeps asyncio from doing so after its loop has ended.
        self.process._transport.close()  # type: ignore[attr-defined]
        return f"signal {-code}" if code < 0 else f"exit code {code}"
