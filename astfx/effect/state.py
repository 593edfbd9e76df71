"""What an effect is set to, as a dict that JSON can hold, and back."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np

from astfx.effect.automation import Automation
from astfx.errors import EffectError, EffectTypeError, InvalidSettingError
from astfx.targets import StyleTargets

T = TypeVar("T")

_STYLES = ("style", "morph_to")
_NUMBERS = ("strength", "mix", "morph")


def written(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Constructor arguments of a `StyleTransfer`, ready for JSON.

    Raises
    ------
    EffectError
        If a style is prepared targets, or an automation is a function.
    """
    found = dict(arguments)
    for name in _STYLES:
        found[name] = _written_style(found[name], name)
    for name in _NUMBERS:
        found[name] = _written_number(found[name], name)
    return {"plugin": "astfx.StyleTransfer", **found}


def made(cls: type[T], values: Mapping[str, Any]) -> T:
    """Make an effect from what `written` gave.

    Raises
    ------
    InvalidSettingError
        If it is for another plugin, or is not what `written` gives.
    """
    given = dict(values)
    if given.pop("plugin", None) != "astfx.StyleTransfer":
        raise InvalidSettingError(f"plugin={values.get('plugin')!r} must be 'astfx.StyleTransfer'")
    for name in _STYLES:
        if isinstance(given.get(name), Mapping):
            given[name] = _array(given[name], name)
    for name in _NUMBERS:
        if isinstance(given.get(name), Mapping):
            given[name] = Automation(given[name].get("breakpoints", ()))
    try:
        return cls(**given)
    except EffectTypeError:
        raise
    except TypeError as error:
        raise InvalidSettingError(f"values do not make a {cls.__name__} ({error})") from None


def _array(value: Mapping[str, Any], name: str) -> Any:
    try:
        return np.array(value["samples"], np.float32)
    except (KeyError, TypeError, ValueError):
        raise InvalidSettingError(f"{name} must be a path, or a dict of its samples") from None


def _written_style(style: Any, name: str) -> Any:
    if isinstance(style, StyleTargets):
        raise EffectError(
            f"{name} is a prepared style, which a dict cannot hold: save it and pass a path"
        )
    if isinstance(style, np.ndarray):
        return {"samples": style.tolist()}
    return None if style is None else os.fspath(style)


def _written_number(value: float | Automation, name: str) -> Any:
    if not isinstance(value, Automation):
        return value
    if value.breakpoints is None:
        raise EffectError(
            f"{name} is automated by a function, which a dict cannot hold: use breakpoints"
        )
    return {"breakpoints": [list(pair) for pair in value.breakpoints]}
