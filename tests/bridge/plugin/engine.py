"""The plugin's engine in C++, called from Python."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from astfx.audio import Waveform

_MESSAGE_BYTES = 2000
_POINTERS = (
    "astfx_preset_load",
    "astfx_preset_unpack",
    "astfx_model_of",
    "astfx_model_new",
    "astfx_stage_new",
    "astfx_effect_new",
)


def _address(array: npt.NDArray[np.float32]) -> ctypes.c_void_p:
    assert array.flags.c_contiguous
    assert array.dtype == np.float32
    return ctypes.c_void_p(array.ctypes.data)


class Engine:
    """The library that ``cmake --build --target astfx-c`` makes."""

    def __init__(self, library: Path) -> None:
        self.c = ctypes.CDLL(str(library))
        for name in _POINTERS:
            getattr(self.c, name).restype = ctypes.c_void_p
        self.c.astfx_preset_packed.restype = ctypes.c_long

    def shape(self, sample_rate: int) -> tuple[int, int, int]:
        """Window, hop and latency in samples."""
        n_fft, hop = ctypes.c_int(), ctypes.c_int()
        latency = self.c.astfx_grid(sample_rate, ctypes.byref(n_fft), ctypes.byref(hop))
        return n_fft.value, hop.value, latency

    def sha256(self, data: bytes) -> str:
        text = ctypes.create_string_buffer(65)
        self.c.astfx_sha256(data, ctypes.c_long(len(data)), text)
        return text.value.decode()

    def packed(self, path: Path) -> bytes:
        size = self.c.astfx_preset_packed(str(path).encode(), None, ctypes.c_long(0))
        data = ctypes.create_string_buffer(size)
        self.c.astfx_preset_packed(str(path).encode(), data, ctypes.c_long(size))
        return data.raw


class NativePreset:
    """A preset that the engine has read. Raises ValueError with the engine's message."""

    def __init__(self, engine: Engine, source: Path | bytes) -> None:
        self.engine = engine
        message = ctypes.create_string_buffer(_MESSAGE_BYTES)
        if isinstance(source, bytes):
            size = ctypes.c_long(len(source))
            found = engine.c.astfx_preset_unpack(source, size, message, _MESSAGE_BYTES)
        else:
            found = engine.c.astfx_preset_load(str(source).encode(), message, _MESSAGE_BYTES)
        if not found:
            raise ValueError(message.value.decode())
        self.address = ctypes.c_void_p(found)

    def __del__(self) -> None:
        if hasattr(self, "address"):
            self.engine.c.astfx_preset_free(self.address)

    @property
    def texts(self) -> tuple[str, str, str]:
        """Name, family and SHA-256."""
        texts = [ctypes.create_string_buffer(65) for _ in range(3)]
        self.engine.c.astfx_preset_text(self.address, *texts)
        name, family, digest = (text.value.decode() for text in texts)
        return name, family, digest

    def frames(self, sample_rate: int) -> npt.NDArray[np.float32]:
        """Log magnitudes on the engine's window."""
        n = self.engine.c.astfx_preset_frames(self.address, sample_rate, None)
        found = np.zeros((n, self.engine.shape(sample_rate)[0] // 2 + 1), np.float32)
        self.engine.c.astfx_preset_frames(self.address, sample_rate, _address(found))
        return found


class NativeStage:
    """The spectral stage, hop by hop."""

    def __init__(
        self, engine: Engine, frames: npt.NDArray[np.float32], sample_rate: int, channels: int
    ) -> None:
        self.engine = engine
        frames = np.ascontiguousarray(frames, np.float32)
        model = engine.c.astfx_model_new(_address(frames), *frames.shape, sample_rate)
        self._model = ctypes.c_void_p(model)
        self._stage = ctypes.c_void_p(engine.c.astfx_stage_new(self._model, channels))

    def __del__(self) -> None:
        self.engine.c.astfx_stage_free(self._stage)
        self.engine.c.astfx_model_free(self._model)

    def process(self, hop: Waveform, strength: float) -> Waveform:
        hop = np.ascontiguousarray(hop)
        output = np.empty_like(hop)
        self.engine.c.astfx_stage_process(
            self._stage, _address(hop), ctypes.c_double(strength), _address(output), len(hop)
        )
        return output


class NativeEffect:
    """The effect, in blocks of any size."""

    def __init__(
        self,
        engine: Engine,
        sample_rate: int,
        channels: int,
        first: NativePreset | None = None,
        second: NativePreset | None = None,
        *,
        worker: bool = False,
    ) -> None:
        self.engine, self._worker = engine, worker
        self._effect = ctypes.c_void_p(engine.c.astfx_effect_new(sample_rate, channels))
        self.latency = engine.c.astfx_effect_latency(self._effect)
        if first is not None or second is not None:
            self.change(first, second)
        self.reset()

    def __del__(self) -> None:
        self.engine.c.astfx_effect_free(self._effect)

    def change(self, first: NativePreset | None, second: NativePreset | None = None) -> None:
        """Change styles; None leaves one as it is."""
        self.engine.c.astfx_effect_change(
            self._effect,
            None if first is None else first.address,
            None if second is None else second.address,
            int(self._worker),
        )

    def reset(self) -> None:
        self.engine.c.astfx_effect_reset(self._effect)

    def empty_trash(self) -> None:
        self.engine.c.astfx_effect_empty_trash(self._effect)

    @property
    def n_own_maps(self) -> int:
        return int(self.engine.c.astfx_effect_own_maps(self._effect))

    def set(
        self,
        *,
        strength: float = 1.0,
        mix: float = 1.0,
        morph: float = 0.0,
        gain: float = 1.0,
        bypass: bool = False,
    ) -> None:
        numbers = (ctypes.c_float(value) for value in (strength, mix, morph, gain))
        self.engine.c.astfx_effect_set(self._effect, *numbers, int(bypass))

    def process(self, block: Waveform) -> Waveform:
        block = np.ascontiguousarray(block, np.float32)
        output = np.empty_like(block)
        n = block.shape[1]
        self.engine.c.astfx_effect_process(self._effect, _address(block), _address(output), n)
        return output

    def run(self, clip: Waveform, sizes: Sequence[int]) -> Waveform:
        """Process a clip in blocks whose sizes repeat, late by the latency."""
        return np.concatenate([self.process(block) for block in blocks(clip, sizes)], axis=1)


def blocks(clip: Waveform, sizes: Sequence[int]) -> Iterable[Waveform]:
    """Cut a clip into blocks whose sizes repeat."""
    first, turn = 0, 0
    while first < clip.shape[1]:
        yield clip[:, first : first + sizes[turn % len(sizes)]]
        first += sizes[turn % len(sizes)]
        turn += 1
