"""The tables of the methods, and all of them on two pairs.

`python -m benchmarks.methods [SECTION ...]`, sections "table", "one-pass" and
"side-by-side" (all by default, some ten minutes on two cores). Names of methods after
"side-by-side" make only their rows anew. "table" writes docs/reference/methods.md and settings.md,
the others write docs/measured/methods.md.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

import astfx
from astfx.audio import resample
from astfx.methods import METHODS
from astfx.phase import PHASE_METHODS
from astfx.recipes import RECIPES
from astfx.report.comparison import compare
from astfx.report.page import Entry
from astfx.settings import Settings, table_of_settings
from benchmarks.common import (
    MEASURED,
    REFERENCE,
    ROOT,
    clip_path,
    need_audio,
    replace_rows,
    table,
    write_section,
)
from benchmarks.sound_pairs import PAIRS

PAGE = MEASURED / "methods.md"
REGISTRY = REFERENCE / "methods.md"
SETTINGS = REFERENCE / "settings.md"
OUTPUT = ROOT / "out" / "compare"
RATE = 22050
CHOSEN = (PAIRS[0], PAIRS[3])
BUDGET_SECONDS = 60.0
PASSES = 30
COLUMNS = {
    "random_banks_db": "random banks dB",
    "scattering_db": "scattering dB",
    "two_sample_accuracy": "C2ST",
    "cqt_gram_loss": "CQT net",
    "standard_bank_db": "standard bank dB",
    "chroma_cosine": "chroma",
    "onset_correlation": "onset",
    "mel_correlation": "mel",
    "mel_db_frechet": "mel-dB Frechet",
    "largest_copy": "copy",
    "musical_noise_per_second": "musical noise",
}


def registry_tables() -> dict[str, str]:
    """Return the tables of the registries, by section of the page."""
    columns = ("front_end", "features", "statistics", "optimiser", "needs", "source")
    methods = [
        [f"`{name}`", *(getattr(row, column) for column in columns)]
        for name, row in METHODS.items()
    ]
    phases = [
        [f"`{name}`", row.summary, row.n_iter, row.source] for name, row in PHASE_METHODS.items()
    ]
    recipes = [
        [f"`{name}`", row.number, row.document, f"`{row.settings['method']}`", row.stated]
        for name, row in RECIPES.items()
    ]
    return {
        "methods": table(["method", *(c.replace("_", " ") for c in columns)], methods),
        "phases": table(["`--phase`", "", "iterations", "source"], phases),
        "recipes": table(["`--recipe`", "number", "document", "method", "what it states"], recipes),
    }


def registry() -> None:
    write_section(SETTINGS, "settings", table_of_settings())
    for name, text in registry_tables().items():
        write_section(REGISTRY, name, text)


def side_by_side(chosen: Sequence[str] = ()) -> None:
    """Render and score all methods on both pairs, or only the rows of the methods named."""
    names = list(chosen or METHODS)
    timed = [name for name in names if METHODS[name].distil is None]
    # Training cannot end early.
    groups = {BUDGET_SECONDS: timed, None: [name for name in names if name not in timed]}
    for number, pair in enumerate(CHOSEN, start=1):
        entries: dict[str, Entry] = {}
        for budget_seconds, group in groups.items():
            if group:
                result = compare(
                    clip_path(pair.content),
                    clip_path(pair.style),
                    OUTPUT / str(number),
                    methods=group,
                    settings=Settings(budget_seconds=budget_seconds),
                )
                entries |= {entry.name: entry for entry in result.entries}
        rows = []
        for entry in entries.values():
            name = f"*{entry.name}*" if entry.is_anchor else f"`{entry.name}`"
            cells = [f"{entry.figures[key]:.4g}" for key in COLUMNS]
            speed = "" if entry.seconds is None else f"{entry.seconds:.1f}"
            factor = "" if entry.real_time_factor is None else f"{entry.real_time_factor:.2g}"
            rows.append([name, *cells, speed, factor])
        header = ["", *COLUMNS.values(), "s", "real-time factor"]
        section = f"side-by-side-{number}"
        text = f"**{pair.name}**\n\n" + table(header, rows)
        if chosen:
            replace_rows(PAGE, section, text)
        else:
            write_section(PAGE, section, text)
        print(text, flush=True)


def one_pass(i: int, sample_rate: int) -> tuple[float, float]:
    """Return the real-time factors of a complete `feed-forward` render: wall time and CPU time."""
    content, style = (resample(clip, RATE, sample_rate) for clip in CHOSEN[i].sounds())
    options = {"steps": 1, "phrases": 1, "teacher_iterations": 1}  # training does not change speed
    targets = astfx.prepare_style(
        style, sample_rate, settings=Settings(method="feed-forward", options=options)
    )
    times = []
    for _ in range(PASSES):
        began = time.perf_counter(), time.process_time()
        astfx.transfer(content, targets, sample_rate, method="feed-forward")
        times.append((time.perf_counter() - began[0], time.process_time() - began[1]))
    seconds = content.shape[1] / sample_rate
    wall, cpu = (min(column) / seconds for column in zip(*times, strict=True))
    return wall, cpu


def feed_forward_speed() -> None:
    rows = []
    for sample_rate in (22050, 44100):
        for i, pair in enumerate(CHOSEN):
            wall, cpu = one_pass(i, sample_rate)
            rows.append([pair.name, f"{sample_rate} Hz", f"{wall:.4f}", f"{cpu:.4f}"])
            print(rows[-1], flush=True)
    header = ["", "sample rate", "real-time factor", "CPU seconds for each second of audio"]
    write_section(PAGE, "one-pass", table(header, rows))


SECTIONS = {
    "table": registry,
    "one-pass": feed_forward_speed,
    "side-by-side": side_by_side,
}

if __name__ == "__main__":
    need_audio()
    asked = sys.argv[1:]
    single = [name for name in asked if name in METHODS]
    for name in [name for name in asked if name not in single] or SECTIONS:
        if name == "side-by-side":
            side_by_side(single)
        else:
            SECTIONS[name]()
