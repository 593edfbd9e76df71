r"""Any sound as an effect: neural audio style transfer in about a second.

The map
-------
``transfer``          arrays in, array out
``transfer_file``     files in, file out, of any length and in bounded memory
``prepare_style``     prepare a style once for many renders, as ``StyleTargets``
``StyleTransfer``     the effect for blocks or whole clips, as a pedalboard plugin
``Pedalboard`` ``Chain`` ``Mix`` ``process``
                      pedalboard's containers, for native plugins and astfx effects
``render_file``       process a file of any length with a board, and keep its tail
``process_stream``    process a sound card's stream with a board, block by block
``Automation``        the value of a parameter over time
``Preset``            a named style: make, save, load, blend; ``presets`` finds them
``Settings``          all settings of a render, validated
``metrics``           how close a result is to its style, and what it keeps of its content

The path of the audio. Each stage is a package::

    audio -> frontends -> features -> methods (match) -> phase -> audio
             \_______________ engine, streaming _______________/

Importing astfx is quick: torch is loaded when the first of these names is used.
"""

from __future__ import annotations

import lazy_loader

from astfx.runtime.threads import limit_spinning

limit_spinning()

# __init__.pyi says which module defines each public name. Type checkers read it too.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
