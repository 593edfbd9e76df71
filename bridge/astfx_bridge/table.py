"""The columns of the address table: arguments with their checks, parameters, rows, replies."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from astfx_bridge.errors import RefusedError

Value = int | float | str | bytes

_KINDS = {"i": "a whole number", "f": "a number", "s": "a text", "b": "a blob"}


@dataclass(frozen=True)
class Argument:
    """One argument of an address.

    Attributes
    ----------
    name : str
    types : str
        OSC type tags that fit: one of i, f, s, b, or "is" for ids and "ifs" for any value.
    low, high : float or None
        Range of a number.
    choices : tuple of str
        What a text may be; empty is anything.
    optional : bool
        Whether it may be left out; only the last ones may.
    """

    name: str
    types: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    optional: bool = False

    def check(self, value: Value) -> Value:
        """Bring a value to the argument's type, or refuse it.

        Clients differ in what they send for a number, so whole numbers pass for floats, floats
        without a fraction for whole numbers, and numbers for texts.
        """
        fitting = self._fit(value)
        if fitting is None:
            wanted = " or ".join(_KINDS[tag] for tag in self.types)
            shown = f"{len(value)} bytes" if isinstance(value, bytes) else repr(value)
            raise RefusedError(f"{self.name} must be {wanted}, not {shown}")
        if isinstance(fitting, int | float):
            too_low = self.low is not None and fitting < self.low
            too_high = self.high is not None and fitting > self.high
            if too_low or too_high or not math.isfinite(fitting):
                raise RefusedError(f"{self.name}={fitting:g} must lie {self._range()}")
        if self.choices and fitting not in self.choices:
            raise RefusedError(
                f"{self.name}={str(fitting)!r} must be one of {', '.join(self.choices)}"
            )
        return fitting

    def _fit(self, value: Value) -> Value | None:
        if isinstance(value, bytes):
            return value if "b" in self.types else None
        if isinstance(value, str):
            return value if "s" in self.types else None
        if isinstance(value, float) and self.types == "ifs":
            return value
        whole = isinstance(value, int) or value.is_integer()
        if "i" in self.types and whole and -(2**31) <= value < 2**31:
            return int(value)
        if "f" in self.types:
            return float(value)
        if "s" in self.types and math.isfinite(value):
            return f"{value:g}" if whole else str(value)
        return None

    def _range(self) -> str:
        if self.low is None and self.high is None:
            return "within the finite numbers"
        if self.high is None:
            return f"above {self.low:g}"
        return f"between {self.low:g} and {self.high:g}"


@dataclass(frozen=True)
class Parameter:
    """A parameter of the server, which every job takes over unless it brings its own.

    Attributes
    ----------
    argument : Argument
        Name, type and range.
    default : int, float or str
    summary : str
    """

    argument: Argument
    default: int | float | str
    summary: str

    @property
    def name(self) -> str:
        """The key."""
        return self.argument.name


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What the server sends: an address, what its arguments mean, and their types."""

    address: str
    arguments: tuple[str, ...]
    types: tuple[str, ...]
    summary: str
    repeats: bool = False


@dataclass(frozen=True, kw_only=True)
class Row:
    """One address that the server understands.

    Attributes
    ----------
    address : str
    arguments : tuple of Argument
    pairs : {"", "settings", "weights"}
        What follows the arguments in pairs: keys and values of parameters, or preset names and
        their weights.
    replies : tuple of str
        Addresses of `REPLIES` that it may be answered with, in their order, besides a fail.
    summary : str
    handler : str
        Name in `commands.HANDLERS`.
    changes : bool
        Whether it changes anything. Address patterns (wildcards) reach only what does not.
    job : bool
        Whether it starts jobs: then exactly one done or fail follows for each.
    tcp_only : bool
    parameter : Parameter or None
        For the addresses that stand for a parameter.
    """

    address: str
    arguments: tuple[Argument, ...] = ()
    pairs: str = ""
    replies: tuple[str, ...] = ()
    summary: str
    handler: str
    changes: bool = True
    job: bool = False
    tcp_only: bool = False
    parameter: Parameter | None = None

    def check(self, values: Sequence[Value]) -> tuple[dict[str, Value], list[tuple[str, Value]]]:
        """Arguments by name, and the pairs that follow them.

        Raises
        ------
        RefusedError
            If one is missing, too many, of a wrong type or outside its range.
        """
        needed = sum(not argument.optional for argument in self.arguments)
        if len(values) < needed or (not self.pairs and len(values) > len(self.arguments)):
            raise RefusedError(f"{self.usage()}: got {len(values)} arguments")
        named: dict[str, Value] = {}
        for argument, value in zip(self.arguments, values, strict=False):
            named[argument.name] = argument.check(value)
        rest = values[len(self.arguments) :]
        if len(rest) % 2:
            raise RefusedError(f"{self.usage()}: what follows must come in pairs")
        pairs: list[tuple[str, Value]] = []
        for key, value in zip(rest[::2], rest[1::2], strict=True):
            if not isinstance(key, str):
                raise RefusedError(f"{self.usage()}: {key!r} is no name")
            pairs.append((key, value))
        return named, pairs

    def usage(self) -> str:
        """Address and argument names on one line."""
        words = [f"[{a.name}]" if a.optional else a.name for a in self.arguments]
        words += {"settings": ["[key value ...]"], "weights": ["preset weight ..."]}.get(
            self.pairs, []
        )
        return " ".join([self.address, *words])

    def type_tags(self) -> str:
        """Type tags as OSCQuery shows them: the first that fits each argument."""
        return "".join(argument.types[0] for argument in self.arguments)
