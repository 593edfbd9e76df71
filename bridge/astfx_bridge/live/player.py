"""Runs an effect beside an audio callback that never waits for it.

The callback passes its input to a worker thread, and takes what the worker has finished. If that
is not there in time, the callback plays the dry sound, aligned to the sample, and fades over to it.
So it looks a little ahead: a fade needs some samples of the finished sound.

A delay of one block gives the worker time for each block. It comes on top of the effect's own.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

import numpy as np

from astfx.audio import Waveform
from astfx_bridge.live.priority import raise_priority
from astfx_bridge.live.ring import Ring
from astfx_bridge.live.stage import Stage

FADE_SAMPLES = 64
_KEPT_SAMPLES = 1 << 16
_MOST_BEHIND_SECONDS = 0.25
_OFFLINE_POLL_SECONDS = 1.0
_LOAD_MEMORY_SECONDS = 1.0


@dataclass
class Figures:
    """What a player counts and measures.

    Attributes
    ----------
    blocks : int
        Blocks that the callback has played.
    late_blocks : int
        Those of them that were not finished in time, and were dry.
    own_late_blocks : int
        Blocks that would have been late on an idle machine too, by the processor time alone.
    skipped_samples : int
        Input that was left out, because the worker had fallen far behind.
    load : float
        Time of processing, as a share of the duration of the audio, over the last second.
    input_peak, output_peak : float
        Highest samples since they were last read with `peaks`.
    longest_callback_seconds : float
        Longest call of `process`.
    """

    blocks: int = 0
    late_blocks: int = 0
    own_late_blocks: int = 0
    skipped_samples: int = 0
    load: float = 0.0
    input_peak: float = 0.0
    output_peak: float = 0.0
    longest_callback_seconds: float = 0.0

    def peaks(self) -> tuple[float, float]:
        """The highest samples of input and output since the last call."""
        found = self.input_peak, self.output_peak
        self.input_peak = self.output_peak = 0.0
        return found


class Player:
    """Plays a stream through an effect, block by block.

    Parameters
    ----------
    board : effect
        Anything with `prepare` and `process` of an astfx effect, such as `astfx.Pedalboard`.
    sample_rate : int, hertz
    channels : int
    block_size : int, samples
        The longest block that `process` will get.

    Attributes
    ----------
    latency_samples : int
        Delay of the output.
    offline : bool
        Whether `process` waits for the worker, so that no block is ever late.
    bypass : bool
        Whether the aligned dry sound is played. Changes fade.
    gain : float
        Factor of the output. Changes are ramped over a block.
    taps : list of callables
        Called with each block of output, as a copy.
    error : Exception or None
        Why the worker has stopped. The output is dry from then on.
    figures : Figures
    """

    def __init__(self, board: Any, sample_rate: int, channels: int, block_size: int) -> None:
        self._board, self.sample_rate, self.channels = board, sample_rate, channels
        self.block_size = block_size
        self._board_latency = board.latency_samples_at(sample_rate)
        self.latency_samples = self._board_latency + block_size + FADE_SAMPLES
        kept = max(_KEPT_SAMPLES, 4 * (self.latency_samples + block_size))
        self._input, self._wet = Ring(channels, kept), Ring(channels, kept)
        self._n_in = 0
        # The finished samples, by their place in the input.
        self._wet_from = self._wet_until = 0
        self._level, self._shown_gain = 1.0, 1.0
        self._buffers = np.zeros((2, channels, block_size), np.float32)
        self._steps = np.arange(1, block_size + 1, dtype=np.float32) / np.float32(FADE_SAMPLES)
        self._ramp = np.arange(1, block_size + 1, dtype=np.float32)
        self._wake: SimpleQueue[bool] = SimpleQueue()
        self._finished = threading.Event()
        self._worker: threading.Thread | None = None
        self.offline = self.bypass = self._realtime = self._stopped = False
        self.gain = 1.0
        self._backlog = _Backlog()
        self.taps: list[Callable[[Waveform], None]] = []
        self.error: Exception | None = None
        self.figures = Figures()

    def start(self, *, realtime: bool = False) -> None:
        """Prepare the effect, and start the worker.

        Parameters
        ----------
        realtime : bool
            Whether the callback has real-time priority. The worker then gets it too, if the user
            may have it.
        """
        self._realtime, self._stopped = realtime, False
        self._board.prepare(self.sample_rate, self.channels, self.block_size)
        # An empty block says which axis has the channels.
        empty = np.zeros((self.channels, 0), np.float32)
        self._board.process(empty, self.sample_rate, reset=False)
        # The callback's own code is warmed up too.
        block = np.zeros((self.channels, self.block_size), np.float32)
        self._play(block.copy(), -2 * self.latency_samples, self.block_size)
        self.figures = Figures()
        self._level, self._shown_gain = float(not self.bypass), self.gain
        self._worker = threading.Thread(target=self._work, name="astfx live", daemon=True)
        self._worker.start()

    def stop(self) -> None:
        """End the worker, even one that is behind. From then on, there is only silence."""
        self._stopped = True
        self._finished.set()
        if self._worker is not None:
            self._wake.put(False)
            self._worker.join()
            self._worker = None

    def process(self, block: Waveform, output: Waveform) -> None:
        """Take a block, (channels, up to block_size), and write as many samples of output.

        It is called by the audio callback, and waits for nothing unless `offline` is set.
        """
        if self._stopped:
            output.fill(0.0)
            return
        began = time.perf_counter()
        n = block.shape[1]
        self._input.write(self._n_in, block)
        self._n_in += n
        self._wake.put(True)
        first = self._n_in - n - self.latency_samples
        if self.offline:
            self._wait_for(first + n + FADE_SAMPLES)
        self._play(output, first, n)
        figures = self.figures
        figures.blocks += 1
        figures.input_peak = max(figures.input_peak, float(np.abs(block).max(initial=0.0)))
        figures.output_peak = max(figures.output_peak, float(np.abs(output).max(initial=0.0)))
        for tap in self.taps:
            tap(output.copy())
        figures.longest_callback_seconds = max(
            figures.longest_callback_seconds, time.perf_counter() - began
        )

    def _has(self, first: int, until: int) -> bool:
        return until <= 0 or (self._wet_from <= max(first, 0) and until <= self._wet_until)

    def _wait_for(self, until: int) -> None:
        while self.error is None and not self._stopped and until > self._wet_until:
            self._finished.wait(_OFFLINE_POLL_SECONDS)
            self._finished.clear()

    def _play(self, output: Waveform, first: int, n: int) -> None:
        """Write the samples from place `first` of the input on: finished, dry, or a fade."""
        wet, dry = self._buffers[0, :, :n], self._buffers[1, :, :n]
        in_time = self._has(first, first + n + FADE_SAMPLES)
        self.figures.late_blocks += not in_time
        aim = 1.0 if in_time and not self.bypass else 0.0
        if self._level == aim == 1.0:
            self._wet.read(first, output)
        elif self._level == aim:
            self._input.read(first, output)
        else:
            self._wet.read(first, wet)
            self._input.read(first, dry)
            direction = np.float32(aim - self._level)
            sign = np.float32(1.0) if direction > 0 else np.float32(-1.0)
            level = np.clip(np.float32(self._level) + sign * self._steps[:n], 0.0, 1.0)
            self._level = float(level[-1])
            np.copyto(output, dry + level * (wet - dry))
        if self.gain != 1.0 or self._shown_gain != 1.0:
            step = (self.gain - self._shown_gain) / n
            output *= np.float32(self._shown_gain) + np.float32(step) * self._ramp[:n]
            self._shown_gain = self.gain

    def _work(self) -> None:
        """Called by the worker: process what has come in, whenever something has."""
        if self._realtime:
            raise_priority()
        try:
            stage = Stage(self._board, self.sample_rate, self.channels, self.block_size)
            while self._wake.get():
                while not self._stopped and stage.place < self._n_in:
                    self._advance(stage)
        except Exception as error:
            self.error = error
            self._finished.set()

    def _advance(self, stage: Stage) -> None:
        place = stage.place
        behind = self._n_in - place
        most = max(round(_MOST_BEHIND_SECONDS * self.sample_rate), 8 * self.block_size)
        if behind > most and not self.offline:
            # What is still inside the effect belongs to earlier input. Its end is not played.
            skipped = behind - self.block_size
            stage.skip(skipped)
            self.figures.skipped_samples += skipped
            place += skipped
            self._wet_from = self._wet_until = place
        n = min(self._n_in - place, self.block_size)
        block = stage.block[:, :n]
        self._input.read(place, block)
        began, began_thread = time.perf_counter(), time.thread_time()
        output, first = stage.process(block)
        spent, own = time.perf_counter() - began, time.thread_time() - began_thread
        if output.shape[1]:
            self._wet.write(first, output)
            self._wet_until = first + output.shape[1]
        self._finished.set()
        seconds = n / self.sample_rate
        share = min(1.0, seconds / _LOAD_MEMORY_SECONDS)
        self.figures.load += share * (spent / seconds - self.figures.load)
        allowed = self.block_size / self.sample_rate
        self.figures.own_late_blocks += self._backlog.add(seconds, own) > allowed


class _Backlog:
    """How late each block would be finished if blocks came evenly and nothing else ran."""

    def __init__(self) -> None:
        self._waiting = 0.0

    def add(self, seconds: float, own: float) -> float:
        """Add a block, given its duration and its processor time. Returns how late it ends."""
        late = self._waiting + own
        self._waiting = max(0.0, late - seconds)
        return late
