"""Time of the native plugin's engines: `python -m benchmarks.plugin` (a quarter of an hour).

Writes the sections of docs/measured/plugin.md. `python -m benchmarks.plugin live` or `stream`
writes one of them. It needs what `astfx plugin build` needs.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from astfx_bridge import building
from astfx_bridge.live.region_process import NICENESS

from astfx.presets.folders import factory_folder
from benchmarks.common import MEASURED, ROOT, table, write_section

PAGE = MEASURED / "plugin.md"
RATE = 48_000
BLOCKS = (64, 128, 256, 512)
INSTANCES = (1, 2, 4, 8, 16)
SECONDS = 20
RUNS = 3
STREAM_SECONDS = 60
BUILD = ROOT / "build" / "plugin"


def measured(rate: int, block: int, instances: int) -> list[float]:
    """Shares of real time: an instance's mean, and quantiles of all instances' blocks.

    Of several runs, the one with the lowest mean counts, because other programs only add to it.
    """
    words = [factory_folder() / "rain.toml", rate, block, instances, SECONDS]
    program = BUILD / "plugin_benchmark"
    runs = [
        subprocess.run(
            [str(program), *map(str, words)], capture_output=True, text=True, check=True
        ).stdout.split()
        for _ in range(RUNS)
    ]
    return min([float(word) for word in run] for run in runs)


def live() -> None:
    """The engine in C++, which uses processor time on the audio thread."""
    building.build(BUILD, "plugin_benchmark")
    rows = [["sample rate", "block", "instances", "an instance", "median", "99 %", "99.9 %"]]
    cases = [(RATE, block, 1) for block in BLOCKS]
    cases += [(RATE, 256, count) for count in INSTANCES[1:]]
    cases += [(rate, 512, 1) for rate in (22_050, 96_000, 192_000)]
    for rate, block, count in cases:
        shares = [f"{share:.4f}" for share in measured(rate, block, count)]
        rows.append([f"{rate}", f"{block}", f"{count}", *shares])
    write_section(PAGE, "plugin", table(rows[0], rows[1:]))


def streams() -> None:
    """The engine `stream`, in real time, each instance with a Python process."""
    building.build(BUILD, "plugin_stream_benchmark")
    rows = []
    cases = [(block, count, False) for block, count in ((256, 1), (256, 2), (256, 4))]
    cases += [(64, 1, False), (1024, 1, False), (256, 1, True), (256, 4, True)]
    for block, count, beside in cases:
        rows.append([str(block), str(count), *streamed(block, count, beside)])
    header = [
        "block",
        "instances",
        "share of a core",
        "memory",
        "audio thread",
        "late blocks",
        "beside a render",
    ]
    write_section(PAGE, "stream", table(header, rows))


def streamed(block: int, count: int, beside: bool) -> list[str]:
    """Figures of instances of `stream`; `beside` makes a region render on all cores meanwhile."""
    with rendering() if beside else nullcontext():
        words = [str(word) for word in (RATE, block, count, STREAM_SECONDS)]
        done = subprocess.run(
            [str(BUILD / "plugin_stream_benchmark"), *words],
            capture_output=True,
            text=True,
            check=True,
            env={
                **os.environ,
                "ASTFX_PYTHON": sys.executable,
                "ASTFX_FACTORY_PRESETS": str(factory_folder()),
            },
        )
    core, megabytes, share, late = done.stdout.split()
    return [core, f"{megabytes} MB", share, f"{late} %", "yes" if beside else ""]


@contextmanager
def rendering() -> Iterator[None]:
    """Let a process render clips, at no lower a priority than a plugin's region has."""
    code = f"""
import os, numpy, astfx
os.nice({NICENESS})
clip = numpy.random.default_rng(0).standard_normal((2, 10 * {RATE})).astype("f") * 0.1
while True:
    astfx.transfer(clip, "rain", {RATE})
    print("rendered", flush=True)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield
        finally:
            process.kill()


SECTIONS = {"live": live, "stream": streams}


if __name__ == "__main__":
    for name in sys.argv[1:] or SECTIONS:
        SECTIONS[name]()
