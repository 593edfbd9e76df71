"""The effect in real time: `python -m benchmarks.effect` (about twenty minutes, idle machine).

Writes the tables of docs/measured/effect.md. Names of sections (engines, compiling, blocks,
changes, morph, mixing, threads, levels, quality, unseen, floors, board) run only those. Block
times are those of the thread alone, so that other work on the machine disturbs them little.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pedalboard

import astfx
from astfx import presets
from astfx.audio import Waveform
from astfx.dsp.crossfade import mix_gains
from astfx.metrics import (
    AnalysedSound,
    chroma_cosine,
    gram_loss,
    mel_correlation,
    musical_noise_per_second,
    onset_correlation,
    panel,
)
from astfx.settings import MIX_LAWS
from benchmarks.common import (
    MEASURED,
    clip_path,
    load,
    need_audio,
    table,
    timed,
    with_quiet_ends,
    write_section,
)
from benchmarks.sound_pairs import PAIRS, TEST, Pair
from benchmarks.sound_pairs import RATE as PAIRS_RATE
from presets.synthesis.contents import CONTENTS, make_content
from tests.audio.true_peaks import true_peak_db

PAGE = MEASURED / "effect.md"
RATE = 44_100
SECONDS = 20
DISTANCES = ("random_banks_db", "scattering_db")
SIZES = (64, 65, 512, 8193)
ENGINES = ("stream", "live", "gain")
STYLES = ("rain", "bells", "fire", "choir")
MOST_RISE_DB = 6.0
CEILING_DB = -0.1
THREAD_SIZES = (512, 2048, 8192, SECONDS * RATE)


def stereo(seconds: float) -> Waveform:
    """Return the clip "imperial", repeated, (2, samples) at 44.1 kHz."""
    clip = load("classic/imperial", RATE, mono=False)
    return np.ascontiguousarray(
        np.tile(clip, (1, int(seconds // 10) + 1))[:, : int(seconds * RATE)]
    )


def effect(engine: str) -> astfx.StyleTransfer:
    return astfx.StyleTransfer(clip_path("classic/usa"), engine=engine)


def cut(clip: Waveform, size: int) -> Iterator[Waveform]:
    for start in range(0, clip.shape[1], size):
        yield np.ascontiguousarray(clip[:, start : start + size])


def streamed(board: pedalboard.Plugin, clip: Waveform, size: int) -> Waveform:
    board.reset()
    parts = [board(block, RATE, reset=False) for block in cut(clip, size)]
    return np.concatenate(parts, axis=1)


def engines() -> str:
    """Measure real-time factor and latency on one thread, and compare block sizes."""
    clip = stereo(SECONDS)
    rows = []
    for name in ENGINES:
        board = effect(name)
        board.prepare(RATE)
        began = time.thread_time()
        whole = board(clip, RATE)
        spent = time.thread_time() - began
        flushed = np.concatenate([clip, np.zeros((2, board.latency_samples), np.float32)], axis=1)
        first = flushed[:, : 5 * RATE]
        n_first = first.shape[1] - board.latency_samples
        worst = max(
            float(np.abs(streamed(board, first, size) - whole[:, :n_first]).max()) for size in SIZES
        )
        board.mix = 0.0
        null = streamed(board, flushed, 512)
        latency = board.latency_samples
        rows.append(
            [
                name,
                latency,
                f"{1e3 * latency / RATE:.1f} ms",
                f"{spent / SECONDS:.3f}",
                f"{worst:.1e}",
                "bit for bit" if np.array_equal(null, clip) else "NOT equal",
            ]
        )
    header = (
        "engine",
        "latency_samples",
        "latency",
        "real-time factor",
        "largest difference between block sizes",
        "mix = 0 against the dry signal",
    )
    return table(header, rows)


def block_shares(board: astfx.StyleTransfer, clip: Waveform, size: int) -> list[str]:
    """Quantiles of the thread time of a block, as shares of its duration, and how many took all.

    The clip is played twice, because the engines do the same work again: what takes long in one
    pass only is due to the machine.
    """
    passes = []
    for _ in range(2):
        board.prepare(RATE, block_size=size)
        spent = []
        for block in cut(clip, size):
            began = time.thread_time()
            board(block, RATE, reset=False)
            spent.append(time.thread_time() - began)
        passes.append(np.array(spent) / (size / RATE))
    share, shorter = passes[0], np.minimum(*passes)
    quantiles = [f"{np.quantile(share, q):.2f}" for q in (0.5, 0.99, 0.999)]
    over = [str(int((each > 1.0).sum())) for each in (share, shorter)]
    return [*quantiles, f"{share.max():.2f}", f"{shorter.max():.2f}", *over]


PREPARE = """
import sys, time
import astfx
effect = astfx.StyleTransfer("rain", engine=sys.argv[1])
began = time.perf_counter()
effect.prepare(44_100)
print(time.perf_counter() - began)
"""


def compiling() -> str:
    """Compare the first `prepare` ever with that of a later program."""
    rows = []
    for name in ENGINES:
        with tempfile.TemporaryDirectory() as folder:
            environment = {**os.environ, "NUMBA_CACHE_DIR": folder}
            first, later = (
                float(
                    subprocess.check_output([sys.executable, "-c", PREPARE, name], env=environment)
                )
                for _ in range(2)
            )
        rows.append([name, f"{first / later:.0f}"])
    return table(("engine", "first `prepare` ever / that of a later program, time"), rows)


TIMES_HEADER = ("median", "99th", "99.9th percentile", "longest")


def blocks() -> str:
    """Measure block times over two minutes of stereo, as shares of a block's duration."""
    clip = stereo(120)
    rows = []
    for name in ENGINES:
        for size in (64, 128, 256, 512):
            rows.append([name, size, *block_shares(effect(name), clip, size)])
    passes = ("longest in both passes", "blocks over 1.0", "over 1.0 in both passes")
    return table(("engine", "block", *TIMES_HEADER, *passes), rows)


