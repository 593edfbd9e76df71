"""What a preset may be called, and which settings it may hold."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from astfx.errors import InvalidSettingError, PresetError
from astfx.methods import find_method
from astfx.settings import DEFAULT_METHOD, TABLE, make_options

NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")


def check_name(name: object) -> str:
    """Return a preset's name.

    Raises
    ------
    PresetError
        Unless it is one to 64 lower-case letters, digits and hyphens inside.
    """
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise PresetError(
            f"preset name {name!r} must be 1 to 64 lower-case letters and digits, with hyphens "
            "inside only"
        )
    return name


def name_of(title: str) -> str:
    """Return the preset name of a title: "Rain on tin" is "rain-on-tin".

    Raises
    ------
    PresetError
        If nothing of it is left, or it is too long.
    """
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    name = "-".join(re.findall("[a-z0-9]+", plain))
    if not name:
        raise PresetError(f"preset name {title!r} must hold a letter a to z or a digit")
    return check_name(name)


def check_settings(settings: Mapping[str, Any]) -> None:
    """Raise InvalidSettingError unless settings are those that a preset may hold."""
    allowed = [name for name, row in TABLE.items() if row.in_presets]
    for key, value in settings.items():
        if key not in allowed:
            raise InvalidSettingError(
                f"a preset has no setting {key!r}; it has {', '.join(allowed)}"
            )
        TABLE[key].check(value)
    options = settings.get("options", {})
    make_options(find_method(DEFAULT_METHOD).options, DEFAULT_METHOD, options)
