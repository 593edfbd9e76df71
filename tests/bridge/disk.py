"""A small disk of its own, which a test can fill."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """Mount a disk of a few megabytes, in memory.

    Raises
    ------
    PermissionError
        If that is not allowed here.
    """
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0777", "tmpfs", str(folder)]
    for prefix in ([], ["sudo", "--non-interactive"]):
        try:
            done = subprocess.run([*prefix, *words], capture_output=True)
        except OSError:
            continue
        if done.returncode == 0:
            break
    else:
        raise PermissionError("needs the right to mount a disk")
    try:
        yield folder
    finally:
        subprocess.run([*prefix, "umount", "--lazy", str(folder)], check=True)


def shrink_records(records: Path) -> None:
    """Give back the room that the records hold in advance, so that a full disk is noticed."""
    with closing(sqlite3.connect(records, timeout=60.0)) as database:
        database.execute("pragma wal_checkpoint(truncate)")


@contextmanager
def full(disk: Path) -> Iterator[None]:
    """Leave no room on a disk."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (2**20, 2**12, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue
    assert os.statvfs(disk).f_bavail == 0
    try:
        yield
    finally:
        filler.unlink()
