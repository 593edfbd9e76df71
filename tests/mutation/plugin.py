"""A pytest plugin: record the tests of a run, or run chosen tests under a time limit."""

from __future__ import annotations

import faulthandler
import json
import os
import sys
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from tests.mutation.recording import FOLDER, Announcer

CHOSEN = "ASTFX_MUTATION_CHOSEN"  # a file: tests to run, in order, and seconds that each may take
_MOST_MEMORY_BYTES = 16 << 30


class Recorder:
    """Note which tests pass, with their fixtures and how long they take."""

    def __init__(self) -> None:
        self._announcer = Announcer()
        self._notes = Path(os.environ[FOLDER]) / f"tests-{os.getpid()}.jsonl"
        self._running = [""]
        self._outcomes: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._outcomes.append(report.outcome)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, Any, Any]:
        self._outcomes.clear()
        began = time.monotonic()
        self._enter(item.nodeid)
        result = yield
        self._leave()
        row = {
            "test": item.nodeid,
            "seconds": time.monotonic() - began,
            "fixtures": getattr(item, "fixturenames", []),
            "passed": set(self._outcomes) == {"passed"},
            "failed": "failed" in self._outcomes,
        }
        with self._notes.open("a") as notes:
            print(json.dumps(row), file=notes)
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any]) -> Generator[None, Any, Any]:
        """What a fixture does that several tests share, it does for all of them."""
        is_shared = fixturedef.scope != "function"
        if is_shared:
            self._enter(f"fixture {fixturedef.argname}")
        try:
            return (yield)
        finally:
            if is_shared:
                self._leave()

    def _enter(self, name: str) -> None:
        self._running.append(name)
        self._announcer.say(name)

    def _leave(self) -> None:
        self._running.pop()
        self._announcer.say(self._running[-1])


class Chooser:
    """Run chosen tests in a given order; end the process when one of them takes too long."""

    def __init__(self, path: Path) -> None:
        self._limits: dict[str, float] = json.loads(path.read_text())
        self._now = path.with_suffix(".now")

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        order = {test: index for index, test in enumerate(self._limits)}
        items[:] = sorted(
            (item for item in items if item.nodeid in order), key=lambda item: order[item.nodeid]
        )

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, Any, Any]:
        self._now.write_text(item.nodeid)
        with open(os.devnull, "w") as nowhere:
            seconds = self._limits[item.nodeid]
            faulthandler.dump_traceback_later(seconds, exit=True, file=nowhere)
            try:
                return (yield)
            finally:
                faulthandler.cancel_dump_traceback_later()


def pytest_configure(config: pytest.Config) -> None:
    if CHOSEN in os.environ:
        if sys.platform != "win32":
            import resource

            # A loop that no longer ends must not take the machine's memory. Addresses that are
            # only reserved do not count: a browser reserves far more than it uses.
            resource.setrlimit(resource.RLIMIT_DATA, (_MOST_MEMORY_BYTES, _MOST_MEMORY_BYTES))
        config.pluginmanager.register(Chooser(Path(os.environ[CHOSEN])))
    elif hasattr(config, "workerinput") or not getattr(config.option, "numprocesses", None):
        config.pluginmanager.register(Recorder())
