from __future__ import annotations

import os
from pathlib import Path

import pytest
from astfx_bridge.errors import BridgeError, RefusedError
from astfx_bridge.roots import Roots


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    for name in ("root/inner", "root/state", "other", "secret"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "root/a.wav").write_bytes(b"x")
    (tmp_path / "root/state/jobs.sqlite").write_bytes(b"x")
    (tmp_path / "other/b.wav").write_bytes(b"x")
    (tmp_path / "secret/c.wav").write_bytes(b"x")
    (tmp_path / "root/link.wav").symlink_to(tmp_path / "secret/c.wav")
    (tmp_path / "root/linked").symlink_to(tmp_path / "secret")
    (tmp_path / "root/within.wav").symlink_to(tmp_path / "root/a.wav")
    os.mkfifo(tmp_path / "root/pipe")
    return tmp_path


@pytest.fixture
def roots(folders: Path) -> Roots:
    return Roots([folders / "root", folders / "other"], folders / "root/state")


def test_files_under_any_root_can_be_read(roots: Roots, folders: Path) -> None:
    assert roots.readable("a.wav", "content") == folders / "root/a.wav"
    assert roots.readable("inner/../a.wav", "content") == folders / "root/a.wav"
    assert roots.readable(str(folders / "other/b.wav"), "content") == folders / "other/b.wav"
    assert roots.readable("within.wav", "content") == folders / "root/a.wav"


ESCAPES = [
    "../secret/c.wav",
    "inner/../../secret/c.wav",
    "/etc/passwd",
    "link.wav",
    "linked/c.wav",
    "state/jobs.sqlite",
    "..",
    "/",
    "../root-of-another-name/x.wav",
    "../secret/does-not-exist.wav",
]


@pytest.mark.parametrize("name", ESCAPES)
def test_what_lies_outside_is_refused_in_one_way(roots: Roots, name: str) -> None:
    for ask in (roots.readable, roots.writable, roots.folder, roots.new_folder):
        with pytest.raises(RefusedError) as caught:
            ask(name, "content")
        assert str(caught.value) == f"content '{name}' lies outside the server's roots"


def test_a_folder_whose_name_begins_like_a_root_is_outside(folders: Path) -> None:
    (folders / "root2").mkdir()
    with pytest.raises(RefusedError, match=r"outside"):
        Roots([folders / "root"], folders / "x").writable(str(folders / "root2/a.wav"))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing.wav", "content 'missing.wav' does not exist"),
        ("inner", "content 'inner' is a folder: name a file"),
        ("pipe", "content 'pipe' is not a regular file"),
        ("", "content '' is not a valid path"),
        ("a\0b", r"content 'a\x00b' is not a valid path"),
        ("x" * 5000, f"content '{'x' * 80}' is not a valid path"),
    ],
)
def test_what_cannot_be_read_is_refused(roots: Roots, name: str, message: str) -> None:
    with pytest.raises(RefusedError) as caught:
        roots.readable(name, "content")
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nowhere/x.wav", "output 'nowhere/x.wav': its folder does not exist"),
        ("inner", "output 'inner' exists and is not a regular file"),
        ("pipe", "output 'pipe' exists and is not a regular file"),
        (".hidden.wav", "output '.hidden.wav' must not begin with a dot"),
    ],
)
def test_what_cannot_be_written_is_refused(roots: Roots, name: str, message: str) -> None:
    with pytest.raises(RefusedError) as caught:
        roots.writable(name)
    assert str(caught.value) == message


def test_folders_are_checked_as_files_are(roots: Roots, folders: Path) -> None:
    assert roots.folder("inner", "folder") == folders / "root/inner"
    assert roots.new_folder("fresh") == folders / "root/fresh"
    with pytest.raises(RefusedError, match=r"folder 'a.wav' is not a folder that exists"):
        roots.folder("a.wav", "folder")
    with pytest.raises(RefusedError, match=r"output 'a.wav' exists and is not a folder"):
        roots.new_folder("a.wav")
    with pytest.raises(RefusedError, match=r"output 'x/y': the folder above it does not exist"):
        roots.new_folder("x/y")


def test_a_root_must_exist(tmp_path: Path) -> None:
    with pytest.raises(BridgeError, match=r"root '.*gone' is not a folder that exists"):
        Roots([tmp_path / "gone"], tmp_path)


def test_a_folder_swapped_for_a_link_is_noticed(roots: Roots, folders: Path) -> None:
    path = roots.writable("inner/x.wav")
    assert roots.still_writable(path)
    (folders / "root/inner").rmdir()
    (folders / "root/inner").symlink_to(folders / "secret")
    assert not roots.still_writable(path)


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("x" * 256, ": it holds a name of more than 255 bytes"),
        ("ü" * 128 + ".wav", ": it holds a name of more than 255 bytes"),
        ("x/" * 2048 + "x", ""),
    ],
)
def test_a_name_that_no_file_can_have_is_refused_in_a_sentence(
    roots: Roots, name: str, rule: str
) -> None:
    for ask in (roots.readable, roots.writable, roots.folder, roots.new_folder):
        with pytest.raises(RefusedError) as caught:
            ask(name, "content")
        assert str(caught.value) == f"content {name[:80]!r} is not a valid path{rule}"
