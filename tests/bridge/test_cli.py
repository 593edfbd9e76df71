"""The commands serve, send and clients, run as programs where that matters."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
import soundfile
from astfx_bridge.cli import app
from astfx_bridge.errors import BridgeError, RefusedError
from astfx_bridge.installing import client_data, install_clients
from astfx_bridge.sending import line, read_request, values_of
from astfx_bridge.wire.osc import Message
from typer.testing import CliRunner

from astfx.cli import main as astfx_cli
from astfx.cli import plugins
from tests.bridge.serving import RATE, ROOT, Server, environment


def program(*words: object) -> subprocess.CompletedProcess[str]:
    """Run ``astfx-bridge`` with words."""
    return subprocess.run(
        [sys.executable, "-m", "astfx_bridge", *map(str, words)],
        capture_output=True,
        text=True,
        env=environment(),
        timeout=120,
    )


def test_send_shows_replies_and_waits_for_the_job(server: Server) -> None:
    words = ["content.wav", "sent.wav", "style", "style.wav", "quality", "draft"]
    result = program("send", "--port", server.port, "/astfx/render", 901, *words)
    lines = result.stdout.splitlines()
    assert result.returncode == 0, result.stderr
    assert lines[0] == "/astfx/queued 901"
    assert lines[-1] == f"/astfx/done /astfx/render 901 {server.root / 'sent.wav'} {RATE} {RATE}"


def test_send_ends_with_1_when_a_job_is_refused(server: Server) -> None:
    result = program("send", "--port", server.port, "/astfx/render", 902, "gone.wav", "x.wav")
    assert result.returncode == 1
    assert result.stdout == (
        "/astfx/fail /astfx/render 902 \"content 'gone.wav' does not exist\"\n"
    )


def test_send_carries_a_file_and_saves_the_result(server: Server, tmp_path: Path) -> None:
    clip, output = server.root / "content.wav", tmp_path / "out.wav"
    words = ["--save", output, "/astfx/render/blob", 0, f"@{clip}", "style", "style.wav"]
    result = program("send", "--port", server.port, *words, "quality", "draft")
    assert result.returncode == 0, result.stdout
    assert soundfile.info(output).frames == RATE


@pytest.mark.parametrize("transport", ["udp", "slip"])
def test_send_speaks_every_transport(server: Server, transport: str) -> None:
    result = program("send", "--port", server.port, "--transport", transport, "/astfx/ping", 7)
    assert result.stdout == "/astfx/pong 7\n"


def test_send_without_a_server_is_one_sentence() -> None:
    result = program("send", "--port", 1, "/astfx/ping")
    assert result.returncode == 2
    assert result.stderr.startswith("astfx-bridge: no bridge on 127.0.0.1 port 1")
    assert len(result.stderr.splitlines()) == 1


def test_serve_prints_where_it_listens_and_a_line_to_paste(server: Server) -> None:
    assert f"OSC       127.0.0.1 port {server.port}, UDP and TCP" in server.banner
    assert f"OSCQuery  http://127.0.0.1:{server.http_port}/" in server.banner
    assert f"root      {server.root}" in server.banner
    last = server.banner.splitlines()[-1]
    assert last == (
        f"try       astfx send --port {server.port} /astfx/render 0 CONTENT OUTPUT style STYLE"
    )


def test_serve_refuses_a_root_that_is_not_there(tmp_path: Path) -> None:
    result = program("serve", "--root", tmp_path / "gone", "--state", tmp_path / "state")
    assert result.returncode == 2
    assert result.stderr == (
        f"astfx-bridge: root '{tmp_path / 'gone'}' is not a folder that exists\n"
    )


@pytest.mark.parametrize(
    ("address", "words", "expected"),
    [
        ("/astfx/render", ["7", "1.wav", "2.wav"], [7, "1.wav", "2.wav"]),
        ("/astfx/render", ["x", "1", "2", "strength", "1"], ["x", "1", "2", "strength", 1.0]),
        ("/astfx/render", ["1", "a", "b", "style", "5"], [1, "a", "b", "style", "5"]),
        ("/astfx/set", ["iterations", "20"], ["iterations", 20]),
        ("/astfx/preset/blend", ["1", "n", "a", "0.5"], [1, "n", "a", 0.5]),
        ("/other", ["1", "2.5", "word"], [1, 2.5, "word"]),
    ],
)
def test_words_become_the_types_of_the_table(
    address: str, words: list[str], expected: list[object]
) -> None:
    values = values_of(address, words)
    assert values == expected
    assert [type(value) for value in values] == [type(value) for value in expected]


@pytest.mark.parametrize(
    ("address", "words", "message"),
    [
        ("/astfx/param/strength", ["full"], "'full' is not a number"),
        ("/astfx/notify", ["on"], "'on' is not a whole number"),
        (
            "/astfx/render/blob",
            ["1", "clip.wav"],
            "'clip.wav' must be @FILE, the file whose bytes are sent",
        ),
        ("/astfx/render/blob", ["1", "@/no/such"], "file '/no/such' cannot be read"),
    ],
)
def test_words_that_do_not_fit_are_refused(address: str, words: list[str], message: str) -> None:
    with pytest.raises(RefusedError) as caught:
        values_of(address, words)
    assert message in str(caught.value)


def test_a_reply_is_a_line_that_a_shell_can_split() -> None:
    message = Message("/astfx/done", ("/astfx/render", 1, b"abc", 0.25, "two words", ""))
    assert line(message) == '/astfx/done /astfx/render 1 (3 bytes) 0.25 "two words" ""'


def test_clients_are_copied(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["clients", "install", str(tmp_path / "new")])
    assert result.exit_code == 0
    for name in install_clients(tmp_path / "new"):
        assert str(tmp_path / "new" / name) in result.output
        assert (tmp_path / "new" / name / "README.md").read_bytes() == (
            client_data() / name / "README.md"
        ).read_bytes()


def test_clients_that_cannot_be_copied_are_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = program("clients", "install", tmp_path / "file" / "inner")
    assert result.returncode == 2
    assert result.stderr.startswith("astfx-bridge: the clients cannot be copied to")


def test_astfx_finds_the_commands_of_other_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]
    ((name, value),) = declared[plugins.GROUP].items()
    point = EntryPoint(name=name, value=value, group=plugins.GROUP)
    broken = EntryPoint(name="broken", value="no_such_package:app", group=plugins.GROUP)
    monkeypatch.setattr(plugins, "entry_points", lambda group: [point, broken])
    result = CliRunner().invoke(astfx_cli.app, ["--help"])
    assert result.exit_code == 0
    for command in ("render", "serve", "send", "clients"):
        assert command in result.output
    shown = CliRunner().invoke(astfx_cli.app, ["serve", "--help"])
    assert "--osc-port" in shown.output


def test_a_client_loads_neither_torch_nor_the_server() -> None:
    code = (
        "import sys, astfx_bridge, astfx_bridge.client, astfx_bridge.cli\n"
        "heavy = {'torch', 'numba', 'librosa', 'scipy', 'numpy', 'sqlite3'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=environment())


def test_hold_ends_only_when_it_is_told_to(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    class Silent:
        """A client that hears nothing, for days."""

        def __init__(self, *arguments: object, **more: object) -> None:
            pass

        def __enter__(self) -> Silent:
            return self

        def __exit__(self, *error: object) -> None:
            pass

        def replies(self, *message: object) -> list[Message]:
            return []

        def receive(self, seconds: float) -> None:
            waits.append(seconds)
            if seconds == 3600.0 and len(waits) == 48:
                raise KeyboardInterrupt

    monkeypatch.setattr("astfx_bridge.client.Client", Silent)
    held = CliRunner().invoke(app, ["send", "--hold", "/astfx/notify", "1"])
    assert held.exit_code == 130
    assert sum(waits) == 48 * 3600.0
    waits.clear()
    ended = CliRunner().invoke(app, ["send", "--hold", "--timeout", "0.01", "/astfx/notify", "1"])
    assert (ended.exit_code, max(waits, default=0.0) <= 0.01) == (0, True)


def test_send_takes_its_words_from_a_file_and_writes_the_replies_to_one(
    server: Server, tmp_path: Path
) -> None:
    request, replies = tmp_path / "a $HOME `id`", tmp_path / "replies"
    clips = [f"@{server.root / name}" for name in ("content.wav", "style.wav")]
    words = ["/astfx/render/blob", "from a file", clips[0], "style", clips[1], "quality", "draft"]
    request.write_text("\n".join(words))
    output = tmp_path / "out.wav"
    files = ["--request", request, "--replies", replies, "--save", output]
    result = program("send", "--port", server.port, *files)
    assert result.returncode == 0, result.stdout
    lines = replies.read_text().splitlines()
    assert lines[0] == '/astfx/queued "from a file"'
    assert lines[-2].startswith('/astfx/done /astfx/render/blob "from a file" (')
    assert lines[-1] == "exit 0"
    assert soundfile.info(output).frames == RATE
    assert list((server.state / "blobs").glob("*.style")) == []


def test_send_writes_why_it_failed_to_the_file_too(server: Server, tmp_path: Path) -> None:
    request, replies = tmp_path / "request", tmp_path / "replies"
    request.write_text("/astfx/status\nnobody\n")
    files = ["--request", request, "--replies", replies]
    assert program("send", "--port", server.port, *files).returncode == 1
    assert replies.read_text() == (
        '/astfx/fail /astfx/status nobody "there is no job nobody"\nexit 1\n'
    )
    assert program("send", "--port", 1, *files).returncode == 2
    assert replies.read_text().startswith("error no bridge on 127.0.0.1 port 1")
    assert replies.read_text().endswith("\nexit 2\n")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "there is nothing to send: give an OSC address or a --request"),
        (
            ["--request", "/no/such"],
            "request '/no/such' cannot be read (No such file or directory)",
        ),
        (["--request", "/dev/null"], "request '/dev/null' is empty: its first line must be an OSC"),
        (
            ["--replies", "/no/such/file", "/astfx/ping"],
            "replies '/no/such/file' cannot be written (No such file or directory)",
        ),
    ],
)
def test_send_without_a_request_is_one_sentence(words: list[str], message: str) -> None:
    result = program("send", *words)
    assert result.returncode == 2
    assert result.stderr.startswith(f"astfx-bridge: {message}")


def test_a_request_that_is_no_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "request").write_bytes(b"\xff")
    with pytest.raises(BridgeError) as caught:
        read_request(tmp_path / "request")
    assert str(caught.value) == f"request '{tmp_path / 'request'}' cannot be read (it is not UTF-8)"
