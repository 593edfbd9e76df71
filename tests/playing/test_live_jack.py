"""`astfx live` as a client of a real JACK server on its dummy driver."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from astfx_bridge.client import Client
from astfx_bridge.wire.osc import Message

import astfx
from astfx.audio import Waveform
from tests.playing.jack_server import PATIENCE_SECONDS, RATE, JackServer, Tape, running_jack

pytestmark = pytest.mark.hosts
ROOT = Path(__file__).parents[2]
FRAMES, CHANNELS = 256, 2
SAME = 1e-6


class Live:
    """A running ``astfx live``."""

    def __init__(self, server: JackServer, folder: Path, *words: str) -> None:
        command = [sys.executable, "-m", "astfx_bridge", "live", "--backend", "jack"]
        command += ["--input", "none", "--output", "none", "--osc-port", "0", *words]
        environment = {**server.environment, "PYTHONPATH": f"{ROOT}:{ROOT / 'bridge'}"}
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout
        self.lines: list[str] = []
        for line in self.process.stdout:
            self.lines.append(line)
            if line.startswith("OSC"):
                break
        assert self.lines, self.process.stderr and self.process.stderr.read()
        self.port = int(re.findall(r"port (\d+)", self.lines[-1])[0])
        self.latency = int(re.findall(r"latency +(\d+) samples", "".join(self.lines))[0])

    def client(self) -> Client:
        return Client("127.0.0.1", self.port, transport="udp", timeout_seconds=PATIENCE_SECONDS)

    def ask(self, address: str, *values: Any) -> Message:
        """Send a message, and return the reply."""
        with self.client() as client:
            client.send(address, *values)
            found = client.receive(PATIENCE_SECONDS)
            assert found is not None
            return found

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()

    def stop(self, number: int = signal.SIGINT) -> str:
        """End it, and return what it printed last."""
        self.process.send_signal(number)
        output, errors = self.process.communicate(timeout=PATIENCE_SECONDS)
        assert self.process.returncode == 0, errors
        assert errors == ""
        return output


Start = Callable[..., Live]


@pytest.fixture
def start(server: JackServer, tmp_path: Path) -> Iterator[Start]:
    """Start ``astfx live`` with some options."""
    running: list[Live] = []

    def begin(*words: str, server: JackServer = server) -> Live:
        running.append(Live(server, tmp_path, *words))
        return running[-1]

    yield begin
    for live in running:
        live.kill()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JackServer]:
    with running_jack(FRAMES, tmp_path_factory.mktemp("jack")) as running:
        yield running


def noise(seconds: float) -> Waveform:
    samples = 0.1 * np.random.default_rng(3).standard_normal((2, round(seconds * RATE)))
    return samples.astype(np.float32)


def ports(way: str) -> list[str]:
    return [f"astfx:{way}_{k + 1}" for k in range(CHANNELS)]


@pytest.fixture
def tape(server: JackServer) -> Iterator[Any]:
    tapes: list[Tape] = []

    def make(clip: Waveform) -> Tape:
        tapes.append(Tape(server, clip))
        return tapes[-1]

    yield make
    for each in tapes:
        each.close()


@pytest.mark.parametrize("engine", ["live", "stream"])
def test_an_impulse_arrives_after_the_latency_that_is_reported(
    engine: str, start: Start, tape: Any
) -> None:
    live = start("--preset", "rain", "--engine", engine, "--mix", "0")
    clip = np.zeros((2, RATE), np.float32)
    clip[:, 5000] = 0.5
    player = tape(clip)
    player.connect(ports("in"), ports("out"))
    player.freewheel(True)
    played, heard = player.play()
    player.freewheel(False)
    live.stop()
    place = int(played[0].argmax())
    assert np.flatnonzero(heard[0]).tolist() == [place + live.latency]
    assert heard[0].max() == 0.5


# On demand, because blocks that are late before JACK runs freely shift the comparison.
@pytest.mark.slow
@pytest.mark.parametrize("engine", ["live", "stream"])
def test_the_output_is_that_of_the_offline_effect(
    engine: str, start: Start, tape: Any, tmp_path: Path
) -> None:
    """JACK runs freely, so that no block is late, whatever else the machine does."""
    words = ("--preset", "rain", "--engine", engine, "--strength", "0.8", "--mix", "0.9")
    live = start(*words, "--record", "take.wav")
    player = tape(noise(3.0))
    player.freewheel(True)
    player.connect(ports("in"), ports("out"))
    played, heard = player.play()
    player.freewheel(False)
    output = live.stop(signal.SIGTERM)
    recorded, rate = soundfile.read(tmp_path / "take.wav", dtype="float32", always_2d=True)
    assert rate == RATE
    first = int(np.flatnonzero(np.abs(recorded[:, 0]) > 0)[0])
    start_of_sound = int(np.flatnonzero(np.abs(heard[0]) > 0)[0])
    piece = recorded[first : first + heard.shape[1] - start_of_sound].T
    np.testing.assert_array_equal(piece, heard[:, start_of_sound:])
    # The recording holds all of the output, so it shows how much silence came before the tape.
    left_out = re.findall(r"(\d+) samples were left out", output)
    n = first - start_of_sound - sum(map(int, left_out))
    content = np.concatenate([np.zeros((2, n), np.float32), played], axis=1)
    effect = astfx.StyleTransfer("rain", engine=engine, strength=0.8, mix=0.9)
    expected = effect(content, RATE)[:, n:]
    heard = heard[:, live.latency :]
    np.testing.assert_allclose(heard, expected[:, : heard.shape[1]], atol=SAME)


def test_osc_moves_every_parameter(start: Start) -> None:
    live = start("--preset", "rain", "--morph-to", "fire")
    sent = {"strength": 0.25, "mix": 0.5, "morph": 0.75, "gain": -6.0, "bypass": 1}
    for key, value in sent.items():
        reply = live.ask("/astfx/live/set", "live", key, value)
        assert reply == Message("/astfx/live/value", ("live", key, value))
        assert live.ask("/astfx/get", key).values == (key, value)
    assert live.ask("/astfx/param/strength", 0.5).values == ("strength", 0.5)
    assert live.ask("/astfx/set", "mix", 1.0).values == ("mix", 1.0)
    assert live.ask("/astfx/preset", "bells").values == ("style", "bells")
    morph = live.ask("/astfx/live/morph", 0, "rain", 0.25, "wind", 0.75)
    assert morph.values == ("live", "morph", "rain 0.25, wind 0.75")
    status = live.ask("/astfx/live/status", "live")
    assert status.address == "/astfx/live/status"
    assert status.values[-1] == ""
    assert live.ask("/astfx/ping", 7).values == (7,)
    assert live.ask("/astfx/live/list").values == (1,)
    refusals: dict[tuple[Any, ...], str] = {
        (
            "/astfx/set",
            "quality",
            "best",
        ): "key='quality' must be one of style, strength, mix, morph",
        ("/astfx/live/set", "live", "mix", 2.0): "mix=2 must lie between",
        ("/astfx/live/set", 5, "mix", 1.0): "there is no live session 5: that of `astfx live`",
        ("/astfx/render", 1, "a.wav", "b.wav"): "/astfx/render is for `astfx serve`",
        ("/astfx/live/record", "live", "/elsewhere/x.wav"): "lies outside the server's roots",
        ("/astfx/preset", "no-such-thing"): "is neither a file under the roots nor a preset",
        ("/astfx/none",): "there is no address /astfx/none",
    }
    for message, text in refusals.items():
        reply = live.ask(*message)
        assert reply.address == "/astfx/fail"
        assert text in str(reply.values[2]), reply
    assert live.ask("/astfx/live/close", "live").address == "/astfx/live/closed"
    _, errors = live.process.communicate(timeout=PATIENCE_SECONDS)
    assert live.process.returncode == 0, errors


def curvature(waveform: Waveform) -> float:
    """The largest second difference: a click makes it many times larger."""
    return float(np.abs(np.diff(waveform, n=2)).max())


def test_another_style_fades_in_without_a_click(start: Start, tape: Any, tmp_path: Path) -> None:
    """The styles are dull, and the content is a low tone, so that any click stands out."""
    for name, length in (("one", 400), ("two", 1600)):
        white = 0.1 * np.random.default_rng(length).standard_normal(2 * RATE)
        dull = np.convolve(white, np.hanning(length) * 2.0 / length, "same")
        soundfile.write(tmp_path / f"{name}.wav", dull, RATE, subtype="FLOAT")
    time = np.arange(60 * RATE) / RATE
    tone = (0.3 * np.sin(2.0 * np.pi * 110.0 * time)).astype(np.float32)
    live = start("--style", "one.wav")
    player = tape(np.stack([tone, tone]))
    player.freewheel(True)
    player.connect(ports("in"), ports("out"))
    replies: list[Message] = []

    def change() -> None:
        player.wait_until(5 * RATE)
        replies.append(live.ask("/astfx/live/set", "live", "style", "two.wav"))

    changing = threading.Thread(target=change)
    changing.start()
    _, heard = player.play()
    player.freewheel(False)
    changing.join()
    live.stop()
    assert replies[0].address == "/astfx/live/value"
    steady = [
        astfx.StyleTransfer(tmp_path / f"{name}.wav", engine="live")(
            np.stack([tone, tone])[:, : 8 * RATE], RATE
        )[:, 4 * RATE :]
        for name in ("one", "two")
    ]
    heard = heard[:, live.latency :]
    assert curvature(heard[:, 4 * RATE : -RATE]) < 2.0 * max(map(curvature, steady))
    before, after = heard[0, 4 * RATE : 5 * RATE], heard[0, -6 * RATE : -5 * RATE]
    one, two = (spectrum(output[0, RATE : 2 * RATE]) for output in steady)
    assert distance(spectrum(before), one) < distance(spectrum(before), two)
    assert distance(spectrum(after), two) < distance(spectrum(after), one)


def spectrum(samples: Any) -> Any:
    """Levels of bands up to 1 kHz."""
    power = np.square(np.abs(np.fft.rfft(samples * np.hanning(len(samples)))))
    return np.log(np.add.reduceat(power[:1000], np.arange(0, 1000, 25)) + 1e-9)


def distance(one: Any, two: Any) -> float:
    return float(np.abs(one - two).mean())


def test_a_recording_is_finished_when_it_is_asked_to(start: Start, tmp_path: Path) -> None:
    live = start("--preset", "rain")
    reply = live.ask("/astfx/live/record", "live", "one.flac")
    assert reply.values[1] == str(tmp_path / "one.flac")
    assert not (tmp_path / "one.flac").exists()  # not before it is complete

    def wait_for_blocks() -> None:
        """Wait until two more blocks have been played."""
        first = int(str(live.ask("/astfx/live/status", "live").values[3]))
        while int(str(live.ask("/astfx/live/status", "live").values[3])) < first + 2:
            threading.Event().wait(0.01)

    wait_for_blocks()
    live.ask("/astfx/live/record", "live", "two.wav")
    wait_for_blocks()
    assert soundfile.info(tmp_path / "one.flac").samplerate == RATE
    live.ask("/astfx/live/record", "live", "")
    assert soundfile.info(tmp_path / "two.wav").subtype == "FLOAT"
    output = live.stop()
    assert "recorded" in output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.flac", "two.wav"]


def test_a_midi_control_is_learnt(start: Start, server: JackServer) -> None:
    live = start("--preset", "rain", "--learn", "strength,mix")
    client = server.client("controller")
    port = client.midi_outports.register("out")
    waiting: list[bytes] = []

    def process(frames: int) -> None:
        port.clear_buffer()
        while waiting:
            port.write_midi_event(0, waiting.pop(0))

    client.set_process_callback(process)
    client.activate()
    client.connect(port, "astfx:midi_in")
    for message, key, value in (
        (b"\xb0\x15\x00", "strength", 0.0),
        (b"\xb0\x16\x00", "mix", 0.0),
        (b"\xb0\x15\x7f", "strength", 1.0),
    ):
        waiting.append(message)
        for _ in range(1000):
            if live.ask("/astfx/get", key).values == (key, value):
                break
            threading.Event().wait(0.02)
        else:
            raise AssertionError(f"{key} did not become {value}")
    client.deactivate()
    client.close()
    live.stop()


def test_a_server_that_goes_away_is_named(start: Start, tmp_path: Path) -> None:
    with running_jack(FRAMES, tmp_path) as own:
        live = start("--preset", "rain", "--record", "take.wav", server=own)
    _, errors = live.process.communicate(timeout=PATIENCE_SECONDS)
    assert live.process.returncode == 2
    assert "the JACK server has stopped" in errors
    assert (tmp_path / "take.wav").exists()


@pytest.mark.slow
@pytest.mark.parametrize("frames", [256, 512])
@pytest.mark.parametrize("engine", ["live", "stream"])
def test_a_minute_with_next_to_no_late_block_of_ours(
    frames: int,
    engine: str,
    start: Start,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What other work on the machine delays is counted and shown, but does not fail this test.

    Blocks count as ours by the processor time that they took. Other work makes that longer too, by
    emptying the caches; `tests/bridge/live/test_player.py` measures it without a driver.
    """
    with running_jack(frames, tmp_path) as own:
        words = ("--preset", "rain", "--engine", engine, "--seconds", "60")
        live = start(*words, server=own)
        tape = Tape(own, noise(5.0))
        tape.connect(ports("in"), ports("out"))
        tape.play()
        output, errors = live.process.communicate(timeout=PATIENCE_SECONDS)
        tape.close()
    assert live.process.returncode == 0, errors
    with capsys.disabled():
        print(f"\n{engine}, {frames} frames: {' / '.join(output.splitlines())}")
    blocks, ours = re.search(r"(\d+) blocks:", output), re.search(r"(\d+) of the late", output)
    assert blocks is not None, output
    assert int(blocks[1]) > 60 * RATE // frames // 2
    assert ours is None or int(ours[1]) <= int(blocks[1]) // 200  # no line without a late block


LEAVING = """
import threading
from astfx_bridge.live.jack_io import JackIO
from astfx_bridge.live.session import LiveSession, LiveSetup

io = JackIO("leaving", "none", "none")
session = LiveSession(0, LiveSetup(style="rain"))
io.start(session)

def hold():
    while True:
        sum(range(1_000_000))  # keeps Python's lock for longer than a block

for _ in range(2):
    threading.Thread(target=hold, daemon=True).start()
while session.player.figures.blocks < 10:
    pass
io.close()
session.close()
print("left")
"""


def test_a_callback_that_waits_for_python_is_not_killed(server: JackServer) -> None:
    """JACK kills the callback's thread, and with it the lock that it holds or waits for."""
    environment = {**server.environment, "PYTHONPATH": f"{ROOT}:{ROOT / 'bridge'}"}
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-c", LEAVING],
            env=environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
        )
        assert done.stdout == "left\n", done.stderr
        assert done.returncode == 0
