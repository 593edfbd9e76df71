"""Soak test of the OSC server, which must lose no job: `python -m benchmarks.soak` (5 minutes).

Four clients of different implementations (the bridge's own over TCP, liblo over UDP, osc.js over
SLIP, SuperCollider over UDP) send 500 jobs and cancel every fifth. Meanwhile, SIGKILL ends the
server 20 times, another program locks the database of jobs 20 times, for up to 4 seconds, and the
disk that it lies on is full 20 times, for as long. Then the replies that the clients received are
compared with the database and with the files. A second part measures how soon a ping is answered
while two renders run. Writes the sections of docs/measured/bridge.md. Needs sclang, node with
osc.js (NODE_PATH), pyliblo3, and the right to mount a disk.

`python -m benchmarks.soak soak 5000 100` takes other numbers of jobs and of kills.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from astfx_bridge import Client

from benchmarks.common import MEASURED, table, write_section
from tests.bridge.disk import full, shrink_records, small_disk
from tests.bridge.serving import Server, environment, make_sounds, until

PAGE = MEASURED / "bridge.md"
CLIENTS = Path(__file__).parent / "soak_clients"
JOBS, KILLS, SEED = 500, 20, 0
HARDSHIPS = 20  # times that the records are locked, and times that their disk is full
LONGEST_HARDSHIP_SECONDS = 4.0
DISK_MB = 64
QUIET_SHARE = 0.3  # share of the jobs, at the end, without a kill: shows whether memory grows
HEADLESS = {
    "QT_QPA_PLATFORM": "offscreen",
    "QTWEBENGINE_DISABLE_SANDBOX": "1",
    "QTWEBENGINE_CHROMIUM_FLAGS": "--no-sandbox",
}


def start_clients(port: int, folder: Path) -> dict[str, subprocess.Popen[bytes]]:
    """Start four clients, with a quarter of the jobs each."""
    share = JOBS // 4
    logs = {name: folder / f"{name}.jsonl" for name in ("astfx", "liblo", "osc.js", "sclang")}
    first = {name: 1 + share * place for place, name in enumerate(logs)}
    script = (CLIENTS / "asker.scd").read_text()
    words = {"PORT": port, "FIRST": first["sclang"], "COUNT": share, "LOG": logs["sclang"]}
    for word, value in words.items():
        script = script.replace(word, str(value))
    (folder / "asker.scd").write_text(script)
    python = [sys.executable, str(CLIENTS / "asker.py")]
    commands = {
        "astfx": [*python, "astfx", port, first["astfx"], share, logs["astfx"]],
        "liblo": [*python, "liblo", port, first["liblo"], share, logs["liblo"]],
        "osc.js": ["node", CLIENTS / "asker.js", port, first["osc.js"], share, logs["osc.js"]],
        "sclang": ["sclang", folder / "asker.scd"],
    }
    for log in logs.values():
        log.touch()
    return {
        name: subprocess.Popen(
            [str(word) for word in command],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**environment(), **HEADLESS},
        )
        for name, command in commands.items()
    }


def heard(folder: Path) -> list[dict[str, Any]]:
    """Return everything that the clients have logged so far."""
    lines = [line for path in folder.glob("*.jsonl") for line in path.read_text().splitlines()]
    return [json.loads(line) for line in lines if line.endswith("}")]


def ended(folder: Path) -> int:
    return len({note["id"] for note in heard(folder) if note["event"] != "queued"})


def children(process_id: int) -> list[int]:
    try:
        listing = Path(f"/proc/{process_id}/task/{process_id}/children").read_text()
    except OSError:
        return []
    return [int(word) for word in listing.split()]


def megabytes(process_id: int) -> float:
    pages = int(Path(f"/proc/{process_id}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / 2**20


def locked(records: Path, seconds: float) -> None:
    """Hold the database of jobs for so many seconds, as another program might."""
    database = sqlite3.connect(records, isolation_level=None, timeout=60.0)
    database.execute("begin immediate")
    time.sleep(seconds)
    database.execute("rollback")
    database.close()


def without_room(records: Path, seconds: float) -> None:
    """Leave no room on the disk of the database of jobs for so many seconds."""
    shrink_records(records)
    with full(records.parents[1]):
        time.sleep(seconds)


class Hardships:
    """Locks the records and fills their disk by turns, whenever so many more jobs have ended."""

    def __init__(self, records: Path, rng: random.Random) -> None:
        self._records, self._rng = records, rng
        last = JOBS * (1 - QUIET_SHARE)
        self._marks = sorted(rng.uniform(0, last) for _ in range(2 * HARDSHIPS))
        self._thread: threading.Thread | None = None
        self.count = 0

    def cause(self, ended_jobs: int) -> None:
        """Cause the next one, if it is time and the one before is over."""
        if self._thread is not None and self._thread.is_alive():
            return
        if self.count < len(self._marks) and ended_jobs >= self._marks[self.count]:
            seconds = self._rng.uniform(0.0, LONGEST_HARDSHIP_SECONDS)
            what = (locked, without_room)[self.count % 2]
            self._thread = threading.Thread(target=what, args=(self._records, seconds))
            self._thread.start()
            self.count += 1

    def wait(self) -> None:
        """Wait until the one that is under way is over."""
        if self._thread is not None:
            self._thread.join()


def soak() -> None:
    """Run the clients, kill the server and harm its records, and report what was lost."""
    rng = random.Random(SEED)
    with tempfile.TemporaryDirectory() as name, small_disk(Path(name) / "disk", DISK_MB) as disk:
        folder = Path(name)
        root, logs = folder / "root", folder / "logs"
        root.mkdir()
        logs.mkdir()
        make_sounds(root)
        inputs = {path.name for path in root.iterdir()}
        server = Server(root, disk / "state").start()
        clients = start_clients(server.port, logs)
        began, kills, workers = time.monotonic(), 0, set[int]()
        marks = sorted(rng.uniform(0, JOBS * (1 - QUIET_SHARE)) for _ in range(KILLS))
        hardships = Hardships(server.state / "jobs.sqlite", rng)
        memory: list[tuple[int, float, float]] = []
        while any(client.poll() is None for client in clients.values()):
            time.sleep(0.2)
            assert server.process is not None
            own = children(server.process.pid)
            workers |= set(own)
            done = ended(logs)
            hardships.cause(done)
            if kills < KILLS and done >= marks[kills]:
                time.sleep(rng.uniform(0.0, 1.0))
                server.kill()
                kills += 1
                hardships.wait()  # a server cannot start without room for its records
                server.start()
            elif kills == KILLS and own and (not memory or done >= memory[-1][0] + JOBS * 0.06):
                memory.append((done, megabytes(server.process.pid), megabytes(own[0])))
            if time.monotonic() - began > 4 * JOBS:
                sys.exit(f"the clients did not finish within {4 * JOBS} seconds")
        seconds = time.monotonic() - began
        hardships.wait()
        server.stop_loudly()
        time.sleep(0.5)
        notes = heard(logs)
        report(server, notes, inputs, workers, memory, (kills, hardships.count), seconds)


def report(
    server: Server,
    notes: list[dict[str, Any]],
    inputs: set[str],
    workers: set[int],
    memory: list[tuple[int, float, float]],
    hardships: tuple[int, int],
    seconds: float,
) -> None:
    """Compare the logs of the clients with the database and the files; write the section."""
    database = sqlite3.connect(server.state / "jobs.sqlite")
    database.row_factory = sqlite3.Row
    record = {int(row["id"]): row for row in database.execute("select * from jobs")}
    database.close()
    accepted = {note["id"] for note in notes if note["event"] == "queued"} | set(record)
    outcomes = defaultdict(set)
    for note in notes:
        if note["event"] != "queued":
            outcomes[note["id"]].add((note["event"], note["detail"]))
    states = Counter(row["state"] for row in record.values())
    files = {path.name for path in server.root.rglob("*")} - inputs
    wanted = {f"soak-{number}.wav" for number, row in record.items() if row["state"] == "done"}
    stuck = [number for number, row in record.items() if row["state"] in ("queued", "running")]
    told = {"done": "done", "failed": "fail", "cancelled": "fail"}
    lost = [
        number
        for number in accepted
        if number not in record
        or {event for event, _ in outcomes[number]} != {told.get(record[number]["state"])}
    ]
    twice = [number for number, found in outcomes.items() if len(found) > 1]
    left = list((server.state / "blobs").iterdir())
    alive = [number for number in workers if Path(f"/proc/{number}").exists()]
    again = sum(row["starts"] > 1 for row in record.values())
    rows: list[list[object]] = [
        ["jobs accepted", len(accepted)],
        [
            "done / cancelled / failed",
            f"{states['done']} / {states['cancelled']} / {states['failed']}",
        ],
        ["times the server was killed", hardships[0]],
        ["times its database was locked", (hardships[1] + 1) // 2],
        ["times its disk was full", hardships[1] // 2],
        ["jobs that a kill interrupted and that ran again", again],
        ["accepted and lost", len(lost)],
        ["ended twice, or in two ways", len(twice)],
        ["stuck", len(stuck)],
        ["files missing", len(wanted - files)],
        ["files left over", len(files - wanted) + len(left)],
        ["processes left over", len(alive)],
        ["seconds", f"{seconds:.0f}"],
    ]
    trend = table(
        ["jobs ended", "server, MB", "worker, MB"],
        [[done, f"{own:.0f}", f"{worker:.0f}"] for done, own, worker in memory],
    )
    text = f"{table(['', ''], rows)}\nMemory of the last server and its worker:\n\n{trend}"
    print(text)
    write_section(PAGE, "soak", text)
    if lost or twice or stuck or wanted != files or left or alive:
        sys.exit(
            f"the soak test failed: {lost=} {twice=} {stuck=} {files ^ wanted=} {left=} {alive=}"
        )


def pings(client: Client, count: int) -> list[float]:
    """Return the sorted times from ping to pong, in milliseconds."""
    found = []
    for number in range(count):
        began = time.perf_counter()
        client.send("/astfx/ping", number)
        until(client, "/astfx/pong", 5.0)
        found.append(1e3 * (time.perf_counter() - began))
        time.sleep(0.01)
    return sorted(found)


def ping() -> None:
    """Measure how soon a ping is answered, idle and while two renders run."""
    rows = []
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as name:
        root = Path(name) / "root"
        root.mkdir()
        make_sounds(root)
        server = Server(root, Path(name) / "state", ("--jobs", "2")).start()
        settings = ("style", "style.wav", "quality", "best")
        with server.client() as owner:
            for number in range(2):
                owner.render("content.wav", f"warm{number}.wav", style="style.wav", quality="draft")
            for what in ("nothing runs", "two renders run"):
                if what == "two renders run":
                    for number in (1, 2):
                        owner.send("/astfx/render", number, "long.wav", f"{number}.wav", *settings)
                        until(owner, "/astfx/progress")
                for transport in ("udp", "length"):
                    with server.client(transport) as client:
                        times = pings(client, 1000)
                    rows.append(
                        [
                            what,
                            "UDP" if transport == "udp" else "TCP",
                            f"{times[500]:.2f}",
                            f"{times[990]:.2f}",
                            f"{times[-1]:.2f}",
                        ]
                    )
            owner.ask("/astfx/cancel/all")
        server.stop()
    text = table(["", "over", "median, ms", "99 of 100 within, ms", "longest, ms"], rows)
    text += f"\n{os.cpu_count()} cores; load average before the server was started: {load:.1f}.\n"
    print(text)
    write_section(PAGE, "ping", text)


PARTS = {"soak": soak, "ping": ping}

if __name__ == "__main__":
    missing = [name for name in ("sclang", "node") if shutil.which(name) is None]
    chosen = [word for word in sys.argv[1:] if not word.isdigit()] or list(PARTS)
    JOBS, KILLS = [*map(int, filter(str.isdigit, sys.argv[1:])), JOBS, KILLS][:2]
    if missing and "soak" in chosen:
        sys.exit(f"the soak needs {' and '.join(missing)}")
    for part in chosen:
        PARTS[part]()
