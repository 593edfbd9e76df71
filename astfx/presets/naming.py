"""The rules for the names of presets."""

from __future__ import annotations

import re
import unicodedata

from astfx.errors import PresetError

NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")


def check_name(name: object) -> str:
    """Return a preset's name if it is allowed.

    Raises
    ------
    PresetError
        Unless the name consists of 1 to 64 lower-case letters, digits and hyphens, and neither
        begins nor ends with a hyphen.
    """
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise PresetError(
            f"preset name {name!r} must be 1 to 64 lower-case letters and digits, with hyphens "
            "inside only"
        )
    return name


def name_of(title: str) -> str:
    """Return a preset name for a title: "Rain on tin" gives "rain-on-tin".

    Raises
    ------
    PresetError
        If the title contains no letter a to z and no digit, or is too long.
    """
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    name = "-".join(re.findall("[a-z0-9]+", plain))
    if not name:
        raise PresetError(f"preset name {title!r} must contain a letter a to z or a digit")
    return check_name(name)
