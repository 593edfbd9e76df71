"""Live audio through PortAudio: CoreAudio, WASAPI, ASIO, ALSA and others."""

from __future__ import annotations

from contextlib import suppress
from threading import Thread
from types import ModuleType
from typing import Any

import numpy as np

from astfx.errors import DeviceError, first_line
from astfx.runtime.extras import require
from astfx_bridge.live.player import Player
from astfx_bridge.live.session import LiveSession

DEFAULT = "default"


def load_sounddevice() -> ModuleType:
    """The package sounddevice.

    Raises
    ------
    MissingDependencyError
        If it is not installed.
    DeviceError
        If PortAudio's own library is missing.
    """
    require("sounddevice", "astfx live with PortAudio")
    try:
        import sounddevice
    except OSError:
        raise DeviceError(
            "PortAudio's library is not installed: install it with your system's package manager "
            "(on Debian and Ubuntu, libportaudio2)"
        ) from None
    return sounddevice  # type: ignore[no-any-return]


class PortAudioIO:
    """A stream of PortAudio, and all MIDI inputs if mido finds any.

    Parameters
    ----------
    name : str
        Ignored: PortAudio's streams have no name.
    input, output : str
        Numbers or names of devices, as `astfx live --list-devices` shows them, or "default".
    block_size : int, samples

    Attributes
    ----------
    sample_rate, block_size : int

    Raises
    ------
    DeviceError
        If there is no such device.
    """

    label = "PortAudio"

    def __init__(
        self, name: str, input: str = DEFAULT, output: str = DEFAULT, block_size: int = 256
    ) -> None:
        self._sounddevice: Any = load_sounddevice()
        self._devices = [_device(input), _device(output)]
        self.block_size = block_size
        self._stream: Any = None
        self._player: Player | None = None
        self._midi: list[Any] = []
        found = []
        for device, kind in zip(self._devices, ("input", "output"), strict=True):
            try:
                found.append(self._sounddevice.query_devices(device, kind))
            except Exception as error:
                raise DeviceError(
                    f"there is no {kind} for audio here ({first_line(error)}): `astfx live "
                    "--list-devices` shows what there is"
                ) from None
        self._most_inputs = int(found[0]["max_input_channels"])
        self.sample_rate = int(found[1]["default_samplerate"])

    def start(self, session: LiveSession) -> None:
        """Start to play.

        Raises
        ------
        DeviceError
            If the device refuses.
        """
        channels = session.setup.channels
        inputs = min(channels, self._most_inputs)
        player = session.open(self.sample_rate, self.block_size)
        blocks = np.zeros((2, channels, self.block_size), np.float32)

        def process(given: Any, taken: Any, frames: int, when: object, status: Any) -> None:
            if status:
                session.xruns += 1
            block, output = blocks[0, :, :frames], blocks[1, :, :frames]
            for place in range(channels):  # a single microphone goes to every channel
                block[place] = given[:, place % inputs]
            player.process(block, output)
            taken[:] = output.T

        try:
            self._stream = self._sounddevice.Stream(
                samplerate=self.sample_rate,
                blocksize=self.block_size,
                device=tuple(self._devices),
                channels=(inputs, channels),
                dtype="float32",
                latency="low",
                callback=process,
                finished_callback=lambda: session.end("the sound card has stopped"),
            )
            self._stream.start()
        except Exception as error:
            raise DeviceError(f"the sound card refused to start ({first_line(error)})") from None
        self._player = player
        self._listen(session)

    def _listen(self, session: LiveSession) -> None:
        """Open all MIDI inputs, if mido and a driver for it are installed."""
        problem = "there is no MIDI input"
        try:
            import mido

            for name in mido.get_input_names():
                port = mido.open_input(
                    name, callback=lambda message: session.midi.take(bytes(message.bytes()))
                )
                self._midi.append(port)
        except Exception as error:  # a driver's own
            problem = f"MIDI cannot be used ({first_line(error)})"
        if session.midi.waiting and not self._midi:
            session.tell(f"no control can be learnt: {problem}")

    def close(self) -> None:
        """Close the devices."""
        for port in self._midi:
            with suppress(Exception):
                port.close()
        if self._player is not None:
            self._player.stop()  # so that the callback, which is waited for, has little to do
        if self._stream is not None:
            closing = Thread(target=self._stream.close, daemon=True)
            closing.start()
            closing.join(5.0)


def _device(name: str) -> int | str | None:
    if name == DEFAULT:
        return None
    return int(name) if name.isdigit() else name
