"""Speed, held-out loss and memory: `python -m benchmarks.speed` (about ten minutes).

Writes the sections of docs/measured/speed.md. The classic recipe runs its whole 300 iterations
once for its loss; its time is extrapolated from five timed evaluations.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import soundfile
import torch
from torch import Tensor

import astfx
from astfx.features.random_conv import RandomConv, gram_matrix
from astfx.frontends.grid import Grid
from astfx.frontends.log_magnitude import LogMagnitude
from astfx.frontends.stft import Stft
from astfx.methods import METHODS, Problem
from astfx.runtime.device import gpu_name, synchronise, thread_count
from astfx.runtime.threads import default_threads
from astfx.settings import Settings
from benchmarks.common import (
    MEASURED,
    ROOT,
    best_of,
    clip_path,
    load,
    need_audio,
    table,
    timed,
    write_section,
)

PAGE = MEASURED / "speed.md"
CONTENT, STYLE = "classic/imperial", "classic/usa"
RATE = 22050
CLASSIC_ITERATIONS = 300
HELD_OUT_SEED = 1234
THREADS = 2
GOALS = (0.20, 0.08)  # real-time factors of the default and of `draft`, stereo at 44.1 kHz


@dataclass(frozen=True)
class Pair:
    """Features of a content and a style, and a held-out loss: its filters are not optimised."""

    content: Tensor
    style: Tensor

    @classmethod
    def load(cls, device: torch.device) -> Pair:
        grid = Grid.of(Settings().window_ms, RATE)
        stft = Stft(n_fft=grid.n_fft, hop_length=grid.hop_length, device=device)
        found = []
        for name in (CONTENT, STYLE):
            clip = load(name, RATE)
            level = LogMagnitude(rms=float(np.sqrt(np.square(clip).mean())), n_fft=grid.n_fft)
            found.append(level.features(stft.analyse(torch.from_numpy(clip).to(device))[0]))
        return cls(*found)

    def held_out(self, x: Tensor) -> float:
        """Return the squared distance of Gram matrices under 4096 filters of another seed."""
        conv = RandomConv(x.shape[1], 4096, 11, HELD_OUT_SEED, x.device)
        difference = gram_matrix(conv(x)) - gram_matrix(conv(self.style))
        return float(difference.square().sum())

    def match(self, method: str, iterations: int) -> tuple[float, Tensor, int]:
        """Run one method; return seconds, features and evaluations."""
        row, grid = METHODS[method], Grid.of(Settings().window_ms, RATE)
        options = row.options()
        targets = row.prepare([self.style], options, grid, 0)

        def work() -> tuple[Tensor, int]:
            result = row.match(
                Problem(
                    grid=grid,
                    content=self.content,
                    start=self.content,
                    n_fixed=0,
                    past=None,
                    targets=targets,
                    options=options,
                    iterations=iterations,
                    seed=0,
                    callback=lambda iteration, loss: False,
                )
            )
            synchronise(self.content.device)
            return result.x, result.evaluations

        seconds, (x, evaluations) = timed(work)
        return seconds, x, evaluations


def against_the_classic_recipe(device: torch.device) -> str:
    pair = Pair.load(device)
    pair.match("gram", 2)
    pair.match("shallow-cnn", 1)
    content, style = load(CONTENT, RATE), load(STYLE, RATE)
    whole, standard = (
        best_of(
            3,
            partial(astfx.transfer, content, style, RATE, quality=quality, device=device.type),
        )
        for quality in ("draft", "standard")
    )
    five_seconds, _, five_evaluations = pair.match("shallow-cnn", 4)
    _, classic_x, classic_evaluations = pair.match("shallow-cnn", CLASSIC_ITERATIONS)
    classic = five_seconds / five_evaluations * classic_evaluations
    wanted = pair.held_out(classic_x)
    draft = METHODS["gram"].iterations["draft"]
    n_iter = next(n for n in range(draft, 100) if pair.held_out(pair.match("gram", n)[1]) <= wanted)
    gram_seconds, gram_x, gram_evaluations = min(
        (pair.match("gram", n_iter) for _ in range(3)), key=lambda result: result[0]
    )
    rows = [
        ("content as it is", "", f"{pair.held_out(pair.content):.0f}", "", ""),
        (
            "`shallow-cnn`, 300 iterations",
            classic_evaluations,
            f"{wanted:.0f}",
            "1",
            "",
        ),
        (
            f"`gram`, {n_iter} iterations, the first to come as near: the optimisation alone",
            gram_evaluations,
            f"{pair.held_out(gram_x):.0f}",
            f"{classic / gram_seconds:.0f}",
            "",
        ),
        (
            f"`gram --quality draft`, {draft} iterations, everything from waveform to waveform",
            "",
            "",
            f"{classic / whole:.0f}",
            f"{whole / (content.shape[1] / RATE):.3f}",
        ),
        (
            "`gram`, the default: texture rounds too, waveform to waveform",
            "",
            "",
            f"{classic / standard:.0f}",
            f"{standard / (content.shape[1] / RATE):.3f}",
        ),
    ]
    note = (
        f"Device {device.type}, {default_threads()} threads for both. The classic recipe's time "
        f"is that of its optimisation alone: {five_evaluations} timed evaluations, extrapolated "
        f"to the {classic_evaluations} that its 300 iterations took; its phase is not counted.\n"
    )
    if device.type == "cuda":
        note += f"\nA whole `gram` render took {whole:.3f} s on {gpu_name()}.\n"
    header = ("", "evaluations", "held-out Gram loss", "times faster", "real-time factor")
    return table(header, rows) + "\n" + note


def stereo() -> str:
    content, style = load(CONTENT, 44100, mono=False), load(STYLE, 44100, mono=False)
    seconds, draft_seconds = (
        best_of(3, partial(astfx.transfer, content, style, 44100, quality=quality, threads=THREADS))
        for quality in ("standard", "draft")
    )
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "out.wav"
        file_seconds = best_of(
            3,
            lambda: astfx.transfer_file(
                clip_path(CONTENT), clip_path(STYLE), target, Settings(threads=THREADS)
            ),
        )
    length = content.shape[1] / 44100
    return table(
        (f"10 s of stereo at 44.1 kHz, {THREADS} threads", "real-time factor", "goal"),
        [
            ("the default, arrays", f"{seconds / length:.2f}", f"{GOALS[0]:.2f}"),
            (
                "the default, files (decoding and writing included)",
                f"{file_seconds / length:.2f}",
                "",
            ),
            ("`draft`, arrays", f"{draft_seconds / length:.2f}", f"{GOALS[1]:.2f}"),
        ],
    )


# The peak that `resource` knows of a process includes that of the process which started it.
_LONG = """
import sys, time, astfx
from pathlib import Path
astfx.transfer_file(sys.argv[1], sys.argv[2], sys.argv[3], astfx.Settings(iterations=1))
began = time.perf_counter()
astfx.transfer_file(sys.argv[4], sys.argv[2], sys.argv[3])
status = Path("/proc/self/status").read_text().split()
print(time.perf_counter() - began, int(status[status.index("VmHWM:") + 1]) / 1024)
"""


def long_files() -> str:
    clip = load("grinstein/content_style/pachelbel", 44100)
    other = load(CONTENT, 44100, mono=False)
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        warm = folder / "warm.wav"
        soundfile.write(warm, clip[0, :44100], 44100)
        for minutes in (1, 10):
            path = folder / f"{minutes}.wav"
            n_samples = minutes * 60 * 44100
            left = np.resize(np.concatenate([clip[0], other[0]]), n_samples)
            right = np.resize(np.concatenate([clip[0], other[1]]), n_samples)
            soundfile.write(path, np.stack([left, right], axis=1) * 0.5, 44100)
            done = subprocess.run(
                [sys.executable, "-c", _LONG, str(warm), str(clip_path(STYLE)),
                 str(folder / "out.wav"), str(path)],
                check=True,
                capture_output=True,
                text=True,
            )  # fmt: skip
            seconds, peak = map(float, done.stdout.split())
            rows.append((minutes, seconds / (60 * minutes), peak))
    first = rows[0][1]
    return table(
        ("minutes of stereo at 44.1 kHz", "real-time factor", "per minute, of the first", "peak"),
        [
            (minutes, f"{factor:.3f}", f"{factor / first:.2f}", f"{peak:.0f} MB")
            for minutes, factor, peak in rows
        ],
    )


_BUSY = """
import sys, time, torch
from benchmarks.speed import Pair
torch.set_num_threads(int(sys.argv[1]))
pair = Pair.load(torch.device("cpu"))
pair.match("gram", 2)
print(min(pair.match("gram", 8)[0] for _ in range(3)))
"""


def threads() -> str:
    """Compare one and two threads, with long and short spinning, on an idle and a busy machine."""
    import os

    rows: list[tuple[str, list[float]]] = []
    for label, count, spin in (
        ("one thread", "1", "1000"),
        ("two threads, libgomp's own spinning", "2", None),
        ("two threads, short spin (what astfx sets)", "2", "1000"),
    ):
        found = []
        for hogs in (0, 1, 2):
            environment = {k: v for k, v in os.environ.items() if k != "GOMP_SPINCOUNT"}
            # 300000 is libgomp's own default.
            environment.update({"GOMP_SPINCOUNT": spin} if spin else {"GOMP_SPINCOUNT": "300000"})
            loops = [
                subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(hogs)
            ]
            try:
                done = subprocess.run(
                    [sys.executable, "-c", _BUSY, count],
                    check=True, capture_output=True, text=True, env=environment, cwd=ROOT,
                )  # fmt: skip
            finally:
                for loop in loops:
                    loop.kill()
                    loop.wait()
            found.append(float(done.stdout))
        rows.append((label, found))
    base = rows[0][1][0]
    return table(
        ("time of the optimisation, one thread on an idle machine = 1", "idle", "1 busy", "2 busy"),
        [(label, *(f"{value / base:.2f}" for value in found)) for label, found in rows],
    )


_COMMAND = """
import sys
from astfx.cli import main
from astfx.runtime.exit import skip_last_collection
sys.argv = ["astfx", "presets", "verify", "rain"]
if {skip}:
    skip_last_collection()
