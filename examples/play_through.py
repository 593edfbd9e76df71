"""Play through a board: what comes in at this machine's input goes out styled at its output.

    python play_through.py [style [seconds]]

The style is the name of a preset (rain by default) or a sound file. Without a number of seconds it
runs until Ctrl-C. It needs sounddevice: pip install "astfx[play]". Wear headphones, or the
loudspeaker feeds the microphone.
"""

from __future__ import annotations

import itertools
import sys

import sounddevice
from pedalboard import HighpassFilter, Limiter

import astfx

BLOCK = 256


def main(style: str, seconds: float) -> None:
    board = astfx.Pedalboard(
        [HighpassFilter(60.0), astfx.StyleTransfer(style, engine="live"), Limiter()]
    )
    with sounddevice.Stream(blocksize=BLOCK, channels=2, dtype="float32") as stream:
        blocks = itertools.count(1)
        enough = seconds * stream.samplerate / BLOCK
        report = astfx.process_stream(
            stream, stream, board, block_size=BLOCK, stop=lambda: next(blocks) >= enough
        )
        late_ms = 1000.0 * report.latency_samples / stream.samplerate
    print(
        f"{report.seconds:.1f} seconds as {style}: {late_ms:.0f} ms latency, "
        f"{report.load:.0%} of the time used, {report.late_blocks} late blocks, "
        f"{report.overflows + report.underflows} gaps"
    )


if __name__ == "__main__":
    if len(sys.argv) > 3:
        sys.exit(__doc__)
    chosen = sys.argv[1] if len(sys.argv) > 1 else "rain"
    main(chosen, float(sys.argv[2]) if len(sys.argv) > 2 else float("inf"))
