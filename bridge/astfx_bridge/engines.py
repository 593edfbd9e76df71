"""A clip through the engine that a job asks for: the whole at once, or block by block as live."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import astfx
from astfx.audio import AudioWriter, FileSource, Spool, Waveform
from astfx.errors import CancelledError

BLOCKWISE = ("stream", "live")
_JUST_BELOW_FULL_SCALE = 0.9999

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
    style : path, or what else `astfx.render_file` takes
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
    if engine in BLOCKWISE:
        _render_blocks(content, style, output, settings, engine, progress)
    else:
        astfx.render_file(content, style, output, settings, progress=progress)


def _render_blocks(
    content: str,
    style: Any,
    output: str,
    settings: astfx.Settings,
    engine: str,
    progress: Progress,
) -> None:
    source = FileSource(content, "content")
    effect = astfx.StyleTransfer(
        style,
        engine=engine,
        strength=settings.strength,
        mix=settings.mix,
        method=settings.method,
        seed=settings.seed,
    )
    spool, peak = Spool(source.channels, Path(output).parent), 0.0
    try:
        for block in _streamed(effect, source, progress):
            peak = max(peak, float(np.abs(block).max(initial=0.0)))
            spool.write(block)
        # Integer formats clip at full scale: keep the waveform whole, give up some level.
        scale = np.float32(_JUST_BELOW_FULL_SCALE / peak if peak > 1.0 else 1.0)
        with AudioWriter(output, source.sample_rate, source.channels) as writer:
            for block in spool.blocks():
                writer.write(block * scale)
    finally:
        spool.close()


def _streamed(
    effect: astfx.StyleTransfer, source: FileSource, progress: Progress
) -> Iterator[Waveform]:
    """The effect's output, as long as the source and in its place in time."""
    rate, given, taken = source.sample_rate, 0, 0
    expected = max(1.0, source.seconds * rate)
    for block in source.blocks(rate // 4):
        given += block.shape[1]
        output = effect(block, rate, reset=False)
        taken += output.shape[1]
        yield output
        if not progress(min(1.0, given / expected)):
            raise CancelledError("cancelled")
    silence = np.zeros((source.channels, effect.latency_samples_at(rate)), np.float32)
    yield effect(silence, rate, reset=False)[:, : given - taken]
    progress(1.0)
