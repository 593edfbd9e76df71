"""Strength over time: a sound turns into another one, and halfway back.

    python automate_strength.py [input.wav style.wav output.wav]

Without arguments it turns a synthesised melody into rain, in the folder `example`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from pedalboard.io import AudioFile

import astfx
from astfx.demo import write_example


def main(source: Path, style: Path, output: Path) -> None:
    with AudioFile(str(source)) as f:
        audio, rate = f.read(f.frames), f.samplerate
    seconds = audio.shape[1] / rate
    effect = astfx.StyleTransfer(
        style,
        engine="live",
        # Dry for a quarter, full style at the middle, half of it at the end.
        strength=astfx.Automation([(seconds / 4, 0.0), (seconds / 2, 1.0), (seconds, 0.5)]),
        # A function of time: a slow tremolo between dry and wet.
        mix=astfx.Automation(lambda t: 0.85 + 0.15 * np.cos(2.0 * np.pi * t)),
    )
    out = effect(audio, rate)
    with AudioFile(str(output), "w", rate, len(out), bit_depth=24) as o:
        o.write(out)

    # Strength can also be set between blocks. Changes are ramped, so they do not click.
    effect.mix = 1.0
    effect.reset()
    for first in range(0, audio.shape[1], 1024):
        effect.strength = first / audio.shape[1]
        effect.process(audio[:, first : first + 1024], rate, reset=False)
    print(f"{output}: {effect}")


if __name__ == "__main__":
    if len(sys.argv) == 4:
        main(*map(Path, sys.argv[1:]))
    elif len(sys.argv) == 1:
        folder = Path("example")
        main(*write_example(folder), folder / "automated.wav")
    else:
        sys.exit(__doc__)
