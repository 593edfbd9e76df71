"""What the commands of `astfx presets` share: the app, arguments, finding and saving."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from astfx.cli.session import Session
from astfx.errors import PresetError

if TYPE_CHECKING:
    from astfx.presets import Preset

_EXAMPLES = """
Examples:

  astfx presets list --search bright

  astfx presets make rain.wav --name Rain

  astfx render voice.wav --style rain -o wet.wav
"""

app = typer.Typer(
    name="presets",
    help="Presets, which are styles with a name: list, make, blend, hear and share them.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    epilog=_EXAMPLES,
)


def complete(incomplete: str) -> list[str]:
    """Names of presets that begin like an incomplete word, for the shell."""
    from astfx.presets import names

    return [name for name in names() if name.startswith(incomplete.casefold())]


Name = Annotated[str, typer.Argument(help="A preset's name or file.", autocompletion=complete)]
Replace = Annotated[bool, typer.Option("--replace", help="Replace what has that name.")]
Tags = Annotated[
    list[str] | None,
    typer.Option("--tag", "--tags", help="A tag, or several separated by commas; repeatable."),
]


def words(tags: list[str] | None) -> tuple[str, ...]:
    """Tags as they were given: each a tag, or several separated by commas."""
    parts = (part.strip() for text in tags or () for part in text.split(","))
    return tuple(dict.fromkeys(part for part in parts if part))


def resolved(style: str) -> Preset:
    """Load the preset that a name, a title or a file means."""
    from astfx.presets import find, resolve

    found = resolve(style)
    if found is None and not Path(style).exists():
        return find(style)
    if found is None:
        raise PresetError(f"'{style}' is a file, but not a preset")
    return found


def save(preset: Preset, session: Session, *, replace: bool) -> None:
    """Save a preset with the user's own, and say where it is and how to use it."""
    from astfx.presets import factory_folder, keep

    path = keep(preset, replace=replace)
    if (factory_folder() / f"{preset.name}.toml").is_file():
        session.say(f"{preset.name} now means your preset, not the one that came with astfx")
    size = path.stat().st_size / 1e3
    called = f"{preset.title}, " if preset.title else ""
    session.say(
        f"{path}: {called}{size:.0f} kB, for `astfx render FILE --style {preset.name} -o OUT`"
    )
