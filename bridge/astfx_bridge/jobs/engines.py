"""Render a clip with the engine that a job asks for: as a whole, or block by block."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import astfx
from astfx.streaming.engines import BLOCK_ENGINES

Progress = Callable[[float], bool]


def render(
    content: str,
    style: Any,
    output: str,
    settings: astfx.Settings,
    engine: str,
    progress: Progress,
) -> None:
    """Render a file to a file.

    Parameters
    ----------
    content : str
    style : path, or anything else that `astfx.transfer_file` takes
    output : str
    settings : Settings
        The engines that work block by block use only strength, mix, method and seed.
    engine : {"auto", "render", "stream", "live"}
        auto means render, because the whole clip is known.
    progress : callable
        Called with the fraction that is done. The render stops when it returns False.

    Raises
    ------
    AstfxError
        If the sounds cannot be read or rendered, or the render was stopped.
    """
    if engine not in BLOCK_ENGINES:
        astfx.transfer_file(content, style, output, settings, progress=progress)
        return
    effect = astfx.StyleTransfer(
        style,
        engine=engine,
        strength=settings.strength,
        mix=settings.mix,
        method=settings.method,
        seed=settings.seed,
    )
    astfx.render_file(effect, content, output, tail_seconds=0.0, progress=progress)
