"""Where presets lie: the user's folder first, then the factory's."""

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
    """Where the user's presets are kept; ASTFX_PRESETS names another folder."""
    import platformdirs

    chosen = os.environ.get(FOLDER_VARIABLE)
    return Path(chosen) if chosen else Path(platformdirs.user_data_dir("astfx")) / "presets"


def factory_folder() -> Path:
    """Where the presets lie that come with astfx."""
    packaged = Path(str(files("astfx"))) / "preset_data"
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "presets"


def paths() -> Iterator[tuple[str, Path]]:
    """Every preset's name and file, the user's before the factory's, each name once."""
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
    """Names of all presets, sorted."""
    return sorted(name for name, _ in paths())


def exact_path(name: str) -> Path | None:
    """File of the preset of exactly that name, None if there is none."""
    if not NAME.fullmatch(name):
        return None
    candidates = (
        folder / f"{name}{suffix}"
        for folder in (user_folder(), factory_folder())
        for suffix in SUFFIXES
    )
    return next((path for path in candidates if path.is_file()), None)


def find_path(name: str) -> Path:
    """File of the preset of a name, without regard to case, spaces, hyphens and underscores.

    Raises
    ------
    PresetNotFoundError
        If there is none of that name; the message has the nearest.
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
    """A name as it is compared: "Door Bell" and "door-bell" are "doorbell"."""
    return re.sub(r"[\s_-]+", "", name.casefold())
