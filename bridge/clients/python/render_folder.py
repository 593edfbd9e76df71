"""Render every WAV of a folder in one style, through a running ``astfx serve``.

    python render_folder.py rain.wav 0.8 *.wav

The paths are the server's: relative to its root, or absolute and under it.
"""

import sys
from pathlib import PurePath

from astfx_bridge import Client


def main() -> None:
    """Render what the arguments name."""
    style, strength, *contents = sys.argv[1:]
    with Client() as astfx:
        for content in contents:
            output = str(PurePath(content).with_suffix(".astfx.wav"))
            result = astfx.render(content, output, style=style, strength=float(strength))
            print(f"{output}: {result.frames / result.sample_rate:.2f} s")


if __name__ == "__main__":
    main()
