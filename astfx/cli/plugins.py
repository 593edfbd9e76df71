"""Commands of other packages: whoever depends on astfx may add to its command line.

They name a Typer app as an entry point of the group ``astfx.commands``.
"""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Any

import typer.main
from typer.core import TyperGroup

GROUP = "astfx.commands"


class Commands(TyperGroup):
    """astfx's own commands, then those of the packages installed beside it."""

    def __init__(self, **attrs: Any) -> None:
        super().__init__(**attrs)
        for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
            try:
                added = typer.main.get_group(point.load())
            except ImportError:
                continue  # a package that lacks something must not take astfx with it
            for name, command in added.commands.items():
                self.commands.setdefault(name, command)
