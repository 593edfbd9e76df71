from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from astfx.runtime.pool import Pool


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("n_items", [0, 1, 2, 7])
def test_results_are_in_the_order_of_the_items(threads: int, n_items: int) -> None:
    with Pool(threads) as pool:
        assert pool.map(lambda item: item * item, range(n_items)) == [i * i for i in range(n_items)]


def test_threads_work_at_the_same_time_and_the_caller_is_one_of_them() -> None:
    meeting = threading.Barrier(3, timeout=30.0)

    def name(item: int) -> str:
        meeting.wait()
        return threading.current_thread().name

    with Pool(3) as pool:
        names = pool.map(name, range(3))
    assert names[0] == threading.current_thread().name
    assert len(set(names)) == 3


def test_an_error_in_any_thread_reaches_the_caller() -> None:
    def inverse(item: int) -> float:
        return 1.0 / item

    with Pool(2) as pool:
        for items in ([0, 1], [1, 0]):
            with pytest.raises(ZeroDivisionError):
                pool.map(inverse, items)
        assert pool.map(inverse, [1, 2]) == [1.0, 0.5]


def test_the_threads_end_with_the_context() -> None:
    before = set(threading.enumerate())
    with Pool(4) as pool:
        pool.map(str, range(8))
    assert set(threading.enumerate()) <= before


LATE = """
import threading
from astfx.runtime.pool import Pool

def work():
    threading.main_thread().join()
    with Pool(3) as pool:
        print(pool.map(abs, [-1, -2, -3, -4]))

threading.Thread(target=work).start()
"""


def test_a_thread_that_outlives_the_program_still_gets_its_results() -> None:
    """Python starts no work in pools once the main thread has ended."""
    done = subprocess.run(
        [sys.executable, "-c", LATE], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "[1, 2, 3, 4]\n", done.stderr
