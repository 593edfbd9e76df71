"""Commands of other packages: any installed package may add commands to `astfx`.

It declares a Typer app as an entry point of the group ``astfx.commands``.
"""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Any

import typer.main
from typer.core import TyperGroup

GROUP = "astfx.commands"


class Commands(TyperGroup):
    """astfx's own commands, then those of other installed packages."""

    def __init__(self, **attrs: Any) -> None:
        super().__init__(**attrs)
        for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
            try:
                added = typer.main.get_group(point.load())
            except ImportError:
                continue  # a package that lacks a dependency must not break astfx
            for name, command in added.commands.items():
                self.commands.setdefault(name, command)
