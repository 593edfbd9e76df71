from __future__ import annotations

import io
import sys

import pytest
from astfx_bridge.complaints import complain


class FullDisk(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")


def test_a_complaint_is_one_line_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    complain("no job can be begun (database is locked)")
    expected = "astfx-bridge: no job can be begun (database is locked)\n"
    assert capsys.readouterr().err == expected


def test_where_standard_error_cannot_be_written_the_server_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stderr", FullDisk())
    complain("no job can be begun (database or disk is full)")
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stderr", closed)
    complain("no job can be begun (database or disk is full)")
