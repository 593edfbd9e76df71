"""The pairs of sounds that docs/measured/sound.md is about, and where their sounds come from.

Settings and goals may be chosen on the tuned pairs only. The validation pairs show whether a choice
holds elsewhere. The test pairs are made of material that was not used before. They are rendered to
be reported, never to choose anything.
"""

from __future__ import annotations

import io
import tarfile
import zlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
import soundfile

from astfx.audio import Waveform, resample
from benchmarks.common import SHARED, load
from presets.build import SAMPLE_RATE as PRESET_RATE
from presets.synthesis import make

RATE = 22050
DIGITS = "digits/"
PRESET = "preset/"
_FOLDER = "grinstein/content_style/"

Part = Literal["tuned", "validation", "test"]


@dataclass(frozen=True, kw_only=True)
class Goal:
    """What the worst of five renders at the default settings should reach."""

    random_banks_db: float
    scattering_db: float
    onset_correlation: float
    mel_correlation: float


@dataclass(frozen=True)
class Pair:
    """A content and a style, each the name of a sound.

    A name is that of a recording in the folder `data`, or "preset/NAME", a synthesised sound of
    the factory library, or "digits/SPEAKER", digits that a speaker of FSDD says.
    """

    content: str
    style: str
    part: Part
    goal: Goal | None = None

    @property
    def name(self) -> str:
        return f"{short_name(self.content)} <- {short_name(self.style)}"

    def sounds(self) -> tuple[Waveform, Waveform]:
        return sound(self.content), sound(self.style)

    def published(self, method: str) -> Waveform | None:
        if not (self.content.startswith(_FOLDER) and self.style.startswith(_FOLDER)):
            return None
        file = "__".join(name.rsplit("/", 1)[-1] for name in (self.content, self.style))
        name = f"grinstein/published/{method}/{file}"
        if not (SHARED / "data" / f"{name}.mp3").exists():
            return None
        clip = load(name, RATE)
        return clip[:, : self.sounds()[0].shape[1]]


def short_name(name: str) -> str:
    last = name.rsplit("/", 1)[-1]
    if name.startswith(DIGITS):
        return f"digits by {last}"
    if name.startswith(PRESET):
        return f"preset {last}"
    known = {"woman_speaking_french": "woman", "man_speaking_english": "man"}
    return known.get(last, last)


@cache
def sound(name: str) -> Waveform:
    """Return a sound by its name, (1, samples) at `RATE`."""
    if name.startswith(DIGITS):
        return digits(SHARED / "data" / "fsdd" / "recordings.tar", name.removeprefix(DIGITS))
    if name.startswith(PRESET):
        clip = make(name.removeprefix(PRESET), PRESET_RATE)[None]
        return resample(clip, PRESET_RATE, RATE)
    return load(name, RATE)


def digits(archive: Path, speaker: str, seconds: float = 10.0) -> Waveform:
    """Join digits of a speaker of the Free Spoken Digit Dataset, (1, samples) at `RATE`.

    The digits, the recordings and the pauses of 50 to 250 ms are drawn from a seed that is derived
    from the speaker's name. A noise 60 dB below the speech fills the pauses, because a recording
    is never quite silent.
    """
    rng = np.random.default_rng(zlib.crc32(speaker.encode()))
    parts: list[Waveform] = []
    n_samples = round(seconds * RATE)
    with tarfile.open(archive) as file:
        while sum(part.shape[1] for part in parts) < n_samples:
            member = f"recordings/{rng.integers(10)}_{speaker}_{rng.integers(50)}.wav"
            stream = file.extractfile(member)
            assert stream is not None
            data, rate = soundfile.read(io.BytesIO(stream.read()), dtype="float32")
            pause = np.zeros((1, round(rng.uniform(0.05, 0.25) * RATE)), np.float32)
            parts += [resample(data[None], rate, RATE), pause]
    speech = np.concatenate(parts, axis=1)[:, :n_samples]
    level = float(np.sqrt(np.mean(np.square(speech))))
    return np.asarray(speech + 0.001 * level * rng.standard_normal(speech.shape), np.float32)


def _goal(banks_db: float, scattering_db: float, onset: float, mel: float) -> Goal:
    return Goal(
        random_banks_db=banks_db,
        scattering_db=scattering_db,
        onset_correlation=onset,
        mel_correlation=mel,
    )


# The order matters: other benchmarks name pairs by their place.
PAIRS = [
    Pair(
        _FOLDER + "pachelbel", _FOLDER + "cat_milk", "tuned",
        _goal(-21.3, -12.1, 0.92, 0.68),
    ),
    Pair(
        _FOLDER + "pachelbel", _FOLDER + "man_speaking_english", "tuned",
        _goal(-19.9, -12.6, 0.90, 0.65),
    ),
    Pair(
        _FOLDER + "woman_speaking_french", _FOLDER + "crickets", "tuned",
        _goal(-10.4, -13.5, 0.90, 0.55),
    ),
    Pair(
        _FOLDER + "woman_speaking_french", _FOLDER + "man_speaking_english", "validation",
        _goal(-19.4, -13.4, 0.95, 0.85),
    ),
    Pair(
        _FOLDER + "pachelbel", _FOLDER + "bongo-loop", "validation",
        _goal(-18.9, -14.5, 0.93, 0.62),
    ),
    Pair(_FOLDER + "pachelbel", _FOLDER + "applause", "tuned"),
]  # fmt: skip
CLASSIC = [
    Pair("classic/imperial", "classic/usa", "validation"),
    Pair("classic/gettysburg", "classic/fire", "validation"),
]
ALL = [*PAIRS, *CLASSIC]
SPEECH = [PAIRS[2], CLASSIC[1]]
TEST = [
    Pair(content, style, "test")
    for content, style in (
        ("digits/jackson", "preset/rain"),
        ("digits/theo", "preset/geiger-counter"),
        ("digits/nicolas", "digits/george"),
        ("digits/lucas", "preset/bubbles"),
        ("preset/bells", "preset/applause"),
        ("preset/choir", "preset/clockwork"),
        ("preset/harp", "preset/fire"),
        ("preset/hand-drums", "preset/surf"),
        (_FOLDER + "pachelbel", "preset/boiling"),
        ("preset/tanpura", "digits/yweweler"),
    )
]
