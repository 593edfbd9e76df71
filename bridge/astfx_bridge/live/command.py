"""The command `astfx live`."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from astfx.cli.preset_app import complete
from astfx_bridge.errors import BridgeError
from astfx_bridge.live.midi import LEARNABLE
from astfx_bridge.live.table import ENGINES, STANDALONE

if TYPE_CHECKING:
    from astfx_bridge.live.control import ControlPort
    from astfx_bridge.live.session import LiveSession

LIVE_PORT = 9103
BACKENDS = ("auto", "jack", "portaudio")
_REFRESH_SECONDS, _SIGNAL_SECONDS = 0.1, 0.5

EXAMPLES = """
Examples:

  astfx live --preset rain

  astfx live --style door.flac --engine stream --record take.wav

  astfx live --preset rain --morph-to fire --learn strength,morph

  astfx send --port 9103 --transport udp /astfx/set strength 0.5
"""


def live(
    style: Annotated[
        Path | None, typer.Option(help="A sound file to imitate, or a prepared style.")
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(help="A preset to imitate, such as rain.", autocompletion=complete),
    ] = None,
    morph_to: Annotated[
        list[str] | None,
        typer.Option(
            help="A further preset or file, to morph to; repeatable.", autocompletion=complete
        ),
    ] = None,
    engine: Annotated[
        str,
        typer.Option(help=f"{', '.join(ENGINES)}: live has the least latency, stream sounds best."),
    ] = "live",
    strength: Annotated[
        float | None, typer.Option(help="0 (the dry sound) to 1 (the full style).")
    ] = None,
    mix: Annotated[
        float | None, typer.Option(help="Share of the result; the rest is the dry sound.")
    ] = None,
    backend: Annotated[
        str,
        typer.Option(help="jack (also PipeWire), portaudio, or auto: JACK where a server runs."),
    ] = "auto",
    input: Annotated[
        str,
        typer.Option(help="Device, or JACK ports or clients; none connects nothing in JACK."),
    ] = "default",
    output: Annotated[str, typer.Option(help="The same for the output.")] = "default",
    channels: Annotated[int, typer.Option(min=1, max=8, help="Number of channels.")] = 2,
    block_size: Annotated[
        int,
        typer.Option(min=16, max=8192, help="Frames a block, with PortAudio. JACK has its own."),
    ] = 256,
    record: Annotated[
        Path | None,
        typer.Option(
            help="File to record the output into; a number is added to the name of one that exists."
        ),
    ] = None,
    osc_port: Annotated[
        int,
        typer.Option(
            min=-1, max=65535, help="OSC port on this machine; 0 takes a free one, -1 is none."
        ),
    ] = LIVE_PORT,
    learn: Annotated[
        str,
        typer.Option(
            help="Parameters to bind to the MIDI controls that move first, in this order: of "
            f"{', '.join(LEARNABLE)}."
        ),
    ] = "",
    name: Annotated[str, typer.Option(help="Name as a client of JACK.")] = "astfx",
    seconds: Annotated[
        float | None, typer.Option(help="Stop after this time, in seconds.", show_default=False)
    ] = None,
    list_devices: Annotated[
        bool, typer.Option("--list-devices", help="List devices and ports, and stop.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show nothing.")] = False,
) -> None:
    """Play an instrument or a voice through a style, until Ctrl-C."""
    if backend not in BACKENDS:
        raise BridgeError(f"--backend {backend!r} must be one of {', '.join(BACKENDS)}")
    if list_devices:
        for line in device_lines(backend):
            print(line)
        print("\nNext: astfx live --preset NAME --input FROM --output TO")
        return
    if engine not in ENGINES:
        raise BridgeError(f"--engine {engine!r} must be one of {', '.join(ENGINES)}")
    if style is not None and preset is not None:
        raise BridgeError("--preset and --style are both given: choose one of them")
    if style is None and preset is None:
        raise BridgeError(
            "choose one sound to imitate: --preset NAME (`astfx presets list` shows them) or "
            "--style FILE"
        )
    wanted = [word.strip() for word in learn.split(",") if word.strip()]
    for word in wanted:
        if word not in LEARNABLE:
            raise BridgeError(f"--learn {word!r} must be one of {', '.join(LEARNABLE)}")
    if seconds is not None and not 0.0 < seconds < 1e9:
        raise BridgeError(f"--seconds {seconds:g} must be above 0")
    from astfx.runtime.deadlines import with_deadlines
    from astfx_bridge.live.recording import check_recording
    from astfx_bridge.live.session import LiveSession, LiveSetup

    setup = LiveSetup(
        style=_preset_name(preset) if preset is not None else _style_file(Path(str(style))),
        further=tuple(morph_to or ()),
        engine=engine,
        strength=strength,
        mix=mix,
        channels=channels,
        record=record,
    )
    io = _opened(backend, name, input, output, block_size)
    session = LiveSession(STANDALONE, setup)
    for word in wanted:
        session.midi.learn(word)
    with ExitStack() as stack:
        stack.callback(_finish, session, quiet)
        stack.callback(io.close)
        stack.enter_context(with_deadlines())
        stack.enter_context(_ending_signals(session))
        if record is not None:
            check_recording(record, io.sample_rate, channels)
        control = _control(session, osc_port)
        if control is not None:
            stack.callback(control.close)
        with _waiting(quiet):
            io.start(session)
        if control is not None:
            control.start()
        header = _header(session, io, control)
        _play(session, header, seconds, quiet)
    if session.reason:
        raise BridgeError(session.reason)


@contextmanager
def _waiting(quiet: bool) -> Iterator[None]:
    """Say what takes so long, in a terminal."""
    from rich.console import Console

    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield
        return
    with console.status("getting the engine ready (after an installation, it is compiled first)"):
        yield


def _preset_name(name: str) -> str:
    """Refuse a name that is no preset before it is taken for a file."""
    from astfx import presets

    if Path(name).is_file():
        raise BridgeError(f"--preset {name!r} is a file: use --style {name}")
    presets.find(name)
    return name


def _style_file(path: Path) -> Path:
    """Refuse a preset's name, which is no file."""
    from astfx import presets

    if not path.exists() and str(path) in presets.names():
        raise BridgeError(f"--style {str(path)!r} is no file: use --preset {path}")
    return path


