"""Process a file of any length with a board: constant memory, aligned, with its tail."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pedalboard

from astfx.audio import (
    AudioWriter,
    FileSource,
    Source,
    Spool,
    SpoolSource,
    Waveform,
    check_output,
    check_target,
)
from astfx.audio.fitting import Fitting, check_peak
from astfx.effect.containers import Chain, Mix, Pedalboard
from astfx.effect.natives import NativeGroup
from astfx.effect.style_transfer import StyleTransfer
from astfx.errors import CancelledError, EffectTypeError, InvalidSettingError
from astfx.runtime.progress import Progress

BLOCK_SAMPLES = 1 << 16
QUIET = 10.0 ** (-90.0 / 20.0)
"""A tail ends where its peak stays below this (-90 dBFS) for a second."""


class _StageProgress:
    """Progress of stages that run one after the other, each over the whole file."""

    def __init__(self, progress: Progress | None, count: int, n_samples: int) -> None:
        self._progress, self._count, self._n_samples = progress, count, max(n_samples, 1)
        self._done = 0

    def report(self, n_samples: int) -> None:
        share = min(n_samples / self._n_samples, 1.0)
        if self._progress is not None and not self._keep_on((self._done + share) / self._count):
            raise CancelledError("the render was cancelled")

    def share(self, share: float) -> bool:
        return self._progress is None or self._keep_on((self._done + share) / self._count)

    def _keep_on(self, share: float) -> bool:
        assert self._progress is not None
        return self._progress(min(share, 1.0)) is not False

    def next(self) -> None:
        self._done += 1


class _FilePass:
    """Processing of one file by the stages of a board."""

    def __init__(self, folder: Path, stages: _StageProgress, tail_seconds: float) -> None:
        self._folder, self._stages, self._tail_seconds = folder, stages, tail_seconds
        self._stack = ExitStack()

    def __enter__(self) -> _FilePass:
        return self

    def __exit__(self, *problem: Any) -> None:
        self._stack.close()

    def _spooled(self, blocks: Iterator[Waveform], source: Source) -> SpoolSource:
        spool = Spool(source.channels, self._folder)
        self._stack.callback(spool.close)
        for block in blocks:
            spool.write(block)
        return SpoolSource(spool, source.sample_rate)

    def through(self, stage: object, source: Source) -> Source:
        """Process a whole source with a stage, and return the output as a source."""
        if isinstance(stage, Mix):
            outputs = [self.through(inner, source) for inner in stage._ready()]
            result = self._spooled(_summed(outputs, source), source)
        elif isinstance(stage, Chain):
            result = source  # type: ignore[assignment]
            for inner in stage._ready():
                result = self.through(inner, result)  # type: ignore[assignment]
            return result
        elif isinstance(stage, StyleTransfer) and stage.engine in ("auto", "render"):
            result = self._spooled(self._rendered(stage, source), source)
        else:
            result = self._spooled(self._streamed(stage, source), source)
        self._stages.next()
        return result

    def _rendered(self, effect: StyleTransfer, source: Source) -> Iterator[Waveform]:
        with effect.whole_file(source, self._folder, self._stages.share) as blocks:
            yield from blocks

    def _streamed(self, stage: object, source: Source) -> Iterator[Waveform]:
        """Yield a stage's output in blocks. Its latency is flushed, and its tail is kept."""
        rate, channels = source.sample_rate, source.channels
        if isinstance(stage, NativeGroup):
            stage.restart()
        else:
            stage.reset()  # type: ignore[attr-defined]

        def run(block: Waveform) -> Waveform:
            if isinstance(stage, NativeGroup):
                return stage.process(block, rate, BLOCK_SAMPLES, False)
            return stage._stream(block, rate, BLOCK_SAMPLES)  # type: ignore[attr-defined, no-any-return]

        n_in = n_out = 0
        for block in source.blocks(BLOCK_SAMPLES):
            output = run(np.ascontiguousarray(block, np.float32))
            n_in, n_out = n_in + block.shape[1], n_out + output.shape[1]
            self._stages.report(n_in)
            if output.shape[1]:
                yield output
        silence = np.zeros((channels, rate // 4), np.float32)
        quiet_for, most = 0, n_in + round(self._tail_seconds * rate)
        held: list[Waveform] = []
        while n_out < n_in or (quiet_for < 4 and n_out < most):
            output = run(silence)
            if n_out < n_in:  # the rest of the clip itself
                rest, output = output[:, : n_in - n_out], output[:, n_in - n_out :]
                n_out += rest.shape[1]
                yield rest
            output = output[:, : max(0, most - n_out)]
            if output.shape[1] == 0:
                continue
            n_out += output.shape[1]
            held.append(output)
            if np.abs(output).max() >= QUIET:
                yield from held
                held, quiet_for = [], 0
            else:
                quiet_for += 1


def _summed(outputs: list[Source], like: Source) -> Iterator[Waveform]:
    """Yield the sum of several sources in blocks, as long as the longest."""
    readers = [source.blocks(BLOCK_SAMPLES) for source in outputs]
    waiting = [np.zeros((like.channels, 0), np.float32) for _ in readers]
    while True:
        for index, reader in enumerate(readers):
            while waiting[index].shape[1] < BLOCK_SAMPLES:
                block = next(reader, None)
                if block is None:
                    break
                waiting[index] = np.concatenate([waiting[index], block], axis=1)
        n = min(BLOCK_SAMPLES, max((part.shape[1] for part in waiting), default=0))
        if n == 0:
            return
        total = np.zeros((like.channels, n), np.float32)
        for index, part in enumerate(waiting):
            total[:, : part.shape[1]] += part[:, :n]
            waiting[index] = part[:, n:]
        yield total


def _count(stage: object) -> int:
    if isinstance(stage, Mix):
        return sum(_count(inner) for inner in stage._ready()) + 1
    if isinstance(stage, Chain):
        return sum(_count(inner) for inner in stage._ready())
    return 1


def render_file(
    board: pedalboard.Plugin,
    source: str | os.PathLike[str] | FileSource,
    target: str | os.PathLike[str],
    *,
    float_samples: bool = False,
    peak: str = "limit",
    tail_seconds: float = 10.0,
    progress: Progress | None = None,
) -> None:
    """Process a file of any length with a board, in constant memory.

    The output is aligned with the input to the sample. It is as long as the input plus the tail
    of reverbs and delays. `StyleTransfer` with engine "auto" or "render" works on the whole file,
    segment by segment. Everything else works block by block.

    Parameters
    ----------
    board : effect
        An `astfx.Pedalboard`, or any other astfx effect or native plugin.
    source : path or FileSource
    target : path
        Its suffix sets the format: WAV, FLAC, AIFF or OGG. Samples have 24 bit where the format
        allows it.
    float_samples : bool
        Whether to write 32-bit float samples instead.
    peak : {"limit", "scale", "clip"}
        What is done with peaks above full scale, which integer samples cannot hold: limit them and
        keep the loudness, turn all of the result down, or clip. Float samples are not changed.
    tail_seconds : float, 0 to 600
        Longest tail that is kept.
    progress : callable, optional
        Called with the share of the work that is done, 0 to 1; returning False cancels.

    Raises
    ------
    AstfxError
        If the board, a file or a style cannot be used. Nothing is written then.
    CancelledError
        If `progress` returned False.
    """
    if not isinstance(board, pedalboard.Plugin):
        raise EffectTypeError(f"{board!r} is not an effect: pass a board or an effect")
    if not 0.0 <= tail_seconds <= 600.0:
        raise InvalidSettingError(
            f"tail_seconds={tail_seconds!r} must lie between 0 and 600 (seconds)"
        )
    check_peak(peak)
    whole: Any = board if isinstance(board, Chain) else Pedalboard([board])
    content = source if isinstance(source, FileSource) else FileSource(source, "source")
    output = Path(target)
    check_target(output, {"source": content.path})
    check_output(output, content.sample_rate, content.channels, float_samples=float_samples)
    n_samples = sum(block.shape[1] for block in content.blocks())
    stages = _StageProgress(progress, _count(whole) + 1, n_samples)
    with _FilePass(output.absolute().parent, stages, tail_seconds) as file_pass:
        result = file_pass.through(whole, content)
        form = (content.sample_rate, content.channels)
        way = None if float_samples else peak
        fitting = Fitting(lambda: result.blocks(BLOCK_SAMPLES), *form, way)
        length = sum(block.shape[1] for block in result.blocks(BLOCK_SAMPLES))
        with AudioWriter(output, *form, length, float_samples=float_samples) as writer:
            written = 0
            for block in fitting.blocks():
                writer.write(block)
                written += block.shape[1]
                stages.report(written)
