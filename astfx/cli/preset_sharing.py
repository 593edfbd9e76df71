"""The commands of `astfx presets` that share presets: export, import."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from astfx.cli.preset_app import Name, Replace, app, resolved, save
from astfx.cli.session import Session, in_session
from astfx.errors import PresetError

_SHARE_EXAMPLES = """
Examples:

  astfx presets export storm storm.astfx

  astfx presets import storm.astfx

  astfx presets import presets-of-a-friend/
"""


@app.command(epilog=_SHARE_EXAMPLES)
@in_session
def export(
    preset: Name,
    file: Annotated[
        Path, typer.Argument(help="The .astfx file to write, or a .toml for a pair of files.")
    ],
    replace: Replace = False,
    *,
    session: Session,
) -> None:
    """Write a preset to a file, to share it."""
    from astfx.presets.files import written_files

    found = resolved(preset)
    for path in written_files(file):
        if path.exists() and not replace:
            raise PresetError(f"preset file '{path}' exists: name another or pass --replace")
    found.save(file)
    names = " and ".join(str(path) for path in written_files(file))
    size = sum(path.stat().st_size for path in written_files(file)) / 1e3
    session.say(f"{names}: {found.name}, {size:.0f} kB, for `astfx presets import {file}`")


@app.command("import", epilog=_SHARE_EXAMPLES)
@in_session
def import_(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            help="The .astfx files to read, the .toml of pairs of files, or folders of them.",
        ),
    ],
    replace: Replace = False,
    *,
    session: Session,
) -> None:
    """Check files of presets, and save the presets with your own."""
    from astfx.presets import Preset
    from astfx.presets.library import check_free

    # All files are read, and all names are checked, before the first preset is saved.
    found: dict[str, Preset] = {}
    for path in _preset_files(files):
        preset = Preset.load(path)
        if preset.name in found:
            raise PresetError(f"two of the files hold a preset {preset.name!r}: import one of them")
        found[preset.name] = preset
    if not replace:
        for preset in found.values():
            check_free(preset)
    for preset in found.values():
        save(preset, session, replace=replace)


def _preset_files(given: list[Path]) -> list[Path]:
    """The files of presets that are named, and those in the folders that are named."""
    from astfx.presets.folders import SUFFIXES

    found: list[Path] = []
    for path in given:
        if not path.is_dir():
            found.append(path)
            continue
        inside = sorted(p for p in path.iterdir() if p.suffix in SUFFIXES and p.is_file())
        if not inside:
            raise PresetError(f"folder '{path}' holds no preset: its files must end in .astfx")
        found += inside
    return found
