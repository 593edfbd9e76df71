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
``Preset``            a named style: make, save, load, blend; ``presets`` finds them
``Settings``          everything that can be set, validated
``metrics``           how close a result is to its style, and what it keeps of its content

The path of the audio, a package each::

    audio -> frontends -> features -> methods (match) -> phase -> audio
             \_______________ engine, streaming _______________/

Importing astfx is quick: torch is loaded when the first of these names is used.
"""

from __future__ import annotations

import lazy_loader

from astfx.runtime.threads import limit_spinning

limit_spinning()

# The names and their homes stand in __init__.pyi, which type checkers read too.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
