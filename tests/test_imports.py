"""Imports run one way: no file imports itself in a circle, not even inside a function."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TREES = {"astfx": ROOT / "astfx", "astfx_bridge": ROOT / "bridge" / "astfx_bridge"}


def modules(package: str) -> dict[str, Path]:
    """Every module of a package by its dotted name."""
    folder = TREES[package]
    found = {}
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder).with_suffix("").parts
        name = ".".join((package, *parts)).removesuffix(".__init__")
        found[name] = path
    return found


def imported(text: str, known: dict[str, Path]) -> Iterator[str]:
    """Modules of `known` that a source text imports, wherever the import stands."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                if inner in known:  # a module of that package, not a name that it exports
                    yield inner
                elif node.module in known:
                    yield node.module


def circle(edges: dict[str, set[str]]) -> list[str]:
    """A path of imports from a module back to itself, or nothing."""
    done: set[str] = set()

    def look(name: str, path: list[str]) -> list[str]:
        if name in path:
            return [*path[path.index(name) :], name]
        if name in done:
            return []
        for other in sorted(edges[name]):
            if found := look(other, [*path, name]):
                return found
        done.add(name)
        return []

    for name in edges:
        if found := look(name, []):
            return found
    return []


@pytest.mark.parametrize("package", TREES)
def test_no_file_imports_itself_in_a_circle(package: str) -> None:
    known = modules(package)
    edges = {name: set(imported(path.read_text(), known)) for name, path in known.items()}
    assert " -> ".join(circle(edges)) == ""


def test_a_circle_is_found_wherever_its_imports_stand() -> None:
    known = dict.fromkeys(("p", "p.a", "p.b", "p.c"), Path())
    texts = {
        "p": "",
        "p.a": "from p import b",
        "p.b": "def f():\n    import p.c\n",
        "p.c": "if TYPE_CHECKING:\n    from p.a import x\n",
    }
    edges = {name: set(imported(text, known)) for name, text in texts.items()}
    assert circle(edges) == ["p.a", "p.b", "p.c", "p.a"]
    assert circle({**edges, "p.c": set()}) == []


def test_astfx_does_not_know_the_bridge() -> None:
    for path in TREES["astfx"].rglob("*.py"):
        assert "astfx_bridge" not in path.read_text(), path
