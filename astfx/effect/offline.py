"""The render engine inside an effect: whole clips and files, with automated controls."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from astfx.audio import ArraySource, SlidingReader, Source, Waveform
from astfx.effect.automation import Automation
from astfx.effect.controls import Controls
from astfx.engine.render import Render
from astfx.runtime.progress import Progress
from astfx.settings import Settings
from astfx.streaming.streamer import mixed, usable
from astfx.styles.style import Style


@contextmanager
def rendered(
    source: Source,
    controls: Controls,
    settings: Settings,
    folder: Path | None = None,
    progress: Progress | None = None,
) -> Iterator[Iterator[Waveform]]:
    """Render a whole source. A context manager, which gives an iterator over the output blocks.

    Parameters
    ----------
    source : Source
    controls : Controls
        They are reset before and after.
    settings : Settings
    folder : Path, optional
        Folder for temporary samples. By default they stay in memory.
    progress : callable, optional
        Called with the share of the work that is done, 0 to 1; returning False cancels.
    """
    controls.reset()
    strength = controls.strength.value
    if isinstance(strength, Automation):
        settings, curve = replace(settings, strength=1.0), strength
    else:
        settings, curve = replace(settings, strength=strength), None
    styles = controls.styles_used()
    with ExitStack() as stack:
        renders: dict[Style, Render] = {}
        for index, style in enumerate(styles):
            render = Render(
                source,
                style,
                settings,
                progress=_part(progress, index, len(styles)),
                spool_folder=folder,
                strength_curve=curve,
            )
            renders[style] = stack.enter_context(render)
        yield _blocks(source, renders, controls, settings.mix_law)
    controls.reset()


def _part(progress: Progress | None, index: int, count: int) -> Progress | None:
    if progress is None:
        return None
    return lambda share: progress((index + share) / count)


def _blocks(
    source: Source, renders: dict[Style, Render], controls: Controls, mix_law: str
) -> Iterator[Waveform]:
    """Yield the mix of dry and wet, aligned, in (channels, n) blocks."""
    readers = {
        style: SlidingReader(render.blocks(), source.channels) for style, render in renders.items()
    }
    for block in source.blocks():
        start, n = controls.position, block.shape[1]
        curves = controls.take(n, source.sample_rate)
        wet = np.zeros_like(block)
        for style, reader in readers.items():
            wet += reader.read(start, start + n) * curves.shares[style]
        yield mixed(block, wet, curves.wet, mix_law)


def rendered_clip(
    waveform: Waveform, sample_rate: int, controls: Controls, settings: Settings
) -> Waveform:
    """Render a clip, (channels, samples) -> (channels, samples)."""
    if controls.mix.value == 0.0 or controls.strength.value == 0.0:
        return waveform.copy()  # bit for bit, NaN included
    content = ArraySource(usable(waveform), sample_rate, "input_array")
    with rendered(content, controls, settings) as blocks:
        return np.concatenate(list(blocks), axis=1)
