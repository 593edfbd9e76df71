"""Measure what a job of the bridge takes beyond `astfx.transfer`: `python -m benchmarks.overhead`.

Each row renders the same clip in turns: as a job, from the request to its `done`, and with
`astfx.transfer` on arrays in this process, with as many threads and as low a priority as a worker
has. The difference is what the request, the record on disk, the worker and the files take. Besides
the median of these differences, the table has the difference of the shortest times, which other
programs on the machine disturb least. Writes a section of docs/measured/bridge.md.
`python -m benchmarks.overhead 5` takes another number of rounds.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from pathlib import Path

import soundfile
from astfx_bridge.jobs.worker_main import NICENESS

import astfx
from benchmarks.common import MEASURED, table, timed, write_section
from tests.bridge.serving import Server, make_sounds, read

PAGE = MEASURED / "bridge.md"
ROUNDS = 21
LIMIT_MS = 30.0
CASES = (  # content, quality, style, and whether the clip is sent as a blob
    ("content.wav", "draft", "style.wav", False),
    ("content.wav", "draft", "style.wav", True),
    ("content.wav", "draft", "rain", False),
    ("mid.wav", "draft", "style.wav", False),
)
THREADS = max(1, min(4, os.cpu_count() or 1))  # what the one worker of a server takes


def rounds(server: Server, content: str, quality: str, style: str, blob: bool) -> list[list[float]]:
    """Return the seconds of each round, as a job and as a call of `astfx.transfer`."""
    clip, rate = read(server.root / content), soundfile.info(server.root / content).samplerate
    source = read(server.root / style) if (server.root / style).exists() else style
    data = (server.root / content).read_bytes()
    found = []
    with server.client() as client:

        def job() -> object:
            if blob:
                return client.render_blob(data, style=style, quality=quality)
            return client.render(content, "out.wav", style=style, quality=quality)

        def call() -> object:
            return astfx.transfer(clip, source, rate, quality=quality, threads=THREADS)

        for _ in range(2):  # to warm up
            job()
            call()
        for number in range(ROUNDS):
            pair = (job, call) if number % 2 else (call, job)
            times = {work: timed(work)[0] for work in pair}
            found.append([times[job], times[call]])
    return found


def main() -> None:
    """Measure every case, and write the section."""
    rows, load = [], os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as name:
        root = Path(name) / "root"
        root.mkdir()
        make_sounds(root)
        server = Server(root, Path(name) / "state").start()
        os.nice(NICENESS)
        over = []
        for content, quality, style, blob in CASES:
            pairs = rounds(server, content, quality, style, blob)
            over.append(1e3 * statistics.median(job - call for job, call in pairs))
            what = "blob" if blob else "path"
            seconds = f"{soundfile.info(root / content).duration:g} s, {quality}, as a {what}"
            medians = [1e3 * statistics.median(times) for times in zip(*pairs, strict=True)]
            source = "a preset" if style == "rain" else "a file"
            shortest = 1e3 * (min(job for job, _ in pairs) - min(call for _, call in pairs))
            found = [*(f"{ms:.0f}" for ms in medians), f"{over[-1]:.1f}", f"{shortest:.1f}"]
            rows.append([seconds, source, *found])
            print(rows[-1], flush=True)
        server.stop()
    header = [
        "content",
        "style",
        "job, ms",
        "`astfx.transfer`, ms",
        "difference, ms",
        "of the shortest, ms",
    ]
    text = table(header, rows)
    text += (
        f"\nMedians of {ROUNDS} rounds. {os.cpu_count()} cores; load average before: {load:.1f}.\n"
    )
    write_section(PAGE, "overhead", text)
    if max(over) > LIMIT_MS:
        sys.exit(f"the overhead is {max(over):.1f} ms, at most {LIMIT_MS:g} ms are allowed")


if __name__ == "__main__":
    ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    main()
