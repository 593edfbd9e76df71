"""A real server whose records lie on a disk that is full again and again."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest
from astfx_bridge import Client
from astfx_bridge.table import Value
from astfx_bridge.wire.osc import Message

from tests.bridge.disk import full, shrink_records, small_disk
from tests.bridge.serving import QUICK, Server, eventually, make_sounds, until

STYLE = ("style", "style.wav")
MEGABYTES = 4
EVERY = 5  # each so many times, the disk is full when a job ends; else when one is asked for


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server whose state folder, and whose log, lie on a small disk."""
    root = tmp_path / "root"
    root.mkdir()
    make_sounds(root)
    with ExitStack() as stack:
        try:
            disk = stack.enter_context(small_disk(tmp_path / "disk", MEGABYTES))
        except PermissionError as error:
            pytest.skip(str(error))
        running = Server(root, disk / "state").start()
        yield running
        running.stop_loudly()


def refuse_all(server: Server, client: Client, number: int) -> None:
    """Ask for everything that needs room, and be refused."""
    clip = (server.root / "content.wav").read_bytes()
    requests: dict[str, tuple[Value, ...]] = {
        "/astfx/render": (number, "content.wav", f"{number}.wav", *STYLE, *QUICK),
        "/astfx/render/blob": (number, clip, *STYLE, *QUICK),
        "/astfx/preset/put": (number, "mine", clip),
        "/astfx/style/put": ("mine", clip),
    }
    for address, values in requests.items():
        client.send(address, *values)
        refusal = until(client, "/astfx/fail")
        assert refusal.values[0] == address
        assert "is full" in str(refusal.values[2]) or "No space left" in str(refusal.values[2])


@contextmanager
def stopped_worker(server: Server) -> Iterator[None]:
    """Let the first worker do nothing for a while."""
    assert server.process is not None
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text()
    worker = int(children.split()[0])
    os.kill(worker, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(worker, signal.SIGCONT)


def ends_on_a_full_disk(server: Server, client: Client, number: int) -> list[Message]:
    """Let a job end, and the next one wait, while the disk is full. Returns their ends."""
    ending, waiting = f"{number}-ending", f"{number}-waiting"
    client.send("/astfx/render", ending, "mid.wav", f"{ending}.wav", *STYLE, "quality", "draft")
    client.send("/astfx/render", waiting, "content.wav", f"{waiting}.wav", *STYLE, *QUICK)
    eventually(lambda: client.ask("/astfx/status", ending)[0].values[1] == "running")
    with ExitStack() as stack:
        with stopped_worker(server):
            assert client.ask("/astfx/status", ending)[0].values[1] == "running"
            shrink_records(server.state / "jobs.sqlite")
            stack.enter_context(full(server.state.parent))
        troubles: dict[object, str] = {}
        while len(troubles) < 2:
            trouble = until(client, "/astfx/trouble")
            troubles[trouble.values[0]] = str(trouble.values[1])
        assert "cannot be put on record yet (database or disk is full)" in troubles[ending]
        assert "no job can be begun (database or disk is full)" in troubles[0]
        assert client.ask("/astfx/status", waiting)[0].values[1] == "queued"
    return [until(client, "/astfx/done"), until(client, "/astfx/done")]


@pytest.mark.parametrize(
    "times", [2, pytest.param(20, marks=pytest.mark.slow)], ids="{} times".format
)
def test_no_job_is_lost_or_ends_twice_when_the_disk_is_full(server: Server, times: int) -> None:
    ends = []
    with server.client() as client:
        for number in range(1, times + 1):
            if number % EVERY == 1:
                ends += ends_on_a_full_disk(server, client, number)
                continue
            shrink_records(server.state / "jobs.sqlite")
            with full(server.state.parent):
                refuse_all(server, client, number)
            request = (number, "content.wav", f"{number}.wav", *STYLE, *QUICK)
            client.send("/astfx/render", *request)
            ends.append(until(client, "/astfx/done"))
        assert client.ask("/astfx/sync", 1)[0].values == (1,)
        rest = [message.address for message in client.replies("/astfx/ping")]
        assert not {"/astfx/done", "/astfx/fail"} & set(rest)
    told = Counter(str(end.values[1]) for end in ends)
    assert set(told.values()) == {1}
    server.stop_loudly()
    with closing(sqlite3.connect(server.state / "jobs.sqlite")) as database:
        record = dict(database.execute("select id, state from jobs"))
    assert record == dict.fromkeys(told, "done")
    assert {f"{name}.wav" for name in told} <= {path.name for path in server.root.iterdir()}
    assert not [path for path in server.root.iterdir() if path.name.startswith(".")]
    for folder in ("blobs", "presets", "styles"):
        assert not list((server.state / folder).iterdir())
