"""What the address table is made of: arguments with their checks, parameters, rows, replies."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from astfx_bridge.errors import RefusedError
from astfx_bridge.ids import canonical_id

Value = int | float | str | bytes

_KINDS = {"i": "a whole number", "f": "a number", "s": "a text", "b": "a blob"}


@dataclass(frozen=True)
class Argument:
    """One argument of an address.

    Attributes
    ----------
    name : str
    types : str
        The OSC type tags that fit: one of i, f, s and b, "is" for ids, or "ifs" for any value.
    low, high : float or None
        The range of a number.
    choices : tuple of str
        The texts that are allowed; empty allows any.
    optional : bool
        Whether it may be left out. Only the last arguments of a row may be.
    """

    name: str
    types: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    optional: bool = False

    def check(self, value: Value) -> Value:
        """Convert a value to the argument's type.

        Clients differ in what they send for a number. So whole numbers pass for floats, floats
        without a fraction pass for whole numbers, and numbers pass for texts.

        Raises
        ------
        RefusedError
            If the type does not fit, or the value is out of its range.
        """
        fitting = self._fit(value)
        if fitting is None:
            wanted = " or ".join(_KINDS[tag] for tag in self.types)
            shown = f"{len(value)} bytes" if isinstance(value, bytes) else repr(value)
            raise RefusedError(f"{self.name} must be {wanted}, not {shown}")
        if isinstance(fitting, int | float) and self.types != "ifs":
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
            if self.types == "is":
                return canonical_id(value)
            return value if "s" in self.types else None
        if self.types == "ifs":
            return value
        if self.types == "is":
            return canonical_id(value) if math.isfinite(value) else None
        whole = isinstance(value, int) or value.is_integer()
        if "i" in self.types and whole and -(2**31) <= value < 2**31:
            return int(value)
        if "f" in self.types:
            return float(value)
        if "s" in self.types and math.isfinite(value):
            return str(int(value) if whole else value)
        return None

    def _range(self) -> str:
        if self.low is None and self.high is None:
            return "within the finite numbers"
        if self.high is None:
            return f"above {self.low:g}"
        return f"between {self.low:g} and {self.high:g}"


@dataclass(frozen=True)
class Parameter:
    """A parameter of the server. A job uses the server's value unless it brings its own.

    Attributes
    ----------
    argument : Argument
        Its name, type and range.
    default : int, float or str
    summary : str
    """

    argument: Argument
    default: int | float | str
    summary: str

    @property
    def name(self) -> str:
        """The name that `/astfx/set` and `/astfx/get` know it by."""
        return self.argument.name


@dataclass(frozen=True, kw_only=True)
class Reply:
    """A message that the server sends.

    Attributes
    ----------
    address : str
    arguments : tuple of str
        The names of its arguments.
    types : tuple of str
        The OSC type tags that each argument may have.
    summary : str
    repeats : bool
        Whether the last argument may come any number of times.
    """

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
        What follows the arguments in pairs: keys and values of parameters, or names of presets
        and their weights.
    replies : tuple of str
        The addresses of its possible replies in their order, besides a fail.
    summary : str
    handler : str
        The name of its handler in `commands.registry.HANDLERS`.
    changes : bool
        Whether it changes anything. Address patterns (wildcards) reach only rows that do not.
    job : bool
        Whether it starts jobs. Exactly one done or fail follows for each of them.
    tcp_only : bool
    parameter : Parameter or None
        The parameter that the address sets or shows, if it belongs to one.
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
        """The arguments by name, and the pairs that follow them.

        Raises
        ------
        RefusedError
            If an argument is missing, superfluous, of a wrong type or out of its range.
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
                raise RefusedError(f"{self.usage()}: {key!r} is not a name")
            pairs.append((key, value))
        return named, pairs

    def usage(self) -> str:
        """The address and the names of its arguments on one line."""
        words = [f"[{a.name}]" if a.optional else a.name for a in self.arguments]
        words += {"settings": ["[key value ...]"], "weights": ["preset weight ..."]}.get(
            self.pairs, []
        )
        return " ".join([self.address, *words])

    def type_tags(self) -> str:
        """The type tags that OSCQuery shows: the first that fits each argument."""
        return "".join(argument.types[0] for argument in self.arguments)


@dataclass(frozen=True)
class Call:
    """A message whose arguments were checked against its row.

    Attributes
    ----------
    row : Row
    values : dict
        The arguments by name.
    pairs : list of (str, value)
        The pairs that followed the arguments.
    """

    row: Row
    values: dict[str, Value]
    pairs: list[tuple[str, Value]]

    @cached_property
    def digest(self) -> str:
        """A hash of the whole request: a repeated request has the same one."""

        def hashable(value: Value) -> Value:
            return hashlib.sha256(value).hexdigest() if isinstance(value, bytes) else value

        values = {name: hashable(value) for name, value in self.values.items()}
        pairs = [(key, hashable(value)) for key, value in self.pairs]
        text = json.dumps([self.row.address, values, pairs])
        return hashlib.sha256(text.encode()).hexdigest()
