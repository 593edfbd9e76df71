"""Users without a home folder, such as those of services."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from astfx.runtime import folders
from tests.conftest import Run

OF_NOBODY = """
import os, pwd, sys
def nobody(*_):
    raise KeyError("no entry in /etc/passwd")
pwd.getpwuid = nobody
assert os.path.expanduser("~") == "~"
import numpy
import astfx
from astfx import presets
content = numpy.random.default_rng(0).standard_normal(11025).astype(numpy.float32)
assert astfx.transfer(content, "rain", 22050, quality="draft", iterations=1).shape == (11025,)
assert astfx.StyleTransfer("rain", engine="live")(content, 22050).shape == (11025,)
assert presets.user_folder().is_relative_to(sys.argv[1]), presets.user_folder()
print(os.listdir("."))
"""


def homeless(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    def no_home(*_: object) -> str:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr("platformdirs.user_data_dir", no_home)
    monkeypatch.setattr("platformdirs.user_cache_dir", no_home)
    monkeypatch.setattr(Path, "home", no_home)
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(folder))


def test_without_a_home_data_are_temporary(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert folders.has_home()
    homeless(monkeypatch, tmp_path)
    assert not folders.has_home()
    found = folders.user_data_folder(), folders.user_cache_folder()
    assert [path.name for path in found] == ["data", "cache"]
    assert all(path.parent.parent == tmp_path for path in found)


def test_what_needs_a_home_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, run: Run
) -> None:
    homeless(monkeypatch, tmp_path)
    message = "astfx: the user has no home folder: set the variable HOME to one\n"
    assert run("plugin", "info") == (2, "", message)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no /etc/passwd")
def test_a_user_whom_the_system_does_not_know_can_render(tmp_path: Path) -> None:
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ("HOME", "NUMBA_CACHE_DIR") and not name.startswith("XDG_")
    }
    done = subprocess.run(
        [sys.executable, "-c", OF_NOBODY, str(tmp_path)],
        cwd=tmp_path,
        env={**kept, "PYTHONPATH": str(Path(__file__).parents[2]), "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "~" not in done.stdout
