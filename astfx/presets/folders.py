"""The folders of presets: the user's presets, and those that come with astfx."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from astfx.errors import PresetNotFoundError
from astfx.presets.naming import NAME, folded
from astfx.presets.titles import title_in
from astfx.runtime.folders import user_data_folder

FOLDER_VARIABLE = "ASTFX_PRESETS"
SUFFIX = ".astfx"
SUFFIXES = (SUFFIX, ".toml")


def user_folder() -> Path:
    """Return the folder of the user's presets; ASTFX_PRESETS overrides it."""
    chosen = os.environ.get(FOLDER_VARIABLE)
    return Path(chosen) if chosen else user_data_folder() / "presets"


def factory_folder() -> Path:
    """Return the folder of the presets that come with astfx."""
    packaged = Path(str(files("astfx"))) / "preset_data"
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "presets"


def paths() -> Iterator[tuple[str, Path]]:
    """Yield the name and file of every preset, each name once; the user's hide the factory's."""
    seen = set()
    for folder in (user_folder(), factory_folder()):
        if not folder.is_dir():
            continue
        for path in sorted(folder.iterdir()):
            if (
                path.suffix in SUFFIXES
                and NAME.fullmatch(path.stem)
                and path.stem not in seen
                and path.is_file()
            ):
                seen.add(path.stem)
                yield path.stem, path


def names() -> list[str]:
    """Return the names of all presets, sorted."""
    return sorted(name for name, _ in paths())


def exact_path(name: str) -> Path | None:
    """Return the file of the preset with exactly this name, None if there is none."""
    if not NAME.fullmatch(name):
        return None
    candidates = (
        folder / f"{name}{suffix}"
        for folder in (user_folder(), factory_folder())
        for suffix in SUFFIXES
    )
    return next((path for path in candidates if path.is_file()), None)


def like_path(text: str) -> Path | None:
    """Return the file of the preset whose name is like a text, or else its title; None if none is.

    `naming.folded` says what is alike.
    """
    wanted = folded(text)
    if not wanted:
        return None
    known = list(paths())
    for name, path in known:
        if folded(name) == wanted:
            return path
    return next((path for _, path in known if folded(title_in(path)) == wanted), None)


def find_path(name: str) -> Path:
    """Return the file of a preset, by its name or its title.

    Case, spaces, hyphens, underscores and the ways in which Unicode can write a letter are ignored.

    Raises
    ------
    PresetNotFoundError
        If there is no such preset. The message suggests the nearest names.
    """
    path = exact_path(name) or like_path(name)
    if path is not None:
        return path
    called: dict[str, str] = {}
    for other, file in paths():
        called |= {other: other, title_in(file).casefold(): other}
    close = difflib.get_close_matches(name.casefold(), called, n=3)
    near = dict.fromkeys(called[text] for text in close)
    hint = f"did you mean {', '.join(near)}?" if near else "`astfx presets list` shows them"
    raise PresetNotFoundError(f"there is no preset {name!r}: {hint}")
