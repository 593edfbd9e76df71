"""What a preset may be called and may set."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from astfx.errors import InvalidSettingError, PresetError
from astfx.methods import find_method
from astfx.settings import Settings, make_options

NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")
_SETTINGS = ("strength", "mix", "quality", "engine", "options")


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
    for key in settings:
        if key not in _SETTINGS:
            raise InvalidSettingError(
                f"a preset has no setting {key!r}; it has {', '.join(_SETTINGS)}"
            )
    engine = settings.get("engine", "auto")
    if engine not in ("auto", "render", "stream", "live"):
        raise InvalidSettingError(f"engine={engine!r} must be one of auto, render, stream, live")
    checked = Settings(**{key: value for key, value in settings.items() if key != "engine"})
    make_options(find_method("gram").options, "gram", checked.options)
