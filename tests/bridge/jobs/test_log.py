"""The log of `astfx serve --verbose`."""

from __future__ import annotations

import logging
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from astfx_bridge.jobs import log
from astfx_bridge.jobs.store import CANCELLED, DONE, FAILED, Job, JobStore

from tests.bridge.offline import ask, make_services
from tests.bridge.serving import QUICK, Server, make_sounds, until

STYLE = ("style", "style.wav")


def job(**more: object) -> Job:
    spec = {"content": "/r/voice.wav", "output": "/r/wet.wav"}
    known = {"id": "7", "command": "/astfx/render", "request": "", "client": "UDP 127.0.0.1:5000"}
    return Job(**{**known, "spec": spec, "accepted_at": 100.0, **more})  # type: ignore[arg-type]


def test_a_line_says_who_what_how_long_and_why() -> None:
    done = job(state=DONE, started_at=101.5, ended_at=104.0, detail="/r/wet.wav")
    assert log.line_of(done) == (
        "job 7 done after 2.5 s (1.5 s in the queue before), /astfx/render voice.wav -> wet.wav "
        "for UDP 127.0.0.1:5000"
    )
    failed = job(state=FAILED, started_at=101.5, ended_at=104.0, detail="no\nroom")
    assert log.line_of(failed).endswith(" for UDP 127.0.0.1:5000: no\\nroom")
    cancelled = job(state=CANCELLED, ended_at=104.0, detail="cancelled")
    assert log.line_of(cancelled).startswith("job 7 cancelled after 4.0 s in the queue, ")
    assert " for a client of an earlier server" in log.line_of(job(state=DONE, client=""))


def test_each_job_is_one_line_of_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    services = make_services(tmp_path)
    make_sounds(tmp_path / "root")
    with caplog.at_level(logging.INFO, "astfx_bridge"):
        ask(services, "/astfx/render", 1, "content.wav", "o.wav", *STYLE)
        ask(services, "/astfx/render", 2, "gone\n.wav", "o.wav", *STYLE)
        ask(services, "/astfx/render", 3, "content.wav")
        ask(services, "/astfx/cancel", 99)  # refused as well, but not a job
        assert len(caplog.messages) == 2
        ask(services, "/astfx/cancel", 1)
    refused, malformed, cancelled = caplog.messages
    assert refused == (
        "job 2 refused, /astfx/render for UDP 127.0.0.1:5000: content 'gone\\n.wav' does not exist"
    )
    assert malformed.startswith("job 3 refused, /astfx/render for UDP 127.0.0.1:5000: /astfx/r")
    assert re.fullmatch(
        r"job 1 cancelled after \d\.\d s in the queue, /astfx/render content.wav -> o.wav for UDP "
        r"127.0.0.1:5000",
        cancelled,
    )


def test_serve_logs_only_if_it_is_asked_to(start: Callable[..., Server]) -> None:
    server = start("--verbose")
    with server.client() as client:
        client.send("/astfx/render", 5, "content.wav", "o.wav", *STYLE, *QUICK)
        until(client, "/astfx/done")
    code, text = server.stop_loudly()
    assert code == 0
    (line,) = text.splitlines()
    assert re.fullmatch(
        r"\d\d:\d\d:\d\d job 5 done after \d+\.\d s \(\d+\.\d s in the queue before\), "
        r"/astfx/render content.wav -> o.wav for TCP 127.0.0.1:\d+",
        line,
    )


def test_records_of_an_earlier_version_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "jobs.sqlite"
    store = JobStore(path)
    store.accept([job(client="", accepted_at=0.0)])
    store.close()
    with sqlite3.connect(path) as old:  # as version 1 wrote it
        for name in ("client", "accepted_at", "started_at", "ended_at"):
            old.execute(f"alter table jobs drop column {name}")
        old.execute("pragma user_version = 1")
    old.close()
    found = JobStore(path).get("7")
    assert found == job(client="", accepted_at=0.0, number=1)
