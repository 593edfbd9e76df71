from __future__ import annotations

import pytest
from astfx_bridge.errors import RefusedError
from astfx_bridge.wire.access import Access, LockedOutError, RateLimiter


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_limiter_admits_its_rate_and_twice_that_at_once() -> None:
    clock = Clock()
    limiter = RateLimiter(10.0, clock)
    assert [limiter.take() for _ in range(21)] == [True] * 20 + [False]
    clock.now = 0.5
    assert [limiter.take() for _ in range(6)] == [True] * 5 + [False]
    assert not limiter.take(21)


def test_a_right_token_is_accepted_and_a_wrong_one_refused() -> None:
    access = Access("a long secret")
    access.check_token("10.0.0.1", "a long secret")
    with pytest.raises(RefusedError, match=r"^the token is wrong$"):
        access.check_token("10.0.0.1", "a wrong secret")


def test_ten_wrong_tokens_lock_a_host_out_for_a_whole_minute() -> None:
    clock = Clock()
    access = Access("a long secret", clock)
    for _ in range(9):
        with pytest.raises(RefusedError, match=r"^the token is wrong$"):
            access.check_token("10.0.0.1", "a wrong secret")
    access.check_token("10.0.0.1", "a long secret")
    with pytest.raises(RefusedError, match=r"^the token is wrong$"):
        access.check_token("10.0.0.1", "a wrong secret")
    for seconds in (0.0, 30.0, 59.9):
        clock.now = seconds
        with pytest.raises(RefusedError, match=r"^too many wrong tokens: wait a minute$"):
            access.check_token("10.0.0.1", "a long secret")
        access.check_token("10.0.0.2", "a long secret")
    clock.now = 60.1
    access.check_token("10.0.0.1", "a long secret")


def test_only_wrong_tokens_of_the_last_minute_count() -> None:
    clock = Clock()
    access = Access("a long secret", clock)
    for number in range(20):  # one every seven seconds: never ten within a minute
        clock.now = 7.0 * number
        with pytest.raises(RefusedError, match=r"^the token is wrong$"):
            access.check_token("10.0.0.1", "a wrong secret")


def test_udp_sources_are_admitted_while_their_connection_lasts() -> None:
    access = Access("a long secret")
    assert not access.admits("10.0.0.1", 5000)
    access.bind("10.0.0.1", 5000)
    assert access.admits("10.0.0.1", 5000)
    assert not access.admits("10.0.0.1", 5001)
    assert not access.admits("10.0.0.2", 5000)
    access.bind("10.0.0.1", 0)
    assert access.admits("10.0.0.1", 5001)
    access.release("10.0.0.1", 0)
    access.release("10.0.0.1", 5000)
    assert not access.admits("10.0.0.1", 5000)


def test_without_a_token_everybody_is_admitted() -> None:
    assert Access("").admits("10.0.0.1", 1)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2001:db8::1", "2001:db8::ffff:2"),
        ("10.0.0.1", "::ffff:10.0.0.1"),
        ("fe80::1%eth0", "fe80::2"),
    ],
)
def test_the_addresses_of_one_host_are_locked_out_together(one: str, other: str) -> None:
    access = Access("a long secret", Clock())
    for _ in range(10):
        with pytest.raises(RefusedError, match=r"^the token is wrong$"):
            access.check_token(one, "a wrong secret")
    with pytest.raises(LockedOutError, match=r"^too many wrong tokens: wait a minute$"):
        access.check_token(other, "a long secret")
    access.check_token("2001:db8:1::1", "a long secret")
