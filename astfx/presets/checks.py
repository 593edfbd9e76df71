"""The settings that a preset may have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from astfx.errors import InvalidSettingError
from astfx.methods import find_method
from astfx.settings import DEFAULT_METHOD, TABLE, make_options


def check_settings(settings: Mapping[str, Any]) -> None:
    """Raise InvalidSettingError for a setting that presets do not have, or a value out of range."""
    allowed = [name for name, row in TABLE.items() if row.in_presets]
    for key, value in settings.items():
        if key not in allowed:
            raise InvalidSettingError(
                f"a preset has no setting {key!r}; it has {', '.join(allowed)}"
            )
        TABLE[key].check(value)
    options = settings.get("options", {})
    make_options(find_method(DEFAULT_METHOD).options, DEFAULT_METHOD, options)
