r"""Any sound as an effect: neural audio style transfer in about a second.

The map
-------
``transfer``          arrays in, array out
``render_file``       files in, file out, any length, bounded memory
``prepare_style``     compute a style's targets once; ``StyleTargets`` saves and loads them
``Settings``          everything that can be set, validated

The way of the audio, a module each::

    audio -> frontends -> features -> methods (match) -> phase -> audio
             \______________ stylist, render, api _________/

Importing astfx is quick: torch is loaded when the first of these names is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from astfx._threads import limit_spinning

if TYPE_CHECKING:
    from astfx import metrics as metrics
    from astfx.api import prepare_style as prepare_style
    from astfx.api import render_file as render_file
    from astfx.api import transfer as transfer
    from astfx.errors import AstfxError as AstfxError
    from astfx.errors import CancelledError as CancelledError
    from astfx.render import Report as Report
    from astfx.settings import Settings as Settings
    from astfx.targets import StyleTargets as StyleTargets

limit_spinning()

_HOMES = {
    "AstfxError": "astfx.errors",
    "CancelledError": "astfx.errors",
    "Report": "astfx.render",
    "Settings": "astfx.settings",
    "StyleTargets": "astfx.targets",
    "prepare_style": "astfx.api",
    "render_file": "astfx.api",
    "transfer": "astfx.api",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'astfx' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *__all__]
