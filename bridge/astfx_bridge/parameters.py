"""The current parameters of the server."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from astfx_bridge.addresses import PARAMETERS
from astfx_bridge.table import Argument, Value


class ServerParameters:
    """The value of each parameter. A job uses these values unless it brings its own."""

    def __init__(self) -> None:
        self._values: dict[str, Value] = {
            name: parameter.default for name, parameter in PARAMETERS.items()
        }
        self._methods: tuple[str, ...] = ()
        self._watchers: list[Callable[[str, Value], None]] = []

    def __getitem__(self, name: str) -> Value:
        return self._values[name]

    def copy(self) -> dict[str, Value]:
        """All values by name."""
        return dict(self._values)

    def set(self, name: str, value: Value) -> Value:
        """Change a parameter and return its new value, converted to the parameter's type.

        Raises
        ------
        RefusedError
            If the value does not fit the parameter.
        """
        self._values[name] = self.checked(name, value)
        for tell in self._watchers:
            tell(name, self._values[name])
        return self._values[name]

    def watch(self, tell: Callable[[str, Value], None]) -> None:
        """Call a function with the name and the value of each parameter that is set."""
        self._watchers.append(tell)

    def checked(self, name: str, value: Value) -> Value:
        """Convert a value to a parameter's type, without changing the parameter.

        Raises
        ------
        RefusedError
            If the value does not fit the parameter.
        """
        argument = PARAMETERS[name].argument
        return replace(argument, choices=self.choices(argument)).check(value)

    def choices(self, argument: Argument) -> tuple[str, ...]:
        """The texts that are allowed for an argument; empty allows any."""
        return self._methods if argument.name == "method" and self._methods else argument.choices

    def allow_methods(self, names: Iterable[str]) -> None:
        """Allow these methods only. The server learns their names from its first worker."""
        self._methods = tuple(names)
