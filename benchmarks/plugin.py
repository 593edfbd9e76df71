"""Time of the native plugin's engine: `python -m benchmarks.plugin` (a few minutes).

Writes the section of docs/measured/plugin.md. It needs what `astfx plugin build` needs.
"""

from __future__ import annotations

import subprocess

from astfx_bridge import building

from astfx.presets.folders import factory_folder
from benchmarks.common import MEASURED, ROOT, table, write_section

PAGE = MEASURED / "plugin.md"
RATE = 48_000
BLOCKS = (64, 128, 256, 512)
INSTANCES = (1, 2, 4, 8, 16)
SECONDS = 20
RUNS = 3


def measured(rate: int, block: int, instances: int) -> list[float]:
    """Shares of real time: an instance's mean, and quantiles of all instances' blocks.

    Of several runs, the one with the lowest mean counts, because other programs only add to it.
    """
    words = [factory_folder() / "rain.toml", rate, block, instances, SECONDS]
    program = ROOT / "build" / "plugin" / "plugin_benchmark"
    runs = [
        subprocess.run(
            [str(program), *map(str, words)], capture_output=True, text=True, check=True
        ).stdout.split()
        for _ in range(RUNS)
    ]
    return min([float(word) for word in run] for run in runs)


def main() -> None:
    building.build(ROOT / "build" / "plugin", "plugin_benchmark")
    rows = [["sample rate", "block", "instances", "an instance", "median", "99 %", "99.9 %"]]
    cases = [(RATE, block, 1) for block in BLOCKS]
    cases += [(RATE, 256, count) for count in INSTANCES[1:]]
    cases += [(rate, 512, 1) for rate in (22_050, 96_000, 192_000)]
    for rate, block, count in cases:
        shares = [f"{share:.4f}" for share in measured(rate, block, count)]
        rows.append([f"{rate}", f"{block}", f"{count}", *shares])
    write_section(PAGE, "plugin", table(rows[0], rows[1:]))


if __name__ == "__main__":
    main()
