"""The process that runs an effect for the native plugin: the engine `stream`, through a ring file.

The plugin starts it, as ``python -m astfx_bridge.live.backend FILE HOST``. It ends when the process
with the number HOST, in which the plugin runs, is no longer its parent, because it is gone then.
`astfx_bridge.live.ring_file` says what is in the file.

Where the plugin waits for every frame, the output is that of an effect that was not prepared: a
change of presets is heard from its own sample on. Otherwise, new presets are prepared on a thread
and fade in when they are ready.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

import astfx
from astfx.errors import AstfxError, PresetError
from astfx.presets.files import unpacked
from astfx.presets.preset import Preset
from astfx.runtime.deadlines import with_deadlines
from astfx_bridge.live.priority import lower_priority, raise_priority
from astfx_bridge.live.region import Regions
from astfx_bridge.live.ring_file import Event, RingFile
from astfx_bridge.live.stage import Stage

ENGINE = "stream"
LEAST_SECONDS = 128 / 48_000
"""Duration of the shortest block that is processed by itself. The plugin's buffer allows for it."""

_BLOCK_SAMPLES = 2048
_MOST_BEHIND_SECONDS = 0.25
_PRIMING_SECONDS = 1.0
_BEAT_SECONDS = 0.05
_PAUSE_SECONDS = 0.001
_WAITING_PAUSE_SECONDS = 0.0002
_IDLE_SECONDS, _IDLE_PAUSE_SECONDS = 1.0, 0.01


