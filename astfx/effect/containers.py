"""Containers that take native plugins and ours: `Pedalboard`, `Chain`, `Mix`, `process`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import pedalboard

from astfx.audio import MAX_SAMPLE_RATE, MIN_SAMPLE_RATE, Waveform
from astfx.effect import natives
from astfx.effect.base import DEFAULT_BUFFER_SIZE, Effect, check_buffer_size, check_rate
from astfx.effect.container import Container, Plugin, streamed, wholly
from astfx.effect.natives import NativeRun


class Chain(Container):
    """Effects one after the other."""

    _native_class = pedalboard.Chain
    _last_shape: tuple[int, ...] | None = None

    def process(
        self,
        input_array: npt.NDArray[np.floating[Any]],
        sample_rate: float,
        buffer_size: int = DEFAULT_BUFFER_SIZE,
        reset: bool = True,
    ) -> npt.NDArray[np.float32]:
        """Run audio through all effects; see `Effect.process`."""
        native = self._native
        if native is None or not (
            buffer_size > 0 and MIN_SAMPLE_RATE <= sample_rate <= MAX_SAMPLE_RATE
        ):
            return self._carefully(input_array, sample_rate, buffer_size, reset)
        output = native(input_array, sample_rate, buffer_size, reset)
        if input_array.shape != self._last_shape:
            self._layout.note(input_array)
            self._last_shape = input_array.shape
        return output  # type: ignore[no-any-return]

    __call__ = process  # type: ignore[assignment]

    def reset(self) -> None:
        """Forget all audio, and the layout of the last array."""
        super().reset()
        self._last_shape = None

    def _carefully(
        self, input_array: Any, sample_rate: Any, buffer_size: Any, reset: bool
    ) -> npt.NDArray[np.float32]:
        """Everything but a further block through native plugins only."""
        check_buffer_size(buffer_size)
        check_rate(sample_rate)
        with self._lock:
            stages = self._ready()
            only = stages[0] if len(stages) == 1 else None
            if not isinstance(only, NativeRun):
                return super().process(input_array, sample_rate, buffer_size, reset)
            # Nothing of ours in it: from now on, all of it is pedalboard's business.
            only.expect(self._layout, sample_rate)
            self._last_shape = None
            self._native = only.board.process
        return self.process(input_array, sample_rate, buffer_size, reset)

    def _stream(self, waveform: Waveform, sample_rate: int, buffer_size: int) -> Waveform:
        for stage in self._ready():
            waveform = streamed(stage, waveform, sample_rate, buffer_size)
        return waveform

    def _whole(self, waveform: Waveform, sample_rate: int, buffer_size: int) -> Waveform:
        n = waveform.shape[1]
        if not self._needs_whole:
            # As in a stream, what rings on after the clip is heard by the stages that look ahead.
            waveform = np.pad(waveform, ((0, 0), (0, self.latency_samples_at(sample_rate))))
        for stage in self._ready():
            waveform = wholly(stage, waveform, sample_rate, buffer_size)
        return waveform[:, :n]


class Pedalboard(Chain):
    """A board of effects, native or ours, in place of `pedalboard.Pedalboard`.

    Parameters
    ----------
    plugins : iterable of plugins, optional
        Native ones, VST3 and Audio Units included, `StyleTransfer`, and containers of either
        kind; None is skipped.

    Examples
    --------
    >>> board = Pedalboard([pedalboard.Gain(6.0)])
    >>> board(np.zeros((2, 100), np.float32), 44100).shape
    (2, 100)
    """

    _native_class = pedalboard.Pedalboard  # type: ignore[attr-defined]


class Mix(Container):
    """Effects side by side, their outputs added up, aligned with each other."""

    _native_class = pedalboard.Mix

    def __init__(self, plugins: Iterable[Plugin | None] | None = None) -> None:
        self._runs: list[NativeRun] = []
        self._begin(None)
        super().__init__(plugins)

    def _begin(self, stream: tuple[int, int] | None) -> None:
        self._stream_of = stream  # sample rate and channels
        self._waiting: list[tuple[object, Waveform]] = []
        self._n_pending = 0  # samples taken in and not given out

    def _staged(self, plugins: list[Plugin]) -> list[NativeRun | Effect]:
        # A plugin that was here before goes on as it was, beside what is new.
        runs = {id(run.plugins[0]): run for run in self._runs}
        stages: list[Any] = [
            runs.get(id(p)) or NativeRun([p]) if natives.is_native(p) else p for p in plugins
        ]
        self._runs = [stage for stage in stages if isinstance(stage, NativeRun)]
        return stages

    def _total(self, latencies: list[int]) -> int:
        return max(latencies, default=0)

    def _restart(self) -> None:
        self._begin(None)
        super()._restart()

    def _stream(self, waveform: Waveform, sample_rate: int, buffer_size: int) -> Waveform:
        stages = self._ready()
        channels, n_in = waveform.shape
        if self._stream_of != (sample_rate, channels):
            if self._stream_of is not None:
                self._restart()
            self._begin((sample_rate, channels))
        # A plugin that joins has heard nothing of what the others still hold back.
        silence = np.zeros((channels, self._n_pending), np.float32)
        before = {id(stage): rest for stage, rest in self._waiting}
        parts = []
        for stage in stages:
            output = streamed(stage, waveform, sample_rate, buffer_size)
            parts.append(np.concatenate([before.get(id(stage), silence), output], axis=1))
        n_out = min([n_in, *(part.shape[1] for part in parts)])
        self._waiting = [(stage, p[:, n_out:]) for stage, p in zip(stages, parts, strict=True)]
        self._n_pending += n_in - n_out
        total = np.zeros((channels, n_out), np.float32)
        for part in parts:
            total += part[:, :n_out]
        return total

    def _whole(self, waveform: Waveform, sample_rate: int, buffer_size: int) -> Waveform:
        total = np.zeros_like(waveform)
        for stage in self._ready():
            total += wholly(stage, waveform, sample_rate, buffer_size)
        return total


def process(
    input_array: npt.NDArray[np.floating[Any]],
    sample_rate: float,
    plugins: Iterable[Plugin | None],
    buffer_size: int = DEFAULT_BUFFER_SIZE,
    reset: bool = True,
) -> npt.NDArray[np.float32]:
    """Run audio through plugins, native or ours, as `pedalboard.process` does.

    Parameters
    ----------
    input_array, sample_rate, buffer_size, reset
        As for `Effect.process`.
    plugins : iterable of plugins
    """
    return Pedalboard(plugins).process(input_array, sample_rate, buffer_size, reset)
