from __future__ import annotations

from astfx_bridge.addresses import ROWS
from astfx_bridge.commands.registry import HANDLERS


def test_every_row_has_a_handler_and_every_handler_a_row() -> None:
    assert {row.handler for row in ROWS.values()} == set(HANDLERS)
