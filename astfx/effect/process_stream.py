"""Process a stream of audio, such as that of a sound card, with a board: read, process, write."""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pedalboard

from astfx.audio import Waveform
from astfx.effect.base import check_buffer_size, check_rate
from astfx.effect.containers import Chain, Pedalboard, process_block
from astfx.effect.files import QUIET
from astfx.effect.stream_ends import StreamInput, StreamOutput, rate_of
from astfx.errors import EffectTypeError, InvalidSettingError, LayoutError
from astfx.runtime.deadlines import with_deadlines

_QUIET_SECONDS = 0.25


@dataclass(frozen=True, kw_only=True)
class StreamReport:
    """What `process_stream` did.

    Attributes
    ----------
    ended_by : {"end", "stop", "interrupt"}
        The end of the input, the caller's `stop`, or Ctrl-C.
    seconds : float
        Duration of the input.
    latency_samples : int
        Delay of the output.
    blocks : int
        Number of blocks read.
    late_blocks : int
        Blocks whose processing took longer than they last.
    load : float
        Time of processing, as a share of the input's duration.
    overflows, underflows : int
        How often the devices say that input was lost, or that they had nothing to play.
    """

    ended_by: str
    seconds: float
    latency_samples: int
    blocks: int
    late_blocks: int
    load: float
    overflows: int
    underflows: int


@dataclass
class _Took:
    """How much was processed, and the time that it took."""

    n_samples: int = 0
    blocks: int = 0
    late_blocks: int = 0
    seconds: float = 0.0


class _Run:
    """A prepared board that delays its input by exactly its latency."""

    def __init__(self, board: Chain, sample_rate: int, channels: int, block_size: int) -> None:
        board.prepare(sample_rate, channels, block_size)
        self._board, self._rate, self._channels = board, sample_rate, channels
        self._block_size, self._n_out = block_size, 0
        self.took = _Took()

    def _process(self, block: Waveform) -> Waveform:
        began = time.perf_counter()
        output = process_block(self._board, block, self._rate, self._block_size)
        seconds = time.perf_counter() - began
        took = self.took
        took.n_samples, took.blocks = took.n_samples + block.shape[1], took.blocks + 1
        took.seconds += seconds
        took.late_blocks += seconds > block.shape[1] / self._rate
        self._n_out += output.shape[1]
        return output

    def delayed(self, block: Waveform) -> Waveform:
        """As many samples as the block has: silence comes first, until the latency is filled."""
        if len(block) != self._channels:
            raise LayoutError(
                f"input gave {len(block)} channels instead of {self._channels}: their number must "
                "stay the same"
            )
        output = self._process(block)
        missing = max(0, block.shape[1] - output.shape[1])
        return np.concatenate([np.zeros((self._channels, missing), np.float32), output], axis=1)

    def tail(self, most_samples: int) -> Iterator[Waveform]:
        """Yield what comes after the input: what the latency holds back, and what rings on."""
        silence = np.zeros((self._channels, self._block_size), np.float32)
        n_in = self.took.n_samples
        n_quiet, enough = 0, round(_QUIET_SECONDS * self._rate)
        while self._n_out < n_in or (n_quiet < enough and self._n_out < n_in + most_samples):
            before = self._n_out
            output = self._process(silence)[:, : n_in + most_samples - before]
            yield output
            rest = output[:, max(0, n_in - before) :]
            is_quiet = float(np.abs(rest).max(initial=0.0)) < QUIET
            n_quiet = n_quiet + rest.shape[1] if is_quiet else 0


@contextmanager
def _interruptible() -> Iterator[threading.Event]:
    """Yield an event that the first Ctrl-C sets. A second one raises KeyboardInterrupt."""
    interrupted = threading.Event()
    ours = (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    )
    if not ours:
        yield interrupted
        return

    def note(number: int, frame: object) -> None:
        interrupted.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    signal.signal(signal.SIGINT, note)
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _asks(stop: threading.Event | Callable[[], bool] | None) -> Callable[[], bool]:
    if stop is None:
        return lambda: False
    asks = getattr(stop, "is_set", stop)
    if not callable(asks):
        raise EffectTypeError(f"stop={stop!r} must be a threading.Event or a function")
    return asks


