"""Convert the settings of an effect to JSON values and back."""

from __future__ import annotations

import base64
import hashlib
import os
import warnings
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import numpy as np

from astfx.effect.automation import Automation
from astfx.errors import EffectError, InvalidSettingError, PresetChangedWarning, PresetError
from astfx.presets import Preset, factory_folder, find
from astfx.presets.files import description_toml, packed, unpacked
from astfx.presets.folders import SUFFIXES, find_path
from astfx.presets.library import resolve
from astfx.styles.style import StyleLike
from astfx.styles.targets import StyleTargets


def written_style(style: StyleLike | None, name: str) -> Any:
    """A style as a JSON value: its path, its samples, or a preset (`written_preset`).

    Raises
    ------
    EffectError
        If it is a prepared style.
    """
    if isinstance(style, StyleTargets):
        raise EffectError(
            f"{name} is a prepared style, which a dict cannot hold: save it and pass a path"
        )
    if isinstance(style, np.ndarray):
        return {"samples": style.tolist()}
    if isinstance(style, Preset):
        return written_preset(style)
    if isinstance(style, str) and not style.endswith(SUFFIXES) and (preset := resolve(style)):
        return written_preset(preset, style)
    return None if style is None else os.fspath(style)


def written_preset(preset: Preset, name: str | None = None) -> Any:
    """A preset as a JSON value: its name and digest, and all of it unless it came with astfx.

    Parameters
    ----------
    preset : Preset
    name : str, optional
        The name by which it was found, if it was.
    """
    whole = {"preset": base64.b64encode(packed(preset)).decode()}
    with suppress(PresetError):
        path = find_path(name or preset.name)
        if name is not None or digest(Preset.load(path)) == digest(preset):
            named = {"name": name or preset.name, "sha256": digest(preset)}
            return named if path.parent == factory_folder() else {**named, **whole}
    return whole


def digest(preset: Preset) -> str:
    """SHA-256 of a preset's description, which names that of its tensors."""
    return hashlib.sha256(description_toml(preset).encode()).hexdigest()


def read_preset(value: Mapping[str, Any], name: str) -> Any:
    """Convert a value that `written_preset` returned back to a style.

    The name is returned where it still names the same preset. Where it does not, the preset in
    the value is returned. If there is none, the name is returned, with a warning.

    Raises
    ------
    InvalidSettingError
        If base64 is not valid.
    PresetError
        If a preset is damaged, or there is none of this name.
    """
    kept = None
    if "preset" in value:
        try:
            data = base64.b64decode(value["preset"], validate=True)
        except (TypeError, ValueError):
            raise InvalidSettingError(f"{name}: preset must be base64 of an .astfx file") from None
        kept = unpacked(data, f"{name}: its preset", Preset)
    if "name" not in value:
        return kept
    try:
        found = find(value["name"])
    except PresetError:
        if kept is None:
            raise
        return kept
    if digest(found) == value.get("sha256"):
        return value["name"]
    if kept is None:
        warnings.warn(
            f"{name}: the preset {value['name']!r} is not the one that was saved; it may sound "
            "different",
            PresetChangedWarning,
            stacklevel=2,
        )
        return value["name"]
    return kept


def written_number(value: float | Automation, name: str) -> Any:
    """A number or an automation as a JSON value.

    Raises
    ------
    EffectError
        If it is automated by a function.
    """
    if not isinstance(value, Automation):
        return value
    if value.breakpoints is None:
        raise EffectError(
            f"{name} is automated by a function, which a dict cannot hold: use breakpoints"
        )
    return {"breakpoints": [list(pair) for pair in value.breakpoints]}


def read_value(value: Any, name: str) -> Any:
    """Convert a JSON value back to a setting.

    Raises
    ------
    InvalidSettingError
        If samples are not numbers, or if breakpoints or base64 are not valid.
    PresetError
        If a preset is damaged.
    """
    if isinstance(value, list):
        return [read_value(item, name) for item in value]
    if isinstance(value, Mapping) and "samples" in value:
        try:
            return np.array(value["samples"], np.float32)
        except (TypeError, ValueError):
            raise InvalidSettingError(f"{name}: samples must be numbers") from None
    if isinstance(value, Mapping) and ("preset" in value or "name" in value):
        return read_preset(value, name)
    if isinstance(value, Mapping) and "breakpoints" in value:
        return Automation(value["breakpoints"])
    return value


def written_arguments(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Constructor arguments of a `StyleTransfer` as a dict for JSON."""
    found = dict(arguments)
    found["style"] = written_style(found["style"], "style")
    further = found["morph_to"]
    found["morph_to"] = (
        [written_style(style, "morph_to") for style in further]
        if isinstance(further, list)
        else written_style(further, "morph_to")
    )
    for name in ("strength", "mix", "morph"):
        value = found[name]
        found[name] = (
            [written_number(each, name) for each in value]
            if isinstance(value, list)
            else written_number(value, name)
        )
    return {"plugin": "astfx.StyleTransfer", **found}


def read_arguments(values: Mapping[str, Any]) -> dict[str, Any]:
    """Constructor arguments from what `written_arguments` returned.

    Raises
    ------
    InvalidSettingError
        If they describe another plugin.
    """
    given = dict(values)
    if given.pop("plugin", None) != "astfx.StyleTransfer":
        raise InvalidSettingError(f"plugin={values.get('plugin')!r} must be 'astfx.StyleTransfer'")
    return {name: read_value(value, name) for name, value in given.items()}
