"""Presets: named styles, kept and shared without their audio."""

from __future__ import annotations

from astfx.presets.folders import factory_folder, names, paths, user_folder
from astfx.presets.library import find, keep, resolve
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
