"""SuperCollider: the class over UDP, and plain messages over TCP."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.bridge.hosts.programs import CLIENTS, filled, need, run
from tests.bridge.serving import RATE, Server, read

pytestmark = pytest.mark.hosts
HELP = CLIENTS / "sc" / "HelpSource" / "Classes" / "AstFx.schelp"
HEADLESS = {
    "QT_QPA_PLATFORM": "offscreen",
    "QTWEBENGINE_DISABLE_SANDBOX": "1",
    "QTWEBENGINE_CHROMIUM_FLAGS": "--no-sandbox",
}


@contextmanager
def jack_server() -> Iterator[dict[str, str]]:
    """A JACK server without sound hardware, and the environment of its clients."""
    name = f"astfx-{os.getpid()}"
    command = [need("jackd"), "-r", "-n", name, "-d", "dummy", "-r", "48000", "-p", "1024"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as jack:
        yield {"JACK_DEFAULT_SERVER": name, "JACK_NO_START_SERVER": "1"}
        jack.terminate()


def sclang(script: Path, environment: dict[str, str] | None = None) -> list[str]:
    program = need("sclang")
    library = Path(program).parents[1] / "share" / "SuperCollider" / "SCClassLibrary"
    configuration = script.with_suffix(".yaml")
    configuration.write_text(
        f"includePaths:\n  - {library}\n  - {CLIENTS / 'sc'}\nexcludePaths: []\n"
        "postInlineWarnings: false\n"
    )
    return run(
        program, "-l", configuration, script, environment={**HEADLESS, **(environment or {})}
    ).splitlines()


def test_the_class_renders_and_reads_the_result(server: Server, tmp_path: Path) -> None:
    lines = sclang(filled("class.scd", tmp_path, PORT=server.port, HELPFILE=HELP))
    assert "HELP true" in lines
    assert "PONG 1" in lines
    assert "VALUE strength 1.0" in lines
    assert "PROGRESS 1.0" in lines
    assert f"DONE {RATE} {RATE} {RATE} true" in lines
    assert any(line == "FAIL content 'gone.wav' does not exist" for line in lines)
    assert read(server.root / "from-sc.wav").shape == (1, RATE)


def test_every_question_gets_its_own_answer(server: Server, tmp_path: Path) -> None:
    lines = sclang(filled("asking.scd", tmp_path, PORT=server.port))
    said = [line for line in lines if line.split(" ")[0] in ("ONE", "OTHER", "NEVER", "FAIL")]
    assert said == [
        "ONE strength",
        "ONE seed",
        "OTHER mix",
        "ONE method",
        "OTHER quality",
        "OTHER queue",
        "ONE pong",
        "FAIL content 'gone.wav' does not exist",
        "ONE last",
    ]
    warned = [line.split("astfx: ")[1] for line in lines if "astfx: /astfx/" in line]
    assert [line.split(" ")[0] for line in warned] == ["/astfx/get", "/astfx/status", "/astfx/set"]


def test_a_blob_goes_out_and_comes_back_over_tcp(server: Server, tmp_path: Path) -> None:
    clip, output = server.root / "small.wav", tmp_path / "result.wav"
    lines = sclang(filled("tcp.scd", tmp_path, PORT=server.port, CLIP=clip, OUTPUT=output))
    assert "QUEUED from-sclang" in lines
    assert "DONE from-sclang 8000 8000" in lines
    assert read(output).shape == (1, 8000)


def test_an_array_and_a_buffer_go_out_and_come_back(server: Server, tmp_path: Path) -> None:
    before = sorted(server.root.iterdir())
    with jack_server() as environment:
        lines = sclang(filled("buffers.scd", tmp_path, PORT=server.port), environment)
    assert "ARRAY 16000 8000 2 true" in lines
    said = "style 'gone.wav' does not exist"
    assert [line for line in lines if line.startswith("FAIL")] == [f"FAIL {said}"]
    assert "BUFFER 8000 2 48000.0 true" in lines
    assert sorted(server.root.iterdir()) == before


def test_a_completion_message_is_carried_out(server: Server, tmp_path: Path) -> None:
    lines = sclang(filled("completion.scd", tmp_path, PORT=server.port))
    said = [line for line in lines if line.split(" ")[0] in ("DONE", "FAIL", "PONG")]
    assert said == ["DONE sc-completion", "PONG 4711"]


def test_every_method_of_the_class_is_in_its_help_file() -> None:
    source = (CLIENTS / "sc" / "AstFx.sc").read_text()
    methods = set(re.findall(r"^\t\*?(\w+) \{", source, re.M)) - {"init"}
    shown = {name for name in methods if not re.match("pr[A-Z]", name)}
    text = HELP.read_text()
    assert shown == set(re.findall(r"^METHOD:: (\w+)", text, re.M))
