"""Ctrl-C at moments at which Python loses or changes it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import soundfile

from astfx.audio import Waveform
from astfx.cli import interrupts
from tests.conftest import Run

ENDED = (130, "", "astfx: interrupted: nothing was written\n")


@pytest.fixture(autouse=True)
def usual_handler() -> Iterator[None]:
    """Programs that are started in the background ignore Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def content(rain: Waveform, tmp_path: Path) -> Path:
    soundfile.write(tmp_path / "c.wav", rain[0, :22050], 22050)
    return tmp_path / "c.wav"


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(5.0)


def lose(progress: Callable[[float], object]) -> None:
    """A library's callback prints an exception, and forgets it."""
    with suppress(KeyboardInterrupt):
        interrupt()
    progress(0.5)


def change(progress: Callable[[float], object]) -> None:
    """Compiled code turns an exception into another one."""
    try:
        interrupt()
    except KeyboardInterrupt:
        raise SystemError("returned a result with an exception set") from None


@pytest.mark.parametrize("happen", [lose, change])
def test_an_interruption_is_neither_lost_nor_a_traceback(
    happen: Callable[[Callable[[float], object]], None],
    run: Run,
    content: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def render(*_: Any, progress: Callable[[float], object], **__: Any) -> None:
        happen(progress)
        raise AssertionError("the command went on")

    monkeypatch.setattr("astfx.cli.runs.render_and_measure", render)
    assert run("render", content, "-s", "rain", "-o", content.with_name("o.wav")) == ENDED
    assert not interrupts.came()


def test_an_interruption_outside_of_a_session_is_none_either(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("astfx.cli.main.app", lambda: change(lambda share: None))
    assert run("doctor") == ENDED


def test_another_mistake_is_no_interruption(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise SystemError("of its own")

    monkeypatch.setattr("astfx.cli.main.app", fail)
    with pytest.raises(SystemError, match="of its own"):
        run("doctor")


IMPORTING = """
import os, signal, sys
class Interrupting:
    def find_spec(self, name, *rest):
        if name == "astfx.cli.methods":
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupting())
signal.signal(signal.SIGINT, signal.default_int_handler)
from astfx.cli.start import entry
entry()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
def test_while_modules_are_read_the_program_ends_without_a_word() -> None:
    done = subprocess.run([sys.executable, "-c", IMPORTING], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")


def test_where_ctrl_c_is_ignored_it_stays_so() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with interrupts.remembered():
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    signal.signal(signal.SIGINT, signal.default_int_handler)
