"""Presets: styles with a name, kept and shared without their audio."""

from __future__ import annotations

from astfx.presets.library import (
    factory_folder,
    find,
    keep,
    names,
    paths,
    resolve,
    user_folder,
)
from astfx.presets.preset import Preset

__all__ = [
    "Preset",
    "factory_folder",
    "find",
    "keep",
    "names",
    "paths",
    "resolve",
    "user_folder",
]
