"""Make options of the command line from the table of settings."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Annotated, Any, TypeVar

import typer

from astfx.errors import InvalidSettingError
from astfx.recipes import RECIPES
from astfx.settings import RENDER_TABLE, Setting

Command = TypeVar("Command", bound=Callable[..., None])


def _completing(choices: Iterable[str]) -> Callable[[str], list[str]]:
    """Let the shell complete one of some words."""
    return lambda incomplete: [word for word in choices if word.startswith(incomplete)]


_RECIPE = typer.Option(
    help=f"The settings of a system from the literature: {', '.join(RECIPES)}. "
    "Other options override them.",
    autocompletion=_completing(RECIPES),
)
_SET = typer.Option("--set", metavar="KEY=VALUE", help="An option of the method; repeatable.")


def takes_settings(*names: str, recipe: bool = False) -> Callable[[Command], Command]:
    """Decorate a command with options for settings, which it gets as keyword arguments.

    Parameters
    ----------
    *names : str
        Names of the settings. By default all of them.
    recipe : bool
        Whether to add the option `--recipe`.
    """

    def decorate(command: Command) -> Command:
        signature = inspect.signature(command, eval_str=True)
        own = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
        rows = [RENDER_TABLE[name] for name in names or RENDER_TABLE]
        added = [_parameter(row.name, _annotation(row)) for row in rows]
        if recipe:
            added.append(_parameter("recipe", Annotated[str | None, _RECIPE]))
        command.__signature__ = signature.replace(  # type: ignore[attr-defined]
            parameters=[*own, *added]
        )
        return command

    return decorate


def _parameter(name: str, annotation: Any) -> inspect.Parameter:
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation
    )


def _annotation(row: Setting) -> Any:
    if row.type is dict:
        return Annotated[list[str] | None, _SET]
    return Annotated[
        row.type | None,
        typer.Option(
            f"--{row.short.replace('_', '-')}",
            metavar=row.unit.upper() or None,
            help=f"{row.help} [dim]{_bounds(row)}[/dim]",
            autocompletion=_completing(row.choices) if row.choices else None,
        ),
    ]


def _bounds(row: Setting) -> str:
    parts = [] if row.type is str and not row.choices else [row.domain]
    parts += [] if row.default is None else [f"default {row.default}"]
    return f"({'; '.join(parts)})"


def given_settings(values: dict[str, Any]) -> dict[str, Any]:
    """Convert the values of a command's options to settings. None means "not given"."""
    options = values.get("options")
    return {**values, "options": parse_options(options) if options else None}


def parse_options(pairs: list[str]) -> dict[str, Any]:
    """Turn ``key=value`` into options: a number, a name, or several separated by commas."""
    options: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals or not key or not text:
            raise InvalidSettingError(f"--set {pair!r} must look like key=value")
        values = [number_or_text(part) for part in text.split(",")]
        options[key.replace("-", "_")] = tuple(values) if len(values) > 1 else values[0]
    return options


def number_or_text(text: str) -> int | float | str:
    """Convert a value from the command line to an int or a float, if it is one."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
