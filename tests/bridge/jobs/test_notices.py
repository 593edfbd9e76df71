from __future__ import annotations

from pathlib import Path

import pytest
from astfx_bridge.errors import RefusedError
from astfx_bridge.jobs import notices
from astfx_bridge.jobs.notices import Notices, send_outcome
from astfx_bridge.jobs.store import BLOB_COMMANDS, DONE, FAILED, Job

from tests.bridge.offline import UdpClient


def job(**more: str | int) -> Job:
    return Job(**{"id": "1", "command": "/astfx/render", "request": "", **more})  # type: ignore[arg-type]


def test_a_blob_result_that_was_dropped_is_a_fail(tmp_path: Path) -> None:
    client = UdpClient()
    gone = job(command=BLOB_COMMANDS[0], state=DONE, detail=str(tmp_path / "gone.wav"))
    send_outcome(client, gone)
    (fail,) = client.received
    assert fail.values == (BLOB_COMMANDS[0], 1, "the result is no longer on the server")


def test_a_blob_result_that_is_too_long_for_udp_is_a_fail(tmp_path: Path) -> None:
    client = UdpClient()
    (tmp_path / "long.wav").write_bytes(bytes(70_000))
    detail = str(tmp_path / "long.wav")
    send_outcome(client, job(command=BLOB_COMMANDS[0], state=DONE, detail=detail))
    (fail,) = client.received
    assert fail.values == (
        BLOB_COMMANDS[0],
        1,
        "the result is too long for UDP: send /astfx/result 1 over TCP",
    )


def test_a_sync_is_answered_when_the_peers_own_jobs_have_ended() -> None:
    board, client, other = Notices(), UdpClient(), UdpClient()
    board.add_owner("1", client)
    board.add_owner("2", other)
    board.sync(client, "mine")
    assert client.received == []
    board.ended(job(id="2", state=FAILED, detail="x"), [])
    assert client.received == []
    board.ended(job(id="1", state=FAILED, detail="x"), [])
    assert [message.address for message in client.received] == ["/astfx/fail", "/astfx/synced"]
    board.sync(client, "again")
    assert client.received[-1].values == ("again",)


def test_syncs_that_wait_are_capped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notices, "MAX_SYNCS", 2)
    board, client = Notices(), UdpClient()
    board.add_owner("1", client)
    board.sync(client, 1)
    board.sync(client, 2)
    with pytest.raises(RefusedError, match=r"^2 syncs are already waiting$"):
        board.sync(client, 3)


def test_a_subscriber_is_not_sent_the_blobs_of_others(tmp_path: Path) -> None:
    (tmp_path / "clip.wav").write_bytes(b"clip")
    board, owner, subscriber = Notices(), UdpClient(), UdpClient()
    board.add_owner("1", owner)
    ended = job(command=BLOB_COMMANDS[0], state=DONE, detail=str(tmp_path / "clip.wav"))
    board.ended(ended, [owner, subscriber])
    assert [message.values[2] for message in owner.received] == [b"clip"]
    assert [message.values[2] for message in subscriber.received] == [""]


def test_a_peer_that_has_gone_is_sent_nothing() -> None:
    board, client = Notices(), UdpClient()
    board.add_owner("1", client)
    board.sync(client, 1)
    board.remove_peer(client)
    board.ended(job(state=FAILED, detail="x"), [])
    assert client.received == []
