"""The sound of renders in figures: `python -m benchmarks.sound` (about forty minutes).

Renders and scores everything on docs/measured/sound.md, and draws its pictures. Names of sections
run only those. `--pair NAME` (more than once if wanted) measures only these pairs; the tables are
then printed, and the page and its pictures stay as they are. `landed` is not part of the page: it
keeps the figures of the present default in benchmarks/landed.json, as those to compare with.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

import astfx
from astfx import metrics
from astfx.audio import Waveform
from astfx.engine import texture_rounds
from astfx.methods import METHODS
from benchmarks.common import (
    MEASURED,
    ROOT,
    load,
    need_audio,
    table,
    with_quiet_ends,
    write_section,
)
from benchmarks.sound_pairs import ALL, PAIRS, RATE, SPEECH, TEST, Goal, Pair
from benchmarks.sound_plots import draw_frontier, draw_strength

PAGE = MEASURED / "sound.md"
LANDED = Path(__file__).parent / "landed.json"
STEPS = np.linspace(0.0, 1.0, 11)
FIGURES = {
    "random_banks_db": "random banks dB",
    "scattering_db": "scattering dB",
    "sliced_wasserstein": "Wasserstein",
    "two_sample_accuracy": "C2ST",
    "cqt_gram_loss": "CQT net",
    "standard_bank_db": "standard bank dB (optimised)",
    "onset_correlation": "onset",
    "mel_correlation": "mel",
    "chroma_cosine": "chroma",
    "onset_f1": "onset F1",
}
FORMATS = ("{:.1f}", "{:.1f}", "{:.2f}", "{:.2f}", "{:.3f}", "{:.1f}", *["{:.2f}"] * 4)
DISTANCES = ("random_banks_db", "scattering_db")
KEPT = ("onset_correlation", "mel_correlation")
WATCHED = (*DISTANCES, *KEPT, "chroma_cosine")
PUBLISHED = ("mcdermott", "shallow", "soundnet", "vgg")
GAINS = (1.0 + 1e-6, 1.0 + 1e-4, 1.0 - 1e-3)
BUDGETS = (0.2, 0.4, 0.6, 0.8, 1.0)
LEVEL = 0.001  # a smaller rise does not count
KEPT_RANGE = (0.4, 0.95)
GRAM_GOAL, GRAM_GOAL_PAIRS = 0.05, 5


ABLATION: dict[str, dict[str, Any]] = {
    "the default": {},
    "`draft`: kernel render alone": {"quality": "draft"},
    "`best`": {"quality": "best"},
    "no contour term": {"options": {"contour_weight": 0.0}},
    "no onset term": {"options": {"onset_weight": 0.0}},
    "neither": {"options": {"contour_weight": 0.0, "onset_weight": 0.0}},
    "20 kernel iterations": {"iterations": 20},
    "no bias": {"options": {"bias": 0.0}},
    "no headroom": {"options": {"headroom": 1000.0}},
    "23 and 255 ms kernels": {"options": {"kernel_ms": (23.0, 255.0)}},
    "255 ms kernel only": {"options": {"kernel_ms": (255.0,)}},
    "23 ms kernel only": {"options": {"kernel_ms": (23.0,)}},
}
EVEN_ROUNDS = (9, 13)
FEWER_ROUNDS = (33, 25, 19, 14, 10, 7, 4)
COPIES: dict[str, dict[str, Any]] = {
    "the default": {},
    "strength 0.5": {"strength": 0.5},
    "`draft`": {"quality": "draft"},
    "phase from random": {"phase": "fast-griffin-lim"},
    "`monge`: gains of 64 bands alone": {"method": "monge"},
}

Scores = dict[str, float]
_only: set[str] = set()


def among(pairs: Sequence[Pair]) -> list[Pair]:
    """Return the pairs that were asked for by `--pair`, or all of them."""
    return [pair for pair in pairs if not _only or pair.name in _only]


@cache
def analysed_style(pair: Pair) -> metrics.AnalysedSound:
    return metrics.AnalysedSound(pair.sounds()[1], RATE)


@cache
def content_wasserstein(pair: Pair) -> float:
    found = metrics.panel(
        pair.sounds()[0], analysed_style(pair), RATE, figures=("sliced_wasserstein",)
    )
    return found["sliced_wasserstein"]


def scored(output: Waveform, pair: Pair, figures: Sequence[str] = tuple(FIGURES)) -> Scores:
    """Score an output; its Wasserstein distance is a share of the content's."""
    content, _ = pair.sounds()
    found = metrics.score(output, content, analysed_style(pair), RATE, figures=figures)
    if "sliced_wasserstein" in found:
        found["sliced_wasserstein"] /= content_wasserstein(pair)
    return found


