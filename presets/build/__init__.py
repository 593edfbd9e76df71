"""Build the factory presets: `python -m presets.build` (about two minutes).

The command writes NAME.toml and NAME.safetensors in presets/ for every sound of
`presets.synthesis`, or only for the sounds whose names are given. --into FOLDER writes to another
folder. Every run writes the same bytes.
"""

from __future__ import annotations

import argparse
import sys
import zlib
from dataclasses import replace
from pathlib import Path

from astfx.presets import Preset
from astfx.runtime.device import thread_count
from presets.synthesis import SOUNDS, make

FOLDER = Path(__file__).parents[1]
SAMPLE_RATE = 44_100
# Two parts of 1.4 seconds of each sound. With 80 frames, tonal presets get measurably worse.
MAX_FRAMES = 120
LARGEST_BYTES = 12_000_000  # of all presets in the wheel, whose files are deflated


def built(name: str) -> Preset:
    """Build the preset of a sound of the library."""
    sound = SOUNDS[name]
    with thread_count(1):
        preset = Preset.from_audio(
            make(name, SAMPLE_RATE),
            name=name,
            title=sound.title,
            sample_rate=SAMPLE_RATE,
            max_frames=MAX_FRAMES,
            author="astfx",
            licence="CC0-1.0",
            family=sound.family,
            tags=sound.tags,
            description=sound.description,
        )
    return replace(
        preset, provenance={"script": f"python -m presets.build {name}", **preset.provenance}
    )


def sizes(folder: Path) -> tuple[int, int, int]:
    """Number of presets in a folder, their bytes, and their bytes when they are deflated."""
    files = [path for path in folder.iterdir() if path.suffix in (".toml", ".safetensors")]
    data = [path.read_bytes() for path in files]
    return len(files) // 2, sum(map(len, data)), sum(len(zlib.compress(part)) for part in data)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--into", type=Path, default=FOLDER, metavar="FOLDER")
    arguments = parser.parse_args()
    if unknown := [name for name in arguments.names if name not in SOUNDS]:
        sys.exit(f"there is no sound {unknown[0]!r}: see presets.synthesis.SOUNDS")
    for name in arguments.names or SOUNDS:
        built(name).save(arguments.into / f"{name}.toml")
    count, installed, deflated = sizes(arguments.into)
    print(f"{count} presets, {installed / 1e6:.2f} MB, {deflated / 1e6:.2f} MB in the wheel")
    if deflated > LARGEST_BYTES:
        sys.exit(f"more than {LARGEST_BYTES / 1e6:g} MB in the wheel: lower MAX_FRAMES")
