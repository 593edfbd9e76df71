from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import librosa
import numpy as np
import pytest
from filelock import FileLock, Timeout

from astfx.errors import AudioFileError
from astfx.runtime.librosa_import import CompiledAlone, import_librosa
from tests.runtime.without_a_cache import run_without_a_cache

FIRST_USE = """
import numpy
from astfx.runtime.librosa_import import import_librosa
librosa = import_librosa()
print(librosa.util.localmin(numpy.array([2.0, 1.0, 2.0])).tolist())
"""


def test_librosa_is_librosa() -> None:
    assert import_librosa() is librosa


@pytest.mark.slow
def test_processes_that_first_import_librosa_at_once_leave_a_cache_that_works(
    tmp_path: Path,
) -> None:
    environment = {
        **os.environ,
        "NUMBA_CACHE_DIR": str(tmp_path / "numba"),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }

    def start() -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", FIRST_USE], stdout=subprocess.PIPE, text=True, env=environment
        )

    def check(process: subprocess.Popen[str]) -> None:
        printed, _ = process.communicate()
        assert process.returncode == 0
        assert printed == "[False, True, False]\n"

    for process in [start() for _ in range(3)]:
        check(process)
    check(start())
    assert list((tmp_path / "numba").rglob("*.nbc"))


@pytest.fixture
def is_locked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[], bool]:
    """Whether another process would have to wait for the lock."""
    monkeypatch.setattr("astfx.runtime.librosa_import.user_cache_folder", lambda: tmp_path)

    def check() -> bool:
        try:
            with FileLock(tmp_path / "librosa.lock", timeout=0):
                return False
        except Timeout:
            return True

    return check


def test_a_function_is_alone_when_it_gets_new_types(is_locked: Callable[[], bool]) -> None:
    alone = CompiledAlone(lambda values, factor: (values.sum() * factor, is_locked()))
    single, double = np.ones(2, np.float32), np.ones(2)
    assert alone(single, 2.0) == (4.0, True)
    assert alone(single, 3.0) == (6.0, False)  # machine code for these types exists
    assert alone(double, 2.0) == (4.0, True)
    assert alone(double, 2) == (4.0, True)
    assert alone(double, 2) == (4.0, False)


def test_a_function_that_fails_may_compile_again(is_locked: Callable[[], bool]) -> None:
    found: list[bool] = []

    def fail(values: object) -> None:
        found.append(is_locked())
        raise ValueError("it fails")

    alone = CompiledAlone(fail)
    for _ in range(2):
        with pytest.raises(ValueError, match="it fails"):
            alone(np.ones(2))
    assert found == [True, True]


def test_without_a_folder_for_the_lock_functions_still_work(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(
        "astfx.runtime.librosa_import.user_cache_folder", lambda: tmp_path / "file" / "cache"
    )
    assert CompiledAlone(abs)(-1.0) == 1.0


@pytest.mark.slow
def test_librosa_gets_a_temporary_cache_where_none_can_be_written(tmp_path: Path) -> None:
    code = """
import os
librosa = import_librosa()
print(librosa.util.localmin(numpy.array([2.0, 1.0, 2.0])).tolist())
print(len(os.listdir(os.environ["TMPDIR"])))
"""
    found = run_without_a_cache(code, True, TMPDIR=str(tmp_path))
    assert found == (0, "[False, True, False]\n1\n", "")
    assert not list(tmp_path.iterdir())  # it is gone with the process


def test_without_any_folder_librosa_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_folder(**named: str) -> str:
        raise FileNotFoundError(2, "No usable temporary directory found")

    def no_cache() -> None:
        raise RuntimeError("cannot cache function 'f': no locator available for file 'f.py'")

    monkeypatch.setattr("tempfile.mkdtemp", no_folder)
    monkeypatch.setattr("astfx.runtime.librosa_import._librosa", no_cache)
    with pytest.raises(AudioFileError, match="set NUMBA_CACHE_DIR or TMPDIR to one that can"):
        import_librosa.__wrapped__()
