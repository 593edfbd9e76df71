"""Process a stream of audio in pieces that overlap and crossfade into each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from astfx.audio import SlidingReader, Waveform


def in_pieces(
    blocks: Iterator[Waveform],
    channels: int,
    borders: Sequence[int],
    margin: int,
    work: Callable[[int, int, Waveform], Waveform],
) -> Iterator[Waveform]:
    """Yield what `work` makes of each piece, in (channels, n) blocks.

    Each piece is processed with a margin on both sides, and crossfades into the next in the middle
    of the margin. The crossfade is one of amplitudes, for work that keeps the phase.

    Parameters
    ----------
    blocks : iterator of (channels, n)
    channels : int
    borders : sequence of int, samples
        Where pieces begin and end: 0, ..., the length of the audio.
    margin : int, samples
        At least 2.
    work : callable
        ``work(index, start, piece)``, with the piece's number and first sample: (channels, n) ->
        an array of the same shape.
    """
    reader = SlidingReader(blocks, channels)
    half, n_samples = margin // 2, borders[-1]
    tail: Waveform | None = None
    count = len(borders) - 1
    for index in range(count):
        first, last = borders[index], borders[index + 1]
        start = max(0, first - margin)
        stop = min(n_samples, last + margin)
        done = work(index, start, reader.read(start, stop))
        begin = first - half if tail is not None else first
        end = last + half if index < count - 1 else last
        block = done[:, begin - start : end - start]
        if tail is not None:
            n = tail.shape[1]
            fade = (np.arange(n, dtype=np.float32) + np.float32(0.5)) / np.float32(n)
            block[:, :n] = tail * (1 - fade) + block[:, :n] * fade
        tail = None
        if index < count - 1:
            tail = block[:, -2 * half :].copy()
            block = block[:, : -2 * half]
        yield block
