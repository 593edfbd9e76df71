"""The titles of kept presets, read without loading the presets."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

METADATA_KEY = "astfx-preset"
"""Key of the description in the header of an ``.astfx`` file."""

_MOST_BYTES = 1 << 20


def title_in(path: Path) -> str:
    """Return the title that a preset's file holds, "" if it has none or is damaged."""
    try:
        if path.suffix == ".toml":
            text = path.read_text("utf-8")
        else:
            with path.open("rb") as file:
                size = min(int.from_bytes(file.read(8), "little"), _MOST_BYTES)
                text = json.loads(file.read(size))["__metadata__"][METADATA_KEY]
        title = tomllib.loads(text).get("title", "")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return ""
    return title if isinstance(title, str) else ""
