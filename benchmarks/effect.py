"""The effect in real time: `python -m benchmarks.effect` (about fifteen minutes, idle machine).

Writes the tables of docs/measured/effect.md. Names of sections (engines, blocks, quality, board)
run only those.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pedalboard

import astfx
from astfx.audio import Waveform
from astfx.metrics import (
    AnalysedSound,
    chroma_cosine,
    gram_loss,
    mel_correlation,
    onset_correlation,
    panel,
)
from benchmarks.common import MEASURED, clip_path, load, need_audio, table, write_section
from benchmarks.sound_pairs import PAIRS
from benchmarks.sound_pairs import RATE as PAIRS_RATE

PAGE = MEASURED / "effect.md"
RATE = 44_100
SECONDS = 20
DISTANCES = ("random_banks_db", "scattering_db")
SIZES = (64, 65, 512, 8193)


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
    for name in ("stream", "live"):
        board = effect(name)
        board(clip[:, :RATE], RATE)  # prepares the style and compiles everything
        began = time.perf_counter()
        whole = board(clip, RATE)
        spent = time.perf_counter() - began
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


def blocks() -> str:
    """Measure block times over ten minutes of stereo, as shares of a block's duration."""
    clip = stereo(600)
    rows = []
    for name in ("stream", "live"):
        for size in (512,):
            board = effect(name)
            board(clip[:, :RATE], RATE)
            board.reset()
            spent = []
            for block in cut(clip, size):
                began = time.perf_counter()
                board(block, RATE, reset=False)
                spent.append(time.perf_counter() - began)
            share = np.array(spent) / (size / RATE)
            row = [f"{np.quantile(share, q):.2f}" for q in (0.5, 0.99, 0.999)]
            rows.append([name, size, *row, f"{share.max():.2f}"])
    return table(("engine", "block", "median", "99th", "99.9th percentile", "longest"), rows)


def quality() -> str:
    """Compare the streaming engines with the render engine."""
    rows = []
    for pair in PAIRS:
        content, style = pair.sounds()
        before = gram_loss(content, style, PAIRS_RATE)
        wanted = AnalysedSound(style, PAIRS_RATE)
        for engine in ("render", "draft", "stream", "live"):
            board = astfx.StyleTransfer(
                style,
                style_sample_rate=PAIRS_RATE,
                engine="render" if engine == "draft" else engine,
                quality="draft" if engine == "draft" else "standard",
            )
            output = board(content, PAIRS_RATE)
            distances = panel(output, wanted, PAIRS_RATE, figures=DISTANCES)
            rows.append(
                [
                    pair.name,
                    "render, draft" if engine == "draft" else engine,
                    f"{1 - gram_loss(output, style, PAIRS_RATE) / before:.1%}",
                    *(f"{value:.1f}" for value in distances.values()),
                    f"{onset_correlation(output, content, PAIRS_RATE):.2f}",
                    f"{mel_correlation(output, content, PAIRS_RATE):.2f}",
                    f"{chroma_cosine(output, content, PAIRS_RATE):.2f}",
                ]
            )
    header = (
        "pair",
        "engine",
        "held-out Gram loss falls by",
        "random banks, dB",
        "scattering, dB",
        "onset",
        "mel",
        "chroma",
    )
    return table(header, rows)


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
    sections = {"engines": engines, "blocks": blocks, "quality": quality, "board": board}
    for name, section in sections.items():
        if not sys.argv[1:] or name in sys.argv[1:]:
            text = section()
            print(text, flush=True)
            write_section(PAGE, name, text)


if __name__ == "__main__":
    main()
