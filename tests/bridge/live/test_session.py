"""Commands, recordings, MIDI and the screen of a session, without a sound card."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from astfx_bridge.errors import BridgeError, RefusedError
from astfx_bridge.live.control import ControlPort
from astfx_bridge.live.midi import MidiLearn
from astfx_bridge.live.paths import LivePaths
from astfx_bridge.live.recording import Recorder
from astfx_bridge.live.screen import decibels, meter, screen
from astfx_bridge.live.session import LiveSession, LiveSetup, answer
from astfx_bridge.live.table import LIVE_PARAMETERS, LIVE_ROWS
from astfx_bridge.roots import Roots
from astfx_bridge.wire.osc import encode
from rich.console import Console

from astfx.audio import Waveform
from astfx.errors import AstfxError, AudioFileError

RATE, BLOCK = 44_100, 256


@pytest.fixture
def session() -> Iterator[LiveSession]:
    found = LiveSession("live", LiveSetup(style="rain", further=("fire", "wind"), engine="gain"))
    found.open(RATE, BLOCK)
    yield found
    found.close()


@pytest.fixture
def paths(tmp_path: Path) -> LivePaths:
    return LivePaths(
        Roots([tmp_path], tmp_path / "state"), tmp_path / "presets", tmp_path / "styles"
    )


@pytest.fixture
def port(session: LiveSession, paths: LivePaths) -> Iterator[ControlPort]:
    found = ControlPort(session, 0, paths)
    found.start()
    yield found
    found.close()


def play(session: LiveSession, n_blocks: int = 10) -> Waveform:
    rng = np.random.default_rng(0)
    parts = []
    for _ in range(n_blocks):
        block = 0.1 * rng.standard_normal((2, BLOCK)).astype(np.float32)
        output = np.zeros_like(block)
        session.player.process(block, output)
        parts.append(output)
    return np.concatenate(parts, axis=1)


def test_parameters_are_set_and_read(session: LiveSession) -> None:
    values: dict[str, Any] = {
        "strength": 0.5,
        "mix": 0.25,
        "morph": 1.5,
        "gain": -6.0,
        "bypass": 1,
        "style": "bells",
    }
    assert values.keys() == LIVE_PARAMETERS.keys()
    for key, value in values.items():
        assert session.set(key, value) == value
        assert session.get(key) == value
    assert session.player.gain == pytest.approx(0.501, abs=1e-3)
    assert session.player.bypass is True
    with pytest.raises(RefusedError, match="engine cannot be changed while it plays: style, "):
        session.set("engine", "stream")
    with pytest.raises(RefusedError, match="gain=20 must lie between -60 and 12"):
        session.set("gain", 20.0)
    with pytest.raises(AstfxError, match="Morph must be between"):
        session.set("morph", 2.5)


@pytest.mark.parametrize(
    "name", [row for row in LIVE_ROWS if LIVE_ROWS[row].handler == "live_command"]
)
def test_every_command_has_an_answer(name: str, session: LiveSession, tmp_path: Path) -> None:
    values: dict[str, Any] = {"id": "live"}
    pairs: list[tuple[str, Any]] = []
    if name.endswith(("set", "learn")):
        values |= {"key": "mix", "value": 0.5}
    if name.endswith("record"):
        values["path"] = str(tmp_path / "take.wav")
    if name.endswith("morph"):
        pairs = [("rain", 1.0), ("fire", 2)]
    replies = answer(session, name, values, pairs)
    assert {address for address, _ in replies} == set(LIVE_ROWS[name].replies)
    assert all(given[0] == "live" for _, given in replies)
    if name.endswith("get"):
        assert [given[1] for _, given in replies] == list(LIVE_PARAMETERS)
        assert answer(session, name, {"id": "live", "key": "mix"}) == [
            ("/astfx/live/value", ["live", "mix", 1.0])
        ]


def test_weights_over_osc(session: LiveSession) -> None:
    answer(session, "/astfx/live/morph", {"id": "live"}, [("rain", 1), ("bells", 3.0)])
    assert session.effect.morph == {"rain": 1.0, "bells": 3.0}
    assert session.get("morph") == "rain 1, bells 3"
    with pytest.raises(RefusedError, match="the weight of 'rain' is 'much': it must be a number"):
        answer(session, "/astfx/live/morph", {"id": "live"}, [("rain", "much")])
    with pytest.raises(RefusedError, match="65 styles are too many: at most 64"):
        session.morph({f"style {k}": 1.0 for k in range(65)})


def test_trouble_is_named(session: LiveSession) -> None:
    assert session.trouble == ""
    session.player.error = ValueError("broken")
    assert session.trouble == "the effect has stopped, and the dry sound is played (broken)"
    assert session.status()[-1] == session.trouble


def test_a_recording_is_the_output(session: LiveSession, tmp_path: Path) -> None:
    session.record(tmp_path / "take.wav")
    output = play(session)
    assert session.recording[0] == str(tmp_path / "take.wav")
    assert not (tmp_path / "take.wav").exists()
    session.stop_recording()
    found, rate = soundfile.read(tmp_path / "take.wav", dtype="float32", always_2d=True)
    assert rate == RATE
    np.testing.assert_array_equal(found.T, output)
    assert session.notices[-1] == f"recorded 0.1 seconds to '{tmp_path / 'take.wav'}'"
    assert session.recording == ("", 0)
    session.stop_recording()  # nothing to do


def test_a_second_recording_finishes_the_first(session: LiveSession, tmp_path: Path) -> None:
    session.record(tmp_path / "one.flac")
    play(session)
    session.record(tmp_path / "two.wav")
    assert soundfile.info(tmp_path / "one.flac").frames == 10 * BLOCK
    with pytest.raises(AudioFileError, match=r"the folder .* does not exist"):
        session.record(tmp_path / "none" / "x.wav")


def test_no_take_is_overwritten(session: LiveSession, tmp_path: Path) -> None:
    for _ in range(3):
        session.record(tmp_path / "take.wav")
        play(session)
        session.stop_recording()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "take-2.wav",
        "take-3.wav",
        "take.wav",
    ]
    assert session.notices[-1] == f"recorded 0.1 seconds to '{tmp_path / 'take-3.wav'}'"


@pytest.mark.parametrize("name", ["take.wav", "take.flac", "take.ogg"])
def test_a_recording_of_nothing_leaves_no_file(
    name: str, session: LiveSession, tmp_path: Path
) -> None:
    session.record(tmp_path / name)
    session.stop_recording()
    assert session.notices == deque(
        [f"nothing was recorded, so '{tmp_path / name}' was not written"], 50
    )
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_ends_the_recording_and_nothing_else(
    session: LiveSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: object, block: Waveform) -> None:
        raise AudioFileError("output file 'take.wav' could not be written to the end")

    monkeypatch.setattr("astfx_bridge.live.recording.AudioWriter.write", full)
    session.record(tmp_path / "take.wav")
    play(session)
    recorder = session._recorder
    assert recorder is not None
    recorder.join()
    play(session)
    assert "could not be written to the end" in session.notices[-1]
    assert recorder.lost_samples > 0
    with pytest.raises(AudioFileError, match="could not be written to the end"):
        session.stop_recording()
    assert list(tmp_path.iterdir()) == []


def test_a_recording_that_is_as_large_as_a_file_may_be_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("astfx_bridge.live.recording._MOST_BYTES", 2 * 4 * 1000)
    told: list[str] = []
    recorder = Recorder(tmp_path / "take.wav", RATE, 2, told.append)
    recorder.start()
    for _ in range(3):
        recorder.take(np.zeros((2, 400), np.float32))
    recorder.join()
    assert told == [f"the recording '{tmp_path / 'take.wav'}' is full (4 GB) and was closed"]
    assert soundfile.info(tmp_path / "take.wav").frames == 800


def test_midi_controls_are_learnt_in_turn() -> None:
    moved: list[tuple[str, float]] = []
    midi = MidiLearn(lambda name, share: moved.append((name, share)), ["strength", "mix"])
    midi.take(b"\x90\x40\x7f")  # a note
    midi.take(b"\xb0\x15\x00")
    midi.take(b"\xb0\x15\x7f")
    midi.take(b"\xb1\x15\x40")  # the same control on another channel
    midi.take(b"\xb0\x20\x10")  # bound to nothing
    assert moved == [("strength", 0.0), ("strength", 1.0), ("mix", 64 / 127)]
    midi.learn("strength")
    midi.take(b"\xb0\x20\x7f")
    midi.take(b"\xb0\x15\x00")  # no longer bound
    assert moved[3:] == [("strength", 1.0)]
    midi.take(b"\xb0")  # cut off


@pytest.mark.parametrize(
    ("name", "byte", "value"),
    [("gain", 0, -60.0), ("gain", 127, 12.0), ("bypass", 63, 0), ("bypass", 64, 1)],
)
def test_midi_moves_what_is_no_share(
    name: str, byte: int, value: float, session: LiveSession
) -> None:
    session.midi.learn(name)
    session.midi.take(bytes([0xB0, 0x15, byte]))
    assert session.get(name) == value


def test_midi_reaches_the_whole_range(session: LiveSession) -> None:
    session.midi.learn("morph")
    session.midi.take(b"\xb0\x15\x7f")
    assert session.get("morph") == 2.0


def test_packets_that_are_no_osc(port: ControlPort) -> None:
    assert port.replies(b"nonsense")[0][0] == "/astfx/fail"
    for message in ("/astfx/live/open", "/astfx/render"):
        values: list[Any] = [1, "none", "none"]
        (reply,) = port.replies(encode(message, values))
        assert reply[0] == "/astfx/fail"
        assert reply[1][:2] == [message, 1]
        assert "is for `astfx serve`" in str(reply[1][2])


def test_styles_and_recordings_stay_under_the_folder(
    port: ControlPort, tmp_path: Path, rain: Waveform
) -> None:
    soundfile.write(tmp_path / "own.wav", rain[0], 22050)
    (reply,) = port.replies(encode("/astfx/live/set", ["live", "style", "own.wav"]))
    assert reply == ("/astfx/live/value", ["live", "style", str(tmp_path / "own.wav")])
    refused: list[tuple[str, list[Any]]] = [
        ("/astfx/live/set", ["live", "style", "../own.wav"]),
        ("/astfx/live/record", ["live", "../take.wav"]),
        ("/astfx/live/morph", ["live", "/etc/passwd.wav", 1.0]),
    ]
    for message, values in refused:
        (reply,) = port.replies(encode(message, values))
        assert reply[0] == "/astfx/fail"
        assert "lies outside the server's roots" in str(reply[1][2])


def test_the_port_answers_and_ends(port: ControlPort, session: LiveSession) -> None:
    assert port.replies(encode("/astfx/quit", [])) == [("/astfx/bye", [])]
    assert session.ended.is_set()
    assert session.reason == ""
    assert port.replies(encode("/astfx/version", []))[0][0] == "/astfx/version"
    everything = port.replies(encode("/astfx/get", []))
    assert [values[0] for _, values in everything] == list(LIVE_PARAMETERS)


def test_a_port_that_is_taken(port: ControlPort, session: LiveSession, paths: LivePaths) -> None:
    with pytest.raises(BridgeError, match=rf"OSC port {port.port} cannot be used \(.*\): choose"):
        ControlPort(session, port.port, paths)
    assert threading.current_thread() is not port


def test_what_the_screen_shows(session: LiveSession, tmp_path: Path) -> None:
    play(session)
    session.midi.learn("mix")
    session.record(tmp_path / "take.wav")
    session.tell("something happened")
    console = Console(width=200, record=True, file=(tmp_path / "out.txt").open("w"))
    console.print(screen(session, ["a header"]))
    text = console.export_text()
    console.file.close()
    for shown in (
        "a header",
        "input",
        "dBFS",
        "latency",
        "late block",
        "xruns",
        "strength 1",
        "recording",
        "move a MIDI control for mix",
        "something happened",
    ):
        assert shown in text, shown


def test_meters() -> None:
    assert decibels(1.0) == 0.0
    assert decibels(0.0) == -60.0
    assert meter("in", 0.0).plain.count("█") == 0
    assert meter("in", 1.0).plain.count("█") == 40
    assert meter("in", 0.0).plain.endswith("silent")
    assert meter("in", 0.5).plain.endswith("-6.0 dBFS")
