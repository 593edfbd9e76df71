"""The pairs that docs/measured/sound.md is about."""

from __future__ import annotations

from dataclasses import dataclass

from astfx.audio import Waveform
from benchmarks.common import SHARED, load

RATE = 22050


@dataclass(frozen=True)
class Pair:
    """A content, a style, and the goal for the style distance in dB."""

    content: str
    style: str
    goal_db: float | None
    tuned: bool

    @property
    def name(self) -> str:
        short = self.content.rsplit("/", 1)[-1].replace("woman_speaking_french", "woman")
        style = self.style.rsplit("/", 1)[-1].replace("man_speaking_english", "man")
        return f"{short} <- {style}"

    def sounds(self) -> tuple[Waveform, Waveform]:
        return load(self.content, RATE), load(self.style, RATE)

    def published(self, method: str) -> Waveform | None:
        file = "__".join(name.rsplit("/", 1)[-1] for name in (self.content, self.style))
        name = f"grinstein/published/{method}/{file}"
        if not (SHARED / "data" / f"{name}.mp3").exists():
            return None
        clip = load(name, RATE)
        return clip[:, : self.sounds()[0].shape[1]]


_FOLDER = "grinstein/content_style/"
PAIRS = [
    Pair(_FOLDER + content, _FOLDER + style, goal, tuned)
    for content, style, goal, tuned in (
        ("pachelbel", "cat_milk", -20.0, True),
        ("pachelbel", "man_speaking_english", -18.0, True),
        ("woman_speaking_french", "crickets", -9.0, True),
        ("woman_speaking_french", "man_speaking_english", -20.0, False),
        ("pachelbel", "bongo-loop", -20.0, False),
        ("pachelbel", "applause", -1.0, True),
    )
]
CLASSIC = [
    Pair("classic/imperial", "classic/usa", None, False),
    Pair("classic/gettysburg", "classic/fire", None, False),
]
ALL = [*PAIRS, *CLASSIC]
SPEECH = [PAIRS[2], CLASSIC[1]]
