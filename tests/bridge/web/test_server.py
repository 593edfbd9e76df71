"""HTTP connections that are slow or idle, without sockets and with a clock."""

from __future__ import annotations

import pytest
from astfx_bridge.web import server as web
from astfx_bridge.web.server import HttpConnections


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Answering:
    """A connection, as `HttpConnections` sees it."""

    def __init__(self, house: HttpConnections, *, state: str) -> None:
        self.heard_at = house.clock()
        self.cycle = None if state == "silent" else object()
        self.is_answering = state == "answering"
        self.dropped = False
        self._house = house

    def drop(self) -> None:
        self.dropped = True
        self._house.remove(self)  # type: ignore[arg-type]


def add(house: HttpConnections, state: str) -> tuple[Answering, bool]:
    house.clock.now += 1.0  # type: ignore[attr-defined]
    made = Answering(house, state=state)
    return made, house.add(made)  # type: ignore[arg-type]


def test_a_new_connection_takes_the_place_of_a_silent_one_then_of_an_idle_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(web, "MAX_CONNECTIONS", 4)
    house = HttpConnections(Clock())
    answering, idle, first, second = (
        add(house, state)[0] for state in ("answering", "answered", "silent", "silent")
    )
    for expected in (first, second, idle):
        assert add(house, "answering")[1]
        assert expected.dropped
    assert not answering.dropped
    assert not add(house, "answering")[1]
    assert len(house) == 4


def test_a_connection_whose_request_does_not_come_is_closed() -> None:
    clock = Clock()
    house = HttpConnections(clock)
    answering, idle, silent = (
        add(house, state)[0] for state in ("answering", "answered", "silent")
    )
    clock.now = idle.heard_at + web.REQUEST_SECONDS
    house.sweep()
    assert [each.dropped for each in (answering, idle, silent)] == [False, True, False]
    assert len(house) == 2
