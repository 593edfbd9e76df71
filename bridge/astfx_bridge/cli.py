"""The commands ``serve``, ``live``, ``send``, ``clients`` and ``plugin``."""

from __future__ import annotations

import asyncio
import logging
import math
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from astfx.cli.session import Move, Session, in_session
from astfx.errors import AstfxError, CancelledError
from astfx_bridge.errors import BridgeError
from astfx_bridge.live.command import EXAMPLES as LIVE_EXAMPLES
from astfx_bridge.live.command import live
from astfx_bridge.settings import HTTP_PORT, OSC_PORT, Limits, ServerSettings

if TYPE_CHECKING:
    from astfx_bridge.server import Bridge
    from astfx_bridge.wire.osc import Message

app = typer.Typer(
    name="astfx-bridge",
    help="An OSC server that renders for Max, Pure Data, SuperCollider, REAPER and other programs.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
clients = typer.Typer(
    help="Install the patches, classes and scripts for hosts.", no_args_is_help=True
)
app.add_typer(clients, name="clients")
app.command(epilog=LIVE_EXAMPLES)(live)
plugin = typer.Typer(
    help="Build and install the native plugin, for VST3, LV2 and CLAP hosts.", no_args_is_help=True
)
app.add_typer(plugin, name="plugin")

JOB_SECONDS = 3600.0
HOLD_SECONDS = 3600.0  # a socket cannot wait for ever at once
TOKEN_VARIABLE = "ASTFX_TOKEN"
_LIMITS = Limits()

_SEND_EXAMPLES = """
Examples:

  astfx send /astfx/render 1 voice.wav wet.wav style rain.wav strength 0.8

  astfx send /astfx/set strength 0.5

  astfx send /astfx/render/blob 2 @voice.wav style rain.wav --save wet.wav
"""


def entry() -> None:
    """Run astfx-bridge. Every expected failure prints one sentence and sets exit code 2."""
    try:
        app()
    except AstfxError as error:
        print(f"astfx-bridge: {error}", file=sys.stderr)
        sys.exit(2)


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    osc_port: Annotated[
        int, typer.Option(help="Port for UDP and TCP; 0 takes a free one.")
    ] = OSC_PORT,
    http_port: Annotated[
        int, typer.Option(help="Port for OSCQuery; 0 takes a free one, -1 turns it off.")
    ] = HTTP_PORT,
    root: Annotated[
        list[Path] | None,
        typer.Option(
            help="A folder that clients may read and write; repeatable. Default: the current one."
        ),
    ] = None,
    jobs: Annotated[int, typer.Option(help="How many renders run at a time.")] = 1,
    state: Annotated[
        Path | None,
        typer.Option(help="Folder of the server's records; default: the user's state folder."),
    ] = None,
    token: Annotated[
        str,
        typer.Option(
            envvar=TOKEN_VARIABLE, help="Secret that clients must send.", show_default=False
        ),
    ] = "",
    announce: Annotated[
        bool | None,
        typer.Option(
            "--announce/--no-announce",
            help="Announce the server by zeroconf; default: if zeroconf is installed.",
        ),
    ] = None,
    clip_seconds: Annotated[
        float, typer.Option(help="Longest clip, in seconds.")
    ] = _LIMITS.clip_seconds,
    blob_mb: Annotated[float, typer.Option(help="Largest blob, in megabytes.")] = _LIMITS.blob_bytes
    / 2**20,
    queue_jobs: Annotated[
        int, typer.Option(help="Largest number of jobs that have not ended.")
    ] = _LIMITS.queue_jobs,
    connections: Annotated[
        int, typer.Option(help="Largest number of TCP connections.")
    ] = _LIMITS.connections,
    messages_per_second: Annotated[
        float, typer.Option(help="Largest number of messages a second from one sender.")
    ] = _LIMITS.messages_per_second,
    job_seconds: Annotated[
        float, typer.Option(help="Longest time that a job may run, in seconds.")
    ] = _LIMITS.job_seconds,
    verbose: Annotated[
        bool,
        typer.Option(
            "--verbose", "-v", help="Write a line for each job that ends or is refused to stderr."
        ),
    ] = False,
) -> None:
    """Run the OSC server until Ctrl-C."""
    from platformdirs import user_state_path

    from astfx_bridge import discovery
    from astfx_bridge.server import Bridge

    settings = ServerSettings(
        host=host,
        osc_port=osc_port,
        http_port=None if http_port < 0 else http_port,
        roots=tuple(root or [Path()]),
        state=state or user_state_path("astfx") / "bridge",
        jobs=jobs,
        token=token,
        announce=discovery.available() if announce is None else announce,
        limits=Limits(
            clip_seconds=clip_seconds,
            blob_bytes=round(blob_mb * 2**20),
            queue_jobs=queue_jobs,
            connections=connections,
            messages_per_second=messages_per_second,
            job_seconds=job_seconds,
        ),
    )

    if verbose:
        logging.basicConfig(format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
        logging.getLogger("astfx_bridge").setLevel(logging.INFO)

    async def run() -> None:
        await Bridge(settings).run(_print_banner)

    asyncio.run(run())


def _print_banner(bridge: Bridge) -> None:
    """Print where the server listens, and a line to paste into another terminal."""
    settings = bridge.settings
    host = settings.host
    lines = [f"OSC       {host} port {bridge.osc_port}, UDP and TCP"]
    if bridge.http_port:
        name = f"[{host}]" if ":" in host else host
        lines.append(f"OSCQuery  http://{name}:{bridge.http_port}/")
    lines += [f"root      {folder}" for folder in bridge.roots.folders]
    lines.append(f"state     {settings.state.resolve()}")
    waiting = len(bridge.store.pending())
    if waiting:
        lines.append(f"queue     {waiting} unfinished job{'' if waiting == 1 else 's'}")
    where = "" if bridge.osc_port == OSC_PORT else f" --port {bridge.osc_port}"
    lines.append(f"try       astfx send{where} /astfx/render 0 CONTENT OUTPUT style STYLE")
    print("\n".join(lines), flush=True)


@app.command(epilog=_SEND_EXAMPLES, context_settings={"ignore_unknown_options": True})
def send(
    address: Annotated[str | None, typer.Argument(help="OSC address, such as /astfx/ping.")] = None,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[ARGS]...", help="Arguments. @FILE stands for a blob with a file's bytes."
        ),
    ] = None,
    host: Annotated[str, typer.Option(help="Address of the server.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="OSC port of the server.")] = OSC_PORT,
    transport: Annotated[
        str, typer.Option(help="TCP framed by length or slip, or udp.")
    ] = "length",
    token: Annotated[
        str,
        typer.Option(envvar=TOKEN_VARIABLE, help="Secret of the server.", show_default=False),
    ] = "",
    wait: Annotated[bool, typer.Option(help="Wait until the jobs end.")] = True,
    hold: Annotated[
        bool, typer.Option("--hold", help="Stay connected and show all messages until Ctrl-C.")
    ] = False,
    timeout: Annotated[
        float | None,
        typer.Option(
            help="Longest wait for jobs, or with --hold, in seconds. Default: an hour for jobs, "
            "and no end with --hold.",
            show_default=False,
        ),
    ] = None,
    save: Annotated[
        Path | None, typer.Option(help="File to write a result to that comes as a blob.")
    ] = None,
    request: Annotated[
        Path | None,
        typer.Option(help="File with the address and its arguments, one on each line."),
    ] = None,
    replies: Annotated[
        Path | None,
        typer.Option(help="File to write the replies to, and at the end `exit` and the exit code."),
    ] = None,
) -> None:
    """Send an OSC message to a server, show its replies, and wait for the jobs it starts."""
    from astfx.runtime.files import written_aside
    from astfx_bridge import sending
    from astfx_bridge.client import Client

    if request is not None:
        address, *words = sending.read_request(request)
    if address is None:
        raise BridgeError("there is nothing to send: give an OSC address or a --request")
    transcript = sending.Transcript(replies)

    def show(message: Message) -> None:
        print(sending.line(message), flush=True)
        if save is not None and message.address == "/astfx/done":
            blob = message.values[2]
            if isinstance(blob, bytes):
                with written_aside(save) as part:
                    part.write_bytes(blob)
        transcript.write(sending.line(message))

    try:
        values = sending.values_of(address, words or [])
        with Client(host, port, transport=transport, token=token) as client:
            well = sending.converse(
                client, address, values, show, wait=wait, timeout_seconds=timeout or JOB_SECONDS
            )
            end = time.monotonic() + (math.inf if timeout is None else timeout)
            while hold and (left := end - time.monotonic()) > 0.0:
                message = client.receive(min(left, HOLD_SECONDS))
                if message is not None:
                    show(message)
    except KeyboardInterrupt:
        transcript.write("exit 130")
        sys.exit(130)
    except AstfxError as error:
        transcript.write(f"error {error}\nexit 2")
        raise
    transcript.write(f"exit {0 if well else 1}")
    if not well:
        sys.exit(1)


@clients.command()
def install(
    folder: Annotated[
        Path | None,
        typer.Argument(
            help="Folder to copy all clients to instead. It is created if it does not exist.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Copy the client of each host to where the host looks for it, or all clients into a folder."""
    from astfx_bridge.installing import install_clients, install_for_hosts

    if folder is not None:
        for name in install_clients(folder):
            print(os.path.join(folder, name))
        print("each folder has a README with three steps")
        return
    for title, places in install_for_hosts().items():
        print(f"{title}: {', '.join(map(str, places)) or 'not found'}")
    print("start each program again, so that it finds what is new")


@clients.command()
def package(
    folder: Annotated[Path, typer.Argument(help="Folder to write to.")],
    url: Annotated[
        str, typer.Option(help="Where this folder will be published; ReaPack needs it.")
    ],
) -> None:
    """Make packages of the clients: for Max, as a quark, for deken, and for ReaPack."""
    from astfx_bridge.packaging import make_packages

    for path in make_packages(folder, url):
        print(path)


_FOLDER = Annotated[
    Path | None,
    typer.Option(
        help="Folder for the build; default: a folder of the user's cache.", show_default=False
    ),
]
_HOME = Annotated[
    Path | None,
    typer.Option(
        help="Home whose .vst3, .lv2 and .clap hold the plugin; default: yours.", show_default=False
    ),
]


def _say_window() -> None:
    from astfx_bridge import plugins

    if sentence := plugins.window_needs():
        print(sentence)


@contextmanager
def _built(session: Session) -> Iterator[Move]:
    """A bar for a build. What is built when the user interrupts it is used by the next one."""
    try:
        with session.progress("building the plugin") as move:
            yield move
    except KeyboardInterrupt:
        raise CancelledError("interrupted: nothing is installed; the next build goes on") from None


@plugin.command("build")
@in_session
def build_plugin(folder: _FOLDER = None, *, session: Session) -> None:
    """Build the plugin with this machine's compiler, which takes a few minutes."""
    from astfx_bridge import plugins

    with _built(session) as move:
        places = plugins.build(folder or plugins.build_folder(), move)
    for place in places:
        print(place)
    _say_window()


@plugin.command("install")
@in_session
def install_plugin(folder: _FOLDER = None, home: _HOME = None, *, session: Session) -> None:
    """Build the plugin, which takes a few minutes, and copy it to where hosts look for it."""
    from astfx_bridge import plugins

    with _built(session) as move:
        places = plugins.install(folder or plugins.build_folder(), home or Path.home(), move)
    with session.progress("compiling the engine stream"):
        plugins.warm_up()
    for place in places:
        print(place)
    _say_window()
    session.say("let your host look for new plugins; it calls them astfx and astfx mono")


@plugin.command("backend", hidden=True)
def run_backend(ring: Path, host: int) -> None:
    """Run the engine `stream` for a plugin, which starts this command by itself."""
    from astfx_bridge.live import backend

    backend.serve(ring, host)


@plugin.command("info")
def show_plugin(home: _HOME = None) -> None:
    """Show where the plugin is installed, and what the build needs."""
    from astfx_bridge import building, plugins

    found = plugins.installed(home or Path.home())
    for bundle, place in found:
        print(f"{bundle.format:10}{place}")
    if not found:
        print("the plugin is not installed: `astfx plugin install` builds and installs it")
    lacking = building.missing()
    _say_window()
    if lacking:
        print(building.lacking_text(lacking))
    else:
        print("the build has all that it needs: `astfx plugin install` builds and installs it")


@plugin.command("uninstall")
def uninstall_plugin(home: _HOME = None) -> None:
    """Delete the installed plugin. Without --home, also delete the folder of the build."""
    from astfx_bridge import plugins

    built = plugins.build_folder() if home is None else None
    for place in plugins.uninstall(home or Path.home(), built):
        print(f"deleted {place}")
