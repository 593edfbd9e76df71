from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import librosa
import pytest

from astfx.errors import AudioFileError
from astfx.runtime.compiled import import_librosa

FIRST_USE = """
import numpy
from astfx.runtime.compiled import import_librosa
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


# Such a user has no home, and may not write beside the installed packages (`docker run --user`).
NO_CACHE = """
import numba.core.caching as caching
import numpy
from astfx.runtime.compiled import compiled, import_librosa

class Nowhere(caching.UserProvidedCacheLocator):
    @classmethod
    def from_function(cls, py_func, py_file):
        return super().from_function(py_func, py_file) if ALLOWED else None

for kind in (caching.CacheImpl, caching.CompileResultCacheImpl, caching.CodeLibraryCacheImpl):
    kind._locator_classes = [Nowhere]
"""


def run_without_a_cache(code: str, allowed: bool, **environment: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-c", f"ALLOWED = {allowed}\n{NO_CACHE}\n{code}"],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )
    return done.returncode, done.stdout, done.stderr


def test_functions_are_compiled_without_a_cache_where_none_can_be_written() -> None:
    code = """
from astfx.audio.loudness import LoudnessMeter
meter = LoudnessMeter(8000, 1)
meter.add(numpy.full((1, 800), 0.5, numpy.float32))
print(round(meter.rms, 6))
"""
    assert run_without_a_cache(code, False) == (0, "0.5\n", "")


CALLED = """
from astfx.runtime.compiled import compiled

@compiled()
def by(x):
    return {factor} * x
"""
CALLER = """
from astfx.runtime.compiled import compiled
from called import by

@compiled()
def twice(x):
    return by(by(x))

print(twice(1.0), by(1.0))
"""


def test_a_change_of_a_called_function_is_not_missed(tmp_path: Path) -> None:
    """numba's own cache looks at the file of the calling function only."""
    (tmp_path / "caller.py").write_text(CALLER)
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "numba")}
    printed = []
    for factor in (2.0, 3.0, 3.0):
        (tmp_path / "called.py").write_text(CALLED.format(factor=factor))
        command = [sys.executable, "-B", "caller.py"]
        done = subprocess.run(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE)
        printed.append(done.stdout.decode().split())
    assert printed == [["4.0", "2.0"], ["9.0", "3.0"], ["9.0", "3.0"]]
    # Two versions of the caller, and two times two of what it calls.
    assert len(list((tmp_path / "numba").rglob("*.nbi"))) == 2 + 4


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
    monkeypatch.setattr("astfx.runtime.compiled._librosa", no_cache)
    with pytest.raises(AudioFileError, match="set NUMBA_CACHE_DIR or TMPDIR to one that can"):
        import_librosa.__wrapped__()
