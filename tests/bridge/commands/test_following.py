"""Jobs that render the output of others, jobs that go first, and regions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from astfx_bridge.commands.services import Services
from astfx_bridge.errors import RefusedError
from astfx_bridge.jobs.store import CANCELLED, DONE, FAILED, Job
from astfx_bridge.wire.osc import Message, encode

from tests.bridge.offline import Stream, ask, handle, make_services, refusal, tcp_peer
from tests.bridge.serving import QUICK, RATE, Server, make_sounds, read, until

STYLE = ("style", "style.wav")


@pytest.fixture
def services(tmp_path: Path) -> Services:
    services = make_services(tmp_path)
    make_sounds(tmp_path / "root")
    return services


def next_job(services: Services) -> str | None:
    job = services.jobs.store.next_queued(preview=False)
    return None if job is None else job.id


def begin(services: Services, job_id: int | str) -> Job:
    job = services.jobs.find(job_id)
    return services.jobs.store.start(services.jobs._looked_at(job))


def test_a_job_waits_for_the_output_that_it_renders(services: Services, tmp_path: Path) -> None:
    ask(services, "/astfx/render", 1, "content.wav", "a.wav", *STYLE)
    (queued,) = ask(services, "/astfx/then", 2, 1, "b.wav", *STYLE)
    assert queued.address == "/astfx/queued"
    ask(services, "/astfx/then", 3, 2, "c.wav", *STYLE)
    job = begin(services, 1)
    assert next_job(services) is None
    assert refusal(services, "/astfx/preview", 2, "p.wav") == (
        "job 2 waits for its content: there is nothing to preview yet"
    )
    services.jobs.end(job, DONE, job.spec["output"])
    assert next_job(services) == "2"
    assert begin(services, 2).spec["content"] == str(tmp_path / "root" / "a.wav")
    assert next_job(services) is None
    assert ask(services, "/astfx/then", 2, 1, "b.wav", *STYLE)[0].address == "/astfx/queued"


@pytest.mark.parametrize(("state", "how"), [(FAILED, "has failed"), (CANCELLED, "was cancelled")])
def test_a_job_fails_with_the_one_that_it_waits_for(
    services: Services, state: str, how: str
) -> None:
    ask(services, "/astfx/render", 1, "content.wav", "a.wav", *STYLE)
    for number in range(2, 400):  # so many in a row that each must not wait for the next
        ask(services, "/astfx/then", number, number - 1, f"{number}.wav", *STYLE)
    services.jobs.end(begin(services, 1), state, "why")
    ends = [services.jobs.find(number) for number in range(2, 400)]
    assert {job.state for job in ends} == {FAILED}
    assert ends[0].detail == f"job 1, whose output it renders, {how}"
    assert ends[-1].detail == "job 398, whose output it renders, has failed"


def test_a_server_that_was_killed_in_between_fails_it_too(services: Services) -> None:
    ask(services, "/astfx/render", 1, "content.wav", "a.wav", *STYLE)
    ask(services, "/astfx/then", 2, 1, "b.wav", *STYLE)
    services.jobs.store.end(services.jobs.find(1), FAILED, "why")
    with pytest.raises(RefusedError, match=r"^job 1, whose output it renders, has failed$"):
        begin(services, 2)


def test_what_has_no_output_file_has_no_followers(services: Services, tmp_path: Path) -> None:
    stream = Stream()
    clip = (tmp_path / "root" / "content.wav").read_bytes()
    handle(services, tcp_peer(stream), encode("/astfx/render/blob", [1, clip, *STYLE]))
    ask(services, "/astfx/preset/make", 2, "mine", "style.wav")
    for number in (1, 2):
        assert refusal(services, "/astfx/then", 3, number, "o.wav", *STYLE) == (
            f"job {number} makes no file that could be rendered"
        )
    ask(services, "/astfx/render", 4, "content.wav", "a.wav", *STYLE)
    assert refusal(services, "/astfx/then", 5, 4, "a.wav", *STYLE) == (
        "output 'a.wav' is the content itself: name another file"
    )
    ask(services, "/astfx/cancel", 4)
    assert refusal(services, "/astfx/then", 5, 4, "o.wav", *STYLE) == (
        "job 4 is cancelled: it has no output"
    )
    assert refusal(services, "/astfx/then", 5, 99, "o.wav", *STYLE) == "there is no job 99"


def test_what_was_there_before_does_not_matter(services: Services, tmp_path: Path) -> None:
    """The earlier content of the awaited output is not what will be rendered."""
    (tmp_path / "root" / "a.wav").write_bytes(b"RIFF, but broken")
    ask(services, "/astfx/render", 1, "content.wav", "a.wav", *STYLE)
    (queued,) = ask(services, "/astfx/then", 2, 1, "b.wav", *STYLE)
    assert queued.address == "/astfx/queued"


def test_the_highest_priority_runs_first(services: Services) -> None:
    for number, priority in ((1, 0), (2, -5), (3, 7), (4, 7)):
        path = f"{number}.wav"
        ask(services, "/astfx/render", number, "content.wav", path, *STYLE, "priority", priority)

    def order() -> list[str]:
        return [job.id for job in services.jobs.store.pending()]

    assert order() == ["3", "4", "1", "2"]
    assert next_job(services) == "3"
    (changed,) = ask(services, "/astfx/job/set", 2, "priority", 100)
    assert changed.values == (2, "priority", 100)
    assert order() == ["2", "3", "4", "1"]
    assert next_job(services) == "2"
    refused = refusal(services, "/astfx/job/set", 2, "priority", 101)
    assert refused == "priority=101 must lie between -100 and 100"


def test_a_chain_and_a_region_on_a_server(start: Callable[..., Server]) -> None:
    server = start()
    dry: tuple[Any, ...] = ("strength", 0.0, *STYLE, *QUICK)
    with server.client() as client:
        client.send("/astfx/render", 1, "mid.wav", "a.flac", *dry, "start", 1.5, "seconds", 3.0)
        client.send("/astfx/then", 2, 1, "b.wav", *dry, "start", 1.0)
        ends: list[Message] = [until(client, "/astfx/done") for _ in range(2)]
    assert [end.values[1] for end in ends] == [1, 2]
    assert [end.values[4] for end in ends] == [3 * RATE, 2 * RATE]
    whole, last = read(server.root / "mid.wav"), read(server.root / "b.wav")
    assert last.shape == (1, 2 * RATE)
    assert abs(last - whole[:, round(2.5 * RATE) : round(4.5 * RATE)]).max() < 1e-3
