"""The programs that these tests drive, and what happens where one is absent."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
CLIENTS = Path(__file__).parents[3] / "bridge" / "clients"


def need(name: str) -> str:
    """Path of a program; skip without it, or fail where all must be there (ASTFX_HOSTS)."""
    found = shutil.which(name)
    if found is None:
        absent(f"{name} is not installed")
    assert found is not None
    return found


def absent(reason: str) -> None:
    """Skip, or fail where all must be there."""
    if os.environ.get("ASTFX_HOSTS"):
        pytest.fail(reason)
    pytest.skip(reason)


def run(
    *command: str | Path, seconds: float = 400.0, environment: dict[str, str] | None = None
) -> str:
    """Run a program to its end, and return all that it prints."""
    result = subprocess.run(
        [str(part) for part in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        errors="replace",
        timeout=seconds,
        env={**os.environ, **(environment or {})},
    )
    return result.stdout


def filled(name: str, folder: Path, **words: str | int | Path) -> Path:
    """A script of this folder with its capital words replaced, written to `folder`."""
    text = (HERE / name).read_text()
    for word, value in words.items():
        text = text.replace(word, str(value))
    path = folder / name
    path.write_text(text)
    return path
