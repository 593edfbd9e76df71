"""The rules for the names and titles of presets.

A title is any text that a person types, and is shown to people. A name is made of it for files,
which must be safe on every system: lower-case letters a to z, digits and hyphens.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata

from astfx.errors import PresetError

RESERVED = "con|prn|aux|nul|com[0-9]|lpt[0-9]"  # Windows keeps these for devices
NAME = re.compile(rf"(?!(?:{RESERVED})\Z)[a-z0-9](?:[a-z0-9-]{{0,62}}[a-z0-9])?")
LONGEST_NAME = 64
LONGEST_TITLE = 200
_HASH_DIGITS = 8
# Letters that Unicode does not take apart into a letter a to z and a mark.
_LETTERS = str.maketrans(
    {"æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "ł": "l", "þ": "th"}
)


def check_name(name: object) -> str:
    """Return a preset's name if it is allowed.

    Raises
    ------
    PresetError
        Unless the name consists of 1 to 64 lower-case letters, digits and hyphens, neither begins
        nor ends with a hyphen, and is not reserved on Windows.
    """
    if isinstance(name, str) and re.fullmatch(RESERVED, name):
        raise PresetError(f"preset name {name!r} is reserved on Windows: choose another")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise PresetError(
            f"preset name {name!r} must be 1 to 64 lower-case letters and digits, with hyphens "
            "inside only"
        )
    return name


def check_title(title: object) -> str:
    """Return a preset's title in Unicode's composed form, without spaces around it.

    Raises
    ------
    PresetError
        Unless it is one line of 1 to 200 printable characters, with a letter, digit or symbol.
    """
    text = unicodedata.normalize("NFC", title).strip() if isinstance(title, str) else ""
    telling = any(unicodedata.category(character)[0] in "LNS" for character in text)
    # A joiner is not printable by itself, but joins emoji and letters into one.
    plain = text.replace("\u200d", "").replace("\u200c", "")
    if not telling or len(text) > LONGEST_TITLE or not plain.isprintable():
        raise PresetError(
            f"preset title {title!r} must be one line of 1 to {LONGEST_TITLE} characters, with a "
            "letter, digit or symbol"
        )
    return text


def folded(text: str) -> str:
    """Return a name or title in the form that is compared.

    Case, spaces, hyphens, underscores and the ways in which Unicode can write a letter do not
    matter: "Door Bell" and "door-bell" give "doorbell", and "Straße" gives "strasse".
    """
    compatible = unicodedata.normalize("NFKC", text).casefold()
    return re.sub(r"[\s_-]+", "", unicodedata.normalize("NFKC", compatible))


def name_of(title: str) -> str:
    """Return the name for a title: "Rain on tin" gives "rain-on-tin".

    Accents are left out, as are punctuation marks. If a letter or symbol cannot be written with a
    to z, or the name would be too long, eight digits of the title's hash are added, so that other
    titles have other names: "雨" gives "preset-124d6058".

    Raises
    ------
    PresetError
        If it cannot be a title (`check_title`).
    """
    apart = unicodedata.normalize("NFKD", check_title(title).casefold()).translate(_LETTERS)
    letters = "".join(c for c in apart if not unicodedata.combining(c))
    name = "-".join(re.findall("[a-z0-9]+", letters))
    lost = any(ord(c) > 127 and unicodedata.category(c)[0] in "LMNS" for c in letters)
    if lost or not name or len(name) > LONGEST_NAME:
        return hashed_name(title, name or "preset")
    return f"{name}-preset" if re.fullmatch(RESERVED, name) else name


def hashed_name(title: str, name: str) -> str:
    """Return a name with eight digits of the hash of a title, which another title does not have."""
    digits = hashlib.sha256(folded(title).encode()).hexdigest()[:_HASH_DIGITS]
    return f"{name[: LONGEST_NAME - _HASH_DIGITS - 1].rstrip('-')}-{digits}"
