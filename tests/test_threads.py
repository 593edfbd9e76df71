"""Classes that are threads."""

from __future__ import annotations

import ast
import threading
from pathlib import Path

ROOT = Path(__file__).parents[1]
# Names in the Thread of Python 3.11 to 3.14 that are not in every version.
OF_SOME_VERSIONS = {"_context", "_handle", "_is_stopped", "_os_thread_handle", "_tstate_lock"}


def _own_names(node: ast.ClassDef) -> set[str]:
    """Names that a class gives to methods and to attributes of itself."""
    methods = {each.name for each in node.body if isinstance(each, ast.FunctionDef)}
    attributes = {
        each.attr
        for each in ast.walk(node)
        if isinstance(each, ast.Attribute)
        and isinstance(each.ctx, ast.Store)
        and isinstance(each.value, ast.Name)
        and each.value.id == "self"
    }
    return methods | attributes


def test_threads_leave_the_private_names_of_thread_alone() -> None:
    """A method called `_handle` hides an attribute of Python 3.13, and fails only there."""
    private = {
        name
        for name in dir(threading.Thread())
        if name.startswith("_") and not name.startswith("__")
    }
    checked = 0
    for path in sorted([*(ROOT / "astfx").rglob("*.py"), *(ROOT / "bridge").rglob("*.py")]):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef) and any(
                ast.unparse(base) in ("Thread", "threading.Thread") for base in node.bases
            ):
                checked += 1
                taken = _own_names(node) & (private | OF_SOME_VERSIONS)
                assert not taken, f"{path.name}, class {node.name}: {taken}"
    assert checked > 3
