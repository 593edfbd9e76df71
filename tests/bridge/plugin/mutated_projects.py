"""Give the CLAP plugin projects that are damaged.

    python -m tests.bridge.plugin.mutated_projects PLUGIN COUNT

Prints how many were refused. What is refused must change nothing.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from tests.bridge.plugin.clap_host import ClapPlugin

RATE, BLOCK = 48_000, 256
MOST_CHANGES = 4


def mutated(project: bytes, rng: np.random.Generator) -> bytes:
    """Change a few bytes: by others, by nothing, or by what comes in projects."""
    changed = bytearray(project)
    for _ in range(rng.integers(1, MOST_CHANGES + 1)):
        # Mostly in the texts around the presets, which are long.
        near = rng.integers(0, min(400, len(changed)))
        at = int(rng.choice([near, len(changed) - 1 - near, rng.integers(0, len(changed))]))
        kind = rng.integers(0, 5)
        if kind == 0:
            changed[at] ^= 1 << int(rng.integers(0, 8))
        elif kind == 1:
            del changed[at : at + int(rng.integers(1, 40))]
        elif kind == 2:
            changed[at:at] = bytes(rng.integers(0, 256, int(rng.integers(1, 40)), np.uint8))
        elif kind == 3:
            changed[at:at] = rng.choice([b"\0", b"\xfe", b"\xff", b"=", b"nan", b"-1", b"1e99"])
        else:
            changed[at:at] = changed[: int(rng.integers(1, 200))]
        if len(changed) < 2:
            break
    return bytes(changed)


def main(path: str, count: str) -> None:
    plugin = ClapPlugin(Path(path), "org.astfx.stereo", RATE, 2)
    rng = np.random.default_rng(0)
    noise = rng.standard_normal((2, BLOCK)).astype(np.float32)
    plugin.set("Preset", 64)  # the user's, which is stored whole
    plugin.set("Strength", 70.0)
    plugin.run(noise, BLOCK)
    good = plugin.save()
    assert good.count(b" my-noise ") == 1
    cuts = [0, 1, len(good) // 2, len(good) - 30, len(good) - 3]
    tries = [good[:cut] for cut in cuts]
    tries += [good + bytes(1000), b"\xfe", bytes(100), good[:-2] + bytes(70 << 20)]
    tries += [mutated(good, rng) for _ in range(int(count))]
    refused = 0
    for number, project in enumerate(tries):
        before = plugin.save()
        plugin.deactivate()
        taken = plugin.load(project)
        plugin.activate()
        if not taken:
            refused += 1
            assert plugin.save() == before, f"project {number} has changed something"
        assert number >= len(cuts) or not taken, f"project {number} was cut off and taken"
        assert np.isfinite(plugin.run(noise, BLOCK)).all()
        if number % 10 == 0:
            plugin.deactivate()
            assert plugin.load(good)
            plugin.activate()
            assert plugin.value("Strength") == 70.0
            assert plugin.text("Preset", plugin.value("Preset")) == "my-noise"
    print(f"{refused} of {len(tries)} refused")
    plugin.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
