from __future__ import annotations

import ast
import subprocess
import sys

import astfx_bridge
import pytest

from tests.bridge.serving import ROOT, environment

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
    names = set(dir(astfx_bridge))
    assert names == {"Bridge", "Client", "Limits", "ServerSettings"}
    for name in names:
        assert getattr(astfx_bridge, name).__doc__
    with pytest.raises(AttributeError, match="No astfx_bridge attribute nothing"):
        _ = astfx_bridge.nothing  # type: ignore[attr-defined]


ROOMS = ["wire", "jobs", "commands", "web"]


def test_a_room_uses_only_the_rooms_below_it() -> None:
    above = {"server", "cli", "state", "discovery", "client", "sending", *ROOMS}
    for place, room in enumerate(ROOMS):
        for path in (BRIDGE / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.ImportFrom) and node.module:
                    parts = [*node.module.split("."), *(alias.name for alias in node.names)]
                    if parts[0] == "astfx_bridge":
                        assert parts[1] not in above - set(ROOMS[: place + 1]), path


def test_the_server_is_started_without_what_renders() -> None:
    code = (
        "import sys, astfx_bridge.server\n"
        "heavy = {'torch', 'numba', 'librosa', 'scipy', 'pedalboard'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "tasks = {'astfx_bridge.jobs.tasks', 'astfx_bridge.jobs.engines'} & set(sys.modules)\n"
        "assert not tasks, tasks\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=environment())
