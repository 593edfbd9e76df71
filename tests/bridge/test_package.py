from __future__ import annotations

import ast
from pathlib import Path

import astfx_bridge
import pytest

from tests.bridge.serving import ROOT

BRIDGE = ROOT / "bridge" / "astfx_bridge"
# Imports run one way: a module may import those before it, never those after. Handlers know the
# server by its type only.
ORDER = [
    "errors",
    "table settings",
    "addresses",
    "osc framing access jobs roots",
    "peers process scratch connection",
    "udp client notices pool",
    "tcp sending installing readme styles engines dispatch",
    "work requests control",
    "worker",
    "desk job_commands",
    "preset_commands oscquery discovery",
    "commands",
    "server",
    "cli",
    "__init__ __main__",
]
LEVEL = {name: level for level, names in enumerate(ORDER) for name in names.split()}
FILES = sorted(BRIDGE.glob("*.py"))


def imports_of(path: Path) -> set[str]:
    """Modules of the bridge that a file imports, but for those it only names as types."""
    found: set[str] = set()

    def look(node: ast.AST) -> None:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            return
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("astfx_bridge"):
            parts = (node.module or "").split(".")
            names = [alias.name for alias in node.names] if len(parts) == 1 else [parts[1]]
            found.update(name for name in names if name in LEVEL)
        for child in ast.iter_child_nodes(node):
            look(child)

    look(ast.parse(path.read_text()))
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_imports_run_one_way(path: Path) -> None:
    own = path.stem
    assert own in LEVEL, f"give {own} a place in ORDER"
    for other in imports_of(path) - {own}:
        assert LEVEL[other] < LEVEL[own], f"{own} must not import {other}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_files_stay_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 250


def test_astfx_does_not_know_the_bridge() -> None:
    for path in (ROOT / "astfx").rglob("*.py"):
        assert "astfx_bridge" not in path.read_text(), path


def test_nothing_is_unpickled_and_no_shell_is_started() -> None:
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [alias.name for alias in node.names] + [getattr(node, "module", "") or ""]
                assert not {"pickle", "marshal", "shelve"} & set(names), path
            if isinstance(node, ast.keyword) and node.arg == "shell":
                raise AssertionError(f"{path} starts a shell")
            if isinstance(node, ast.Attribute):
                assert node.attr not in ("system", "popen", "create_subprocess_shell"), path


def test_every_public_name_is_there_and_documented() -> None:
    for name in astfx_bridge.__all__:
        assert getattr(astfx_bridge, name).__doc__
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = astfx_bridge.nothing
