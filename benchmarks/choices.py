"""The effect of each design choice of the engine: `python -m benchmarks.choices` (3 minutes).

Writes the tables of docs/measured/engine.md.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

import astfx
from astfx.audio import ArraySource, Waveform
from astfx.engine.render import Render
from astfx.metrics import AnalysedSound, onset_correlation, panel, style_distance
from astfx.phase import PHASE_METHODS, PhaseProblem
from astfx.phase import seeded_pghi as seeded
from astfx.settings import Settings
from astfx.styles.style import Style
from benchmarks.common import MEASURED, load, need_audio, table, write_section

PAGE = MEASURED / "engine.md"
RATE = 22050
FOLDER = "grinstein/content_style"
DISTANCES = {"random_banks_db": "random banks dB", "scattering_db": "scattering dB"}
PAIRS = [
    ("pachelbel", "cat_milk"),
    ("pachelbel", "man_speaking_english"),
    ("woman_speaking_french", "crickets"),
    ("woman_speaking_french", "man_speaking_english"),
    ("pachelbel", "bongo-loop"),
    ("pachelbel", "applause"),
]
CHOICES: dict[str, dict[str, Any]] = {
    "as it is": {},
    "no bias": {"bias": 0.0},
    "no headroom": {"headroom": 1000.0},
    "neither": {"bias": 0.0, "headroom": 1000.0},
    "23 ms only": {"kernel_ms": (23.0,)},
    "23 and 255 ms": {"kernel_ms": (23.0, 255.0)},
    "255 ms only": {"kernel_ms": (255.0,)},
    "23, 93, 255 and 510 ms": {"kernel_ms": (23.0, 93.0, 255.0, 510.0)},
}


def pairs() -> Iterator[tuple[str, Waveform, Waveform]]:
    for content, style in PAIRS:
        name = f"{content.split('_')[0]} <- {style.replace('_', ' ')}"
        yield name, load(f"{FOLDER}/{content}", RATE), load(f"{FOLDER}/{style}", RATE)


def choices() -> str:
    """Measure style distance and onset correlation on every pair, changing one choice at a time."""
    rows: list[list[str]] = [["the content as it is"], *([name] for name in CHOICES)]
    header = ["", *(name for name, _, _ in pairs())]
    for _, content, style in pairs():
        rows[0].append(f"{style_distance(content, style, RATE):.1f} / 1.00")
        for row, options in zip(rows[1:], CHOICES.values(), strict=True):
            output = astfx.transfer(content, style, RATE, quality="draft", options=options)
            distance = style_distance(output, style, RATE)
            row.append(f"{distance:.1f} / {onset_correlation(output, content, RATE):.2f}")
    note = "Style distance in dB a mel band (lower is closer) / onset correlation with the content."
    return table(header, rows) + "\n" + note + "\n"


@contextmanager
def captured_problem() -> Iterator[list[PhaseProblem]]:
    """Collect the problems that renders pass to the default phase method."""
    found: list[PhaseProblem] = []
    row = PHASE_METHODS["pghi"]

    def reconstruct(problem: PhaseProblem) -> Tensor:
        found.append(problem)
        return row.reconstruct(problem)

    PHASE_METHODS["pghi"] = replace(row, reconstruct=reconstruct)
    try:
        yield found
    finally:
        PHASE_METHODS["pghi"] = row


def convergence_db(problem: PhaseProblem, spectrogram: Tensor) -> float:
    again = problem.stft.forward(problem.stft.inverse(spectrogram)).abs()
    error = (again - problem.magnitude).norm() / problem.magnitude.norm()
    return float(20 * torch.log10(error))


def seeds() -> str:
    """Measure consistency from PGHI alone, from the content's phase alone, and from both."""
    starts: dict[str, Callable[[], tuple[float, float]]] = {
        "PGHI": lambda: (-1.0, 0.0),
        "content's phase": lambda: (np.inf, 0.0),
        "seeded": lambda: (seeded_db, seeded_power),
    }
    seeded_db, seeded_power = seeded.SEED_WITHIN_DB, seeded.LEAST_SEEDED_POWER
    rows = []
    cases = [(name, content, style) for name, content, style in pairs()]
    cases.append(("pachelbel <- pachelbel", cases[0][1], cases[0][1]))
    for name, content, style in cases:
        with captured_problem() as problems:
            source, target = ArraySource(content, RATE, "c"), Style.of(style, RATE)
            with Render(source, target, Settings(quality="draft")):
                pass
        row = [name]
        for start in starts.values():
            seeded.SEED_WITHIN_DB, seeded.LEAST_SEEDED_POWER = start()
            with torch.no_grad():
                result = seeded.seeded_pghi(problems[0])
            row.append(f"{convergence_db(problems[0], result):.1f}")
        rows.append(row)
    return table(("pair", *starts), rows)


LONGER = [
    (("classic/imperial", "classic/usa"), "classic/fire"),
    (("classic/gettysburg", f"{FOLDER}/woman_speaking_french"), f"{FOLDER}/man_speaking_english"),
    ((f"{FOLDER}/pachelbel", "classic/imperial"), f"{FOLDER}/bongo-loop"),
    ((f"{FOLDER}/pachelbel", "classic/usa"), f"{FOLDER}/man_speaking_english"),
    ((f"{FOLDER}/woman_speaking_french", "classic/gettysburg"), f"{FOLDER}/crickets"),
    ((f"{FOLDER}/pachelbel",) * 3, f"{FOLDER}/cat_milk"),
    (("classic/imperial",) * 2, "classic/usa"),
    (("classic/gettysburg",) * 2, "classic/fire"),
    ((f"{FOLDER}/woman_speaking_french",) * 3, f"{FOLDER}/man_speaking_english"),
]


def segments() -> str:
    """Render joined clips in one segment and in the default segments, and compare the distances."""
    rows = []
    for names, style_name in LONGER:
        clips = [load(name, RATE) for name in names]
        content = np.concatenate([0.1 * clip / clip.std() for clip in clips], axis=1)
        style = load(style_name, RATE)
        before = style_distance(content, style, RATE)
        whole, cut = (
            astfx.transfer(content, style, RATE, segment_seconds=seconds)
            for seconds in (60.0, 10.0)
        )
        found = [style_distance(output, style, RATE) for output in (whole, cut)]
        analysed = AnalysedSound(style, RATE)
        panels = [panel(clip, analysed, RATE, figures=tuple(DISTANCES)) for clip in (whole, cut)]
        rows.append(
            [
                f"{' + '.join(name.split('/')[-1] for name in names)} <- "
                f"{style_name.split('/')[-1]}".replace("_", " "),
                f"{before:.1f}",
                *(f"{distance:.2f}" for distance in found),
                f"{abs(found[1] / found[0] - 1):.1%}",
                *(" / ".join(f"{one[name]:.1f}" for one in panels) for name in DISTANCES),
            ]
        )
    header = (
        "pair",
        "the content as it is",
        "one segment",
        "default",
        "they differ by",
        *(f"{label}: one segment / default" for label in DISTANCES.values()),
    )
    note = (
        "The first three columns of figures are the style distance in dB a mel band. The last two "
        "are distances of the panel.\n"
    )
    return table(header, rows) + "\n" + note


def main() -> None:
    need_audio()
    for name, section in {"choices": choices, "phase": seeds, "segments": segments}.items():
        if not sys.argv[1:] or name in sys.argv[1:]:
            text = section()
            print(text, flush=True)
            write_section(PAGE, name, text)


if __name__ == "__main__":
    main()