def floor(pair: Pair) -> Scores:
    """Score one half of the style against the other; the content's figures have no meaning."""
    whole = analysed_style(pair).mono
    half = whole.size // 2
    found = metrics.score(whole[half:], whole[half:], whole[:half], RATE, figures=tuple(FIGURES))
    found["sliced_wasserstein"] /= content_wasserstein(pair)
    return {name: float("nan") if name in KEPT_FIGURES else found[name] for name in FIGURES}


KEPT_FIGURES = ("onset_correlation", "mel_correlation", "chroma_cosine", "onset_f1")


def render(pair: Pair, **settings: Any) -> Waveform:
    content, style = pair.sounds()
    return astfx.transfer(content, style, RATE, **settings)


@cache
def rendered(pair: Pair, quality: str) -> tuple[float, Waveform]:
    """Return the real-time factor and the output of a pair at a quality."""
    began = time.perf_counter()
    output = render(pair, quality=quality)
    return (time.perf_counter() - began) / (output.shape[1] / RATE), output


@cache
def measured(pair: Pair, quality: str) -> Scores:
    return scored(rendered(pair, quality)[1], pair)


def streamed(pair: Pair, engine: str) -> Scores:
    """Return the scores of a streaming engine."""
    content, style = pair.sounds()
    effect = astfx.StyleTransfer(style, style_sample_rate=RATE, engine=engine)
    return scored(with_quiet_ends(effect(content, RATE), RATE), pair)


def cells(scores: Scores) -> list[str]:
    return [
        "-" if np.isnan(scores[name]) else form.format(scores[name])
        for name, form in zip(FIGURES, FORMATS, strict=True)
    ]


def rows_of(pair: Pair, qualities: Sequence[str]) -> list[list[object]]:
    """Return the rows of a pair: content, floor, published results, our qualities."""
    content = scored(pair.sounds()[0], pair)
    rows: list[list[object]] = [
        [f"**{pair.name}** ({pair.part})", "content as it is", *cells(content)],
        ["", "half of the style", *cells(floor(pair))],
    ]
    for method in PUBLISHED:
        audio = pair.published(method)
        if audio is not None:
            rows.append(["", f"published {method}", *cells(scored(audio, pair))])
    for quality in qualities:
        rows.append(["", f"**astfx, {quality}**", *cells(measured(pair, quality))])
    return rows


HEADER = ("pair", "", *FIGURES.values())


def pairs() -> str:
    rows: list[list[object]] = []
    for pair in among(ALL):
        rows += rows_of(pair, ("draft", "standard", "best"))
        for engine in ("stream", "live"):
            rows.append(["", f"**astfx, engine {engine}**", *cells(streamed(pair, engine))])
    return table(HEADER, rows)


def test() -> str:
    rows: list[list[object]] = []
    for pair in among(TEST):
        rows += rows_of(pair, ("draft", "standard", "best"))
    return table(HEADER, rows)


@cache
def draws(pair: Pair) -> list[Scores]:
    """Score the default render of a pair, also with one thread and at inaudibly different gains.

    Such a change may lead the optimiser to another result, and the goals must be met by all of
    them.
    """
    content, style = pair.sounds()
    found = [measured(pair, "standard"), scored(render(pair, threads=1), pair, WATCHED)]
    for gain in GAINS:
        output = astfx.transfer(content * np.float32(gain), style, RATE)
        found.append(scored(output, pair, WATCHED))
    return found


def landed() -> dict[str, Scores]:
    """Return the figures of the default that `python -m benchmarks.sound landed` kept."""
    found: dict[str, Scores] = json.loads(LANDED.read_text())
    return found


def keep_landed() -> str:
    found = {pair.name: measured(pair, "standard") for pair in ALL}
    write_landed(found)
    return f"{LANDED}: {len(found)} pairs\n"


def write_landed(found: dict[str, Scores]) -> None:
    kept = {
        name: {figure: float(f"{value:.6g}") for figure, value in scores.items()}
        for name, scores in found.items()
    }
    LANDED.write_text(json.dumps(kept, indent=2) + "\n")


GOALS = {
    "random_banks_db": ("random banks", "{:.1f} dB"),
    "scattering_db": ("scattering", "{:.1f} dB"),
    "onset_correlation": ("onset", "{:.2f}"),
    "mel_correlation": ("mel", "{:.2f}"),
}


