"""The sounds that the documentation plays: `python -m benchmarks.players` (some ten minutes).

Writes Opus files of a few seconds into docs/_static/players, and the tables of docs/listen.md. All
of them are made of the project's own synthesised sounds. Names of presets render only those.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import soundfile

import astfx
from astfx.audio import Waveform
from astfx.audio.bitrates import compression_level
from astfx.presets import Preset, factory_folder
from astfx.runtime.files import written_aside
from benchmarks.common import DOCS, table, write_section
from presets.synthesis import SOUNDS, make
from presets.synthesis.contents import CONTENTS, make_content

PLAYERS = DOCS / "_static" / "players"
PAGE = DOCS / "listen.md"
RATE = 48_000
KBIT_PER_SECOND = 40.0
SHOWN = "melody"
SOUND_SECONDS, PAUSE_SECONDS, RENDER_SECONDS = 2.4, 0.3, 4.3
FADE_SECONDS = 0.05
PEAK, RMS = 0.5, 0.1

PAIRS = (
    ("speech", "rain"),
    ("speech", "bees"),
    ("melody", "choir"),
    ("melody", "glass"),
    ("beat", "fire"),
    ("beat", "steel-drum"),
)


def player(path: str, title: str) -> str:
    """Return a player of a sound in docs/_static/players, as HTML.

    A browser loads nothing of it before it is played.
    """
    return f'<audio controls preload="none" src="{path}" title="{title}"></audio>'


def faded(clip: Waveform, seconds: float) -> Waveform:
    """Cut a clip to a duration, with short fades at both ends and a common level."""
    cut = clip[:, : round(seconds * RATE)].astype(np.float32)
    ramp = np.minimum(1.0, np.arange(cut.shape[1]) / (FADE_SECONDS * RATE))
    level = RMS / float(np.sqrt(np.mean(cut**2)))
    level = min(level, PEAK / float(np.abs(cut).max()))
    return np.asarray(level * cut * ramp * ramp[::-1], np.float32)


def write(name: str, clip: Waveform) -> None:
    level = compression_level("OPUS", RATE, 1, KBIT_PER_SECOND)
    with written_aside(PLAYERS / f"{name}.ogg") as part:
        soundfile.write(part, clip.T, RATE, "OPUS", format="OGG", compression_level=level)


def content(name: str) -> Waveform:
    return np.asarray(make_content(name, RATE)[None], np.float32)


def style(name: str) -> Waveform:
    return np.asarray(make(name, RATE)[None], np.float32)


def rendered(content_name: str, preset_name: str, seconds: float) -> Waveform:
    preset = Preset.load(factory_folder() / f"{preset_name}.toml")
    return astfx.transfer(content(content_name)[:, : round(seconds * RATE)], preset, RATE)


def preset_player(name: str) -> None:
    """Write the player of a preset: its sound, a pause, and the melody rendered in its style."""
    pause = np.zeros((1, round(PAUSE_SECONDS * RATE)), np.float32)
    render = rendered(SHOWN, name, RENDER_SECONDS)
    parts = [faded(style(name), SOUND_SECONDS), pause, faded(render, RENDER_SECONDS)]
    write(name, np.concatenate(parts, axis=1))


def pair_players() -> str:
    """Write the players of the six pairs, and return their table."""
    seconds = 6.0
    for name in CONTENTS:
        write(f"content-{name}", faded(content(name), seconds))
    rows = []
    for content_name, style_name in PAIRS:
        write(f"style-{style_name}", faded(style(style_name), seconds))
        pair = f"{content_name}-in-{style_name}"
        write(pair, faded(rendered(content_name, style_name, seconds), seconds))
        title = SOUNDS[style_name].title
        rows.append(
            [
                player(f"_static/players/content-{content_name}.ogg", content_name)
                + f"<br>{content_name}",
                player(f"_static/players/style-{style_name}.ogg", title)
                + f"<br>{title} (`{style_name}`)",
                player(f"_static/players/{pair}.ogg", f"{content_name} in {title}"),
            ]
        )
    return table(["content", "style", "result"], rows)


def main() -> None:
    chosen = sys.argv[1:]
    if unknown := [name for name in chosen if name not in SOUNDS]:
        sys.exit(f"there is no sound {unknown[0]!r}: see presets.synthesis.SOUNDS")
    PLAYERS.mkdir(exist_ok=True)
    if not chosen:
        write_section(PAGE, "pairs", pair_players())
    for name in chosen or SOUNDS:
        preset_player(name)
        print(name, flush=True)
    files: list[Path] = sorted(PLAYERS.glob("*.ogg"))
    total = sum(path.stat().st_size for path in files)
    print(f"{PLAYERS}: {len(files)} players, {total / 1e6:.2f} MB; next: python3 dev.py docs")


if __name__ == "__main__":
    main()
