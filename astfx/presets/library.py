"""Where presets lie: the user's folder first, then the factory's."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from astfx.errors import AudioFileError, PresetError, PresetNotFoundError
from astfx.presets.checks import NAME, check_name
from astfx.presets.files import SUFFIX
from astfx.presets.preset import Preset

FOLDER_VARIABLE = "ASTFX_PRESETS"


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
                path.suffix in (SUFFIX, ".toml")
                and NAME.fullmatch(path.stem)
                and path.stem not in seen
                and path.is_file()
            ):
                seen.add(path.stem)
                yield path.stem, path


def names() -> list[str]:
    """Names of all presets, sorted."""
    return sorted(name for name, _ in paths())


def find(name: str) -> Preset:
    """Load a preset by its name.

    Raises
    ------
    PresetError
        If it is no preset name, or the file is damaged.
    PresetNotFoundError
        If there is none of that name; the message has the nearest.
    """
    check_name(name)
    for folder in (user_folder(), factory_folder()):
        for suffix in (SUFFIX, ".toml"):
            path = folder / f"{name}{suffix}"
            if path.is_file():
                return Preset.load(path)
    near = difflib.get_close_matches(name, names(), n=3)
    hint = f"did you mean {', '.join(near)}?" if near else "`astfx presets list` shows them"
    raise PresetNotFoundError(f"there is no preset {name!r}: {hint}")


def resolve(style: object) -> Preset | None:
    """The preset that a style names: itself, a plain name, or a preset's file; None if none.

    A name that no preset has is left to be a file, if there is such a file.

    Raises
    ------
    PresetError
        If there is no such preset, or its file is damaged.
    """
    if isinstance(style, Preset):
        return style
    if not isinstance(style, str | os.PathLike):
        return None
    path = Path(style)
    if path.suffix in (SUFFIX, ".toml"):
        return Preset.load(path)
    if isinstance(style, str) and NAME.fullmatch(style):
        try:
            return find(style)
        except PresetNotFoundError:
            if not path.is_file():
                raise
    return None


def keep(preset: Preset, *, replace: bool = False) -> Path:
    """Save a preset in the user's folder.

    Raises
    ------
    PresetError
        If one of that name is there and `replace` is false.
    AudioFileError
        If the folder cannot be written.
    """
    folder = user_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AudioFileError(f"folder '{folder}' cannot be made ({error.strerror})") from None
    path = folder / f"{preset.name}{SUFFIX}"
    # A pair of that name counts too: the new file would stand before it.
    taken = [p for p in (path, path.with_suffix(".toml")) if p.exists()]
    if taken and not replace:
        raise PresetError(
            f"preset {preset.name!r} exists in '{folder}': choose another name or pass "
            "--replace (in Python replace=True)"
        )
    preset.save(path)
    return path
