"""Presets by name: find, resolve and keep them."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

from astfx.errors import AudioFileError, InvalidSettingError, PresetError
from astfx.presets.folders import (
    SUFFIX,
    SUFFIXES,
    exact_path,
    find_path,
    folded,
    names,
    user_folder,
)
from astfx.presets.naming import check_name
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
    if not _may_be_a_name(style) or path.exists():
        return None
    return find(style)


def called_like(path: str | os.PathLike[str]) -> str | None:
    """Return the name of the preset that a file is called like, as "rain" for "Rain.wav"."""
    wanted = folded(Path(path).stem)
    return next((name for name in names() if folded(name) == wanted), None)


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


def remove(name: str) -> list[Path]:
    """Delete a preset from the user's folder, and return the files that were deleted.

    Raises
    ------
    PresetNotFoundError
        If there is no such preset.
    PresetError
        If the preset came with astfx.
    AudioFileError
        If a file cannot be deleted.
    """
    path = own_path(name)
    pair = path.with_suffix(".toml")
    candidates = [path.with_suffix(SUFFIX), pair, pair.with_suffix(".safetensors")]
    found = [file for file in candidates if file.is_file()]
    for file in found:
        try:
            file.unlink()
        except OSError as error:
            raise AudioFileError(f"'{file}' cannot be deleted ({error.strerror})") from None
    return found


def rename(name: str, new_name: str, *, replace: bool = False) -> Path:
    """Give a preset of the user's another name, and return its file.

    Raises
    ------
    PresetNotFoundError
        If there is no such preset.
    PresetError
        If the preset came with astfx, the new name is not allowed, or one of that name is there
        and `replace` is false.
    AudioFileError
        If a file cannot be written or deleted.
    """
    preset = Preset.load(own_path(name))
    if new_name == preset.name:
        raise PresetError(f"preset {new_name!r} has that name already")
    path = keep(dataclasses.replace(preset, name=check_name(new_name)), replace=replace)
    remove(preset.name)
    return path


def own_path(name: str) -> Path:
    """Return the file of a preset in the user's folder.

    Raises
    ------
    PresetNotFoundError
        If there is no such preset.
    PresetError
        If the preset came with astfx.
    """
    path = find_path(name)
    if path.parent != user_folder():
        raise PresetError(
            f"preset {path.stem!r} came with astfx: only your own presets can be removed or renamed"
        )
    return path
