"""What a preset may be called."""

from __future__ import annotations

import re
import unicodedata

from astfx.errors import PresetError

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
