"""A project on two machines.

    python -m tests.bridge.plugin.projects FORMAT save|open BUNDLES NAME NUMBER

`save` chooses a preset, renders clip.npy to saved.npy and writes the plugin's state. `open` makes
the plugin anew, takes the state and renders to opened.npy. All files are in the working folder.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from astfx.audio import Waveform

RATE, BLOCK = 48_000, 512
URI = "urn:astfx:plugin:stereo"
STRENGTH = 70.0
STATE = Path("state")


class Session(Protocol):
    """A plugin in a host."""

    def choose(self, name: str, number: int, strength: float) -> None:
        """Set two parameters."""

    def save(self) -> None:
        """Write the state."""

    def load(self) -> None:
        """Take the state."""

    def render(self, clip: Waveform) -> Waveform:
        """The output, late or not."""

    def strength(self) -> float:
        """What the host shows."""


class Vst3:
    """In pedalboard."""

    def __init__(self, bundles: Path) -> None:
        import pedalboard

        path = str(bundles / "vst3" / "astfx.vst3")
        self.plugin: Any = pedalboard.load_plugin(path)  # type: ignore[attr-defined]

    def choose(self, name: str, number: int, strength: float) -> None:
        self.plugin.preset = name
        self.plugin.strength = strength

    def save(self) -> None:
        STATE.write_bytes(self.plugin.raw_state)

    def load(self) -> None:
        self.plugin.raw_state = STATE.read_bytes()

    def render(self, clip: Waveform) -> Waveform:
        return np.asarray(self.plugin(clip, RATE, buffer_size=BLOCK))

    def strength(self) -> float:
        return float(self.plugin.strength)


class Clap:
    """In our small host."""

    def __init__(self, bundles: Path) -> None:
        from tests.bridge.plugin.clap_host import ClapPlugin

        path = bundles / "clap" / "astfx" / "astfx.clap"
        self.plugin = ClapPlugin(path, "org.astfx.stereo", RATE, 2)

    def choose(self, name: str, number: int, strength: float) -> None:
        self.plugin.set("Preset", number)
        self.plugin.set("Strength", strength)

    def save(self) -> None:
        STATE.write_bytes(self.plugin.save())

    def load(self) -> None:
        self.plugin.deactivate()
        assert self.plugin.load(STATE.read_bytes())
        self.plugin.activate()

    def render(self, clip: Waveform) -> Waveform:
        late = self.plugin.run(np.pad(clip, ((0, 0), (0, self.plugin.latency))), BLOCK)
        return late[:, self.plugin.latency :]

    def strength(self) -> float:
        return self.plugin.value("Strength")


class Lv2:
    """In lilv."""

    def __init__(self, bundles: Path) -> None:
        from tests.bridge.plugin.lv2_host import Lv2Plugin

        self.plugin = Lv2Plugin(URI, RATE, 2)

    def choose(self, name: str, number: int, strength: float) -> None:
        self.plugin.values["preset"].value = number
        self.plugin.values["strength"].value = strength

    def save(self) -> None:
        self.plugin.save(STATE.absolute())

    def load(self) -> None:
        self.plugin.load(STATE.absolute())

    def render(self, clip: Waveform) -> Waveform:
        self.plugin.activate()
        self.plugin.run(np.zeros((2, 1), np.float32), 1)
        latency = int(self.plugin.values["lv2_latency"].value)
        self.plugin.descriptor.deactivate(self.plugin.instance.handle)
        self.plugin.activate()
        return self.plugin.run(np.pad(clip, ((0, 0), (0, latency))), BLOCK)[:, latency:]

    def strength(self) -> float:
        return float(self.plugin.values["strength"].value)


SESSIONS: dict[str, Callable[[Path], Session]] = {"vst3": Vst3, "clap": Clap, "lv2": Lv2}


def main(kind: str, step: str, bundles: str, name: str, number: str) -> None:
    session = SESSIONS[kind](Path(bundles))
    clip = np.load("clip.npy")
    if step == "save":
        session.choose(name, int(number), STRENGTH)
        np.save("saved.npy", session.render(clip))
        session.save()
        return
    session.load()
    np.save("opened.npy", session.render(clip))
    assert abs(session.strength() - STRENGTH) < 0.1, session.strength()


if __name__ == "__main__":
    main(*sys.argv[1:])
