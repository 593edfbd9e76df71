from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from astfx_bridge.jobs.worker_main import outcome_of

from astfx.errors import AstfxError


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (AstfxError("the style is silent"), "the style is silent"),
        (MemoryError(), "there is not enough memory for this job"),
        (ZeroDivisionError("division by zero"), "unexpected ZeroDivisionError: division by zero"),
    ],
)
def test_an_error_fails_the_job_in_words(error: Exception, message: str) -> None:
    def task(job: dict[str, Any], progress: Callable[[float], bool]) -> dict[str, Any]:
        raise error

    assert outcome_of(task, {"id": "1"}, lambda share: True) == {"failed": message}