def goals() -> str:
    """Tabulate what the worst of five renders reaches, and what the goals were set by."""
    rows: list[list[object]] = []
    origins: list[list[object]] = []
    n_met = n_goals = 0
    for pair in among(PAIRS):
        if pair.goal is None:
            continue
        row: list[object] = [pair.name]
        for name, (_, form) in GOALS.items():
            goal = goal_of(pair.goal, name)
            values = [scores[name] for scores in draws(pair)]
            worst = max(values) if name in DISTANCES else min(values)
            missed = worst - goal if name in DISTANCES else goal - worst
            n_goals += 1
            n_met += missed <= 0.0
            by = form.format(missed) if name in DISTANCES else f"{missed:.3f}"
            verdict = "met" if missed <= 0.0 else f"**missed by {by}**"
            row.append(f"{form.format(worst)} (goal {form.format(goal)}): {verdict}")
        rows.append(row)
        origin: list[object] = [pair.name]
        for method in ("mcdermott", "shallow"):
            audio = pair.published(method)
            origin.append("-" if audio is None else both(scored(audio, pair, DISTANCES)))
        origins.append([*origin, both(landed()[pair.name]), both(vars(pair.goal))])
    header = ("worst of five renders", *(label for label, _ in GOALS.values()))
    columns = ("random banks / scattering, dB", "published McDermott", "published Shallow")
    return (
        table(header, rows)
        + f"\n{n_met} of {n_goals} goals are met.\n\n"
        + table((*columns, "landed default", "goal"), origins)
    )


def goal_of(goal: Goal, name: str) -> float:
    return float(getattr(goal, name))


def both(scores: dict[str, Any]) -> str:
    return " / ".join(f"{scores[name]:.1f}" for name in DISTANCES)


def gram() -> str:
    """Tabulate the held-out Gram loss of the audio, as a share of the content's."""
    rows: list[list[object]] = []
    n_met = 0
    for pair in among(PAIRS):
        content, style = pair.sounds()
        before = metrics.gram_loss(content, style, RATE)
        outputs = [pair.published(method) for method in ("mcdermott", "shallow")]
        outputs += [rendered(pair, quality)[1] for quality in ("draft", "standard")]
        shares = [
            float("nan") if clip is None else metrics.gram_loss(clip, style, RATE) / before
            for clip in outputs
        ]
        is_met = shares[-1] <= GRAM_GOAL
        n_met += is_met
        shown = ["-" if np.isnan(share) else f"{share:.3f}" for share in shares]
        rows.append([pair.name, *shown, "met" if is_met else "**missed**"])
    header = ("share of the content's Gram loss", "published McDermott", "published Shallow")
    note = (
        f"The default is at most at {GRAM_GOAL:g} on {n_met} of {len(rows)} pairs "
        f"(goal: {GRAM_GOAL_PAIRS} of {len(PAIRS)}).\n"
    )
    return table((*header, "`draft`", "the default", f"goal {GRAM_GOAL:g}"), rows) + "\n" + note


@cache
def sweep(pair: Pair) -> list[Scores]:
    """Score a pair at all strengths of `STEPS`; strength 0 is the content."""
    return [scored(render(pair, strength=float(s)), pair, WATCHED) for s in STEPS]


@cache
def points(pair: Pair) -> dict[str, Scores]:
    """Score the published results of a pair, by method, and add the landed default."""
    audio = {method: pair.published(method) for method in PUBLISHED}
    found = {
        f"published {method}": scored(clip, pair, WATCHED)
        for method, clip in audio.items()
        if clip is not None
    }
    return {**found, "landed default": landed()[pair.name]}


def margin_db(curve: Sequence[Scores], point: Scores, distance: str, kept: str) -> float:
    """Return how far below a point the curve comes where it keeps as much of the content.

    Between two strengths the curve is interpolated. Below 0 dB, the point is nearer to the style.
    """
    fine = np.linspace(STEPS[0], STEPS[-1], 10 * (len(STEPS) - 1) + 1)
    similar, apart = (
        np.interp(fine, STEPS, [scores[name] for scores in curve]) for name in (kept, distance)
    )
    enough = similar >= point[kept]
    return float(point[distance] - apart[enough].min()) if enough.any() else float("-inf")


