"""The regions of a plugin's input that are to be rendered, followed frame by frame.

The events of a ring say where a region begins and ends. `Regions` passes its frames on to a thread,
and the thread to a process of its own (`astfx_bridge.live.region_process`), which renders them. So
neither the disk nor the render can keep the audio waiting. If this process ends, that one notices
it, deletes what it has written, and ends too.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from queue import SimpleQueue
from typing import IO, Any

from astfx.audio import Waveform
from astfx_bridge.live.renders import RenderProblem, Renders, RenderState, renders_folder
from astfx_bridge.live.ring_file import Event, RingFile

LONGEST_SECONDS = 600.0
"""A longer region ends by itself."""

COMMAND = [sys.executable, "-P", "-m", "astfx_bridge.live.region_process"]

_BLOCK_SAMPLES = 8192
_BEING_WRITTEN_SAMPLES = 8192  # the most that the plugin writes at once: kLongestBlock of relay.cpp

Ended = Callable[[RenderProblem, int], None]
Progressed = Callable[[int], None]


class Regions:
    """Follows the events and the input of a ring, and has its regions rendered.

    Parameters
    ----------
    ring : RingFile
        Its number `renders` says how the last region is.
    longest_seconds : float
        A longer region ends by itself.
    make : callable
        Makes a `Region`, or what behaves like one.
    """

    def __init__(
        self,
        ring: RingFile,
        longest_seconds: float = LONGEST_SECONDS,
        make: Callable[[int, int, Ended, Progressed], Region] | None = None,
    ) -> None:
        self._ring, self._make = ring, make or Region
        self._longest = round(longest_seconds * ring.sample_rate)
        self._next_event = 0
        self._now: Event | None = None
        self._region: Region | None = None
        self._from = self._place = self._until = 0
        self._lock = threading.Lock()  # of what is below; held for no longer than a few numbers
        self._n_unfinished = 0
        self._shown = Renders.unpacked(ring.renders)

    def begin(self, *, goes_on: bool) -> None:
        """Follow a stream from its first event on.

        A region that has not ended ends, because the stream that it belongs to has.

        Parameters
        ----------
        goes_on : bool
            Whether another process has followed this stream before. Then only a region that has not
            ended is taken up again.
        """
        if self._region is not None:
            self._end()
        self._now = None
        self._next_event = self._ring.oldest_event
        if goes_on:
            self._next_event = self._last_beginning()

    def _last_beginning(self) -> int:
        """Number of the event that began the region which still goes on, or of the next event."""
        first, end = self._ring.oldest_event, self._ring.n_events
        found = end
        for number in reversed(range(first, end)):
            event = self._ring.event(number)
            if event is None or not event.renders:
                break
            found = number
        return found

    def follow(self) -> None:
        """Pass on what has come in since the last call."""
        ring = self._ring
        n_input = ring.n_input  # before the events: those of all of these frames are there
        while self._next_event < ring.n_events:
            event = ring.event(self._next_event)
            if event is None:  # the plugin was faster
                self._next_event = ring.oldest_event
                continue
            if event.frame > ring.n_input:
                break
            self._next_event += 1
            self._take(event.frame)
            if event.renders and (self._now is None or not self._now.renders):
                self._begin(event.frame)
            elif not event.renders and self._region is not None:
                self._end()
            self._now = event
        self._take(n_input)

    def _begin(self, frame: int) -> None:
        self._from = self._place = frame
        self._until = frame + self._longest
        self._region = self._make(
            self._ring.sample_rate, self._ring.channels, self._finished, self._progressed
        )
        with self._lock:
            self._n_unfinished += 1
        self._show(RenderState.RECORDING)
        self._region.start()

    def _take(self, until: int) -> None:
        """Pass on the frames of the region before a frame."""
        while self._region is not None and self._place < min(until, self._until):
            n = min(min(until, self._until) - self._place, _BLOCK_SAMPLES)
            frames = self._ring.read(self._place, n, output=False)
            oldest = self._ring.n_input + _BEING_WRITTEN_SAMPLES - self._ring.frames
            if self._place < oldest:
                region, self._region = self._region, None
                region.drop(RenderProblem.LOST)
                return
            self._region.add(frames)
            self._place += n
            if self._place == self._until:
                self._end()

    def _end(self) -> None:
        """Have the region rendered. What its last event has set holds for all of it."""
        region, event = self._region, self._now
        assert region is not None
        assert event is not None
        self._region = None
        self._show(RenderState.RENDERING)
        if self._place == self._from:
            region.drop(RenderProblem.EMPTY)
            return
        presets = [self._ring.bytes_at(*at) for at in (event.first, event.second) if at[1]]
        region.end({name: getattr(event, name) for name in ("strength", "mix", "morph")}, presets)

    def _finished(self, problem: RenderProblem, number: int) -> None:
        """Called by the thread of a region, when there is a file of it or never will be one."""
        state = RenderState.FAILED if problem else RenderState.READY
        with self._lock:
            self._n_unfinished -= 1
            if number:
                self._shown = Renders(self._shown.state, self._shown.problem, number)
            if self._n_unfinished == 0:
                self._shown = Renders(state, problem, self._shown.number)
            self._ring.renders = self._shown.packed()

    def _progressed(self, percent: int) -> None:
        """Called by the thread of a region that is being rendered."""
        with self._lock:
            if self._shown.state == RenderState.RENDERING:
                self._shown = replace(self._shown, percent=percent)
                self._ring.renders = self._shown.packed()

    def _show(self, state: RenderState) -> None:
        with self._lock:
            self._shown = Renders(state, RenderProblem.NONE, self._shown.number)
            self._ring.renders = self._shown.packed()


class Region(threading.Thread):
    """Passes a region on to the process that renders it, and waits for the outcome.

    Parameters
    ----------
    sample_rate : int, hertz
    channels : int
    ended : callable
        Called by the thread with the problem, and the number of the file or 0.
    progressed : callable
        Called by the thread with the percentage that is rendered.
    """

    def __init__(
        self, sample_rate: int, channels: int, ended: Ended, progressed: Progressed
    ) -> None:
        super().__init__(name="astfx region", daemon=True)
        self._setup = {"sample_rate": sample_rate, "channels": channels}
        self._ended, self._progressed = ended, progressed
        self._parts: SimpleQueue[Waveform | dict[str, float] | RenderProblem] = SimpleQueue()
        self._presets: list[bytes] = []

    def add(self, frames: Waveform) -> None:
        """Pass frames on, (channels, n)."""
        self._parts.put(frames)

    def end(self, settings: dict[str, float], presets: list[bytes]) -> None:
        """Say that the region is whole, and how it is to be rendered."""
        self._presets = presets
        self._parts.put(settings)

    def drop(self, problem: RenderProblem) -> None:
        """Say that there will be no region, and why."""
        self._parts.put(problem)

    def run(self) -> None:
        """Called by the thread."""
        outcome: dict[str, Any] = {"problem": RenderProblem.SERVER}
        with suppress(OSError, ValueError):
            outcome = self._outcome()
        self._ended(RenderProblem(outcome["problem"]), int(outcome.get("number", 0)))

    def _outcome(self) -> dict[str, Any]:
        with subprocess.Popen(
            [*COMMAND, str(renders_folder())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if os.environ.get("ASTFX_DEBUG") else subprocess.DEVNULL,
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            problem = self._passed_on(process.stdin)
            if problem:
                return {"problem": problem}
            for line in process.stdout:
                found: dict[str, Any] = json.loads(line)
                if "percent" not in found:
                    return found
                self._progressed(found["percent"])
            return {"problem": RenderProblem.JOB}

    def _passed_on(self, pipe: IO[bytes]) -> RenderProblem:
        """Write all parts to the process. Returns why there will be no region, if so."""
        pending = json.dumps(self._setup).encode() + b"\n"
        is_open = True
        while True:
            part = self._parts.get()
            if isinstance(part, RenderProblem):
                pipe.close()
                return part
            if isinstance(part, dict):
                sizes = [len(preset) for preset in self._presets]
                message: dict[str, Any] = {"settings": part, "presets": sizes}
                data = b"".join(self._presets)
            else:
                data = part.T.tobytes()
                message = {"audio": len(data)}
            if is_open:
                try:
                    pipe.write(pending + json.dumps(message).encode() + b"\n" + data)
                    pipe.flush()
                except OSError:  # it has ended early, and has said why
                    is_open = False
                    with suppress(OSError):
                        pipe.close()
                pending = b""
            if isinstance(part, dict):
                return RenderProblem.NONE
