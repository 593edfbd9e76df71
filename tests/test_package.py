from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import astfx

ROOT = Path(__file__).parents[1]


def test_importing_astfx_and_asking_for_help_loads_no_torch() -> None:
    code = (
        "import sys, astfx, astfx.cli.main\n"
        "from typer.testing import CliRunner\n"
        "result = CliRunner().invoke(astfx.cli.main.app, ['--help'])\n"
        "assert result.exit_code == 0, result.output\n"
        "heavy = {'torch', 'numba', 'librosa', 'scipy', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_public_name_is_there_and_documented() -> None:
    names = set(dir(astfx)) - {"__version__"}
    assert {"transfer", "Preset", "metrics", "presets"} <= names
    for name in names:
        assert getattr(astfx, name).__doc__


def test_submodules_are_there_after_a_plain_import() -> None:
    code = (
        "import astfx\n"
        "assert 'rain' in astfx.presets.names()\n"
        "assert callable(astfx.metrics.score)\n"
        "assert astfx.__version__.count('.') == 2, astfx.__version__\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("how", [["-m", "astfx"], ["-m", "astfx.cli.main"]])
def test_the_program_tells_its_version(how: list[str]) -> None:
    command = [sys.executable, *how, "--version"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stdout == f"astfx {astfx.__version__}\n"


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="No astfx attribute nothing"):
        _ = astfx.nothing  # type: ignore[attr-defined]


def test_nothing_is_unpickled_and_no_shell_is_started() -> None:
    for path in (ROOT / "astfx").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [alias.name for alias in node.names] + [getattr(node, "module", "") or ""]
                assert not {"pickle", "marshal", "shelve"} & set(names), path
            if isinstance(node, ast.keyword) and node.arg == "shell":
                raise AssertionError(f"{path} starts a shell")