def frontier() -> str:
    """Compare the default over strengths with every published result and the landed default."""
    chosen = among(ALL)
    curves = {pair.name: sweep(pair) for pair in chosen}
    beside = {pair.name: points(pair) for pair in chosen}
    draw_frontier(picture("frontier.png"), STEPS, curves, beside, DISTANCES, KEPT, FIGURES)
    rows: list[list[object]] = []
    for pair in chosen:
        row: list[object] = [pair.name]
        for distance in DISTANCES:
            for kept in KEPT:
                found = {
                    name: margin_db(curves[pair.name], scores, distance, kept)
                    for name, scores in beside[pair.name].items()
                    if KEPT_RANGE[0] <= scores[kept] <= KEPT_RANGE[1]
                }
                if not found:
                    row.append("no point there")
                    continue
                hardest = min(found, key=lambda name: found[name])
                text = f"{found[hardest]:.1f} dB ({hardest})"
                row.append(text if found[hardest] >= 0.0 else f"**{text}**")
        rows.append(row)
    header = [f"{FIGURES[d]} over {FIGURES[k]}" for d in DISTANCES for k in KEPT]
    return table(("smallest margin", *header), rows)


def picture(name: str) -> Path:
    """Return where a picture belongs: beside the page, or in out/ if only some pairs are shown."""
    folder = ROOT / "out" if _only else MEASURED
    folder.mkdir(exist_ok=True)
    return folder / name


def strength() -> str:
    """Draw the figures over all strengths; tabulate the largest step in the wrong direction."""
    named = {pair.name: sweep(pair) for pair in among(ALL)}
    labels = [FIGURES[name] for name in WATCHED]
    draw_strength(picture("strength.png"), STEPS, named, WATCHED, labels)
    rows: list[list[object]] = []
    for name, found in named.items():
        row: list[object] = [name]
        for figure in WATCHED:
            worst = float(np.diff([scores[figure] for scores in found]).max())
            row.append("falls" if worst < LEVEL else f"rises by {worst:.3f}")
        rows.append(row)
    return table(("over ten steps", *labels), rows)


def ablation() -> str:
    rows = []

    def measure(name: str, **settings: Any) -> None:
        found = [scored(render(pair, **settings), pair) for pair in among(PAIRS)]
        mean = {figure: float(np.mean([scores[figure] for scores in found])) for figure in FIGURES}
        rows.append([name, *cells(mean)])

    for name, settings in ABLATION.items():
        measure(name, **settings)
    gram = METHODS["gram"]
    n_rounds = len(gram.texture_rounds["standard"])
    others = {f"{n} iterations in every round": (n,) * n_rounds for n in EVEN_ROUNDS}
    for name, rounds in others.items():
        with patch.dict(METHODS, gram=replace(gram, texture_rounds={"standard": rounds})):
            measure(name)
    fewer = replace(gram, texture_rounds={"standard": FEWER_ROUNDS})
    # Half as many rounds after the match, as there are half as many rounds.
    with patch.dict(METHODS, gram=fewer), patch.object(texture_rounds, "ROUNDS_PER_MATCH", 3):
        measure(f"{len(FEWER_ROUNDS)} rounds, as many iterations in all")
    with patch.object(texture_rounds, "MOST_LEVEL_CHANGE", 1.0):
        measure("rounds begin with the levels that they find")
    return table(("", *FIGURES.values()), rows)


def speech() -> str:
    rows = []
    for pair in among(SPEECH):
        content, _ = pair.sounds()
        output = render(pair, strength=0.5)
        names = ("random_banks_db", "estoi")
        before, after = scored(content, pair, names), scored(output, pair, names)
        fall = before["random_banks_db"] - after["random_banks_db"]
        rows.append([pair.name, f"{after['estoi']:.2f}", f"{fall:.1f} dB"])
    return table(("pair", "ESTOI at strength 0.5", "random banks fall by"), rows)


def pitch() -> str:
    """Compare renders with and without `keep_pitch`."""
    names = ("pitch_agreement", "chroma_cosine", *DISTANCES)
    rows: list[list[object]] = []
    for pair in among(PAIRS):
        without, kept = (
            scored(render(pair, keep_pitch=keep), pair, names) for keep in (False, True)
        )
        row: list[object] = [pair.name]
        for name in names:
            form = "{:.1f}" if name in DISTANCES else "{:.2f}"
            row.append(f"{form.format(without[name])} / {form.format(kept[name])}")
        rows.append(row)
    header = ("without / with `keep_pitch`", "pitch", "chroma", "random banks dB", "scattering dB")
    return table(header, rows)


