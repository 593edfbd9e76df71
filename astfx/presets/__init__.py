"""Presets: named styles, kept and shared without their audio.

Listing their names loads neither torch nor a preset.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
