"""Presets by name: find, resolve and keep them."""

from __future__ import annotations

import os
from pathlib import Path

from astfx.errors import AudioFileError, InvalidSettingError, PresetError, PresetNotFoundError
from astfx.presets.folders import (
    SUFFIX,
    SUFFIXES,
    exact_path,
    find_path,
    folded,
    names,
    user_folder,
)
from astfx.presets.preset import Preset


def find(name: str) -> Preset:
    """Load a preset by its name. Case, spaces, hyphens and underscores are ignored.

    Raises
    ------
    PresetError
        If the file is damaged.
    PresetNotFoundError
        If there is no such preset. The message suggests the nearest names.
    """
    return Preset.load(find_path(name))


def resolve(style: object) -> Preset | None:
    """Return the preset that a style is or names. Return None if the style is something else.

    A preset can be named by its name or by its file. If a name is not exactly that of a preset, but
    a file of that name exists, then the file is meant and the result is None.

    Raises
    ------
    PresetError
        If there is no such preset, or its file is damaged.
    PresetNotFoundError
        If a file does not exist, but there is a preset of that name without the suffix.
    """
    if isinstance(style, Preset):
        return style
    if not isinstance(style, str | os.PathLike):
        return None
    path = Path(style)
    if path.suffix in SUFFIXES:
        return Preset.load(path)
    if not isinstance(style, str):
        return None
    exact = exact_path(style)
    if exact is not None:
        return Preset.load(exact)
    if path.exists():
        return None
    if not _may_be_a_name(style):
        _suggest(path)
        return None
    return find(style)


def _suggest(missing: Path) -> None:
    """Raise an error for a missing file that is called like a preset, such as "rain.wav"."""
    wanted = folded(missing.stem)
    for name in names():
        if folded(name) == wanted:
            raise PresetNotFoundError(
                f"style file '{missing}' does not exist: the preset is called {name!r}"
            )


def check_has_audio(style: str | os.PathLike[str]) -> None:
    """Refuse a preset where a style's audio is needed, as for scores.

    Raises
    ------
    InvalidSettingError
        If the style is a preset's name or file.
    PresetNotFoundError
        If it looks like a preset's name, but there is no such preset, and no such file.
    """
    path = Path(style)
    is_preset = path.suffix in SUFFIXES
    if not is_preset and _may_be_a_name(os.fspath(style)) and not path.exists():
        find_path(os.fspath(style))
        is_preset = True
    if is_preset:
        raise InvalidSettingError(
            f"style={os.fspath(style)!r} is a preset, which has no audio to score against: name an "
            "audio file"
        )


def _may_be_a_name(text: str) -> bool:
    """Whether a text is more likely a preset's name than a path: it has no folder or suffix."""
    return text not in ("", "-") and text == Path(text).name and not Path(text).suffix


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
    # A .toml preset of that name counts too, because the new file would hide it.
    taken = [p for p in (path, path.with_suffix(".toml")) if p.exists()]
    if taken and not replace:
        raise PresetError(
            f"preset {preset.name!r} exists in '{folder}': choose another name or pass "
            "--replace (in Python replace=True)"
        )
    preset.save(path)
    return path
