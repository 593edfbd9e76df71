"""Every factory preset on three contents: `python -m benchmarks.presets` (about ten minutes).

Writes the tables of docs/measured/presets.md, the gallery of docs/reference/factory-presets.md
and its thumbnails in docs/reference/presets/. Names of presets audition only those, and print
their rows instead. `making` only times `astfx presets make`. `gallery NAME ...` only draws the
named presets, and writes the gallery.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
import soundfile

import astfx
from astfx.audio import Waveform, resample
from astfx.metrics import (
    AnalysedSound,
    mel_correlation,
    onset_correlation,
    panel,
    style_distance,
)
from astfx.presets import Preset, factory_folder
from astfx.report.plots import spectrogram_db
from astfx.runtime.files import written_aside
from benchmarks.common import MEASURED, REFERENCE, ROOT, table, timed, write_section
from benchmarks.players import SHOWN, player
from presets.build import SAMPLE_RATE
from presets.synthesis import FAMILIES, SOUNDS, make
from presets.synthesis.contents import CONTENTS, make_content

PAGE = MEASURED / "presets.md"
GALLERY = REFERENCE / "factory-presets.md"
THUMBNAILS = REFERENCE / "presets"
RATE = 22_050
LEAST_DB = 6.0
"""A preset must bring two of the three contents nearer by this much, by the random banks."""

DISTANCES = {
    "random_banks_db": "the random banks",
    "scattering_db": "the scattering",
    "style_distance": "the style distance",
}
SHORT = {"random_banks_db": "random banks (dB)", "scattering_db": "scattering (dB)"}

MOST_SECONDS = 2.0
STARTS = 7

HEIGHT, WIDTH, GAP = 96, 176, 6
COLOURS = 48


@dataclass(frozen=True, kw_only=True)
class Audition:
    """One content in one style: the distances of `DISTANCES` in dB, before and after the render."""

    before: Mapping[str, float]
    after: Mapping[str, float]
    onset: float
    mel: float
    output: Waveform

    def fall(self, name: str) -> float:
        return self.before[name] - self.after[name]


def distances(clip: Waveform, style: AnalysedSound) -> dict[str, float]:
    found = panel(clip, style, RATE, figures=tuple(SHORT))
    return {**found, "style_distance": style_distance(clip, style.mono, RATE)}


def audition(preset: Preset, style: AnalysedSound, content: Waveform) -> Audition:
    output = astfx.transfer(content, preset, RATE)
    return Audition(
        before=distances(content, style),
        after=distances(output, style),
        onset=onset_correlation(output, content, RATE),
        mel=mel_correlation(output, content, RATE),
        output=output,
    )


def audition_all(name: str) -> tuple[Waveform, dict[str, Audition]]:
    """Audition a preset on every content; also return the sound that it was made from."""
    preset = Preset.load(factory_folder() / f"{name}.toml")
    style = resample(make(name, SAMPLE_RATE)[None], SAMPLE_RATE, RATE)
    analysed = AnalysedSound(style, RATE)
    found = {
        key: audition(preset, analysed, make_content(key, RATE)[None].astype(np.float32))
        for key in CONTENTS
    }
    return style, found


def passes(found: Mapping[str, Audition]) -> bool:
    return sum(one.fall("random_banks_db") >= LEAST_DB for one in found.values()) >= 2


def row(name: str, found: Mapping[str, Audition]) -> list[str]:
    cells = [f"`{name}`"]
    for one in found.values():
        cells += [f"{one.before[name]:.1f} → {one.after[name]:.1f}" for name in SHORT]
        cells.append(f"{one.onset:.2f} / {one.mel:.2f}")
    return cells


def making() -> str:
    """Time the whole command from a cold start, compared with `import torch` alone."""
    with TemporaryDirectory() as folder:
        clip = make("rain", SAMPLE_RATE)
        soundfile.write(f"{folder}/rain.wav", clip, SAMPLE_RATE)

        def seconds(*arguments: str) -> float:
            command = [sys.executable, *arguments]
            own = {**os.environ, "ASTFX_PRESETS": folder}
            return timed(lambda: subprocess.run(command, cwd=ROOT, env=own, check=True))[0]

        command = ("presets", "make", f"{folder}/rain.wav", "--name", "Rain", "--replace")
        pairs = [
            (seconds("-m", "astfx.cli.main", *command), seconds("-c", "import torch"))
            for _ in range(STARTS)
        ]
    mine, bare = (min(column) for column in zip(*pairs, strict=True))
    print(f"making: {mine:.2f} s (asked for: {MOST_SECONDS:g}), importing torch {bare:.2f} s")
    return (
        f"`astfx presets make` with {len(clip) / SAMPLE_RATE:g} seconds at "
        f"{SAMPLE_RATE / 1e3:g} kHz takes {mine / bare:.2f} times as long as "
        f'`python -c "import torch"`, from start to end of the program ({os.cpu_count()} cores, '
        f"the best of {STARTS} starts of each)."
    )


def header() -> list[str]:
    columns = ["preset"]
    for key in CONTENTS:
        columns += [f"{key}: {label}" for label in SHORT.values()]
        columns.append(f"{key}: onset / mel kept")
    return columns


def small(waveform: Waveform) -> npt.NDArray[np.float64]:
    """Return a spectrogram as (HEIGHT, WIDTH) from 0 to 1, with low frequencies at the bottom."""
    _, level = spectrogram_db(waveform[:, : 6 * RATE], RATE, RATE / 2)
    rows = np.array_split(level, HEIGHT, axis=0)
    shrunk = np.stack([part.max(axis=0) for part in rows])
    shrunk = np.stack([part.mean(axis=1) for part in np.array_split(shrunk, WIDTH, axis=1)], axis=1)
    return np.asarray(np.flipud(np.clip(shrunk / 70.0 + 1.0, 0.0, 1.0)))


def draw(path: Path, style: Waveform, output: Waveform) -> None:
    from matplotlib import colormaps
    from PIL import Image

    between = np.ones((HEIGHT, GAP, 4))
    halves = [colormaps["magma"](small(clip)) for clip in (style, output)]
    pixels = np.concatenate([halves[0], between, halves[1]], axis=1)[..., :3]
    image = Image.fromarray(np.round(pixels * 255.0).astype(np.uint8))
    with written_aside(path) as part:
        image.quantize(COLOURS, dither=Image.Dither.NONE).save(part, format="PNG", optimize=True)


def picture(name: str) -> tuple[Waveform, Waveform]:
    """Return the sound of a preset, and the content that pictures show in its style."""
    preset = Preset.load(factory_folder() / f"{name}.toml")
    style = resample(make(name, SAMPLE_RATE)[None], SAMPLE_RATE, RATE)
    content = make_content(SHOWN, RATE)[None].astype(np.float32)
    return style, astfx.transfer(content, preset, RATE)


def gallery() -> str:
    lines = []
    for family, sounds in FAMILIES.items():
        lines += [f"## {family[0].upper()}{family[1:]}", ""]
        for sound in sounds:
            lines += [
                f"**`{sound.name}`** · {', '.join(sound.tags)}<br>",
                f"{sound.description}",
                "",
                f"![{sound.title}, and the {SHOWN} in it](presets/{sound.name}.png)",
                "",
                player(f"../_static/players/{sound.name}.ogg", sound.title),
                "",
            ]
    return "\n".join(lines)


def summary(found: Mapping[str, Mapping[str, Audition]]) -> str:
    failing = [name for name, own in found.items() if not passes(own)]
    lines = []
    for name, label in DISTANCES.items():
        falls = np.array([[one.fall(name) for one in own.values()] for own in found.values()])
        medians = ", ".join(
            f"{value:.1f} dB on the {key}"
            for key, value in zip(CONTENTS, np.median(falls, axis=0), strict=True)
        )
        count = int(((falls >= LEAST_DB).sum(axis=1) >= 2).sum())
        lines.append(
            f"By {label}, renders come nearer to the style by {medians} (medians). They come "
            f"nearer by {LEAST_DB:g} dB or more on two of the three contents for {count} of "
            f"{len(found)} presets."
        )
    if failing:
        lines.append(f"By the random banks, they come less near for {', '.join(failing)}.")
    return "\n".join(lines)


def main() -> None:
    chosen = sys.argv[1:]
    if chosen[:1] == ["gallery"]:
        for name in chosen[1:]:
            draw(THUMBNAILS / f"{name}.png", *picture(name))
        write_section(GALLERY, "gallery", gallery())
        return
    if chosen in ([], ["making"]):
        write_section(PAGE, "making", making())
    if chosen == ["making"]:
        return
    found = {}
    if not chosen:
        THUMBNAILS.mkdir(exist_ok=True)
    for name in chosen or SOUNDS:
        style, own = audition_all(name)
        found[name] = own
        falls = ", ".join("/".join(f"{one.fall(d):.1f}" for d in DISTANCES) for one in own.values())
        print(f"{name}: nearer by {falls} dB{'' if passes(own) else ' - TOO LITTLE'}", flush=True)
        if not chosen:
            draw(THUMBNAILS / f"{name}.png", style, own[SHOWN].output)
    rows = table(header(), [row(name, own) for name, own in found.items()])
    if chosen:
        print(rows)
        return
    write_section(PAGE, "auditions", f"{summary(found)}\n\n{rows}")
    write_section(GALLERY, "gallery", gallery())
    total = sum(path.stat().st_size for path in THUMBNAILS.glob("*.png"))
    print(f"{PAGE}, {GALLERY}: {len(found)} presets, thumbnails of {total / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