def budget() -> str:
    """Score `best` at shares of the time that it takes without a budget."""
    rows: list[list[object]] = []
    for share in BUDGETS:
        found = []
        for pair in among(PAIRS):
            factor, _ = rendered(pair, "best")
            seconds = factor * pair.sounds()[0].shape[1] / RATE
            limit = None if share == 1.0 else share * seconds
            found.append(scored(render(pair, quality="best", budget_seconds=limit), pair))
        mean = {name: float(np.mean([scores[name] for scores in found])) for name in FIGURES}
        rows.append([f"{share:g} of the time" if share < 1.0 else "no budget", *cells(mean)])
    return table(("`best`", *FIGURES.values()), rows)


def artefacts() -> str:
    rows = []
    for pair in among(ALL):
        content, _ = pair.sounds()
        output = render(pair)
        names = (
            "largest_copy",
            "excess_copy",
            "pre_echo_db",
            "early_echo_db",
            "non_finite",
            "musical_noise_per_second",
        )
        ours, own = scored(output, pair, names), scored(content, pair, names)
        both = [load(name, RATE, mono=False) for name in (pair.content, pair.style)]
        stereo = "mono"
        if both[0].shape[0] == 2:
            wide = astfx.transfer(both[0], both[1], RATE)
            found = [metrics.stereo_correlation(clip) for clip in (both[0], wide)]
            stereo = f"{found[0]:.3f} / {found[1]:.3f}"
        style = pair.sounds()[1]
        half = style.shape[1] // 2
        reversed_copy = ours["largest_copy"] - ours["excess_copy"]
        copies = [f"{ours['largest_copy']:.2f}", f"{reversed_copy:.2f}"]
        published = pair.published("shallow")
        copies.append(
            "-" if published is None else f"{metrics.largest_copy(published, style, RATE):.2f}"
        )
        copies.append(f"{metrics.largest_copy(style[:, half:], style[:, :half], RATE):.2f}")
        peaks = f"{own['musical_noise_per_second']:.0f} / {ours['musical_noise_per_second']:.0f}"
        early = ours["early_echo_db"]
        beyond = f"{early:.1f} dB" if np.isfinite(early) else "no room before"
        echo = f"{ours['pre_echo_db']:.1f} dB / {beyond}"
        rows.append(
            [
                pair.name,
                " / ".join(copies),
                peaks,
                echo if ours["pre_echo_db"] == ours["pre_echo_db"] else "no attacks",
                stereo,
                f"{ours['non_finite']:.0f}",
            ]
        )
    header = (
        "pair",
        "copy: output / of the style reversed / published Shallow / style's halves",
        "peaks: content / output",
        "pre-echo: within / beyond a window",
        "stereo correlation: content / output",
        "NaN or Inf",
    )
    return table(header, rows)


def copies() -> str:
    """Measure what the largest copy of a looped style depends on."""
    pair = PAIRS[4]
    names = ("largest_copy", "random_banks_db")
    rows: list[list[object]] = []
    for label, settings in COPIES.items():
        found = scored(render(pair, **settings), pair, names)
        rows.append([label, f"{found[names[0]]:.2f}", f"{found[names[1]]:.1f}"])
    return table((pair.name, "copy", "random banks dB"), rows)


SECTIONS: dict[str, Callable[[], str]] = {
    "pairs": pairs,
    "goals": goals,
    "gram": gram,
    "frontier": frontier,
    "test": test,
    "speech": speech,
    "artefacts": artefacts,
    "copies": copies,
    "strength": strength,
    "ablation": ablation,
    "budget": budget,
    "pitch": pitch,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks.sound")
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=", ".join(SECTIONS))
    parser.add_argument("--pair", action="append", default=[], metavar="NAME")
    asked = parser.parse_args()
    named = {pair.name for pair in (*ALL, *TEST)}
    for name in asked.pair:
        if name not in named:
            parser.error(f"pair {name!r} is unknown; choose from {', '.join(sorted(named))}")
    for name in asked.sections:
        if name not in (*SECTIONS, "landed"):
            parser.error(f"section {name!r} is unknown; choose from {', '.join(SECTIONS)}, landed")
    _only.update(asked.pair)
    need_audio()
    for name in asked.sections or SECTIONS:
        if name == "landed":
            print(keep_landed())
            continue
        text = SECTIONS[name]()
        print(text, flush=True)
        if not _only:
            write_section(PAGE, name, text)


if __name__ == "__main__":
    main()
