"""A real worker process that is killed: how its end is reported, and which job fails."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest
from astfx_bridge.jobs.worker_handle import WorkerGoneError, WorkerHandle, WorkerIdleError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")


async def _worker(program: str) -> WorkerHandle:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        program,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    return WorkerHandle(process)


TAKES_JOBS = """
import json, sys, time
for line in sys.stdin:
    print(json.dumps({"begun": json.loads(line)["id"]}), flush=True)
    print(json.dumps({"progress": 0.5}), flush=True)
    time.sleep(60)
"""


def test_a_killed_worker_is_reported_by_its_signal() -> None:
    async def run() -> None:
        for _ in range(20):
            worker = await _worker("import time; time.sleep(60)")
            os.kill(worker.process.pid, signal.SIGKILL)
            with pytest.raises(WorkerGoneError):
                await worker.run({"id": "1"}, lambda share: None)
            assert await worker.stop() == "signal 9"

    asyncio.run(run())


def test_a_job_is_to_blame_only_once_it_was_begun() -> None:
    async def run() -> None:
        worker = await _worker(TAKES_JOBS)
        taken = asyncio.Event()
        running = asyncio.create_task(worker.run({"id": "1"}, lambda share: taken.set()))
        await taken.wait()
        os.kill(worker.process.pid, signal.SIGKILL)
        with pytest.raises(WorkerGoneError) as gone:
            await running
        assert not isinstance(gone.value, WorkerIdleError)
        assert await worker.stop() == "signal 9"

    asyncio.run(run())


def test_a_real_worker_killed_idle_is_not_blamed_on_its_next_job(tmp_path: Path) -> None:
    async def run() -> None:
        worker, facts = await WorkerHandle.start(tmp_path / "worker.lock")
        assert "gram" in facts["methods"]
        os.kill(worker.process.pid, signal.SIGKILL)
        with pytest.raises(WorkerIdleError):
            await worker.run({"id": "1"}, lambda share: None)
        assert await worker.stop() == "signal 9"

    asyncio.run(run())
