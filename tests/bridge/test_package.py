from __future__ import annotations

import ast

import astfx_bridge
import pytest

from tests.bridge.serving import ROOT

BRIDGE = ROOT / "bridge" / "astfx_bridge"
FILES = sorted(BRIDGE.rglob("*.py"))


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
