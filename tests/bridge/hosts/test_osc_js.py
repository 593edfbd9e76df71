"""osc.js under node: UDP, TCP with SLIP, and WebSocket."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.bridge.hosts.programs import HERE, absent, need, run
from tests.bridge.serving import RATE, Server, read

pytestmark = pytest.mark.hosts


@pytest.fixture(scope="module")
def node() -> str:
    program = need("node")
    found = subprocess.run([program, "-e", "require('osc')"], capture_output=True)
    if found.returncode:
        absent("osc.js is not installed (npm install osc, and NODE_PATH)")
    return program


def test_a_file_is_rendered_over_udp(server: Server, node: str) -> None:
    lines = run(node, HERE / "client.js", "udp", str(server.port), "-", "-").splitlines()
    output = server.root / "from-js.wav"
    assert lines[:2] == ["/astfx/pong 3", "/astfx/queued js-udp"]
    assert "/astfx/progress js-udp 1" in lines
    assert lines[-1] == f"/astfx/done /astfx/render js-udp {output} {RATE} {RATE}"
    assert read(output).shape == (1, RATE)


@pytest.mark.parametrize("kind", ["tcp", "ws"])
def test_a_blob_is_rendered_over_slip_and_websocket(
    server: Server, node: str, tmp_path: Path, kind: str
) -> None:
    clip, output = server.root / "content.wav", tmp_path / "result.wav"
    port = server.port if kind == "tcp" else server.http_port
    lines = run(node, HERE / "client.js", kind, str(port), clip, output).splitlines()
    assert lines[:2] == ["/astfx/pong 3", f"/astfx/queued js-{kind}"]
    assert lines[-1].startswith(f"/astfx/done /astfx/render/blob js-{kind} (")
    assert read(output).shape == (1, RATE)
