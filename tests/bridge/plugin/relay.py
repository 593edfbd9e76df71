"""The plugin's side of the engine `stream`, called from Python."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from astfx.audio import Waveform
from astfx.presets import find
from astfx.presets.files import packed
from tests.bridge.plugin.engine import Engine, blocks

STATES = ("unused", "starts", "runs", "not found", "fails")
_TEXT_BYTES = 2000


def _address(array: npt.NDArray[np.float32]) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


class NativeRelay:
    """A relay, and the process that it may have.

    Parameters
    ----------
    engine : Engine
    sample_rate : int, hertz
    channels : int
    longest : int
        The most frames in a block.
    """

    def __init__(self, engine: Engine, sample_rate: int, channels: int, longest: int) -> None:
        self.c, self.channels = engine.c, channels
        for name in ("astfx_relay_new", "astfx_relay_keep"):
            getattr(self.c, name).restype = ctypes.c_void_p
        self.c.astfx_relay_late.restype = ctypes.c_long
        self.latency = int(self.c.astfx_relay_latency(sample_rate, longest))
        self._relay = ctypes.c_void_p(self.c.astfx_relay_new(sample_rate, channels, longest))
        self._places: dict[str, tuple[int, int]] = {"": (0, 0)}

    def close(self) -> None:
        self.c.astfx_relay_free(self._relay)

    @property
    def path(self) -> Path:
        """A path by which this process can open the ring."""
        return Path(f"/proc/self/fd/{self.c.astfx_relay_descriptor(self._relay)}")

    def _kept(self, first: str, second: str) -> ctypes.Array[ctypes.c_long]:
        for name in (first, second):
            if name not in self._places:
                data = packed(find(name))
                size = ctypes.c_long(len(data))
                place = self.c.astfx_relay_keep(self._relay, name.encode(), data, size)
                self._places[name] = (place, len(data))
        return (ctypes.c_long * 4)(*self._places[first], *self._places[second])

    def begin(self, first: str = "rain", second: str = "", *, waits: bool = False) -> None:
        self.c.astfx_relay_begin(self._relay, self._kept(first, second), int(waits))

    def set(
        self,
        *,
        strength: float = 1.0,
        mix: float = 1.0,
        morph: float = 0.0,
        gain: float = 1.0,
        bypass: bool = False,
        renders: bool = False,
    ) -> None:
        numbers = (ctypes.c_float(value) for value in (strength, mix, morph, gain))
        self.c.astfx_relay_set(self._relay, *numbers, int(bypass), int(renders))

    def process(
        self, block: Waveform, presets: tuple[str, str] | None = None, *, may_wait: bool = False
    ) -> Waveform:
        block = np.ascontiguousarray(block, np.float32)
        output = np.empty_like(block)
        places = None if presets is None else self._kept(*presets)
        numbers = (block.shape[1], places, int(may_wait))
        self.c.astfx_relay_process(self._relay, _address(block), _address(output), *numbers)
        return output

    def run(self, clip: Waveform, sizes: Sequence[int], *, may_wait: bool = False) -> Waveform:
        parts = [self.process(block, may_wait=may_wait) for block in blocks(clip, sizes)]
        return np.concatenate(parts, axis=1)

    @property
    def n_late(self) -> int:
        return int(self.c.astfx_relay_late(self._relay))

    def start(self) -> None:
        """Start the process, and look after it."""
        self.c.astfx_backend_start(self._relay)

    def stop(self) -> None:
        self.c.astfx_backend_stop(self._relay)

    @property
    def state(self) -> str:
        return STATES[self.c.astfx_backend_state(self._relay)]

    @property
    def process_id(self) -> int:
        return int(self.c.astfx_backend_process(self._relay))

    @property
    def problem(self) -> str:
        text = ctypes.create_string_buffer(_TEXT_BYTES)
        self.c.astfx_backend_problem(self._relay, text, _TEXT_BYTES)
        return text.value.decode()

    @property
    def render_problems(self) -> list[str]:
        """The labels of the problems that a render can have."""
        text = ctypes.create_string_buffer(_TEXT_BYTES)
        self.c.astfx_render_problems(text, _TEXT_BYTES)
        return text.value.decode().splitlines()

    def render_path(self, number: int) -> Path:
        """The path that the plugin shows for a file."""
        text = ctypes.create_string_buffer(_TEXT_BYTES)
        self.c.astfx_render_path(ctypes.c_long(number), text, _TEXT_BYTES)
        return Path(text.value.decode())


def exists(process_id: int) -> bool:
    """Whether a process runs, or has ended without anybody having noticed."""
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    return True
