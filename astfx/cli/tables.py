"""The commands `methods` and `doctor`, and how commands print tables as JSON."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Annotated, Any

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
_METHOD_COLUMNS = ("front_end", "features", "statistics", "optimiser", "needs", "source")


def methods(as_json: AsJson = False) -> None:
    """List the methods: what each one does, what it needs, and where it comes from."""
    from rich.console import Console
    from rich.table import Table

    from astfx.methods import METHODS
    from astfx.phase import PHASE_METHODS
    from astfx.recipes import RECIPES

    if as_json:
        rows = {
            name: {
                "summary": row.summary,
                **{column: getattr(row, column) for column in _METHOD_COLUMNS},
                "options": {k: v.default for k, v in row.options.__dataclass_fields__.items()},
            }
            for name, row in METHODS.items()
        }
        recipes = {
            name: {"document": recipe.document, "settings": recipe.settings}
            for name, recipe in RECIPES.items()
        }
        phases = {
            name: {"summary": phase.summary, "source": phase.source}
            for name, phase in PHASE_METHODS.items()
        }
        print_json({"methods": rows, "recipes": recipes, "phases": phases})
        return
    table = Table("method", "", "", box=None, show_header=False, padding=(0, 2, 0, 0))
    for name, row in METHODS.items():
        table.add_row(f"[bold]{name}[/bold]", "", row.summary)
        for column in _METHOD_COLUMNS:
            table.add_row("", column.replace("_", " "), getattr(row, column))
        settings = (
            f"{key}={value.default}" for key, value in row.options.__dataclass_fields__.items()
        )
        table.add_row("", "--set", ", ".join(settings), end_section=True)
    for name, recipe in RECIPES.items():
        method = recipe.settings["method"]
        table.add_row(f"[bold]--recipe {name}[/bold]", "", f"{method}: {recipe.document}")
    for name, phase in PHASE_METHODS.items():
        table.add_row(f"[bold]--phase {name}[/bold]", "", f"{phase.summary} ({phase.source})")
    Console().print(table)
    print("\nNext: astfx render FILE --style SOUND -o OUT --method NAME")


def doctor(as_json: AsJson = False) -> None:
    """Show versions, devices and audio formats, and how to get what is missing."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from astfx.cli.doctor import examine

    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    findings = examine()
    if as_json:
        print_json([asdict(finding) for finding in findings])
    for finding in findings:
        # As plain text, so that rich does not take "astfx[metrics]" for markup.
        cells = ("ok" if finding.ok else "--", finding.subject, finding.text)
        table.add_row(*(Text(cell) for cell in cells))
    complete = all(finding.ok for finding in findings if finding.needed)
    if not as_json:
        Console().print(table)
        print("\nNext: astfx demo" if complete else "\nNext: get what is marked with --")
    if not complete:
        sys.exit(1)


def print_json(data: Any) -> None:
    """Print values as JSON."""
    print(json.dumps(data, indent=2))


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.command()(methods)
    app.command()(doctor)
