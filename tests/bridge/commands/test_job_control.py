from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from astfx_bridge.commands.services import Services
from astfx_bridge.jobs.store import CANCELLED, DONE, Job

from tests.bridge.offline import ask, make_services, refusal


def put(services: Services, name: str, **more: Any) -> Job:
    """Put a queued render on record."""
    root = services.roots.folders[0]
    spec = {
        "kind": "render",
        "content": str(root / "content.wav"),
        "output": str(root / f"{name.replace('/', '-')}.wav"),
        "scratch": str(root / ".astfx-0.wav"),
        "settings": services.parameters.copy(),
    }
    job = Job(id=name, command="/astfx/render", request="", **{"spec": spec, **more})
    services.jobs.store.accept([job])
    return job


@pytest.fixture
def services(tmp_path: Path) -> Services:
    return make_services(tmp_path)


def test_a_command_for_one_job_refuses_a_folder_of_several(services: Services) -> None:
    put(services, "9/a.wav", parent="9")
    put(services, "9/b.wav", parent="9")
    assert refusal(services, "/astfx/job/get", 9, "mix") == "9 is a folder of 2 jobs: name one"
    assert len(ask(services, "/astfx/status", 9)) == 2


def test_a_job_that_makes_a_preset_has_no_parameters(services: Services) -> None:
    spec = {"kind": "preset", "output": "p.astfx", "scratch": "s", "settings": {}}
    put(services, "1", spec=spec)
    message = refusal(services, "/astfx/job/get", 1, "mix")
    assert message == "job 1 has no parameters: its command is /astfx/render"
    assert refusal(services, "/astfx/job/set", 1, "mix", 0.5) == "mix of job 1 cannot be changed"


def test_the_format_of_an_accepted_job_cannot_be_changed(services: Services) -> None:
    put(services, "1")
    message = refusal(services, "/astfx/job/set", 1, "format", "flac")
    assert message == "format of job 1 cannot be changed"


@pytest.mark.parametrize("address", ["/astfx/result", "/astfx/forget"])
def test_a_job_that_has_not_ended_has_no_result_and_is_not_forgotten(
    services: Services, address: str
) -> None:
    put(services, "1")
    assert refusal(services, address, 1) == "job 1 has not ended: it is queued"


def test_a_job_has_one_preview_at_a_time(services: Services) -> None:
    put(services, "1")
    assert [m.address for m in ask(services, "/astfx/preview", 1, "p.wav")] == ["/astfx/queued"]
    assert (
        refusal(services, "/astfx/preview", 1, "q.wav")
        == "job 1 already has a preview that has not ended"
    )
    preview = services.jobs.find("1/preview")
    services.jobs.end(preview, CANCELLED, "cancelled")
    assert [m.address for m in ask(services, "/astfx/preview", 1, "q.wav")] == ["/astfx/queued"]


def test_the_queue_lists_counts_then_jobs(services: Services) -> None:
    services.jobs.store.start(put(services, "1"))
    put(services, "two")
    services.jobs.store.end(put(services, "3"), DONE, "3.wav")
    queue, *jobs = ask(services, "/astfx/queue")
    assert queue.values == (1, 1)
    assert [job.values for job in jobs] == [
        (1, "running", 0.0, "/astfx/render"),
        ("two", "queued", 0.0, "/astfx/render"),
    ]
    assert len(ask(services, "/astfx/queue", 1)) == 2
