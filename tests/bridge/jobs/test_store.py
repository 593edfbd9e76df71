from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from astfx_bridge.jobs.store import CANCELLED, DONE, FAILED, Job, JobStore

from tests.bridge.serving import environment


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


def test_only_the_start_of_a_job_is_not_synchronised_to_disk(store: JobStore) -> None:
    statements: list[str] = []
    store._database.set_trace_callback(statements.append)
    store.accept([job("1")])
    store.end(store.start(store.pending()[0]), DONE, "/o/1.wav")
    store._database.set_trace_callback(None)
    changes = [text.split("(")[0] for text in statements if not text.startswith("select")]
    assert [text[:30] for text in changes] == [
        *("begin immediate", "insert into jobs ", "commit"),
        *(
            "pragma synchronous = normal",
            "update jobs set state = 'runni",
            "pragma synchronous = full",
        ),
        "update jobs set state = 'done'",
    ]


def test_the_record_of_a_start_outlives_the_process(tmp_path: Path) -> None:
    started = f"""
import os, signal
from pathlib import Path
from astfx_bridge.jobs.store import JobStore
from tests.bridge.jobs.test_store import job
store = JobStore(Path({str(tmp_path / "jobs.sqlite")!r}))
store.accept([job("1")])
store.start(store.pending()[0])
os.kill(os.getpid(), signal.SIGKILL)
"""
    ended = subprocess.run([sys.executable, "-c", started], env=environment())
    assert ended.returncode == -signal.SIGKILL
    assert [one.starts for one in JobStore(tmp_path / "jobs.sqlite").requeue()] == [1]


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


def test_accepting_a_job_searches_an_index_however_long_the_queue_is(
    store: JobStore, tmp_path: Path
) -> None:
    asked: list[str] = []
    store.accept([job("1")])
    store._database.set_trace_callback(asked.append)
    store.writer_of("/o/1.wav")
    store.count_unfinished()
    store._database.set_trace_callback(None)
    assert len(asked) == 2
    for statement in asked:
        (plan,) = store._database.execute(f"explain query plan {statement}")
        assert plan["detail"].startswith("SEARCH jobs USING"), plan["detail"]


def test_a_transaction_that_sqlite_has_ended_is_not_left_open(store: JobStore) -> None:
    store._database.execute("pragma max_page_count = 12")
    with pytest.raises(sqlite3.OperationalError, match=r"^database or disk is full$"):
        store.accept([job(str(number), reply_host="x" * 2000) for number in range(100)])
    assert store.all() == []
    store.accept([job("1")])


def test_records_are_written_again_where_they_were_removed(tmp_path: Path) -> None:
    store = JobStore(tmp_path / "jobs.sqlite")
    store.accept([job("1")])
    assert not store.is_missing
    assert not store.is_replaced
    for path in tmp_path.iterdir():
        path.unlink()
    assert store.is_missing
    assert not store.is_replaced
    store.accept([job("2")])
    store.write_again()
    assert not store.is_missing
    assert [one.id for one in JobStore(tmp_path / "jobs.sqlite").all()] == ["1", "2"]
    (tmp_path / "other").write_bytes(b"")
    (tmp_path / "other").rename(tmp_path / "jobs.sqlite")
    assert store.is_replaced
