"""The script that sets up a checkout."""

from __future__ import annotations

import os
import venv
from pathlib import Path

import pytest

import dev


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment of its own, into which nothing is installed."""
    folder = tmp_path / ".venv"
    monkeypatch.setattr(dev, "ENVIRONMENT", folder)
    monkeypatch.setattr(dev, "STAMP", folder / "astfx-stamp")
    monkeypatch.setattr(dev, "run", lambda *command: None)
    return folder


def test_an_unfinished_environment_is_made_anew(environment: Path) -> None:
    environment.mkdir()
    (environment / "remains").touch()
    dev.setup()
    assert dev.has_pip()
    assert not (environment / "remains").exists()
    assert dev.STAMP.is_file()
    (environment / "kept").touch()
    dev.STAMP.unlink()  # as after a change of pyproject.toml
    dev.setup()
    assert (environment / "kept").exists()


def test_an_environment_without_pip_or_python_is_unfinished(environment: Path) -> None:
    assert not dev.has_pip()
    venv.create(environment, with_pip=False)
    assert not dev.has_pip()
    python = Path(dev.program("python"))
    python.unlink()
    os.symlink(environment / "none", python)
    assert not dev.has_pip()
