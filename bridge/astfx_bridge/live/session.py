"""A live session: an effect, its player, its recording, and the commands that reach them."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import astfx
from astfx.errors import AstfxError
from astfx_bridge.errors import RefusedError
from astfx_bridge.live.midi import MidiLearn
from astfx_bridge.live.player import Player
from astfx_bridge.live.recording import Recorder, unused
from astfx_bridge.live.table import GAIN_RANGE_DB, LIVE_PARAMETERS, MOST_STYLES
from astfx_bridge.table import Value

Reply = tuple[str, list[Value]]
_KEPT_NOTICES = 50


@dataclass(frozen=True, kw_only=True)
class LiveSetup:
    """What a live session is opened with.

    Attributes
    ----------
    style : str or Path
    further : sequence of str or Path
        Styles to morph to.
    engine : {"live", "stream", "gain"}
    strength, mix : float or None, 0 to 1
        None takes a preset's own.
    morph : float
    mix_law : {"linear", "equal_power"}
    gain : float, decibels
    bypass : bool
    channels : int
    record : Path or None
        File to record into, from the first block on.
    """

    style: str | Path
    further: Sequence[str | Path] = ()
    engine: str = "live"
    strength: float | None = None
    mix: float | None = None
    morph: float = 0.0
    mix_law: str | None = None
    gain: float = 0.0
    bypass: bool = False
    channels: int = 2
    record: Path | None = None


class LiveSession:
    """An effect that plays, with everything that can be changed meanwhile.

    Parameters
    ----------
    session_id : str or int
    setup : LiveSetup

    Attributes
    ----------
    player : Player
        There once `open` was called.
    midi : MidiLearn
    notices : deque of str
        What happened, in sentences. The latest come last.
    xruns : int
        How often the sound card's driver reported a gap.
    ended : threading.Event
    reason : str
        Why it has ended; empty if it was asked to.

    Raises
    ------
    AstfxError
        If the style or a setting cannot be used.
    """

    def __init__(self, session_id: Value, setup: LiveSetup) -> None:
        self.id, self.setup = session_id, setup
        self.effect = astfx.StyleTransfer(
            setup.style,
            engine=setup.engine,
            strength=setup.strength,
            mix=setup.mix,
            mix_law=setup.mix_law,
            morph_to=list(setup.further) or None,
            morph=setup.morph,
        )
        self._gain_db = setup.gain
        self.midi = MidiLearn(self._change_share)
        self.notices: deque[str] = deque(maxlen=_KEPT_NOTICES)
        self.xruns = 0
        self.ended = threading.Event()
        self.reason = ""
        self.player: Player
        self._recorder: Recorder | None = None
        self._told: object = None

    def open(self, sample_rate: int, block_size: int, *, realtime: bool = False) -> Player:
        """Make and start the player, ready for the first block; see `Player.start`."""
        board = astfx.Pedalboard([self.effect])
        self.player = Player(board, sample_rate, self.setup.channels, block_size)
        self.player.gain = 10.0 ** (self._gain_db / 20.0)
        self.player.bypass = self.setup.bypass
        self.player.start(realtime=realtime)
        if self.setup.record is not None:
            self.record(self.setup.record)
        return self.player

    def end(self, reason: str = "") -> None:
        """Let the session end."""
        if not self.ended.is_set():
            self.reason = reason
            self.ended.set()

    def close(self) -> None:
        """Stop the player, and finish the recording.

        Raises
        ------
        AudioFileError
            If the recording could not be written.
        """
        self.player.stop()
        self.stop_recording()

    def tell(self, sentence: str) -> None:
        """Add a notice."""
        self.notices.append(sentence)

    @property
    def trouble(self) -> str:
        """What is wrong at the moment; empty if all is well."""
        if self.player.error is not None:
            return f"the effect has stopped, and the dry sound is played ({self.player.error})"
        if self.effect.style_error is not None:
            return f"the style was not changed: {self.effect.style_error}"
        return ""

    def get(self, key: str) -> Value:
        """The value of a parameter."""
        if key == "gain":
            return self._gain_db
        if key == "bypass":
            return int(self.player.bypass)
        value: Any = getattr(self.effect, key)
        if isinstance(value, Mapping):
            return ", ".join(f"{name} {weight:g}" for name, weight in value.items())
        return value if isinstance(value, int | float | str) else str(value)

    def set(self, key: str, value: Value) -> Value:
        """Change a parameter, and return its new value.

        Raises
        ------
        AstfxError
            If the value does not fit.
        """
        if key not in LIVE_PARAMETERS:
            known = ", ".join(LIVE_PARAMETERS)
            raise RefusedError(f"{key} cannot be changed while it plays: {known} can")
        checked: Any = LIVE_PARAMETERS[key].argument.check(value)
        if key == "gain":
            self._gain_db = float(checked)
            self.player.gain = 10.0 ** (self._gain_db / 20.0)
        elif key == "bypass":
            self.player.bypass = bool(checked)
        else:
            setattr(self.effect, key, checked)
        return self.get(key)

    def _change_share(self, key: str, share: float) -> None:
        if key == "bypass":
            self.set(key, int(share >= 0.5))
        elif key == "gain":
            low, high = GAIN_RANGE_DB
            self.set(key, low + share * (high - low))
        else:
            further = self.effect.morph_to
            highest = len(further) if isinstance(further, list) else 1
            self.set(key, share * (highest if key == "morph" else 1.0))

    def morph(self, weights: Mapping[str, float]) -> Value:
        """Mix styles by weights.

        Raises
        ------
        AstfxError
            If a style or a weight cannot be used.
        """
        if len(weights) > MOST_STYLES:
            raise RefusedError(f"{len(weights)} styles are too many: at most {MOST_STYLES}")
        self.effect.morph = dict(weights)
        return self.get("morph")

    def record(self, path: Path) -> None:
        """Start to record into a new file; a recording that runs is finished first.

        If there is such a file, a number is added to the name.

        Raises
        ------
        AstfxError
            If a file cannot be written.
        """
        self.stop_recording()
        recorder = Recorder(unused(path), self.player.sample_rate, self.setup.channels, self.tell)
        recorder.start()
        self._recorder = recorder
        self.player.taps = [recorder.take]

    def stop_recording(self) -> None:
        """Finish the recording, if there is one.

        Raises
        ------
        AudioFileError
            If it could not be written.
        """
        if self._recorder is None:
            return
        recorder, self._recorder = self._recorder, None
        self.player.taps = []
        recorder.finish()
        seconds = recorder.n_samples / self.player.sample_rate
        if recorder.n_samples:
            self.tell(f"recorded {seconds:.1f} seconds to '{recorder.path}'")

    @property
    def recording(self) -> tuple[str, int]:
        """The file that is recorded to, and its length in frames; "" without a recording."""
        found = self._recorder
        return ("", 0) if found is None else (str(found.path), found.n_samples)

    def status(self) -> list[Value]:
        """The values of `/astfx/live/status` after the id."""
        figures = self.player.figures
        peaks = figures.peaks()
        counts = figures.late_blocks, figures.blocks, self.xruns
        return [float(figures.load), *counts, *peaks, self.trouble]


def answer(
    session: LiveSession,
    address: str,
    values: Mapping[str, Value],
    pairs: Sequence[tuple[str, Value]] = (),
) -> list[Reply]:
    """Carry out a command of the address table that concerns one session.

    Parameters
    ----------
    session : LiveSession
    address : str
        One of those that the row's handler ``live_command`` serves.
    values : mapping
        The arguments by name, checked.
    pairs : sequence of (str, value)

    Raises
    ------
    AstfxError
        If it cannot be carried out.
    """
    name = address.rpartition("/")[2]

    def value(key: str) -> Reply:
        return ("/astfx/live/value", [session.id, key, session.get(key)])

    if name == "set":
        session.set(str(values["key"]), values["value"])
        return [value(str(values["key"]))]
    if name == "get":
        return (
            [value(str(values["key"]))]
            if "key" in values
            else [value(key) for key in LIVE_PARAMETERS]
        )
    if name == "morph":
        session.morph(_weights(pairs))
        return [value("morph")]
    if name == "learn":
        session.midi.learn(str(values["key"]))
        return [value(str(values["key"]))]
    if name == "record":
        before = session.recording
        if values["path"]:
            session.record(Path(str(values["path"])))
            before = session.recording
        else:
            session.stop_recording()
        return [("/astfx/live/recording", [session.id, *before])]
    assert name == "status", address
    return [("/astfx/live/status", [session.id, *session.status()])]


def _weights(pairs: Sequence[tuple[str, Value]]) -> dict[str, float]:
    weights = {}
    for name, weight in pairs:
        if not isinstance(weight, int | float):
            raise RefusedError(f"the weight of {name!r} is {weight!r}: it must be a number")
        weights[name] = float(weight)
    return weights


def reason_of(error: Exception) -> str:
    """The text of a fail for an error."""
    return str(error) if isinstance(error, AstfxError) else f"{type(error).__name__}: {error}"
