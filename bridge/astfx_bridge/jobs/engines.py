"""A clip through the engine that a job asks for: the whole at once, or block by block as live."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import astfx

BLOCKWISE = ("stream", "live")

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
    style : path, or what else `astfx.transfer_file` takes
    output : str
    settings : Settings
        The block engines heed strength, mix, method and seed.
    engine : {"auto", "render", "stream", "live"}
        auto is render: a clip is whole.
    progress : callable
        Called with the share done; False cancels.

    Raises
    ------
    AstfxError
    """
    if engine not in BLOCKWISE:
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
