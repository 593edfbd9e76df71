"""Commands of other packages: any installed package may add commands to `astfx`.

It declares a Typer app as an entry point of the group ``astfx.commands``.
"""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Any

import typer.main
from typer.core import TyperGroup

GROUP = "astfx.commands"
MEANT = {
    **dict.fromkeys(("transfer", "stylise", "stylize", "apply", "convert", "process"), "render"),
    "make": "presets make",
    "blend": "presets blend",
    "list": "presets list",
    "play": "presets play",
    "preset": "presets",
    "styles": "presets list",
    "server": "serve",
    "osc": "serve",
    "version": "--version",
    "help": "--help",
    "check": "doctor",
    "measure": "score",
}
"""What people mean who type a command that there is not."""


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

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command that the arguments name, or say which one is meant."""
        name = args[0] if args else ""
        if name not in self.commands and name in MEANT:
            ctx.fail(f"No such command '{name}': use `astfx {MEANT[name]}`")
        return super().resolve_command(ctx, args)
