"""A real server whose records are locked, removed or replaced while it runs."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from astfx_bridge.errors import RefusedError

from tests.bridge.serving import QUICK, Server, collect, eventually, until

STYLE = ("style", "style.wav")
SLOW = (*STYLE, "quality", "best")
MANY = 20  # more pings than are answered around a server that stops for the whole time


@contextmanager
def locked(server: Server) -> Iterator[None]:
    """Hold the records as another program might."""
    other = sqlite3.connect(server.state / "jobs.sqlite", isolation_level=None, timeout=60.0)
    other.execute("begin immediate")
    try:
        yield
    finally:
        other.execute("rollback")
        other.close()


def told(server: Server) -> str:
    """What the server has printed to standard error, which is then forgotten."""
    text = server.log.read_text()
    server.log.write_text("")
    return text


def test_a_job_that_ends_while_the_records_are_locked_ends_once_and_only_once(
    start: Callable[..., Server],
) -> None:
    server = start()
    with server.client() as client, server.client("udp") as listener:
        listener.ask("/astfx/notify", 1)
        client.send("/astfx/render", 1, "mid.wav", "o.wav", *SLOW)
        client.send("/astfx/sync", "all")
        until(client, "/astfx/progress")
        with locked(server):
            trouble = until(client, "/astfx/trouble")
            assert trouble.values[0] == 1
            assert "cannot be put on record yet (database is locked)" in str(trouble.values[1])
            assert until(listener, "/astfx/trouble") == trouble
            assert client.ask("/astfx/status", 1)[0].values[1] == "running"
            assert (server.root / "o.wav").exists()
        assert until(client, "/astfx/done").values[:2] == ("/astfx/render", 1)
        assert until(client, "/astfx/synced").values == ("all",)
        rest = collect(client, 0.3)
        assert not [message for message in rest if message.address != "/astfx/progress"]
        # The output is free again.
        client.send("/astfx/render", 2, "content.wav", "o.wav", *STYLE, *QUICK)
        assert until(client, "/astfx/done").values[1] == 2
    assert "job 1: the job has ended, but this cannot be put on record yet" in told(server)


def test_while_the_records_are_locked_everybody_else_is_answered(
    start: Callable[..., Server],
) -> None:
    server = start()
    with server.client() as client, server.client() as other:
        request = (1, "content.wav", "o.wav", *STYLE, *QUICK)
        answered, refusal = 0, None
        with locked(server):
            client.send("/astfx/render", *request)
            while refusal is None:  # the request waits for the records for 5 seconds
                assert other.ask("/astfx/ping", 7)[0].values == (7,)
                answered += 1
                refusal = client.receive(0.01)
            expected = "the server failed (database is locked): nothing was accepted"
            assert refusal.values == ("/astfx/render", 1, expected)
            assert answered > MANY
            client.send("/astfx/render", *request)
            client.send("/astfx/ping", 7)
            assert other.ask("/astfx/ping", 7)[0].values == (7,)
        assert until(client, "/astfx/queued").values == (1,)
        assert until(client, "/astfx/done").values[1] == 1


def test_removed_records_are_written_again(start: Callable[..., Server]) -> None:
    server = start()
    with server.client() as client:
        client.send("/astfx/render", "slow", "long.wav", "slow.wav", *SLOW)
        client.send("/astfx/render", "later", "content.wav", "later.wav", *STYLE, *QUICK)
        until(client, "/astfx/progress")
        for path in sorted(server.state.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        server.state.rmdir()
        trouble = until(client, "/astfx/trouble")
        assert "were removed while the server ran: they are written again" in str(trouble.values[1])
        server.kill()
        told(server)
        server.start()
        client_again = server.client()
    with client_again as client:
        client.ask("/astfx/cancel", "slow")
        client.send("/astfx/render", "later", "content.wav", "later.wav", *STYLE, *QUICK)
        assert until(client, "/astfx/done").values[1] == "later"


def test_replaced_records_are_told_and_no_job_is_accepted(start: Callable[..., Server]) -> None:
    server = start()
    moved = server.state.with_name("moved")
    with server.client("udp") as listener, server.client() as client:
        listener.ask("/astfx/notify", 1)
        server.state.rename(moved)
        server.state.mkdir()
        sqlite3.connect(server.state / "jobs.sqlite").close()
        (server.state / "jobs.sqlite").touch()
        expected = (
            f"the state folder '{server.state}' was replaced while the server ran: start the "
            "server again, no job is accepted before"
        )
        with pytest.raises(RefusedError) as caught:
            client.ask("/astfx/render", 1, "content.wav", "o.wav", *STYLE)
        assert str(caught.value) == expected
        assert until(listener, "/astfx/trouble").values == (0, expected)
    assert server.stop_loudly() == (0, f"astfx-bridge: {expected}\n")


def test_a_server_waits_at_its_start_for_records_that_are_locked(
    start: Callable[..., Server],
) -> None:
    server = start()
    with server.client() as client:
        client.send("/astfx/render", 1, "content.wav", "o.wav", *STYLE, *QUICK)
        until(client, "/astfx/queued")
    server.kill()
    other = sqlite3.connect(server.state / "jobs.sqlite", check_same_thread=False)
    other.execute("begin immediate")
    release = threading.Timer(0.5, other.rollback)
    release.start()
    server.start()
    release.join()
    other.close()
    with server.client() as client:
        client.send("/astfx/render", 1, "content.wav", "o.wav", *STYLE, *QUICK)
        assert until(client, "/astfx/done").values[1] == 1


def test_a_server_whose_records_are_locked_ends_without_a_traceback(
    start: Callable[..., Server],
) -> None:
    server = start()
    with server.client() as client:
        client.send("/astfx/render", 1, "long.wav", "o.wav", *SLOW)
        until(client, "/astfx/progress")
    with locked(server):
        code, text = server.stop_loudly()
    assert (code, text) == (0, "astfx-bridge: the records cannot be written (database is locked)\n")
    server.start()
    with server.client() as client:
        eventually(lambda: client.ask("/astfx/status", 1)[0].values[1] == "running")
