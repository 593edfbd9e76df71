"""Keep OpenMP threads from fighting over busy cores.

torch's OpenMP threads spin while they wait. On a machine that does anything else
that can cost far more than it saves. A short spin keeps the gain and not the loss
(docs/benchmarks.md has a table), but libgomp reads the setting only when it is loaded,
so this runs before torch does.
"""

from __future__ import annotations

import os
import sys

SPIN_COUNT = "1000"


def limit_spinning() -> None:
    """Set a short OpenMP spin for this process, unless the user chose one."""
    if "torch" not in sys.modules and "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", SPIN_COUNT)


def spinning_is_limited() -> bool:
    """Whether several threads are safe on a busy machine."""
    return "GOMP_SPINCOUNT" in os.environ or "OMP_WAIT_POLICY" in os.environ


def default_threads() -> int:
    """Threads used when the caller names none: every core, up to 4, or 1 if they would spin."""
    if not spinning_is_limited():
        return 1
    if hasattr(os, "sched_getaffinity"):
        return max(1, min(4, len(os.sched_getaffinity(0))))
    return max(1, min(4, os.cpu_count() or 1))
