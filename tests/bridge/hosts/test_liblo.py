"""liblo: its programs over UDP and TCP, and pyliblo3 with bundles and blobs."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.bridge.hosts.programs import absent, need, run
from tests.bridge.serving import RATE, Server, eventually, read

pytestmark = pytest.mark.hosts

PYLIBLO = """
import sys, time
import pyliblo3 as liblo
port, clip, output = int(sys.argv[1]), sys.argv[2], sys.argv[3]
done, heard = [], []
def hear(path, arguments, types, source):
    heard.append(path)
    print(path, types, [a if not isinstance(a, (bytes, list)) else len(a) for a in arguments])
    if path == '/astfx/done':
        done.append(arguments)
for protocol in (liblo.UDP, liblo.TCP):
    server, target = liblo.Server(proto=protocol), liblo.Address('127.0.0.1', port, protocol)
    server.add_method(None, None, hear)
    # A bundle, its second message far in the future: it is not waited for.
    server.send(target, liblo.Bundle(liblo.time() + 1e6, liblo.Message('/astfx/ping', 7),
                                     liblo.Message('/astfx/get', 'strength')))
    if protocol == liblo.TCP:
        blob = ('b', open(clip, 'rb').read())
        server.send(target, liblo.Message('/astfx/render/blob', 'lo-blob', blob,
                                          'style', 'style.wav', 'quality', 'draft'))
    wanted = '/astfx/done' if protocol == liblo.TCP else '/astfx/value'
    end = time.time() + 300
    while time.time() < end and wanted not in heard:
        server.recv(50)
    heard.clear()
open(output, 'wb').write(bytes(done[0][2]))
"""


def is_bound(port: int) -> bool:
    """Whether a program listens on a UDP port (trying to bind it would take it from oscdump)."""
    tables = (Path("/proc/net/udp"), Path("/proc/net/udp6"))
    return any(f":{port:04X} " in table.read_text() for table in tables if table.exists())


def test_oscsend_asks_and_oscdump_hears(server: Server) -> None:
    with server.client("udp") as probe:
        free = probe.local_port
    target = f"127.0.0.1:{server.port}"
    dump = subprocess.Popen(
        ["stdbuf", "-oL", need("oscdump"), str(free)], stdout=subprocess.PIPE, text=True
    )
    assert dump.stdout is not None
    try:
        eventually(lambda: is_bound(free))
        words = ["content.wav", "from-lo.wav", "style", "style.wav", "quality", "draft"]
        run(need("oscsend"), f"osc.udp://{target}", "/astfx/notify", "ii", "1", str(free))
        run(need("oscsend"), f"osc.tcp://{target}", "/astfx/render", "issssss", "42", *words)
        lines = []
        for line in dump.stdout:
            lines.append(line.split(" ", 1)[1].strip())
            if "/astfx/done" in line or "/astfx/fail" in line:
                break
    finally:
        dump.kill()
        dump.wait()
        dump.stdout.close()
    output = server.root / "from-lo.wav"
    assert lines[:2] == ["/astfx/notified i 1", "/astfx/queued i 42"]
    assert "/astfx/progress if 42 1.000000" in lines
    assert lines[-1] == f'/astfx/done sisii "/astfx/render" 42 "{output}" {RATE} {RATE}'
    assert read(output).shape == (1, RATE)


def test_pyliblo_sends_bundles_and_blobs(server: Server, tmp_path: Path) -> None:
    if find_spec("pyliblo3") is None:
        absent("pyliblo3 is not installed")
    output = tmp_path / "result.wav"
    script = tmp_path / "script.py"
    script.write_text(PYLIBLO)
    text = run(sys.executable, script, str(server.port), server.root / "small.wav", output)
    assert text.count("/astfx/pong i [7]") == 2, text
    assert text.count("/astfx/value sf ['strength', 1.0]") == 2, text
    assert "/astfx/queued s ['lo-blob']" in text
    assert "/astfx/done ssbii" in text
    assert read(output).shape == (1, 8000)
