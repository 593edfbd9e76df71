from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import astfx

ROOT = Path(__file__).parents[1]
# Imports run one way: a module may import those before it, never those after.
ORDER = [
    "errors _threads plugins compiled",
    "audio recipes",
    "levels loudness device settings optim",
    "frontends descent",
    "features",
    "weights",
    "training",
    "methods",
    "phase",
    "image metrics",
    "streaming",
    "targets",
    "presets",
    "progress segments",
    "matching",
    "stylist shaping blending",
    "render",
    "api",
    "effect",
    "plots preset_plots doctor demo",
    "runs page",
    "comparison",
    "cli_methods cli_presets",
    "cli __init__",
]
LEVEL = {name: level for level, names in enumerate(ORDER) for name in names.split()}


def imports_of(path: Path) -> set[str]:
    """Top-level parts of astfx that a file imports, at any depth of its code."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
            if node.module == "astfx":
                names = [f"astfx.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        found |= {name.split(".")[1] for name in names if name.startswith("astfx.")}
    return found


@pytest.mark.parametrize("path", sorted((ROOT / "astfx").rglob("*.py")), ids=str)
def test_imports_run_one_way(path: Path) -> None:
    own = path.relative_to(ROOT / "astfx").parts[0].removesuffix(".py")
    assert own in LEVEL, f"give {own} a place in ORDER"
    for other in imports_of(path) - {own}:
        assert LEVEL[other] < LEVEL[own], f"{own} must not import {other}"


@pytest.mark.parametrize("path", sorted((ROOT / "astfx").rglob("*.py")), ids=str)
def test_files_stay_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 350


def test_importing_astfx_and_asking_for_help_loads_no_torch() -> None:
    code = (
        "import sys, astfx, astfx.cli\n"
        "from typer.testing import CliRunner\n"
        "result = CliRunner().invoke(astfx.cli.app, ['--help'])\n"
        "assert result.exit_code == 0, result.output\n"
        "heavy = {'torch', 'numba', 'librosa', 'scipy', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_public_name_is_there_and_documented() -> None:
    for name in astfx.__all__:
        assert getattr(astfx, name).__doc__
        assert name in dir(astfx)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'astfx' has no attribute 'nothing'"):
        _ = astfx.nothing


def test_nothing_is_unpickled_and_no_shell_is_started() -> None:
    for path in (ROOT / "astfx").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [alias.name for alias in node.names] + [getattr(node, "module", "") or ""]
                assert not {"pickle", "marshal", "shelve"} & set(names), path
            if isinstance(node, ast.keyword) and node.arg == "shell":
                raise AssertionError(f"{path} starts a shell")
