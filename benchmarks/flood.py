"""Flood every door of the bridge with mutated packets: `python -m benchmarks.flood` (minutes).

Sends 100 000 packets through UDP, both framings of TCP, HTTP and WebSocket: random bytes, damaged
and nested packets, and requests that are nearly right, for every address but `/astfx/quit`. Writes
a section of docs/measured/bridge.md. `python -m benchmarks.flood 1000` takes another number.
"""

from __future__ import annotations

import sys
import tempfile
from functools import partial
from pathlib import Path

from benchmarks.common import MEASURED, table, timed, write_section
from tests.bridge.floods import DOORS, GROWTH_MB, OPTIONS, answered, flood_all
from tests.bridge.mutants import Packets
from tests.bridge.serving import Server, make_sounds, resident_mb

PAGE = MEASURED / "bridge.md"
PACKETS, WARM_UP = 100_000, 2000


def main(count: int) -> None:
    """Flood a server, and write the section."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name) / "root"
        root.mkdir()
        make_sounds(root)
        server = Server(root, Path(name) / "state", OPTIONS).start()
        flood_all(server, WARM_UP, seed=100)
        began = before = resident_mb(server)
        if began is None or before is None:
            sys.exit("this system does not tell the memory of a process")
        rows: list[list[object]] = []
        for place, (door, flood) in enumerate(DOORS.items()):
            seconds, _ = timed(partial(flood, server, Packets(place), count))
            answered(server)
            after = resident_mb(server) or 0.0
            rows.append([door, count, f"{seconds:.0f}", f"{after:.1f}", f"{after - before:+.1f}"])
            print(rows[-1], flush=True)
            before = after
        code = server.stop()
    text = table(["door", "packets", "seconds", "server, MB", "growth, MB"], rows)
    text += f"\nThe server had {began:.1f} MB before the first packet, and printed no error.\n"
    write_section(PAGE, "flood", text)
    if code or before - began > GROWTH_MB:
        sys.exit(f"the server grew by {before - began:.1f} MB, or ended with {code}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else PACKETS)
