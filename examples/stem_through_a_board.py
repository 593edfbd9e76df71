"""Process a stem with a board of pedalboard's plugins and `StyleTransfer`.

    python stem_through_a_board.py [stem.wav style.wav output.wav]

Without arguments it renders a synthesised melody as rain, in the folder `example`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from pedalboard import Compressor, Reverb
from pedalboard.io import AudioFile

import astfx
from astfx.demo import write_example


def main(stem: Path, style: Path, output: Path) -> None:
    board = astfx.Pedalboard(
        [Compressor(), astfx.StyleTransfer(style, strength=0.7, mix=0.9), Reverb(wet_level=0.1)]
    )
    with AudioFile(str(stem)) as f:
        out = board(f.read(f.frames), f.samplerate)
        with AudioFile(str(output), "w", f.samplerate, f.num_channels, bit_depth=24) as o:
            o.write(out)
    print(f"{output}: {out.shape[1]} samples through {board}")


if __name__ == "__main__":
    if len(sys.argv) == 4:
        main(*map(Path, sys.argv[1:]))
    elif len(sys.argv) == 1:
        folder = Path("example")
        main(*write_example(folder), folder / "stem.wav")
    else:
        sys.exit(__doc__)
