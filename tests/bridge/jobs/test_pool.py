"""The pool with a stand-in for the worker process: what happens when something goes wrong."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from astfx_bridge.errors import BridgeError
from astfx_bridge.jobs import pool as pools
from astfx_bridge.jobs.store import DONE, Job, JobStore
from astfx_bridge.jobs.worker_handle import WorkerGoneError, WorkerIdleError
from filelock import FileLock


class StandIn:
    """A worker that succeeds at every job.

    The first `dead` workers have died before they get a job, and the next `idle` ones die as they
    get one.
    """

    dead = 0
    idle = 0
    started = 0
    on_run = staticmethod(lambda job_id: None)

    def __init__(self) -> None:
        self.process = SimpleNamespace(returncode=None, pid=1)
        self.jobs_done = 0

    @classmethod
    async def start(cls, lock: Path) -> tuple[StandIn, dict[str, Any]]:
        cls.started += 1
        worker = cls()
        if cls.started <= cls.dead:
            worker.process.returncode = -9
        return worker, {"methods": ["gram"]}

    async def run(self, spec: dict[str, Any], progress: Callable[[float], None]) -> dict[str, Any]:
        if self.process.returncode is not None:
            raise WorkerGoneError
        if type(self).idle > 0:
            type(self).idle -= 1
            self.on_run(spec["id"])
            raise WorkerIdleError
        progress(0.5)
        return {"done": {"sample_rate": 8000, "frames": 1}}

    def cancel(self, job_id: str) -> None:
        pass

    def kill(self) -> None:
        pass

    async def stop(self) -> str:
        return "exit code 0"


def job(name: str, folder: Path, **more: Any) -> Job:
    spec = {"output": str(folder / "o.wav"), "scratch": str(folder / ".astfx-0.wav"), "kind": "x"}
    return Job(id=name, command="/astfx/render", request="", spec=spec, **more)


class Bench:
    """A store, a pool, and what the pool reported."""

    def __init__(self, folder: Path) -> None:
        self.store = JobStore(folder / "jobs.sqlite")
        self.outcomes: list[tuple[str, dict[str, Any]]] = []
        self.ending: set[str] = set()
        self.troubles: list[str] = []
        self.pool = pools.Pool(
            self.store,
            1,
            folder,
            60.0,
            may_begin=lambda job: job.id not in self.ending,
            on_begin=lambda job: job,
            on_progress=lambda job, share: None,
            on_outcome=self._end,
            on_trouble=self.troubles.append,
            on_ready=lambda facts: None,
        )

    def _end(self, job: Job, outcome: dict[str, Any]) -> None:
        self.outcomes.append((job.id, outcome))
        self.store.end(job, DONE, "")

    async def until_ended(self, count: int) -> None:
        self.pool.start()
        async with asyncio.timeout(120):
            while len(self.outcomes) < count:
                await asyncio.sleep(0.01)
        await self.pool.stop()
        self.store.close()


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Bench]:
    stand_in = type("Fresh", (StandIn,), {})
    monkeypatch.setattr(pools, "WorkerHandle", stand_in)
    monkeypatch.setattr(pools, "RESTART_SECONDS", 0.01)
    return lambda: Bench(tmp_path)


def test_jobs_end_in_their_order(bench: Callable[[], Bench], tmp_path: Path) -> None:
    async def run() -> None:
        made = bench()
        made.store.accept([job("b", tmp_path), job("a", tmp_path)])
        await made.until_ended(2)
        assert [name for name, _ in made.outcomes] == ["b", "a"]

    asyncio.run(run())


def test_a_worker_that_died_idle_costs_no_job(bench: Callable[[], Bench], tmp_path: Path) -> None:
    async def run() -> None:
        made = bench()
        pools.WorkerHandle.dead = 1  # type: ignore[attr-defined]
        made.pool.start()
        while not pools.WorkerHandle.started:  # type: ignore[attr-defined]
            await asyncio.sleep(0.01)
        made.store.accept([job("1", tmp_path)])
        made.pool.wake()
        async with asyncio.timeout(120):
            while not made.outcomes:
                await asyncio.sleep(0.01)
        await made.pool.stop()
        assert "done" in made.outcomes[0][1]
        assert pools.WorkerHandle.started == 2  # type: ignore[attr-defined]

    asyncio.run(run())


def test_a_worker_that_dies_as_it_is_given_a_job_costs_none(
    bench: Callable[[], Bench], tmp_path: Path
) -> None:
    async def run() -> None:
        made = bench()
        pools.WorkerHandle.idle = 2  # type: ignore[attr-defined]
        made.store.accept([job("1", tmp_path)])
        await made.until_ended(1)
        assert made.outcomes == [("1", {"done": {"sample_rate": 8000, "frames": 1}})]
        assert pools.WorkerHandle.started == 3  # type: ignore[attr-defined]

    asyncio.run(run())


def test_without_workers_jobs_fail_in_words(
    bench: Callable[[], Bench],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def refuse(lock: Path) -> None:
        raise OSError("no more processes")

    async def run() -> None:
        made = bench()
        monkeypatch.setattr("astfx_bridge.jobs.pool.WorkerHandle.start", refuse)
        made.store.accept([job("1", tmp_path)])
        await made.until_ended(1)
        assert made.outcomes == [("1", {"failed": "no worker can be started (no more processes)"})]

    asyncio.run(run())
    assert "a worker did not start (no more processes)" in capsys.readouterr().err


def test_a_record_that_cannot_be_written_costs_no_job(
    bench: Callable[[], Bench], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> None:
        made = bench()
        start, failures = made.store.start, [sqlite3.OperationalError("disk is full")]

        def sometimes(job: Job) -> Job:
            if failures:
                raise failures.pop()
            return start(job)

        monkeypatch.setattr(made.store, "start", sometimes)
        made.store.accept([job("1", tmp_path)])
        await made.until_ended(1)
        assert "done" in made.outcomes[0][1]
        assert made.troubles == ["no job can be begun (disk is full)", ""]

    asyncio.run(run())


def test_records_that_cannot_be_read_stop_no_slot(
    bench: Callable[[], Bench], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> None:
        made = bench()
        read, failures = made.store.next_queued, [sqlite3.OperationalError("disk I/O error")]

        def sometimes(*, preview: bool) -> Job | None:
            if failures and not preview:
                raise failures.pop()
            return read(preview=preview)

        monkeypatch.setattr(made.store, "next_queued", sometimes)
        made.store.accept([job("1", tmp_path)])
        await made.until_ended(1)
        assert "done" in made.outcomes[0][1]
        assert made.troubles == ["no job can be begun (disk I/O error)", ""]

    asyncio.run(run())


def test_a_job_whose_end_is_not_on_record_yet_is_not_begun(
    bench: Callable[[], Bench], tmp_path: Path
) -> None:
    async def run() -> None:
        made = bench()
        made.store.accept([job("1", tmp_path)])
        made.ending.add("1")
        made.pool.start()
        while not pools.WorkerHandle.started:  # type: ignore[attr-defined]
            await asyncio.sleep(0.01)
        found = made.store.get("1")
        assert found is not None
        assert (found.state, made.outcomes) == ("queued", [])
        made.ending.clear()
        made.pool.wake()
        async with asyncio.timeout(120):
            while not made.outcomes:
                await asyncio.sleep(0.01)
        await made.pool.stop()

    asyncio.run(run())


def test_a_job_cancelled_while_its_worker_dies_is_let_go(
    bench: Callable[[], Bench], tmp_path: Path
) -> None:
    async def run() -> None:
        made = bench()
        pools.WorkerHandle.idle = 1  # type: ignore[attr-defined]
        pools.WorkerHandle.on_run = staticmethod(made.pool.cancel)  # type: ignore[attr-defined]
        made.store.accept([job("1", tmp_path), job("2", tmp_path)])
        await made.until_ended(1)
        assert [name for name, _ in made.outcomes] == ["2"]

    asyncio.run(run())


def test_a_job_that_never_ends_is_begun_ten_times(
    bench: Callable[[], Bench], tmp_path: Path
) -> None:
    async def run() -> None:
        made = bench()
        made.store.accept([job("last", tmp_path, starts=9), job("over", tmp_path, starts=10)])
        await made.until_ended(2)
        assert made.outcomes == [
            ("last", {"done": {"sample_rate": 8000, "frames": 1}}),
            ("over", {"failed": "it was started 10 times and never ended"}),
        ]

    asyncio.run(run())


def test_a_worker_of_an_earlier_server_is_waited_for_in_vain(tmp_path: Path) -> None:
    lock = tmp_path / "worker-0.lock"
    with FileLock(lock), pytest.raises(BridgeError) as caught:
        pools.wait_for_orphans(tmp_path, seconds=0.0)
    assert str(caught.value) == f"a worker of an earlier server is still running ({lock})"
    pools.wait_for_orphans(tmp_path, seconds=0.0)