class Backend:
    """Processes the input of a ring file.

    Parameters
    ----------
    ring : RingFile
    """

    def __init__(self, ring: RingFile) -> None:
        self._ring = ring
        self._regions = Regions(ring)
        self._least = max(1, round(LEAST_SECONDS * ring.sample_rate))
        self._presets: dict[tuple[int, int], Preset] = {}
        self._stream = 0
        self._effect: astfx.StyleTransfer
        self._stage: Stage
        self._now: Event
        self._next_event = 0
        self._catches_up = self._is_raised = False
        self._prepared: tuple[tuple[int, int], tuple[int, int]] | None = None

    def work(self) -> bool:
        """Process what has come in. Returns whether there was anything to do.

        Raises
        ------
        AstfxError
            If the ring or a preset cannot be used.
        """
        ring = self._ring
        if ring.stream != self._stream:
            self._begin(ring.stream)
            return True
        if not self._stream:
            return False
        self._regions.follow()
        stage, n_input = self._stage, ring.n_input
        behind = (n_input - stage.place) / ring.sample_rate
        self._catches_up = self._catches_up and behind > _MOST_BEHIND_SECONDS
        if not self._catches_up and not self._is_raised and not ring.waits:
            # Not earlier: if long work had this priority, the system would hold up all that has it.
            raise_priority()
            self._is_raised = True
        most = 2.0 * _PRIMING_SECONDS if self._catches_up else _MOST_BEHIND_SECONDS
        if behind > most and not ring.waits:
            # What is still inside the effect belongs to earlier input. Its end is not played.
            stage.skip(n_input - stage.place - self._least)
            self._catches_up = False
            ring.begin_output(stage.place + ring.latency_samples)
        if n_input - stage.place < self._least:
            return False
        while ring.stream == self._stream and stage.place < n_input:
            n = self._apply_events(min(n_input - stage.place, _BLOCK_SAMPLES))
            block = stage.block[:, :n]
            block[:] = ring.read(stage.place, n, output=False)
            output, first = stage.process(block)
            if ring.stream == self._stream and output.shape[1]:
                ring.write_output(first + ring.latency_samples, output)
            if ring.stream == self._stream:
                self._regions.follow()
        if self._effect.style_error is not None:
            ring.message = str(self._effect.style_error)
        return True

    def _begin(self, stream: int) -> None:
        """Get ready for a stream that may have begun long ago."""
        ring = self._ring
        self._regions.begin(goes_on=self._stream == 0 and ring.n_output > 0)
        ring.forget_output()
        if self._is_raised:
            lower_priority()
            self._is_raised = False
        self._next_event = ring.oldest_event
        self._now = self._event(self._next_event)
        effect = self._effect = self._effect_for(self._now)
        # An effect that starts in the middle hears some of what was before.
        primed = _PRIMING_SECONDS * ring.sample_rate
        if ring.waits:
            primed = ring.frames - 2 * _BLOCK_SAMPLES
        place = max(0, ring.n_input - round(primed))
        self._stage = Stage(effect, ring.sample_rate, ring.channels, _BLOCK_SAMPLES, place)
        while self._next_event < ring.n_events and self._event(self._next_event).frame <= place:
            self._apply(self._event(self._next_event))
            self._next_event += 1
        # An empty block says which axis has the channels.
        self._stage.process(np.zeros((ring.channels, 0), np.float32))
        ring.begin_output(place + ring.latency_samples if place else 0)
        silence = np.zeros((ring.channels, ring.latency_samples), np.float32)
        ring.write_output(place, silence)
        self._catches_up = True
        self._stream = ring.ready = stream

    def _event(self, number: int) -> Event:
        found = self._ring.event(number)
        while found is None:  # the plugin was faster: the latest values count
            number = self._next_event = self._ring.oldest_event
            found = self._ring.event(number)
        return found

    def _apply_events(self, n: int) -> int:
        """Apply the events that are due. Returns how many samples there are before the next."""
        place = self._stage.place
        while self._next_event < self._ring.n_events:
            event = self._event(self._next_event)
            if event.frame > place:
                return min(n, event.frame - place)
            self._apply(event)
            self._next_event += 1
        return n

    def _apply(self, event: Event) -> None:
        """Set what has changed. What is not set again goes on without a ramp or a fade."""
        effect, before, self._now = self._effect, self._now, event
        for name in ("strength", "mix", "morph"):
            if getattr(event, name) != getattr(before, name):
                setattr(effect, name, getattr(event, name))
        if (event.first, event.second) != (before.first, before.second):
            self._prepared = None
        if event.first != before.first:
            effect.style = self._preset(event.first)
        if event.second != before.second:
            effect.morph_to = self._preset(event.second) if event.second[1] else None

    def _effect_for(self, event: Event) -> astfx.StyleTransfer:
        """An effect at the start of a stream, prepared unless the plugin waits."""
        wanted = None if self._ring.waits else (event.first, event.second)
        if wanted is None or wanted != self._prepared:
            effect = self._made(event)
            if wanted is not None:
                effect.prepare(self._ring.sample_rate, self._ring.channels, self._least)
        else:
            effect = self._effect
            effect.reset()
            effect.strength, effect.mix, effect.morph = event.strength, event.mix, event.morph
        self._prepared = wanted
        return effect

    def _made(self, event: Event) -> astfx.StyleTransfer:
        effect = astfx.StyleTransfer(
            self._preset(event.first),
            morph_to=self._preset(event.second) if event.second[1] else None,
            engine=ENGINE,
            strength=event.strength,
            mix=event.mix,
            morph=event.morph,
        )
        latency = effect.latency_samples_at(self._ring.sample_rate)
        if latency != self._ring.latency_samples:
            raise PresetError(
                f"the plugin expects a latency of {self._ring.latency_samples} samples, but the "
                f"engine has {latency}: install the plugin again (astfx plugin install)"
            )
        return effect

    def _preset(self, at: tuple[int, int]) -> Preset:
        if at not in self._presets:
            preset = unpacked(self._ring.bytes_at(*at), "preset of the plugin", Preset)
            # The plugin has parameters of its own for all settings that the engine has.
            self._presets[at] = replace(preset, settings={})
        return self._presets[at]


def run(ring: RingFile, host: int) -> None:
    """Process a ring until the process that started this one, with the number `host`, is gone."""
    threading.Thread(target=_beat, args=(ring,), name="astfx heartbeat", daemon=True).start()
    backend = Backend(ring)
    last = time.monotonic()
    with with_deadlines():
        while os.getppid() == host:
            if backend.work():
                last = time.monotonic()
            elif time.monotonic() - last > _IDLE_SECONDS:
                time.sleep(_IDLE_PAUSE_SECONDS)
            else:
                time.sleep(_WAITING_PAUSE_SECONDS if ring.waits else _PAUSE_SECONDS)


def _beat(ring: RingFile) -> None:
    while True:
        ring.beat()
        time.sleep(_BEAT_SECONDS)


def serve(path: Path, host: int) -> None:
    """Open a ring, process it until the host is gone, and end this process.

    Raises
    ------
    DeviceError
        If it is no ring.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal is for the host
    ring = RingFile(path)
    status = 0
    try:
        run(ring, host)
    except AstfxError as error:
        ring.message = str(error)
        status = 1
    os._exit(status)  # at once, with the thread of the heartbeat


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]))
