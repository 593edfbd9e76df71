"""Which lines run for which test, in every Python process of a run.

A test may start servers and commands, and a server may live on and serve other tests. So the
process that runs the tests and those that it starts talk through a folder: the file `now` names
the test that runs, and each process confirms in a file of its own that it has read this.
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from pathlib import Path

import coverage

FOLDER = "ASTFX_MUTATION_FOLDER"  # where the recorded lines go
SOURCES = "ASTFX_MUTATION_SOURCES"  # patterns of the files to watch
_PLACE = "ASTFX_MUTATION_PLACE"  # the folder above
_CONFIRM_SECONDS = 1.0
_LOOK_SECONDS = 0.005

_recorder: coverage.Coverage | None = None


def record() -> None:
    """Begin to record in this process; called as Python starts."""
    global _recorder
    _recorder = coverage.Coverage(
        data_file=str(Path(os.environ[FOLDER]) / "lines"),
        data_suffix=True,
        auto_data=True,
        config_file=False,
        include=os.environ[SOURCES].split(os.pathsep),
        messages=False,
    )
    _recorder.set_option("run:disable_warnings", ["no-data-collected"])
    _recorder.start()
    if _PLACE in os.environ:
        place = Path(os.environ[_PLACE])
        with suppress(OSError):  # the folder is gone when all tests have run
            known = (place / "now").read_text()
            _recorder.switch_context(known)
            threading.Thread(target=_follow, args=(place, known, _recorder), daemon=True).start()


def _follow(place: Path, known: str, recorder: coverage.Coverage) -> None:
    """In a process that a test started: switch to each test as it begins."""
    with suppress(OSError):
        _write(place / str(os.getpid()), known)
        while True:
            now = (place / "now").read_text()
            if now != known:
                recorder.switch_context(now)
                recorder.save()  # the process may be killed at any time
                _write(place / str(os.getpid()), now)
                known = now
            time.sleep(_LOOK_SECONDS)


def _write(path: Path, text: str) -> None:
    """Write a small file at once, so that nobody reads half of it."""
    aside = path.with_name(f".{path.name}")
    aside.write_text(text)
    aside.replace(path)


class Announcer:
    """In a process that runs tests: say what runs now."""

    def __init__(self) -> None:
        self._place = Path(os.environ[FOLDER]) / f"place-{os.getpid()}"
        self._place.mkdir()
        self.say("")
        os.environ[_PLACE] = str(self._place)

    def say(self, now: str) -> None:
        """Name what runs from now on; return when all processes that listen have heard it."""
        _write(self._place / "now", now)
        if _recorder is not None:
            _recorder.switch_context(now)
        deadline = time.monotonic() + _CONFIRM_SECONDS
        for listener in self._place.glob("[0-9]*"):
            with suppress(OSError):
                while listener.read_text() != now:
                    if time.monotonic() > deadline:
                        listener.unlink()  # its process has ended
                    time.sleep(_LOOK_SECONDS)
