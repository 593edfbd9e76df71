"""Outcomes that workers report, and what the record and the client are told of them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from astfx_bridge.commands.services import Services
from astfx_bridge.jobs import lifecycle
from astfx_bridge.jobs.lifecycle import JobLifecycle
from astfx_bridge.jobs.pool import Pool
from astfx_bridge.jobs.store import BLOB_COMMANDS, DONE, FAILED, Job
from astfx_bridge.wire.osc import Message

from tests.bridge.offline import UdpClient, make_services

RENDERED = b"rendered"


class Reporting(Pool):
    """A pool whose outcomes the test reports."""

    def __init__(self, *args: Any, **callbacks: Any) -> None:
        super().__init__(*args, **callbacks)
        self.report = callbacks["on_outcome"]


@pytest.fixture
def services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Services:
    monkeypatch.setattr(lifecycle, "Pool", Reporting)
    return make_services(tmp_path, kept_records=2, kept_blob_bytes=2 * len(RENDERED))


def accepted(
    jobs: JobLifecycle,
    client: UdpClient,
    output: Path,
    name: str = "1",
    command: str = "/astfx/render",
) -> Job:
    """Accept a render, and write its scratch file as a worker would."""
    scratch = output.with_name(".astfx-0.wav")
    scratch.write_bytes(RENDERED)
    spec = {"kind": "render", "output": str(output), "scratch": str(scratch), "settings": {}}
    asyncio.run(jobs.accept(client, [Job(id=name, command=command, request="", spec=spec)]))
    return jobs.find(name)


def report(jobs: JobLifecycle, job: Job) -> None:
    assert isinstance(jobs.pool, Reporting)
    jobs.pool.report(job, {"done": {"sample_rate": 8000, "frames": 9}})


def test_a_rendered_file_is_renamed_and_reported(services: Services) -> None:
    client, output = UdpClient(), services.roots.folders[0] / "o.wav"
    job = accepted(services.jobs, client, output)
    report(services.jobs, job)
    assert output.read_bytes() == RENDERED
    assert not Path(job.spec["scratch"]).exists()
    assert client.received == [
        Message("/astfx/queued", (1,)),
        Message("/astfx/done", ("/astfx/render", 1, str(output), 8000, 9)),
    ]
    assert services.jobs.find(1).state == DONE


def test_an_output_that_a_link_took_out_of_the_roots_is_not_written(
    services: Services, tmp_path: Path
) -> None:
    (tmp_path / "outside").mkdir()
    folder = services.roots.folders[0] / "inner"
    folder.mkdir()
    client = UdpClient()
    job = accepted(services.jobs, client, folder / "o.wav")
    folder.rename(tmp_path / "moved")
    folder.symlink_to(tmp_path / "outside")
    report(services.jobs, job)
    expected = f"output '{folder / 'o.wav'}' has been moved out of the server's roots"
    assert client.received[-1].values == ("/astfx/render", 1, expected)
    assert list((tmp_path / "outside").iterdir()) == []


def test_an_output_that_cannot_be_written_fails_the_job(services: Services) -> None:
    client, output = UdpClient(), services.roots.folders[0] / "o.wav"
    job = accepted(services.jobs, client, output)
    output.mkdir()
    report(services.jobs, job)
    assert client.received[-1].values[2] == f"output '{output}' cannot be written (Is a directory)"
    assert services.jobs.find(1).state == FAILED
    assert not Path(job.spec["scratch"]).exists()


def test_only_the_newest_records_are_kept(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifecycle, "TIDY_EVERY_JOBS", 4)
    client = UdpClient()
    for number in range(1, 5):
        output = services.roots.folders[0] / f"{number}.wav"
        report(services.jobs, accepted(services.jobs, client, output, str(number)))
    assert [job.id for job in services.jobs.store.all()] == ["3", "4"]


def test_who_repeats_a_waiting_request_is_told_of_it_too(services: Services) -> None:
    one, other = UdpClient(), UdpClient()
    output = services.roots.folders[0] / "o.wav"
    accepted(services.jobs, one, output)
    job = accepted(services.jobs, other, output)
    assert other.received == [Message("/astfx/queued", (1,))]
    report(services.jobs, job)
    assert other.received == one.received
    assert [message.address for message in one.received] == ["/astfx/queued", "/astfx/done"]


def test_only_the_newest_blobs_that_fit_are_kept(services: Services) -> None:
    client, blobs = UdpClient(), services.jobs.blobs
    for number in range(1, 4):
        output = blobs / f"{number}.wav"
        job = accepted(services.jobs, client, output, str(number), BLOB_COMMANDS[0])
        report(services.jobs, job)
    assert sorted(path.name for path in blobs.iterdir()) == ["2.wav", "3.wav"]
    assert [job.id for job in services.jobs.store.all()] == ["2", "3"]
