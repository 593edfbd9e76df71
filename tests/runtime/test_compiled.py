from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.runtime.without_a_cache import run_without_a_cache


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
