r"""Any sound as an effect: neural audio style transfer in about a second.

The map
-------
``transfer``          arrays in, array out
``transfer_file``     files in, file out, any length, bounded memory
``prepare_style``     compute a style's targets once; ``StyleTargets`` saves and loads them
``StyleTransfer``     the effect: blocks or whole clips, as a pedalboard plugin
``Pedalboard`` ``Chain`` ``Mix`` ``process``
                      pedalboard's containers, for native plugins and ours
``render_file``       a file through a board, any length, aligned, with its tail
``Automation``        a parameter over time
``Preset``            a style with a name: make, save, load, blend; ``presets`` finds them
``Settings``          everything that can be set, validated

The way of the audio, a module each::

    audio -> frontends -> features -> methods (match) -> phase -> audio
             \_________ matching, stylist, render, api ____/

Importing astfx is quick: torch is loaded when the first of these names is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from astfx.runtime.threads import limit_spinning

if TYPE_CHECKING:
    from astfx import metrics as metrics
    from astfx import presets as presets
    from astfx.api import prepare_style as prepare_style
    from astfx.api import transfer as transfer
    from astfx.api import transfer_file as transfer_file
    from astfx.effect.automation import Automation as Automation
    from astfx.effect.containers import Chain as Chain
    from astfx.effect.containers import Mix as Mix
    from astfx.effect.containers import Pedalboard as Pedalboard
    from astfx.effect.containers import process as process
    from astfx.effect.files import render_file as render_file
    from astfx.effect.style_transfer import StyleTransfer as StyleTransfer
    from astfx.engine.render import Report as Report
    from astfx.errors import AstfxError as AstfxError
    from astfx.errors import CancelledError as CancelledError
    from astfx.presets.preset import Preset as Preset
    from astfx.settings import Settings as Settings
    from astfx.styles.targets import StyleTargets as StyleTargets

limit_spinning()

_HOMES = {
    "AstfxError": "astfx.errors",
    "CancelledError": "astfx.errors",
    "Automation": "astfx.effect.automation",
    "Chain": "astfx.effect.containers",
    "Mix": "astfx.effect.containers",
    "Pedalboard": "astfx.effect.containers",
    "Preset": "astfx.presets.preset",
    "Report": "astfx.engine.render",
    "Settings": "astfx.settings",
    "StyleTargets": "astfx.styles.targets",
    "StyleTransfer": "astfx.effect.style_transfer",
    "prepare_style": "astfx.api",
    "process": "astfx.effect.containers",
    "render_file": "astfx.effect.files",
    "transfer": "astfx.api",
    "transfer_file": "astfx.api",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'astfx' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *__all__]
