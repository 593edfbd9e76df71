"""Servers as fixtures."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from astfx_bridge.jobs.store import JobStore
from astfx_bridge.live.priority import lower_priority

from tests.bridge.serving import Server, make_sounds


@pytest.fixture(autouse=True)
def usual_priority() -> Iterator[None]:
    """Let no test leave its thread with real-time priority, which starves other threads."""
    yield
    lower_priority()


@pytest.fixture(autouse=True)
def stores_are_closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Close the records that a test has opened. Python 3.13 warns of those that are left open."""
    opened: list[JobStore] = []
    make = JobStore.__init__

    def remember(store: JobStore, path: Path) -> None:
        make(store, path)
        opened.append(store)

    monkeypatch.setattr(JobStore, "__init__", remember)
    yield
    for store in opened:
        with suppress(sqlite3.ProgrammingError):  # of a server in another thread, which closes it
            store.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that is shared by the tests that leave its state unchanged."""
    root, state = tmp_path_factory.mktemp("root"), tmp_path_factory.mktemp("state")
    make_sounds(root)
    running = Server(root, state, ("--jobs", "2")).start()
    yield running
    assert running.stop() == 0


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Start a server for one test: `start("--token", "...")`."""
    started: list[Server] = []

    def begin(*options: str) -> Server:
        root = tmp_path / f"root{len(started)}"
        root.mkdir()
        make_sounds(root)
        started.append(Server(root, tmp_path / f"state{len(started)}", options).start())
        return started[-1]

    yield begin
    for running in started:
        running.stop()
