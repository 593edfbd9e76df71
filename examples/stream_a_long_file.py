"""Process a file of any length in blocks: constant memory, aligned with the input to the end.

    python stream_a_long_file.py [input.wav style.wav output.wav]

Without arguments it renders a synthesised melody as rain, in the folder `example`.
`astfx.render_file(board, input, output)` does all this in one call, and keeps tails too.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from pedalboard import HighpassFilter
from pedalboard.io import AudioFile

import astfx
from astfx.demo import write_example

BLOCK = 4096


def main(source: Path, style: Path, output: Path) -> None:
    effect = astfx.StyleTransfer(style, engine="stream", strength=0.8)
    board = astfx.Pedalboard([HighpassFilter(40.0), effect])
    with AudioFile(str(source)) as f:
        rate, channels, missing = f.samplerate, f.num_channels, f.frames
        with AudioFile(str(output), "w", rate, channels, bit_depth=24) as o:
            board.reset()  # once, then reset=False throughout
            while missing > 0:
                block = f.read(BLOCK)
                if block.shape[1] == 0:  # the end: silence flushes what is still inside
                    block = np.zeros((channels, BLOCK), np.float32)
                done = board.process(block, rate, reset=False)[:, :missing]
                o.write(done)
                missing -= done.shape[1]
    late_ms = 1000.0 * board.latency_samples_at(rate) / rate
    print(f"{output}: streamed in blocks of {BLOCK} samples, latency {late_ms:.0f} ms")


if __name__ == "__main__":
    if len(sys.argv) == 4:
        main(*map(Path, sys.argv[1:]))
    elif len(sys.argv) == 1:
        folder = Path("example")
        main(*write_example(folder), folder / "streamed.wav")
    else:
        sys.exit(__doc__)
