"""The promises about jobs, on a real server: none is lost, and each ends exactly once."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from astfx_bridge.errors import RefusedError
from astfx_bridge.wire.connection import TRANSPORTS
from astfx_bridge.wire.osc import Message

from tests.bridge.serving import QUICK, RATE, Server, collect, environment, eventually, read, until

STYLE = ("style", "style.wav")
SLOW = (*STYLE, "quality", "best")


def left_over(server: Server) -> list[str]:
    """Half-written files under the root and the state folder."""
    folders = (server.root, server.state / "blobs")
    return [str(path) for folder in folders for path in folder.rglob(".*")]


def worker_ids(server: Server) -> list[int]:
    assert server.process is not None
    listing = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
    if not listing.exists():
        pytest.skip("needs /proc to find the worker")
    return [int(word) for word in listing.read_text().split()]


def worker_threads(jobs: int) -> int:
    """The threads of each worker, on which the last bits of a render depend."""
    return max(1, min(4, (os.cpu_count() or 1) // jobs))


def test_a_render_through_the_bridge_is_that_of_the_library(server: Server) -> None:
    import astfx

    direct = server.root / "direct.wav"
    settings = astfx.Settings(
        quality="draft", iterations=2, strength=0.5, seed=3, threads=worker_threads(jobs=2)
    )
    astfx.transfer_file(server.root / "content.wav", server.root / "style.wav", direct, settings)
    shares: list[float] = []
    with server.client() as client:
        result = client.render(
            "content.wav",
            "through.wav",
            progress=shares.append,
            style="style.wav",
            quality="draft",
            iterations=2,
            strength=0.5,
            seed=3,
        )
    assert result.output == str(server.root / "through.wav")
    assert (result.sample_rate, result.frames) == (RATE, RATE)
    assert shares == sorted(shares)
    # 24 bit.
    np.testing.assert_allclose(read(server.root / "through.wav"), read(direct), atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["stream", "live"])
def test_a_block_engine_gives_what_the_effect_gives(server: Server, engine: str) -> None:
    # The phase of a block depends on the last bits of sums, which depend on the number of threads.
    # So the effect runs in a process like the worker's.
    code = (
        "import sys, numpy, soundfile, astfx\n"
        "root, engine, path = sys.argv[1:]\n"
        "clip, rate = soundfile.read(root + '/mid.wav', dtype='float32')\n"
        "effect = astfx.StyleTransfer(root + '/style.wav', engine=engine, strength=0.7)\n"
        "numpy.save(path, effect(clip, rate))\n"
    )
    path = server.root.parent / f"{engine}.npy"
    words = [sys.executable, "-c", code, str(server.root), engine, str(path)]
    subprocess.run(words, env=environment(), check=True)
    expected = np.load(path)[None]
    with server.client() as client:
        client.render("mid.wav", f"{engine}.wav", style="style.wav", engine=engine, strength=0.7)
    written = read(server.root / f"{engine}.wav")
    # 24 bit. If the effect exceeds full scale, the whole file is turned down.
    scale = min(1.0, 0.9999 / np.abs(expected).max())
    np.testing.assert_allclose(written, expected * scale, atol=1e-4)


@pytest.mark.parametrize("kind", ["wav", "flac"])
def test_a_blob_comes_back_as_a_clip_of_the_asked_format(server: Server, kind: str) -> None:
    import io

    data = read(server.root / "content.wav").T
    buffer = io.BytesIO()
    soundfile.write(buffer, data, RATE, format="FLAC")
    with server.client("slip") as client:
        result = client.render_blob(
            buffer.getvalue(), style="style.wav", quality="draft", iterations=1, format=kind
        )
    assert isinstance(result.output, bytes)
    with soundfile.SoundFile(io.BytesIO(result.output)) as file:
        assert (file.format.lower(), file.samplerate, file.frames) == (kind, RATE, RATE)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_each_job_has_one_outcome_and_sync_comes_after_it(server: Server, transport: str) -> None:
    names = [f"{transport}-{number}" for number in range(5)]
    with server.client(transport) as client:
        for name in names:
            client.send("/astfx/render", name, "content.wav", f"{name}.wav", *STYLE, *QUICK)
        client.send("/astfx/cancel", names[-1])
        client.send("/astfx/sync", "all")
        seen: list[Message] = []
        while not seen or seen[-1].address != "/astfx/synced":
            message = client.receive(60.0)
            assert message is not None
            seen.append(message)
        seen += collect(client, 0.3)
    ends = Counter(
        message.values[1] for message in seen if message.address in ("/astfx/done", "/astfx/fail")
    )
    assert ends == dict.fromkeys(names, 1)
    assert seen[-1].address == "/astfx/synced"
    assert left_over(server) == []


def test_a_repeated_id_is_answered_from_the_record(server: Server) -> None:
    request = ("again", "content.wav", "again.wav", *STYLE, *QUICK)
    output = server.root / "again.wav"
    with server.client() as client:
        client.send("/astfx/render", *request)
        first = until(client, "/astfx/done")
        written = output.stat().st_mtime_ns
        client.send("/astfx/render", *request)
        assert until(client, "/astfx/done") == first
        assert output.stat().st_mtime_ns == written
        with pytest.raises(RefusedError, match=r"id again belongs to another job: choose another"):
            client.ask("/astfx/render", "again", "content.wav", "else.wav", *STYLE)
        client.ask("/astfx/forget", "again")
        client.send("/astfx/render", *request)
        until(client, "/astfx/done")
        assert output.stat().st_mtime_ns > written


def test_a_second_client_that_repeats_a_pending_id_is_told_too(server: Server) -> None:
    request = ("shared", "content.wav", "shared.wav", *STYLE, *QUICK)
    with server.client() as one, server.client("udp") as other:
        one.send("/astfx/render", *request)
        until(one, "/astfx/queued")
        other.send("/astfx/render", *request)
        assert until(one, "/astfx/done") == until(other, "/astfx/done")


def test_id_0_lets_the_server_choose(server: Server) -> None:
    with server.client() as client:
        ids = []
        for number in range(2):
            client.send("/astfx/render", 0, "content.wav", f"chosen{number}.wav", *STYLE, *QUICK)
            ids.append(until(client, "/astfx/queued").values[0])
            until(client, "/astfx/done")
    assert len(set(ids)) == 2
    assert all(isinstance(job_id, int) and job_id > 100_000 for job_id in ids)


def test_what_the_worker_refuses_is_the_jobs_fail(server: Server) -> None:
    soundfile.write(server.root / "silent.wav", np.zeros(RATE), RATE)
    with server.client() as client, pytest.raises(RefusedError, match=r"silen"):
        client.render("content.wav", "never.wav", style="silent.wav")
    assert not (server.root / "never.wav").exists()
    assert left_over(server) == []


def test_a_running_job_is_cancelled_and_leaves_nothing(server: Server) -> None:
    with server.client() as client:
        client.send("/astfx/render", "stop", "long.wav", "stopped.wav", *SLOW)
        until(client, "/astfx/progress")
        client.send("/astfx/cancel", "stop")
        assert until(client, "/astfx/fail").values == ("/astfx/render", "stop", "cancelled")
        with pytest.raises(RefusedError, match=r"job stop has ended: it is cancelled"):
            client.ask("/astfx/cancel", "stop")
        assert client.ask("/astfx/status", "stop")[0].values[1] == "cancelled"
        client.render("content.wav", "next.wav", style="style.wav", quality="draft")
    eventually(lambda: left_over(server) == [])
    assert not (server.root / "stopped.wav").exists()


def test_an_output_that_a_job_writes_is_not_given_to_another(server: Server) -> None:
    with server.client() as client:
        client.send("/astfx/render", "one", "long.wav", "same.wav", *SLOW)
        until(client, "/astfx/queued")
        with pytest.raises(RefusedError, match=r"same.wav' is being written by job one"):
            client.ask("/astfx/render", "two", "content.wav", "same.wav", *STYLE)
        client.ask("/astfx/cancel", "one")


def test_what_a_killed_server_left_half_written_is_removed(start: Callable[..., Server]) -> None:
    server = start()
    with server.client() as client:
        client.send("/astfx/render", "gone", "long.wav", "gone.wav", *SLOW)
        until(client, "/astfx/progress")
        client.ask("/astfx/cancel", "gone")
        server.kill()
    # As if the server was killed before the worker could clean up.
    database = sqlite3.connect(server.state / "jobs.sqlite")
    (spec,) = database.execute("select spec from jobs where id = 'gone'").fetchone()
    database.close()
    scratch = Path(json.loads(spec)["scratch"])
    left = [scratch, scratch.with_name(f".{scratch.name}.abc.part")]
    for path in left:
        path.write_bytes(b"half")
    other = server.root / ".astfx-somebody-elses.wav"
    other.write_bytes(b"whole")
    held = server.state / "blobs" / "unknown.content"
    held.write_bytes(b"half")
    server.start()
    assert not any(path.exists() for path in (*left, held))
    assert other.exists()


@pytest.mark.slow
def test_a_crashed_worker_fails_its_job_and_is_replaced(start: Callable[..., Server]) -> None:
    server = start()
    with server.client() as client:
        client.send("/astfx/render", "crash", "long.wav", "crashed.wav", *SLOW)
        client.send("/astfx/render", "after", "content.wav", "after.wav", *STYLE, *QUICK)
        until(client, "/astfx/progress")
        for number in worker_ids(server):
            os.kill(number, signal.SIGKILL)
        fail = until(client, "/astfx/fail")
        assert fail.values == ("/astfx/render", "crash", "the worker crashed (signal 9)")
        assert until(client, "/astfx/done").values[1] == "after"
    assert left_over(server) == []
    assert len(worker_ids(server)) == 1


def test_a_job_that_takes_too_long_is_stopped(start: Callable[..., Server]) -> None:
    server = start("--job-seconds", "0.4")
    with server.client() as client:
        client.send("/astfx/render", 1, "long.wav", "late.wav", *SLOW)
        fail = until(client, "/astfx/fail")
    assert fail.values[2] == "it took longer than the 0.4 seconds allowed"
    assert not (server.root / "late.wav").exists()
    assert left_over(server) == []


@pytest.mark.slow
def test_after_kill_9_unfinished_jobs_run_and_finished_ones_are_there(
    start: Callable[..., Server],
) -> None:
    server = start()
    requests: dict[int, tuple[int | str, ...]] = {
        n: (n, "content.wav", f"k{n}.wav", *STYLE, *QUICK) for n in range(1, 6)
    }
    requests[2] = (2, "mid.wav", "k2.wav", *STYLE, "quality", "standard")
    listener = server.client("udp")
    with server.client() as client:
        client.send("/astfx/render", *requests[1])
        first = until(client, "/astfx/done")
        written = (server.root / "k1.wav").stat().st_mtime_ns
        for number in (2, 3, 4):
            client.send("/astfx/render", *requests[number])
        listener.send("/astfx/render", *requests[5])
        until(listener, "/astfx/queued")
        until(client, "/astfx/progress")
    workers = worker_ids(server)
    server.kill()
    server.start()
    with listener, server.client() as client:
        # The UDP client is told although it did not ask again.
        assert until(listener, "/astfx/done").values[1] == 5
        assert client.ask("/astfx/result", 1) == [first]
        for number in (2, 3, 4):
            client.send("/astfx/render", *requests[number])
            assert until(client, "/astfx/done").values[1] == number
    assert (server.root / "k1.wav").stat().st_mtime_ns == written
    assert read(server.root / "k2.wav").shape == (1, 6 * RATE)
    assert left_over(server) == []
    assert not any(Path(f"/proc/{number}").exists() for number in workers)


def test_what_is_acknowledged_is_on_disk(start: Callable[..., Server]) -> None:
    server = start()
    with server.client() as client:
        client.send("/astfx/render", "first", "long.wav", "f.wav", *SLOW)
        until(client, "/astfx/queued")
        server.kill()
    database = sqlite3.connect(server.state / "jobs.sqlite")
    states = database.execute("select id, state from jobs").fetchall()
    database.close()
    assert states[0][0] == "first"
    server.start()


@pytest.mark.slow
def test_ctrl_c_keeps_the_queue_and_leaves_nothing_half_written(
    start: Callable[..., Server],
) -> None:
    server = start()
    with server.client() as client:
        client.send("/astfx/render", "later", "mid.wav", "later.wav", *STYLE)
        until(client, "/astfx/progress")
    assert server.stop() == 0
    assert left_over(server) == []
    server.start()
    assert "queue     1 unfinished job\n" in server.banner
    with server.client() as client:
        client.send("/astfx/render", "later", "mid.wav", "later.wav", *STYLE)
        assert until(client, "/astfx/done").values[1] == "later"


@pytest.mark.slow
def test_a_preview_comes_while_its_job_waits(start: Callable[..., Server]) -> None:
    server = start()
    with server.client() as client:
        client.send("/astfx/render", 1, "long.wav", "whole.wav", *SLOW)
        client.send("/astfx/render", 2, "long.wav", "whole2.wav", *SLOW)
        client.send("/astfx/preview", 2, "part.wav", 39.5, 5.0)
        done = until(client, "/astfx/done")
        assert done.values[:2] == ("/astfx/preview", "2/preview")
        # Only half a second of the clip is left after the start.
        assert done.values[4] == RATE // 2
        client.send("/astfx/preview", 2, "part.wav", 90.0)
        assert "start=90 lies beyond the clip's 40.00 seconds" in str(
            until(client, "/astfx/fail").values[2]
        )
        with pytest.raises(RefusedError, match=r"'whole2.wav' belongs to the job itself"):
            client.ask("/astfx/preview", 2, "whole2.wav")
        client.ask("/astfx/cancel/all")
        with pytest.raises(RefusedError, match=r"is cancelled: only a queued or running render"):
            client.ask("/astfx/preview", 2, "part.wav")


def test_a_stem_folder_is_cancelled_as_one(start: Callable[..., Server]) -> None:
    server = start()
    (server.root / "stems").mkdir()
    for name in ("a.wav", "b.wav", "c.wav"):
        soundfile.write(server.root / "stems" / name, read(server.root / "long.wav").T, RATE)
    with server.client() as client:
        client.send("/astfx/stem", 9, "stems", "out", *SLOW)
        assert until(client, "/astfx/stem").values == (9, 3)
        replies = client.ask("/astfx/status", 9)
        assert [m.values[0] for m in replies] == ["9/a.wav", "9/b.wav", "9/c.wav"]
        assert client.ask("/astfx/cancel", 9)[0].values == (9, 3)
    eventually(lambda: list((server.root / "out").iterdir()) == [])


def test_the_queue_is_capped(start: Callable[..., Server]) -> None:
    server = start("--queue-jobs", "2")
    with server.client() as client:
        for number in (1, 2, 3):
            client.send("/astfx/render", number, "long.wav", f"{number}.wav", *SLOW)
        fail = until(client, "/astfx/fail")
    assert fail.values == ("/astfx/render", 3, "the queue is full: at most 2 jobs may wait")
