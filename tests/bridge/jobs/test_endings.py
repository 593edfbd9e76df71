"""Ends of jobs while the records cannot be written: kept, and told once they are on record."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from astfx_bridge.commands.services import Services
from astfx_bridge.jobs import endings
from astfx_bridge.jobs.store import CANCELLED, DONE, RUNNING, Job
from astfx_bridge.wire.osc import Message

from tests.bridge.offline import UdpClient, ask, handle, make_services, refusal

FULL = sqlite3.OperationalError("database or disk is full")
WAITS = "the job has ended, but this cannot be put on record yet (database or disk is full)"


class FullDisk:
    """Makes a store refuse to record ends until there is room again."""

    def __init__(self, services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
        self._end, self.full, self.refused = services.jobs.store.end, True, 0
        monkeypatch.setattr(services.jobs.store, "end", self)

    def __call__(self, *arguments: Any) -> Job:
        if self.full:
            self.refused += 1
            raise FULL
        return self._end(*arguments)


@pytest.fixture
def services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Services:
    monkeypatch.setattr(endings, "FIRST_PAUSE_SECONDS", 0.001)
    return make_services(tmp_path)


@pytest.fixture
def disk(services: Services, monkeypatch: pytest.MonkeyPatch) -> FullDisk:
    return FullDisk(services, monkeypatch)


def running(services: Services, client: UdpClient) -> Job:
    """A job that runs, whose scratch file is written."""
    output = services.roots.folders[0] / "o.wav"
    scratch = output.with_name(".astfx-0.wav")
    scratch.write_bytes(b"rendered")
    spec = {"kind": "render", "output": str(output), "scratch": str(scratch), "settings": {}}
    asked = Job(id="1", command="/astfx/render", request="", spec=spec)
    asyncio.run(services.jobs.accept(client, [asked]))
    return services.jobs.store.start(services.jobs.find(1))


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60.0):
        while not holds():
            await asyncio.sleep(0.001)


def test_an_end_that_cannot_be_recorded_is_kept_and_told_once_when_it_can(
    services: Services, disk: FullDisk, capsys: pytest.CaptureFixture[str]
) -> None:
    client = UdpClient()
    job = running(services, client)
    services.jobs.notices.sync(client, "all")

    async def run() -> None:
        services.jobs.end(job, DONE, job.spec["output"], sample_rate=8000, frames=9)
        services.jobs.end(job, CANCELLED, "cancelled")  # it has ended: the first outcome counts
        await until(lambda: disk.refused >= 3)
        assert services.jobs.find(1).state == RUNNING
        assert client.received[1:] == [Message("/astfx/trouble", (1, WAITS))]
        disk.full = False
        await until(lambda: services.jobs.find(1).ended)

    asyncio.run(run())
    assert client.received[2:] == [
        Message("/astfx/done", ("/astfx/render", 1, job.spec["output"], 8000, 9)),
        Message("/astfx/synced", ("all",)),
    ]
    assert services.jobs.find(1).state == DONE
    assert capsys.readouterr().err == f"astfx-bridge: job 1: {WAITS}\n"


def test_a_job_whose_end_is_kept_is_not_ended_again_nor_begun(
    services: Services, disk: FullDisk
) -> None:
    job = running(services, UdpClient())

    async def run() -> None:
        services.jobs.end(job, CANCELLED, "cancelled")
        assert services.jobs.has_ended(job)
        assert not services.jobs.pool._may_begin(job)

    asyncio.run(run())
    assert refusal(services, "/astfx/cancel", 1) == "job 1 has ended: it is about to be recorded"
    assert ask(services, "/astfx/cancel/all")[0].values == ("all", 0)


def test_a_kept_end_is_tried_once_more_when_the_server_stops(
    services: Services, disk: FullDisk
) -> None:
    client = UdpClient()
    job = running(services, client)

    async def run() -> None:
        services.jobs.end(job, CANCELLED, "cancelled")
        disk.full = False
        await services.jobs.stop_workers()

    asyncio.run(run())
    assert client.received[-1].values == ("/astfx/render", 1, "cancelled")
    assert services.jobs.find(1).state == CANCELLED


def test_records_that_cannot_be_written_when_the_server_stops_are_a_sentence(
    services: Services, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse() -> list[Job]:
        raise FULL

    monkeypatch.setattr(services.jobs.store, "requeue", refuse)
    asyncio.run(services.jobs.stop_workers())
    expected = "astfx-bridge: the records cannot be written (database or disk is full)\n"
    assert capsys.readouterr().err == expected


def test_a_request_waits_for_the_records_to_be_free_and_is_refused_when_they_are_not(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = services.roots.folders[0]
    from tests.bridge.serving import make_sounds

    make_sounds(root)
    request = ("content.wav", "o.wav", "style", "style.wav")
    other = sqlite3.connect(services.settings.state / "jobs.sqlite", isolation_level=None)
    other.execute("begin immediate")
    monkeypatch.setattr("astfx_bridge.jobs.lifecycle.BUSY_SECONDS", 0.1)
    message = refusal(services, "/astfx/render", 1, *request)
    assert message == "the server failed (database is locked): nothing was accepted"
    monkeypatch.setattr("astfx_bridge.jobs.lifecycle.BUSY_SECONDS", 60.0)
    client = UdpClient()
    accept, tries = services.jobs._accept, []

    def counted(*arguments: Any) -> None:
        tries.append(1)
        if len(tries) == 3:
            other.execute("commit")
        accept(*arguments)

    monkeypatch.setattr(services.jobs, "_accept", counted)
    from astfx_bridge.wire.osc import encode

    handle(services, client, encode("/astfx/render", [2, *request]))
    other.close()
    assert [message.values for message in client.received] == [(2,)]
    assert len(tries) == 3


def test_subscribers_are_told_once_what_keeps_jobs_from_beginning(
    services: Services, capsys: pytest.CaptureFixture[str]
) -> None:
    client = UdpClient()
    running(services, client)
    for reason in ("a", "a", "", "a"):
        services.jobs._trouble(reason)
    assert client.received[1:] == [Message("/astfx/trouble", (0, "a"))] * 2
    assert capsys.readouterr().err == "astfx-bridge: a\n" * 2
