"""The roots and what is in them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.bridge.offline import ask, make_services, refusal


def test_the_roots_are_listed(tmp_path: Path) -> None:
    services = make_services(tmp_path)
    assert ask(services, "/astfx/roots")[0].values == (1, str(tmp_path / "root"))


def test_a_folder_is_listed_without_what_clients_may_not_use(tmp_path: Path) -> None:
    services = make_services(tmp_path)
    root = tmp_path / "root"
    (root / "stems").mkdir()
    (root / "stems" / "a.wav").touch()
    for name in ("b.wav", "B.wav", ".hidden"):
        (root / name).touch()
    (tmp_path / "secret.wav").touch()
    (root / "out.wav").symlink_to(tmp_path / "secret.wav")
    (root / "in.wav").symlink_to(root / "b.wav")
    (root / "state").symlink_to(tmp_path / "state")
    if sys.platform == "linux":
        (root / os.fsdecode(b"\xff.wav")).touch()
        os.mkfifo(root / "pipe")
    (listing,) = ask(services, "/astfx/files")
    assert listing.address == "/astfx/listing"
    assert listing.values == (4, 0, "B.wav", "b.wav", "in.wav", "stems/")
    assert ask(services, "/astfx/files", "", 3)[0].values == (4, 3, "stems/")
    assert ask(services, "/astfx/files", "stems/")[0].values == (1, 0, "a.wav")
    assert ask(services, "/astfx/files", str(root / "stems"))[0].values == (1, 0, "a.wav")


def test_many_files_come_in_pages_that_udp_can_carry(tmp_path: Path) -> None:
    services = make_services(tmp_path)
    names = sorted(f"{number:03}{'x' * 240}.wav" for number in range(230))
    for name in names:
        (tmp_path / "root" / name).touch()
    assert ask(services, "/astfx/files")[0].values == (230, 0, *names[:200])
    assert ask(services, "/astfx/files", "", 200)[0].values == (230, 200, *names[200:])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (("..",), "folder '..' lies outside the server's roots"),
        (("gone",), "folder 'gone' is not a folder that exists"),
        (("", 1), "first=1 must be at most 0, the number of files"),
    ],
)
def test_a_folder_that_cannot_be_listed_is_refused(
    tmp_path: Path, values: tuple[str | int, ...], message: str
) -> None:
    assert refusal(make_services(tmp_path), "/astfx/files", *values) == message
