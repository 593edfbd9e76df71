"""The picture of the plugin's window: `python -m benchmarks.plugin_window`.

Writes docs/how-to/plugin-window.png. It needs what `astfx plugin build` needs, Xvfb and xdotool.
"""

from __future__ import annotations

from pathlib import Path

from astfx_bridge import plugins

from benchmarks.common import ROOT
from tests.bridge.plugin.conftest import music
from tests.bridge.plugin.screen import screen
from tests.bridge.plugin.windows import HEIGHT, WIDTH, ClapWindow, on_screen

PICTURE = ROOT / "docs" / "how-to" / "plugin-window.png"
RATE, BLOCK = 48_000, 1024
VALUES = {"Strength": 80.0, "Mix": 90.0, "Morph": 35.0, "Output gain": -1.5}


def main() -> None:
    bundles = plugins.build(ROOT / "build" / "plugin")[0].parents[1]
    draw(bundles / "clap" / "astfx" / "astfx.clap", PICTURE)


def draw(plugin: Path, picture: Path) -> None:
    """Open the window while the plugin plays, and save a picture of it."""
    with screen() as display:
        opened = on_screen(display, lambda: ClapWindow(plugin, display))
        try:
            for name, value in VALUES.items():
                opened.plugin.set(name, value)
            clip = 0.6 * music(RATE, 2, 1.5)
            for first in range(0, clip.shape[1] - BLOCK, BLOCK):
                opened.block(clip[:, first : first + BLOCK])
            for _ in range(20):
                opened.idle()
            display.picture().crop((0, 0, WIDTH, HEIGHT)).save(picture, optimize=True)
        finally:
            opened.close()


if __name__ == "__main__":
    main()