main.main()
"""
_EXIT_RUNS = 7


def exits() -> str:
    """Measure the CPU time of a short command with and without the last garbage collection."""
    found = {}
    for skip in (False, True):
        times = []
        for _ in range(_EXIT_RUNS):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run(
                [sys.executable, "-c", _COMMAND.format(skip=skip)],
                check=True, stdout=subprocess.DEVNULL, cwd=ROOT,
            )  # fmt: skip
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            used = (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)
            times.append(used)
        found[skip] = sorted(times)[_EXIT_RUNS // 2]
    return table(
        ("`astfx presets verify rain`", "CPU time"),
        [
            ("the interpreter's last collection skipped", "1.00"),
            ("not skipped", f"{found[False] / found[True]:.2f}"),
        ],
    )


SECTIONS = {"exit": exits, "stereo": stereo, "long": long_files, "threads": threads}


def main() -> None:
    need_audio()
    wanted = sys.argv[1:] or ["classic", *SECTIONS]
    for name in wanted:
        print(name, flush=True)
        if name == "classic":
            with thread_count(None), torch.no_grad():
                text = against_the_classic_recipe(torch.device("cpu"))
                if gpu_name() is not None:
                    text += "\n" + against_the_classic_recipe(torch.device("cuda"))
        else:
            text = SECTIONS[name]()
        print(text, flush=True)
        write_section(PAGE, name, text)


if __name__ == "__main__":
    main()
