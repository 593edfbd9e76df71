"""Presets: named styles with statistics and settings, but no audio.

To list the names of presets loads neither torch nor a preset.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
