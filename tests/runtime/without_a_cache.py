"""Run Python code as a user who has no folder for numba's cache."""

from __future__ import annotations

import os
import subprocess
import sys

# Such a user has no home, and may not write beside the installed packages (`docker run --user`).
NO_CACHE = """
import numba.core.caching as caching
import numpy
from astfx.runtime.compiled import compiled
from astfx.runtime.librosa_import import import_librosa

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