def changes() -> str:
    """Measure block times while styles change, and while one morphs between four."""
    clip = stereo(60)
    rows = []
    for name, size in (("live", 128), ("stream", 128), ("stream", 256)):
        board = effect(name)
        board.prepare(RATE, block_size=size)
        spent = []
        for index, block in enumerate(cut(clip, size)):
            if index % (2 * RATE // size) == 0:
                board.style = STYLES[index // (2 * RATE // size) % len(STYLES)]
            began = time.thread_time()
            board(block, RATE, reset=False)
            spent.append(time.thread_time() - began)
        share = np.array(spent) / (size / RATE)
        over = str(int((share > 1.0).sum()))
        cells = [f"{np.quantile(share, 0.999):.2f}", f"{share.max():.2f}", over]
        rows.append([f"{name}, another style every two seconds", size, *cells])
    header = ("engine", "block", "99.9th percentile", "longest", "blocks over 1.0")
    return table(header, rows)


def morph() -> str:
    """Measure block times of one style and of four with weights, which change twice a second."""
    clip = stereo(60)
    size, rows = 256, []
    for name in ENGINES:
        for styles in (STYLES[:1], STYLES):
            board = astfx.StyleTransfer(morph=dict.fromkeys(styles, 1.0), engine=name)
            board.prepare(RATE, block_size=size)
            rng = np.random.default_rng(0)
            spent = []
            for index, block in enumerate(cut(clip, size)):
                if index % (RATE // 2 // size) == 0:
                    board.morph = dict(
                        zip(styles, rng.dirichlet(np.ones(len(styles))), strict=True)
                    )
                began = time.thread_time()
                board(block, RATE, reset=False)
                spent.append(time.thread_time() - began)
            share = np.array(spent) / (size / RATE)
            cells = [f"{np.quantile(share, q):.2f}" for q in (0.5, 0.99, 0.999)]
            over = str(int((share > 1.0).sum()))
            mean = f"{share.mean():.3f}"
            rows.append([name, len(styles), mean, *cells, f"{share.max():.2f}", over])
    header = ("engine", "styles", "mean", *TIMES_HEADER, "blocks over 1.0")
    return table(header, rows)


def mixing() -> str:
    """Compare the level halfway between dry and wet with that of both, for both laws of `mix`."""
    rows = []
    for name in ("render", *ENGINES):
        found: dict[str, list[float]] = {}
        for style in STYLES:
            for label in CONTENTS:
                content = make_content(label, RATE)[None].astype(np.float32)
                board = astfx.StyleTransfer(style, engine=name)
                wet = board(content, RATE)
                ends = 0.5 * (np.square(content).mean() + np.square(wet).mean())
                for law in MIX_LAWS:
                    dry_gain, wet_gain = mix_gains(0.5, law)
                    power = np.square(dry_gain * content + wet_gain * wet).mean()
                    found.setdefault(law, []).append(float(10.0 * np.log10(power / ends)))
        for law, levels in found.items():
            cells = (np.mean(levels), min(levels), max(levels))
            rows.append([name, law, *(f"{cell:+.1f} dB" for cell in cells)])
    return table(("engine", "mix_law", "mean", "lowest", "highest"), rows)


def threads() -> str:
    """Compare two boards in two threads with the same boards one after the other."""
    clip = stereo(SECONDS)
    rows = []
    for name in ENGINES:
        boards = [effect(name) for _ in range(2)]
        for board in boards:
            board.prepare(RATE)
        cells = []
        for size in THREAD_SIZES:

            def run(board: astfx.StyleTransfer, size: int = size) -> None:
                for block in cut(clip, size):
                    board(block, RATE, reset=False)

            def together(boards: Sequence[astfx.StyleTransfer] = boards, run: Any = run) -> None:
                with ThreadPoolExecutor(2) as pool:
                    list(pool.map(run, boards))

            def in_turn(boards: Sequence[astfx.StyleTransfer] = boards, run: Any = run) -> None:
                for board in boards:
                    run(board)

            ratios = [timed(in_turn)[0] / timed(together)[0] for _ in range(3)]
            cells.append(f"{max(ratios):.2f}")
        rows.append([name, *cells])
    sizes = [f"{size} samples" for size in THREAD_SIZES]
    return table(("engine", *sizes[:-1], f"{SECONDS} s"), rows)


def levels() -> str:
    """Compare the peaks of all factory presets with those of three contents, in decibels."""
    rows = []
    for name in ("stream", "live", "gain"):
        found: list[tuple[float, str, str]] = []
        limited: list[float] = []
        for preset in presets.names():
            board = astfx.StyleTransfer(preset, engine=name)
            safe = astfx.StyleTransfer(preset, engine=name, ceiling_db=CEILING_DB)
            for label in CONTENTS:
                content = make_content(label, RATE)[None].astype(np.float32)
                content /= np.abs(content).max()
                output = board(content, RATE)
                found.append((20.0 * np.log10(float(np.abs(output).max())), preset, label))
                limited.append(true_peak_db(safe(content, RATE)))
        found.sort(reverse=True)
        above = sum(rise > MOST_RISE_DB for rise, *_ in found)
        highest = ", ".join(f"{p} on {c} {rise:.1f} dB" for rise, p, c in found[:3])
        counts = f"{above} of {len(found)}"
        rows.append([name, f"{found[0][0]:.1f} dB", counts, highest, f"{max(limited):.2f} dBTP"])
    header = (
        "engine",
        "highest rise of the peak",
        f"above {MOST_RISE_DB:g} dB",
        "the highest",
        f"true peak with ceiling_db={CEILING_DB:g}",
    )
    return table(header, rows)


def quality() -> str:
    """Compare the streaming engines with the render engine."""
    return quality_table(PAIRS, ("render", "draft", *ENGINES))


def unseen() -> str:
    """Do the same with the streaming engines on the pairs that no choice was made on."""
    return quality_table(TEST, ENGINES)


def quality_table(pairs: Sequence[Pair], engines: Sequence[str]) -> str:
    rows = []
    means: dict[str, list[list[float]]] = {}
    for pair in pairs:
        content, style = pair.sounds()
        before = gram_loss(content, style, PAIRS_RATE)
        noise = musical_noise_per_second(content, PAIRS_RATE)
        wanted = AnalysedSound(style, PAIRS_RATE)
        for engine in engines:
            board = astfx.StyleTransfer(
                style,
                style_sample_rate=PAIRS_RATE,
                engine="render" if engine == "draft" else engine,
                quality="draft" if engine == "draft" else "standard",
            )
            output = with_quiet_ends(board(content, PAIRS_RATE), PAIRS_RATE)
            distances = panel(output, wanted, PAIRS_RATE, figures=DISTANCES)
            values = [
                1 - gram_loss(output, style, PAIRS_RATE) / before,
                *distances.values(),
                onset_correlation(output, content, PAIRS_RATE),
                mel_correlation(output, content, PAIRS_RATE),
                chroma_cosine(output, content, PAIRS_RATE),
                musical_noise_per_second(output, PAIRS_RATE),
            ]
            means.setdefault(engine, []).append([*values, noise])
            rows.append([pair.name, shown_engine(engine), *quality_cells(values)])
    for engine, found in means.items():
        *mean, noise = np.mean(found, axis=0)
        cells = quality_cells(mean)
        cells[-1] += f" ({mean[-1] / noise:.2f} of the content's)"
        rows.append(["**mean**", f"**{shown_engine(engine)}**", *cells])
    header = (
        "pair",
        "engine",
        "held-out Gram loss falls by",
        "random banks, dB",
        "scattering, dB",
        "onset",
        "mel",
        "chroma",
        "isolated peaks a second",
    )
    return table(header, rows)


def floors() -> str:
    """Tabulate how far the Gram loss falls for parts of the style itself, beside `stream`."""
    rows: list[list[object]] = []
    found: list[list[float]] = []
    for pair in PAIRS:
        content, style = pair.sounds()
        half = style.shape[1] // 2
        first, second = style[:, :half], style[:, half:]

        def fall(sound: Waveform, target: Waveform, content: Waveform = content) -> float:
            before = gram_loss(content, target, PAIRS_RATE)
            return 1.0 - gram_loss(sound, target, PAIRS_RATE) / before

        board = astfx.StyleTransfer(style, style_sample_rate=PAIRS_RATE, engine="stream")
        output = with_quiet_ends(board(content, PAIRS_RATE), PAIRS_RATE)
        found.append(
            [
                (fall(first, second) + fall(second, first)) / 2.0,
                (fall(first, style) + fall(second, style)) / 2.0,
                fall(output, style),
            ]
        )
        rows.append([pair.name, *(f"{value:.1%}" for value in found[-1])])
    rows.append(["**mean**", *(f"{value:.1%}" for value in np.mean(found, axis=0))])
    columns = ("half of the style, beside the other half", "beside all of it", "`stream`")
    return table(("held-out Gram loss falls by", *columns), rows)


def shown_engine(engine: str) -> str:
    return "render, draft" if engine == "draft" else engine


def quality_cells(values: Sequence[float]) -> list[str]:
    forms = ("{:.1%}", "{:.1f}", "{:.1f}", "{:.2f}", "{:.2f}", "{:.2f}", "{:.1f}")
    return [form.format(value) for form, value in zip(forms, values, strict=True)]


def board() -> str:
    """Time a board of native plugins against pedalboard's own board, on 512-sample blocks."""
    rng = np.random.default_rng(0)
    block = 0.1 * rng.standard_normal((2, 512)).astype(np.float32)
    chains: dict[str, Callable[[], list[Any]]] = {
        "Compressor, Gain": lambda: [pedalboard.Compressor(), pedalboard.Gain()],
        "Compressor, Gain, Reverb": lambda: [
            pedalboard.Compressor(),
            pedalboard.Gain(),
            pedalboard.Reverb(),
        ],
    }
    rows = []
    for name, make in chains.items():
        native, ours = pedalboard.Chain(make()), astfx.Pedalboard(make())
        found: dict[int, list[float]] = {0: [], 1: []}
        for _ in range(60):  # alternating, so that both meet the same load of the machine
            for index, chain in enumerate((native, ours)):
                began = time.perf_counter()
                for _ in range(200):
                    chain(block, RATE, reset=False)
                found[index].append(time.perf_counter() - began)
        rows.append([name, f"{min(found[1]) / min(found[0]):.3f}"])
    return table(("board", "astfx.Pedalboard / pedalboard.Pedalboard, time a block"), rows)


def main() -> None:
    need_audio()
    sections = {
        "engines": engines,
        "compiling": compiling,
        "blocks": blocks,
        "changes": changes,
        "morph": morph,
        "mixing": mixing,
        "threads": threads,
        "levels": levels,
        "quality": quality,
        "unseen": unseen,
        "floors": floors,
        "board": board,
    }
    for name, section in sections.items():
        if not sys.argv[1:] or name in sys.argv[1:]:
            text = section()
            print(text, flush=True)
            write_section(PAGE, name, text)


if __name__ == "__main__":
    main()