def _common_rate(input: object, output: object, given: float | None) -> int:
    """The sample rate of a stream, in hertz, from its two ends or from the caller."""
    named = {"sample_rate": given, "input": rate_of(input), "output": rate_of(output)}
    found = {name: check_rate(rate) for name, rate in named.items() if rate is not None}
    if not found:
        raise InvalidSettingError(
            "sample_rate=None must be given where neither input nor output names one (Hz)"
        )
    if len(set(found.values())) > 1:
        shown = ", ".join(f"{name}: {rate} Hz" for name, rate in found.items())
        raise InvalidSettingError(
            f"the sample rates differ ({shown}): open both streams at the same rate"
        )
    return next(iter(found.values()))


def process_stream(
    input: Any,
    output: Any,
    board: pedalboard.Plugin,
    *,
    sample_rate: float | None = None,
    block_size: int = 512,
    stop: threading.Event | Callable[[], bool] | None = None,
    tail_seconds: float = 10.0,
) -> StreamReport:
    """Process a stream with a board until it ends: read a block, process it, write it.

    Everything is prepared before the first block is read. The output is the processed input,
    delayed by exactly ``board.latency_samples_at(sample_rate)``. After the last block, what the
    board still holds is written too: its latency, and the tails of reverbs and delays.

    Parameters
    ----------
    input : object with ``read(n)``
        `pedalboard.io.AudioStream`, an open `pedalboard.io.AudioFile`, a stream of sounddevice, or
        any object whose ``read(n)`` gives arrays of shape (channels, n), and an empty one or None
        at the end. It must be started.
    output : object with ``write(samples)``
        The same kinds. It may be the same object as `input`. Its number of channels must be that of
        the input, or one of the two must be 1.
    board : effect
        An `astfx.Pedalboard`, or any other astfx effect or native plugin.
    sample_rate : float, hertz, optional
        Needed only where neither stream names its own.
    block_size : int, samples
        Length of the blocks. Shorter ones have less latency.
    stop : threading.Event or callable, optional
        The stream ends, with its tail, once the event is set or the function returns True. So it
        does at Ctrl-C; a second Ctrl-C leaves out the tail.
    tail_seconds : float, 0 to 600
        Longest tail after the latency.

    Returns
    -------
    StreamReport

    Raises
    ------
    AstfxError
        If the board or a style cannot be used, or the streams do not fit each other.
    DeviceError
        If a device stops or refuses.

    Examples
    --------
    ::

        with sounddevice.Stream(samplerate=48_000, blocksize=256, channels=2) as stream:
            astfx.process_stream(stream, stream, board, block_size=256)
    """
    if not isinstance(board, pedalboard.Plugin):
        raise EffectTypeError(f"{board!r} is not an effect: pass a board or an effect")
    check_buffer_size(block_size)
    if not (math.isfinite(tail_seconds) and 0.0 <= tail_seconds <= 600.0):
        raise InvalidSettingError(
            f"tail_seconds={tail_seconds!r} must lie between 0 and 600 (seconds)"
        )
    asked = _asks(stop)
    source = StreamInput(input)
    rate = _common_rate(input, output, sample_rate)
    target = StreamOutput(output, rate)
    whole: Any = board if isinstance(board, Chain) else Pedalboard([board])
    # A device must not wait while everything is prepared.
    run = _Run(whole, rate, source.channels, block_size) if source.channels else None
    ended_by = ""
    with source.counting(), with_deadlines(), _interruptible() as interrupted:
        source.drop_old()
        while not ended_by:
            block = source.read(block_size)
            if block.shape[1]:
                run = run or _Run(whole, rate, len(block), block_size)
                target.write(run.delayed(block))
            ended_by = ("interrupt" if interrupted.is_set() else "stop" if asked() else "") or (
                "" if block.shape[1] else "end"
            )
        took = _Took() if run is None else replace(run.took)
        if run is not None:
            for part in run.tail(round(tail_seconds * rate)):
                target.write(part)
    return StreamReport(
        ended_by=ended_by,
        seconds=took.n_samples / rate,
        latency_samples=whole.latency_samples_at(rate),
        blocks=took.blocks,
        late_blocks=took.late_blocks,
        load=took.seconds * rate / max(1, took.n_samples),
        overflows=source.overflows,
        underflows=target.underflows,
    )
