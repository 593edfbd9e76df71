"""The folders of presets: the user's presets, and those that come with astfx."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from astfx.errors import PresetNotFoundError
from astfx.presets.naming import NAME

FOLDER_VARIABLE = "ASTFX_PRESETS"
SUFFIX = ".astfx"
SUFFIXES = (SUFFIX, ".toml")


def user_folder() -> Path:
    """Return the folder of the user's presets; ASTFX_PRESETS overrides it."""
    import platformdirs

    chosen = os.environ.get(FOLDER_VARIABLE)
    return Path(chosen) if chosen else Path(platformdirs.user_data_dir("astfx")) / "presets"


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


def find_path(name: str) -> Path:
    """Return the file of a preset. Case, spaces, hyphens and underscores in the name are ignored.

    Raises
    ------
    PresetNotFoundError
        If there is no such preset. The message suggests the nearest names.
    """
    path = exact_path(name)
    if path is not None:
        return path
    known = dict(paths())
    wanted = folded(name)
    for other, path in known.items():
        if wanted and folded(other) == wanted:
            return path
    near = difflib.get_close_matches(name.casefold(), known, n=3)
    hint = f"did you mean {', '.join(near)}?" if near else "`astfx presets list` shows them"
    raise PresetNotFoundError(f"there is no preset {name!r}: {hint}")


def folded(name: str) -> str:
    """Return a name in the form that is compared: "Door Bell" and "door-bell" give "doorbell"."""
    return re.sub(r"[\s_-]+", "", name.casefold())
