"""Limit how long OpenMP threads spin, and choose how many threads torch uses.

torch's OpenMP threads spin while they wait for work. On a machine that is busy with other
work too, this can cost far more than it saves. A short spin keeps the gain without the loss
(docs/measured/speed.md has a table). libgomp reads the setting only when it is loaded, so
`limit_spinning` must run before torch is imported.
"""

from __future__ import annotations

import os
import sys

SPIN_COUNT = "1000"


def limit_spinning() -> None:
    """Set a short OpenMP spin for this process, unless the user has chosen one."""
    if "torch" not in sys.modules and "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", SPIN_COUNT)


def spinning_is_limited() -> bool:
    """Whether spinning is limited, so that several threads are safe on a busy machine."""
    return "GOMP_SPINCOUNT" in os.environ or "OMP_WAIT_POLICY" in os.environ


def default_threads() -> int:
    """Default number of threads: one per core up to 4, or 1 if threads would spin."""
    if not spinning_is_limited():
        return 1
    if hasattr(os, "sched_getaffinity"):
        return max(1, min(4, len(os.sched_getaffinity(0))))
    return max(1, min(4, os.cpu_count() or 1))