def _control(session: LiveSession, port: int) -> ControlPort | None:
    """The OSC port, before it answers; None for -1."""
    from platformdirs import user_state_path

    from astfx_bridge.live.control import ControlPort
    from astfx_bridge.live.paths import LivePaths
    from astfx_bridge.roots import Roots

    if port < 0:
        return None
    state = user_state_path("astfx") / "bridge"
    paths = LivePaths(Roots([Path()], state), state / "presets", state / "styles")
    return ControlPort(session, port, paths)


def _opened(backend: str, name: str, input: str, output: str, block_size: int) -> Any:
    """The audio driver that was asked for; "auto" takes JACK where a server runs."""
    from astfx.errors import AstfxError
    from astfx_bridge.live.jack_io import JackIO
    from astfx_bridge.live.portaudio_io import PortAudioIO

    if backend == "portaudio":
        return PortAudioIO(name, input, output, block_size)
    try:
        return JackIO(name, input, output)
    except AstfxError as error:
        if backend == "jack":
            raise
        try:
            return PortAudioIO(name, input, output, block_size)
        except AstfxError as other:
            raise BridgeError(f"there is no audio device: {other}; and {error}") from None


def device_lines(backend: str = "auto") -> Iterator[str]:
    """The devices of PortAudio and the ports of JACK, as far as there are any."""
    if backend != "portaudio":
        yield from _jack_lines()
    if backend != "jack":
        yield from _portaudio_lines()


def _jack_lines() -> Iterator[str]:
    from astfx.errors import AstfxError
    from astfx_bridge.live.jack_io import JackIO

    try:
        jack = JackIO("astfx-list")
        yield f"JACK, {jack.sample_rate} Hz, blocks of {jack.block_size} frames:"
        yield from (f"  {port}" for port in jack.ports())
        jack.close()
    except AstfxError as error:
        yield f"JACK: {error}"


def _portaudio_lines() -> Iterator[str]:
    from astfx.errors import AstfxError
    from astfx_bridge.live.portaudio_io import load_sounddevice

    try:
        found = list(load_sounddevice().query_devices())
        yield "PortAudio:" if found else "PortAudio: there is no device"
        for number, device in enumerate(found):
            counts = f"{device['max_input_channels']} in, {device['max_output_channels']} out"
            yield f"  {number} {device['name']} ({counts}, {device['default_samplerate']:g} Hz)"
    except AstfxError as error:
        yield f"PortAudio: {error}"


@contextmanager
def _ending_signals(session: LiveSession) -> Iterator[None]:
    """Let Ctrl-C and SIGTERM end the session, so that a recording is finished."""
    before = {
        number: signal.signal(number, lambda *_: session.end())
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _header(session: LiveSession, io: Any, control: ControlPort | None) -> list[str]:
    from astfx_bridge.live.control import HOST

    player = session.player
    latency_ms = 1e3 * player.latency_samples / player.sample_rate
    lines = [
        f"audio     {io.label}, {player.sample_rate} Hz, blocks of {player.block_size} frames",
        f"style     {session.effect.style}, engine {session.setup.engine}",
        f"latency   {player.latency_samples} samples ({latency_ms:.1f} ms), and that of the "
        "sound card",
    ]
    if control is not None:
        lines.append(f"OSC       {HOST} port {control.port}, UDP; Ctrl-C ends")
    return lines


def _play(session: LiveSession, header: list[str], seconds: float | None, quiet: bool) -> None:
    """Show how it goes until the session ends."""
    import gc
    import time

    from rich.console import Console
    from rich.live import Live

    from astfx_bridge.live.screen import screen

    end = None if seconds is None else time.monotonic() + seconds
    console = Console()
    show = console.is_terminal and not quiet
    if not show and not quiet:
        print("\n".join(header), flush=True)
    with ExitStack() as stack:
        view = None
        if show:
            view = stack.enter_context(Live(console=console, auto_refresh=False, transient=True))
        # Each time that something wakes up costs the audio a little. But a signal may reach another
        # thread, and this one hears of it only when it wakes up.
        step = _REFRESH_SECONDS if view is not None else _SIGNAL_SECONDS
        while not session.ended.wait(step):
            if end is not None and time.monotonic() >= end:
                session.end()
            if view is not None:
                view.update(screen(session, header), refresh=True)
                gc.collect(0)  # what the screen leaves; the audio makes no garbage


def _finish(session: LiveSession, quiet: bool) -> None:
    from astfx_bridge.live.screen import figures_line

    if not hasattr(session, "player"):
        return
    session.close()
    if not quiet:
        figures = session.player.figures
        for notice in session.notices:
            print(notice)
        print(f"{figures.blocks} blocks: {figures_line(session)}")
        if figures.skipped_samples:
            print(f"{figures.skipped_samples} samples were left out, to catch up")
        if figures.late_blocks:
            print(
                f"{figures.own_late_blocks} of the late blocks would be late on an idle machine too"
            )
    if session.player.error is not None:
        print(f"astfx: {session.trouble}", file=sys.stderr)
