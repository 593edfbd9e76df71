"""Presets by name: find, resolve and keep them."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

from astfx.errors import AudioFileError, InvalidSettingError, PresetError
from astfx.presets.files import written_files
from astfx.presets.folders import (
    SUFFIX,
    SUFFIXES,
    exact_path,
    find_path,
    like_path,
    user_folder,
)
from astfx.presets.naming import check_title, folded, hashed_name, name_of
from astfx.presets.preset import Preset
from astfx.presets.titles import title_in


def find(name: str) -> Preset:
    """Load a preset by its name or its title.

    Case, spaces, hyphens and underscores are ignored.

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

    A preset can be named by its name, its title or its file. If a name is not exactly that of a
    preset, but a file of that name exists, then the file is meant and the result is None.

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
    if path.exists():
        return None
    if _may_be_a_name(style):
        return find(style)
    # A title may look like a path, as "AC/DC" or "Dr. Rain" does.
    called = None if style in ("", "-") else like_path(style)
    return None if called is None else Preset.load(called)


def called_like(path: str | os.PathLike[str]) -> str | None:
    """Return the name of the preset that a file is called like, as "rain" for "Rain.wav"."""
    found = like_path(Path(path).stem)
    return None if found is None else found.stem


def name_for(title: str) -> str:
    """Return the name under which a preset with a title is kept.

    It is `name_of` the title, unless letters were changed for it and a preset of that name has
    another title. Digits of the title's hash are added then.

    Raises
    ------
    PresetError
        If it cannot be a title.
    """
    name = name_of(title)
    path = exact_path(name)
    if path is None or folded(title) in (folded(name), folded(title_in(path))):
        return name
    return hashed_name(title, name)


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
    if not replace:
        check_free(preset)
    path = folder / f"{preset.name}{SUFFIX}"
    preset.save(path)
    return path


def check_free(preset: Preset) -> None:
    """Refuse a preset whose name one in the user's folder has.

    Raises
    ------
    PresetError
    """
    folder = user_folder()
    path = folder / f"{preset.name}{SUFFIX}"
    # A .toml preset of that name counts too, because the new file would hide it.
    taken = [p for p in (path, path.with_suffix(".toml")) if p.exists()]
    if taken:
        title = title_in(taken[0])
        called = (
            f" with the title {title!r}" if folded(title) not in ("", folded(preset.label)) else ""
        )
        raise PresetError(
            f"preset {preset.name!r} exists in '{folder}'{called}: choose another name or pass "
            "--replace (in Python replace=True)"
        )


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
    both = [path.with_suffix(SUFFIX), path.with_suffix(".toml")]
    return [file for kept in both for file in _delete(kept)]


def _delete(path: Path) -> list[Path]:
    """Delete the files of a preset that are there, and return them."""
    found = [file for file in reversed(written_files(path)) if file.is_file()]
    for file in found:
        try:
            file.unlink()
        except OSError as error:
            raise AudioFileError(f"'{file}' cannot be deleted ({error.strerror})") from None
    return found


def rename(name: str, new_name: str, *, replace: bool = False) -> Path:
    """Give a preset of the user's another name or title, and return its file.

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
    old = own_path(name)
    preset = Preset.load(old)
    title = check_title(new_name)
    if title == preset.label:
        raise PresetError(f"preset {title!r} has that name already")
    same = folded(title) in (folded(preset.name), folded(preset.title))
    name = preset.name if same else name_for(title)
    renamed = dataclasses.replace(preset, name=name, title="" if title == name else title)
    path = keep(renamed, replace=replace or same)
    if path != old:
        _delete(old)
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
