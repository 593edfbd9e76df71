"""The types that a user's own type checker sees."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RIGHT = """
from pedalboard import Compressor, Gain, Reverb
from pedalboard.io import AudioFile

import astfx

effect = astfx.StyleTransfer("rain.wav", strength=0.7, mix=0.9)
effect.strength = 0.5
effect.mix = astfx.Automation([(0.0, 0.0), (1.0, 1.0)])
board = astfx.Pedalboard([Compressor(), None, effect, Reverb()])
board.append(astfx.Mix([Gain(1.0), astfx.Chain([effect])]))
board[0].reset()
for plugin in board:
    plugin.reset()
with AudioFile("stem.wav") as f:
    out = board(f.read(f.frames), f.samplerate)
print(out.shape, board.latency_samples, effect.to_dict())
print(astfx.process(out, 44100.0, [effect]).dtype)
"""
WRONG = [
    'astfx.StyleTransfer("rain.wav", strenght=0.7)',
    'astfx.StyleTransfer("rain.wav", strength="all")',
    "astfx.Pedalboard([3])",
    'astfx.StyleTransfer("rain.wav").latency_samples = 3',
    'astfx.StyleTransfer("rain.wav")([0.0], 44100)',
]

pytestmark = pytest.mark.slow


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    (tmp_path / "right.py").write_text(RIGHT)
    (tmp_path / "wrong.py").write_text("import astfx\n\n" + "\n".join(WRONG) + "\n")
    for path in (ROOT / "examples").glob("*.py"):
        (tmp_path / path.name).write_text(path.read_text())
    settings = {"extraPaths": [str(ROOT)], "typeCheckingMode": "standard"}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings))
    untyped = "[mypy-sounddevice]\nignore_missing_imports = True\n"
    (tmp_path / "mypy.ini").write_text(f"[mypy]\nstrict = True\nmypy_path = {ROOT}\n{untyped}")
    return tmp_path


def check(command: list[str], folder: Path) -> list[str]:
    """The places of all errors, as `file:line`."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    found = [line for line in done.stdout.splitlines() if "error:" in line]
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return [":".join(Path(line.strip()).name.split(":")[:2]) for line in found]


@pytest.mark.parametrize("checker", ["mypy", "pyright"])
def test_checkers_accept_what_is_right_and_find_what_is_wrong(checker: str, scripts: Path) -> None:
    if importlib.util.find_spec(checker) is None:
        pytest.skip(f"needs {checker}")
    if checker == "pyright" and shutil.which("node") is None:
        pytest.skip("pyright needs node, and would fetch it")
    names = sorted(path.name for path in scripts.glob("*.py"))
    extra = {"mypy": ["--follow-imports=silent"], "pyright": ["--pythonpath", sys.executable]}
    errors = check([sys.executable, "-m", checker, *extra[checker], *names], scripts)
    assert sorted(set(errors)) == [f"wrong.py:{line}" for line in range(3, 3 + len(WRONG))]
