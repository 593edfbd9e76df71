"""Real-time priority is the calling thread's alone."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest
from astfx_bridge.live.priority import lower_priority, raise_priority

pytestmark = pytest.mark.skipif(
    not hasattr(os, "SCHED_RESET_ON_FORK"), reason="the system has no such priorities"
)


def test_threads_and_processes_do_not_inherit_the_priority() -> None:
    raise_priority()
    if os.sched_getscheduler(0) == os.SCHED_OTHER:
        pytest.skip("this user may not have real-time priority")
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(os.sched_getscheduler(0)))
    thread.start()
    thread.join()
    code = "import os; raise SystemExit(os.sched_getscheduler(0))"
    found.append(subprocess.run([sys.executable, "-c", code]).returncode)
    assert found == [os.SCHED_OTHER] * 2
    lower_priority()
    assert os.sched_getscheduler(0) == os.SCHED_OTHER
