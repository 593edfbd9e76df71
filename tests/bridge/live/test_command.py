"""`astfx live` where there is no sound card: what it says, and what it refuses."""

from __future__ import annotations

import builtins
import importlib
import sys
import types
from pathlib import Path
from typing import Any

import pytest
from astfx_bridge.errors import BridgeError
from astfx_bridge.live import jack_io, portaudio_io
from astfx_bridge.live.command import device_lines
from astfx_bridge.live.command import live as command
from astfx_bridge.live.session import LiveSession, LiveSetup

from astfx.errors import AstfxError, DeviceError, MissingDependencyError, PresetNotFoundError


def live(**options: Any) -> None:
    """The command with the given options, and the usual value of all others."""
    usual = {
        "style": None,
        "preset": None,
        "morph_to": None,
        "engine": "live",
        "strength": None,
        "mix": None,
        "backend": "auto",
        "input": "default",
        "output": "default",
        "channels": 2,
        "block_size": 256,
        "record": None,
        "osc_port": -1,
        "learn": "",
        "name": "astfx",
        "seconds": None,
        "list_devices": False,
        "quiet": True,
    }
    command(**(usual | options))


class NoJack(types.ModuleType):
    class JackError(Exception):
        pass

    def __init__(self) -> None:
        super().__init__("jack")

    def Client(self, *arguments: object, **keywords: object) -> object:  # noqa: N802
        raise self.JackError("no server")

    def set_error_function(self, function: object) -> None:
        pass

    set_info_function = set_error_function


class NoSound(types.ModuleType):
    def __init__(self) -> None:
        super().__init__("sounddevice")

    def query_devices(self, device: object = None, kind: str = "") -> list[object]:
        if kind:
            raise ValueError(f"Error querying device {device or -1}")
        return []


class Sound(NoSound):
    """A sound card that never asks for a block."""

    def query_devices(self, device: object = None, kind: str = "") -> Any:
        return {"max_input_channels": 1, "default_samplerate": 48_000.0}

    def Stream(self, **_: object) -> Any:  # noqa: N802 - the name in sounddevice
        nothing = lambda: None  # noqa: E731
        return types.SimpleNamespace(start=nothing, close=nothing)


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with both libraries, and without any server or device."""
    monkeypatch.setattr(jack_io, "load_jack", NoJack)
    monkeypatch.setattr(portaudio_io, "load_sounddevice", NoSound)
    monkeypatch.delenv("JACK_DEFAULT_SERVER", raising=False)


@pytest.mark.usefixtures("silent")
@pytest.mark.parametrize(
    ("backend", "kind", "message"),
    [
        (
            "auto",
            BridgeError,
            r"there is no audio device: there is no input for audio here \(Error querying device "
            r"-1\): `astfx live --list-devices` shows what there is; and no JACK server runs: sta",
        ),
        ("jack", DeviceError, r"no JACK server runs: start one \(`jackd`, QjackCtl, or PipeWire"),
        ("portaudio", DeviceError, "there is no input for audio here"),
    ],
)
def test_a_machine_without_sound_is_told_in_a_sentence(
    backend: str, kind: type[AstfxError], message: str
) -> None:
    with pytest.raises(kind, match=message):
        live(preset="rain", backend=backend)


@pytest.mark.parametrize(
    ("inputs", "notice"),
    [
        (lambda: [], "no control can be learnt: there is no MIDI input"),
        (
            lambda: importlib.import_module("rtmidi_of_nobody"),
            r"no control can be learnt: MIDI cannot be used (No module named 'rtmidi_of_nobody')",
        ),
    ],
)
def test_without_midi_nothing_can_be_learnt(
    inputs: Any, notice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    midi = types.ModuleType("mido")
    midi.get_input_names = inputs  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "mido", midi)
    monkeypatch.setattr(portaudio_io, "load_sounddevice", Sound)
    session = LiveSession("live", LiveSetup(style="rain"))
    session.midi.learn("mix")
    io = portaudio_io.PortAudioIO("")
    try:
        io.start(session)
        assert list(session.notices) == [notice]
    finally:
        io.close()
        session.close()


@pytest.mark.usefixtures("silent")
def test_devices_are_listed_where_there_are_none() -> None:
    from astfx_bridge.live import command

    lines = list(device_lines())
    assert lines[0].startswith("JACK: no JACK server runs")
    assert [line.split(":")[0] for line in lines] == ["JACK", "PortAudio"]
    assert list(device_lines("jack")) == lines[:1]
    assert list(device_lines("portaudio")) == lines[1:]
    assert command.LIVE_PORT == 9103


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "choose one sound to imitate: --preset NAME"),
        ({"preset": "rain", "style": Path("a.wav")}, "--preset and --style are both given"),
        ({"style": Path("rain")}, "--style 'rain' is no file: use --preset rain"),
        ({"preset": __file__}, r"--preset '.*test_command.py' is a file: use --style .*command.py"),
        ({"preset": "rain", "backend": "asio"}, "--backend 'asio' must be one of auto, jack, port"),
        ({"preset": "rain", "engine": "render"}, "--engine 'render' must be one of live, stream,"),
        ({"preset": "rain", "learn": "mix,speed"}, "--learn 'speed' must be one of strength, mix,"),
        ({"preset": "rain", "seconds": 0.0}, "--seconds 0 must be above 0"),
    ],
)
def test_what_the_command_refuses(options: dict[str, Any], message: str) -> None:
    with pytest.raises(BridgeError, match=message):
        live(**options)


def test_a_preset_that_does_not_exist() -> None:
    with pytest.raises(PresetNotFoundError, match="no-such"):
        live(preset="no-such")


@pytest.mark.parametrize(
    ("load", "package", "library"),
    [
        (jack_io.load_jack, "jack", "JACK's library is not installed: install JACK or PipeWire"),
        (
            portaudio_io.load_sounddevice,
            "sounddevice",
            r"PortAudio's library is not installed: .* libportaudio2",
        ),
    ],
)
def test_a_package_or_library_that_is_missing_is_named(
    load: Any, package: str, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingDependencyError, match=rf"astfx live .* needs {package}, which is "):
        load()
    monkeypatch.delitem(sys.modules, package)
    spec = types.SimpleNamespace()
    monkeypatch.setattr("astfx.runtime.extras.util.find_spec", lambda name: spec)
    find = builtins.__import__

    def failing(name: str, *rest: Any) -> Any:
        if name == package:
            raise OSError("cannot load library")
        return find(name, *rest)

    monkeypatch.setattr(builtins, "__import__", failing)
    with pytest.raises(DeviceError, match=library):
        load()


def test_settings_of_the_session_are_checked() -> None:
    with pytest.raises(AstfxError, match=r"Mix must be between 0\.0 and 1\.0"):
        LiveSession("live", LiveSetup(style="rain", mix=2.0))
    with pytest.raises(AstfxError, match="does not exist"):
        LiveSession("live", LiveSetup(style="none.wav"))
