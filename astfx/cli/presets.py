"""The command `astfx presets`. Each module that is imported here adds some of its commands."""

from __future__ import annotations

from astfx.cli import preset_lists, preset_making, preset_sharing
from astfx.cli.preset_app import app, complete

__all__ = ["app", "complete", "preset_lists", "preset_making", "preset_sharing"]
