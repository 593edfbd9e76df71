from __future__ import annotations

from pathlib import Path

import pytest
from astfx_bridge.jobs.store import CANCELLED, DONE, FAILED, Job, JobStore


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    return JobStore(tmp_path / "jobs.sqlite")


def job(name: str, command: str = "/astfx/render", **more: str) -> Job:
    spec = {"output": f"/o/{name}.wav", "kind": "render"}
    return Job(id=name, command=command, request=f"r{name}", spec=spec, **more)  # type: ignore[arg-type]


def test_a_job_comes_back_as_it_was_accepted(store: JobStore) -> None:
    asked = job("1", reply_host="127.0.0.1")
    store.accept([asked])
    found = store.get("1")
    assert found is not None
    assert found.spec == asked.spec
    assert (found.state, found.request, found.reply_host) == ("queued", "r1", "127.0.0.1")
    assert store.get("2") is None


def test_jobs_are_accepted_all_or_none(store: JobStore) -> None:
    store.accept([job("1")])
    with pytest.raises(Exception, match=r"UNIQUE"):
        store.accept([job("2"), job("1")])
    assert store.get("2") is None


def test_jobs_run_in_the_order_of_acceptance_and_previews_by_themselves(store: JobStore) -> None:
    store.accept([job("b"), job("a"), job("p", "/astfx/preview")])
    first = store.next_queued(preview=False)
    assert first is not None
    assert first.id == "b"
    store.start(first)
    second = store.next_queued(preview=False)
    assert second is not None
    assert second.id == "a"
    beside = store.next_queued(preview=True)
    assert beside is not None
    assert beside.id == "p"
    assert [one.id for one in store.pending()] == ["b", "a", "p"]
    assert [one.id for one in store.pending(1)] == ["b"]


def test_a_killed_servers_jobs_are_queued_again_and_their_starts_counted(tmp_path: Path) -> None:
    store = JobStore(tmp_path / "jobs.sqlite")
    store.accept([job("1"), job("2")])
    store.start(store.pending()[0])
    later = JobStore(tmp_path / "jobs.sqlite")
    assert [one.id for one in later.requeue()] == ["1"]
    again = later.next_queued(preview=False)
    assert again is not None
    assert (again.id, again.starts) == ("1", 1)


def test_only_the_newest_ended_jobs_are_kept(store: JobStore) -> None:
    names = [str(number) for number in range(6)]
    store.accept([job(name) for name in names])
    for name, state in zip(names, [DONE, FAILED, CANCELLED, DONE, DONE], strict=False):
        found = store.get(name)
        assert found is not None
        store.end(found, state, "x")
    assert [one.id for one in store.superfluous(3)] == ["1", "0"]
    assert store.counts() == {DONE: 3, FAILED: 1, CANCELLED: 1, "queued": 1}


def test_the_writer_of_an_output_is_known_until_it_ends(store: JobStore) -> None:
    store.accept([job("1")])
    assert store.writer_of("/o/1.wav") == "1"
    assert store.writer_of("/o/2.wav") is None
    store.end(store.pending()[0], DONE, "/o/1.wav", 44_100, 5)
    assert store.writer_of("/o/1.wav") is None
    found = store.get("1")
    assert found is not None
    assert found.ended
    assert (found.detail, found.sample_rate, found.frames) == ("/o/1.wav", 44_100, 5)


def test_a_replaced_record_makes_room(store: JobStore) -> None:
    store.accept([job("1")])
    store.accept([job("1", command="/astfx/preview")], replaced=["1"])
    found = store.get("1")
    assert found is not None
    assert found.command == "/astfx/preview"


def test_numbers_are_never_given_twice(store: JobStore) -> None:
    assert store.last_number() == 0
    store.accept([job("1")])
    store.forget("1")
    store.accept([job("2")])
    assert store.last_number() == 2
