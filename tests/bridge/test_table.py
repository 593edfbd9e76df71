from __future__ import annotations

import itertools

import pytest
from astfx_bridge.addresses import PARAMETERS, REPLIES, ROWS
from astfx_bridge.errors import RefusedError
from astfx_bridge.table import Argument, Row


def test_every_reply_that_a_row_names_is_in_the_table() -> None:
    for row in ROWS.values():
        assert row.replies, row.address
        assert set(row.replies) <= set(REPLIES), row.address


def test_the_table_uses_only_types_that_every_host_knows() -> None:
    for row in ROWS.values():
        assert set("".join(argument.types for argument in row.arguments)) <= set("ifsb")
    for reply in REPLIES.values():
        assert set("".join(reply.types)) <= set("ifsb")
        assert len(reply.types) == len(reply.arguments)


def test_optional_arguments_come_last() -> None:
    for row in ROWS.values():
        optional = [argument.optional for argument in row.arguments]
        assert optional == sorted(optional), row.address
        assert not (row.pairs and any(optional)), row.address


def test_every_default_fits_its_own_parameter() -> None:
    for parameter in PARAMETERS.values():
        assert parameter.argument.check(parameter.default) == parameter.default


@pytest.mark.parametrize(
    ("types", "value", "expected"),
    [
        ("f", 1, 1.0),
        ("i", 3.0, 3),
        ("s", 7, "7"),
        ("s", 2.5, "2.5"),
        ("is", 7.0, 7),
        ("is", "seven", "seven"),
        ("ifs", 0.5, 0.5),
        ("ifs", 7.0, 7.0),
        ("ifs", 2**40, 2**40),
        ("is", 2**40, "1099511627776"),
        ("is", 2**40 + 1, "1099511627777"),
        ("is", float(2**40), "1099511627776"),
        ("is", "7001", 7001),
        ("is", 0.5, "0.5"),
        ("s", 20_231_231, "20231231"),
        ("s", 20_231_231.0, "20231231"),
        ("b", b"x", b"x"),
    ],
)
def test_an_argument_takes_what_hosts_send_for_it(
    types: str, value: int | float | str | bytes, expected: object
) -> None:
    fitting = Argument("x", types).check(value)
    assert fitting == expected
    assert type(fitting) is type(expected)


@pytest.mark.parametrize(
    ("argument", "value", "message"),
    [
        (Argument("strength", "f", 0, 1), 1.5, "strength=1.5 must lie between 0 and 1"),
        (Argument("strength", "f", 0, 1), float("nan"), "strength=nan must lie between 0 and 1"),
        (Argument("x", "f"), float("inf"), "x=inf must lie within the finite numbers"),
        (Argument("x", "i", 0), -1, "x=-1 must lie above 0"),
        (Argument("n", "i", 0, 9), 0.5, "n must be a whole number, not 0.5"),
        (Argument("n", "i"), 2**31, "n must be a whole number, not 2147483648"),
        (Argument("n", "i"), "three", "n must be a whole number, not 'three'"),
        (Argument("path", "s"), b"abc", "path must be a text, not 3 bytes"),
        (Argument("clip", "b"), "abc", "clip must be a blob, not 'abc'"),
        (
            Argument("quality", "s", choices=("draft", "best")),
            "good",
            "quality='good' must be one of draft, best",
        ),
    ],
)
def test_an_argument_refuses_what_does_not_fit(
    argument: Argument, value: int | float | str | bytes, message: str
) -> None:
    with pytest.raises(RefusedError) as caught:
        argument.check(value)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ((), "/x id [name] [key value ...]: got 0 arguments"),
        ((1, "a", "key"), "what follows must come in pairs"),
        ((1, "a", 5, 5), "5 is not a name"),
    ],
)
def test_a_row_refuses_what_does_not_fit(values: tuple[int | str, ...], message: str) -> None:
    row = Row(
        address="/x",
        arguments=(Argument("id", "is"), Argument("name", "s", optional=True)),
        pairs="settings",
        summary="",
        handler="",
    )
    with pytest.raises(RefusedError) as caught:
        row.check(values)
    assert message in str(caught.value)


def test_a_row_without_pairs_refuses_more_than_it_takes() -> None:
    with pytest.raises(RefusedError, match=r"/astfx/cancel id: got 2 arguments"):
        ROWS["/astfx/cancel"].check((1, 2))


EXAMPLES = {"i": 0, "f": 0.0, "s": "", "b": b"x"}


@pytest.mark.parametrize("address", sorted(set(REPLIES) & set(ROWS)))
def test_no_reply_is_a_valid_request(address: str) -> None:
    """Two servers that are sent each other's replies would otherwise answer without end."""
    reply = REPLIES[address]
    types = reply.types[:-1] if reply.repeats else reply.types
    for values in itertools.product(*(map(EXAMPLES.get, allowed) for allowed in types)):
        with pytest.raises(RefusedError):
            ROWS[address].check(values)  # type: ignore[arg-type]
