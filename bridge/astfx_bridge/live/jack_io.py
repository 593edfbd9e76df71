"""Live audio as a client of JACK, or of PipeWire, which has the same interface."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread
from types import ModuleType
from typing import Any

import numpy as np

from astfx.errors import DeviceError
from astfx.runtime.extras import require
from astfx_bridge.live.player import Player
from astfx_bridge.live.session import LiveSession

DEFAULT, NONE = "default", "none"
_CLOSING_SECONDS, _LAST_BLOCK_SECONDS, _POLL_SECONDS = 30.0, 2.0, 0.01


def load_jack() -> ModuleType:
    """The package JACK-Client.

    Raises
    ------
    MissingDependencyError
        If it is not installed.
    DeviceError
        If JACK's own library is missing.
    """
    require("jack", "astfx live with JACK")
    try:
        import jack
    except OSError:
        raise DeviceError(
            "JACK's library is not installed: install JACK or PipeWire with your system's package "
            "manager, or use --backend portaudio"
        ) from None
    return jack  # type: ignore[no-any-return]


class JackIO:
    """A client of a JACK server, with ports for audio and one for MIDI.

    Parameters
    ----------
    name : str
        Name of the client. JACK adds a number where it is taken.
    input, output : str
        Names of ports or clients, separated by commas; "default" for the sound card, or "none".

    Attributes
    ----------
    sample_rate, block_size : int

    Raises
    ------
    DeviceError
        If no server runs.
    """

    label = "JACK"

    def __init__(self, name: str, input: str = DEFAULT, output: str = DEFAULT) -> None:
        self._jack: Any = load_jack()
        self._jack.set_error_function(lambda message: None)
        self._jack.set_info_function(lambda message: None)
        server = os.environ.get("JACK_DEFAULT_SERVER")
        try:
            self._client = self._jack.Client(name, no_start_server=True, servername=server)
        except self._jack.JackError:
            shown = f" {server!r}" if server else ""
            raise DeviceError(
                f"no JACK server{shown} runs: start one (`jackd`, QjackCtl, or PipeWire with "
                "`pw-jack`), or use --backend portaudio"
            ) from None
        self._input, self._output = input, output
        self.sample_rate = int(self._client.samplerate)
        self.block_size = int(self._client.blocksize)
        self._events: SimpleQueue[bytes | None] = SimpleQueue()
        self._listener: Thread | None = None
        self._player: Player | None = None
        self._leaving = False
        self._callback_thread = 0  # 0 until the last call of the callback

    @property
    def name(self) -> str:
        """The client's name, which its ports begin with."""
        return str(self._client.name)

    def ports(self) -> list[str]:
        """Names of all ports for audio."""
        return [str(port.name) for port in self._client.get_ports(is_audio=True)]

    def start(self, session: LiveSession) -> None:
        """Start to play.

        Raises
        ------
        DeviceError
            If a port that was named does not exist.
        """
        channels = range(session.setup.channels)
        sources = self._named(self._input, "input", is_output=True)
        targets = self._named(self._output, "output", is_input=True)
        client = self._client
        player = session.open(self.sample_rate, self.block_size, realtime=bool(client.realtime))
        self._player = player
        self._ins = [client.inports.register(f"in_{k + 1}") for k in channels]
        self._outs = [client.outports.register(f"out_{k + 1}") for k in channels]
        self._midi = client.midi_inports.register("midi_in")
        self._blocks = np.zeros((2, len(channels), self.block_size), np.float32)
        self._set_callbacks(session, player)
        self._listener = Thread(target=self._listen, args=(session,), daemon=True)
        self._listener.start()
        try:
            client.activate()
            self._connect(sources, targets)
        except self._jack.JackError as error:
            raise DeviceError(f"JACK refused to start ({error})") from None

    def _set_callbacks(self, session: LiveSession, player: Player) -> None:
        client = self._client

        def process(frames: int) -> None:
            if self._leaving:
                self._callback_thread = threading.get_ident()
                raise self._jack.CallbackExit
            if frames > self.block_size:
                return
            block, output = self._blocks[0, :, :frames], self._blocks[1, :, :frames]
            for row, port in zip(block, self._ins, strict=True):
                row[:] = port.get_array()
            player.process(block, output)
            for row, port in zip(output, self._outs, strict=True):
                port.get_array()[:] = row
            for _, message in self._midi.incoming_midi_events():
                self._events.put(bytes(message))

        def xrun(delayed_usecs: float) -> None:
            session.xruns += 1

        def changed(frames: int) -> None:
            if frames != self.block_size:
                session.end(
                    f"JACK changed its block size from {self.block_size} to {frames} frames: "
                    "start astfx live again"
                )

        def freewheel(starting: bool) -> None:
            player.offline = bool(starting)

        def shutdown(status: object, reason: str) -> None:
            session.end(f"the JACK server has stopped ({reason or 'without a reason'})")

        client.set_process_callback(process)
        client.set_xrun_callback(xrun)
        client.set_blocksize_callback(changed)
        client.set_freewheel_callback(freewheel)
        client.set_shutdown_callback(shutdown)

    def _listen(self, session: LiveSession) -> None:
        """Called by a thread: pass MIDI on, which would take too long in the callback."""
        while (message := self._events.get()) is not None:
            session.midi.take(message)

    def _named(self, names: str, role: str, **direction: bool) -> list[str]:
        if names == NONE:
            return []
        if names == DEFAULT:
            found = self._client.get_ports(is_audio=True, is_physical=True, **direction)
            return [str(port.name) for port in found]
        ports = [str(port.name) for port in self._client.get_ports(is_audio=True, **direction)]
        chosen = []
        for name in filter(None, (part.strip() for part in names.split(","))):
            matching = [port for port in ports if port == name or port.split(":")[0] == name]
            if not matching:
                known = ", ".join(ports) or "there are none"
                raise DeviceError(f"{role} {name!r} is no JACK port or client: {known}")
            chosen += matching
        return chosen

    def _connect(self, sources: Sequence[str], targets: Sequence[str]) -> None:
        for place, port in enumerate(self._ins):
            if sources:  # a single microphone goes to every channel
                self._client.connect(sources[place % len(sources)], port)
        for place, target in enumerate(targets[: max(len(self._outs), 2)]):
            self._client.connect(self._outs[place % len(self._outs)], target)

    def close(self) -> None:
        """Leave the server. A server that does not answer is not waited for."""
        if self._player is not None:
            # JACK waits for its callback, which a worker that is behind would hold up.
            self._player.stop()
            self._end_callback()

        def leave() -> None:
            with suppress(Exception):
                self._client.deactivate()
            with suppress(Exception):
                self._client.close()

        leaving = Thread(target=leave, name="astfx leaves JACK", daemon=True)
        leaving.start()
        leaving.join(_CLOSING_SECONDS)
        if self._listener is not None:
            self._events.put(None)
            self._listener.join()

    def _end_callback(self) -> None:
        """Let the callback end its thread.

        JACK kills a thread that is still in the callback when the client leaves. If it holds
        Python's lock, or waits for it, no other thread would ever get that again.
        """
        self._leaving = True
        end = time.monotonic() + _LAST_BLOCK_SECONDS  # a server that is gone calls nothing
        while time.monotonic() < end and (
            not self._callback_thread or self._callback_thread in sys._current_frames()
        ):
            time.sleep(_POLL_SECONDS)
