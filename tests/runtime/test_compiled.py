from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import librosa
import pytest

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
