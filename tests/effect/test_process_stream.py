"""`process_stream` on streams that stand for sound cards, and on real files."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pedalboard
import pytest
from pedalboard.io import AudioFile

import astfx
from astfx.audio import Waveform
from astfx.errors import (
    AstfxError,
    AudioTypeError,
    DeviceError,
    EffectError,
    EffectTypeError,
    InvalidSettingError,
    LayoutError,
)
from tests.effect.conftest import RATE, Make, streamed

SIZE = 256
SAME = 1e-6


class Source:
    """Gives a clip in blocks, (channels, n), and then empty ones."""

    sample_rate = float(RATE)

    def __init__(self, clip: Waveform) -> None:
        self.clip, self.place = clip, 0

    def read(self, n: int) -> Any:
        block = self.clip[:, self.place : self.place + n]
        self.place += block.shape[1]
        return block


class Sink:
    """Keeps what is written."""

    def __init__(self) -> None:
        self.parts: list[Waveform] = []

    def write(self, samples: Waveform) -> None:
        assert samples.dtype == np.float32
        self.parts.append(samples.copy())

    @property
    def all(self) -> Waveform:
        return np.concatenate(self.parts, axis=1)


class Card:
    """A stream in both directions, as sounddevice has it: (frames, channels), and flags."""

    samplerate, dtype = float(RATE), ("float32", "float32")
    write_available = 0

    def __init__(self, clip: Waveform, channels: tuple[int, int] = (2, 2), old: int = 0) -> None:
        self.channels, self.clip, self.place = channels, clip, 0
        self.read_available = old
        self.written: list[Waveform] = []

    def read(self, n: int) -> tuple[Waveform, bool]:
        self.read_available = 0
        block = self.clip[:, self.place : self.place + n]
        self.place += n
        return np.ascontiguousarray(block.T), self.place == 3 * SIZE

    def write(self, samples: Waveform) -> bool:
        assert samples.flags.c_contiguous
        self.written.append(samples.T.copy())
        return len(self.written) == 1


class Stream:
    """A stream as `pedalboard.io.AudioStream` is."""

    sample_rate, num_input_channels, num_output_channels = float(RATE), 1, 2
    ignore_dropped_input, dropped_input_frame_count = False, 0

    def __init__(self, clip: Waveform) -> None:
        self.clip, self.place, self.rates = clip, 0, set[float]()
        self.parts: list[Waveform] = []
        self.buffered_input_sample_count: int | None = 100

    def read(self, n: int = 0) -> Waveform:
        if n == 0:
            self.place, n = self.place + 100, 0
        block = self.clip[:, self.place : self.place + n]
        self.place += n
        self.dropped_input_frame_count = 7 if self.place > 10 * SIZE else 0
        return block

    def write(self, samples: Waveform, sample_rate: float) -> None:
        self.parts.append(samples)
        self.rates.add(sample_rate)


@pytest.mark.parametrize("engine", ["stream", "live"])
def test_the_output_is_the_stream_delayed_by_the_latency(
    engine: str, make: Make, clip: Waveform
) -> None:
    board = astfx.Pedalboard([pedalboard.Gain(-6.0), make(engine=engine)])
    source, sink = Source(clip), Sink()
    report = astfx.process_stream(source, sink, board, block_size=SIZE, tail_seconds=0.0)
    latency = board.latency_samples_at(RATE)
    flushed = np.concatenate([clip, np.zeros((2, latency), np.float32)], axis=1)
    expected = streamed(board, flushed, [SIZE])
    assert sink.all.shape == (2, clip.shape[1] + latency)
    assert not sink.all[:, :latency].any()
    np.testing.assert_allclose(sink.all[:, latency:], expected, atol=SAME)
    assert (report.ended_by, report.latency_samples) == ("end", latency)
    assert report.blocks == -(-clip.shape[1] // SIZE)
    assert report.seconds == pytest.approx(clip.shape[1] / RATE)
    assert 0.0 < report.load < 100.0


def test_blocks_are_written_one_for_one(make: Make, clip: Waveform) -> None:
    sink = Sink()
    astfx.process_stream(Source(clip), sink, make(engine="live"), block_size=SIZE)
    assert {part.shape[1] for part in sink.parts[: clip.shape[1] // SIZE]} == {SIZE}


def test_the_tail_of_a_reverb_is_written(clip: Waveform) -> None:
    sink, short = Sink(), Sink()
    reverb = pedalboard.Reverb(room_size=0.5)
    astfx.process_stream(Source(clip), sink, reverb, block_size=SIZE)
    n = clip.shape[1]
    tail = sink.all[:, n:]
    assert tail.shape[1] > RATE // 2
    assert np.abs(tail[:, :1000]).max() > 1e-3
    assert np.abs(tail[:, -round(0.2 * RATE) :]).max() < 10 ** (-90 / 20)
    reverb.reset()
    astfx.process_stream(Source(clip), short, reverb, block_size=SIZE, tail_seconds=0.1)
    assert short.all.shape[1] == n + round(0.1 * RATE)


def test_sounddevices_layout(make: Make, clip: Waveform) -> None:
    card = Card(clip, old=100)
    report = astfx.process_stream(card, card, make(mix=0.0, engine="gain"), block_size=SIZE)
    latency = report.latency_samples
    # What the card had recorded before the effect was ready is left out.
    expected = clip[:, 100:]
    output = np.concatenate(card.written, axis=1)
    np.testing.assert_array_equal(output[:, latency : latency + expected.shape[1]], expected)
    assert report.underflows == 1


def test_lost_input_is_counted(make: Make, clip: Waveform) -> None:
    card = Card(clip)
    report = astfx.process_stream(card, card, make(mix=0.0, engine="gain"), block_size=SIZE)
    assert report.overflows == 1
    stream = Stream(clip[:1])
    report = astfx.process_stream(stream, stream, make(mix=0.0, engine="gain"), block_size=SIZE)
    assert report.overflows > 1
    assert stream.ignore_dropped_input is False  # as it was


def test_an_audio_stream_of_pedalboard(make: Make, clip: Waveform) -> None:
    stream = Stream(clip[:1])
    report = astfx.process_stream(stream, stream, make(mix=0.0, engine="gain"), block_size=SIZE)
    output = np.concatenate(stream.parts, axis=1)
    assert stream.rates == {RATE}
    expected = clip[:1, 100:]
    wanted = output[:, report.latency_samples :][:, : expected.shape[1]]
    np.testing.assert_array_equal(wanted, np.repeat(expected, 2, axis=0))  # one channel to two


def test_from_a_file_to_a_file(make: Make, clip: Waveform, tmp_path: Path) -> None:
    with AudioFile(str(tmp_path / "in.wav"), "w", RATE, 2, bit_depth=32) as file:
        file.write(clip)
    with (
        AudioFile(str(tmp_path / "in.wav")) as source,
        AudioFile(str(tmp_path / "out.wav"), "w", RATE, 1, bit_depth=32) as target,
    ):
        report = astfx.process_stream(source, target, make(mix=0.0, engine="live"))
    with AudioFile(str(tmp_path / "out.wav")) as file:
        found = file.read(file.frames)
    expected = clip.mean(axis=0)
    found = found[0, report.latency_samples :][: len(expected)]
    np.testing.assert_allclose(found, expected, atol=SAME)  # two channels to one


def test_an_event_ends_the_stream_with_its_tail(make: Make, clip: Waveform) -> None:
    stop = threading.Event()
    source, sink = Source(clip), Sink()
    read = source.read

    def stopping(n: int) -> Waveform:
        if source.place >= 4 * SIZE:
            stop.set()
        return read(n)  # type: ignore[no-any-return]

    source.read = stopping  # type: ignore[method-assign]
    board = make(mix=0.0, engine="live")
    report = astfx.process_stream(source, sink, board, block_size=SIZE, stop=stop, tail_seconds=0.0)
    assert (report.ended_by, report.blocks) == ("stop", 5)
    np.testing.assert_array_equal(sink.all[:, report.latency_samples :], clip[:, : 5 * SIZE])


def test_a_function_may_end_it(clip: Waveform) -> None:
    sink = Sink()
    report = astfx.process_stream(
        Source(clip), sink, pedalboard.Gain(0.0), block_size=SIZE, stop=lambda: len(sink.parts) == 3
    )
    assert (report.ended_by, report.blocks) == ("stop", 3)


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Ctrl-C as usual, though a shell's background jobs ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
@pytest.mark.skipif(sys.platform == "win32", reason="sends a signal to itself")
def test_ctrl_c_ends_the_stream_with_its_tail(make: Make, clip: Waveform) -> None:
    source, sink = Source(clip), Sink()
    read = source.read

    def interrupted(n: int) -> Waveform:
        if source.place == 2 * SIZE:
            os.kill(os.getpid(), signal.SIGINT)
        return read(n)  # type: ignore[no-any-return]

    source.read = interrupted  # type: ignore[method-assign]
    report = astfx.process_stream(
        source, sink, make(mix=0.0, engine="live"), block_size=SIZE, tail_seconds=0.0
    )
    assert (report.ended_by, report.blocks) == ("interrupt", 3)
    np.testing.assert_array_equal(sink.all[:, report.latency_samples :], clip[:, : 3 * SIZE])
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.usefixtures("interruptible")
@pytest.mark.skipif(sys.platform == "win32", reason="sends a signal to itself")
def test_a_second_ctrl_c_leaves_at_once(clip: Waveform) -> None:
    source = Source(clip)

    def interrupted(n: int) -> Waveform:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        return clip[:, :n]

    source.read = interrupted  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        astfx.process_stream(source, Sink(), pedalboard.Gain(0.0))


def test_the_interpreter_is_set_up_while_it_runs_and_then_as_before(clip: Waveform) -> None:
    seen = []
    source = Source(clip)
    read = source.read

    def looking(n: int) -> Waveform:
        seen.append((gc.isenabled(), sys.getswitchinterval()))
        return read(n)  # type: ignore[no-any-return]

    source.read = looking  # type: ignore[method-assign]
    before = gc.isenabled(), sys.getswitchinterval()
    astfx.process_stream(source, Sink(), pedalboard.Gain(0.0))
    assert {enabled for enabled, _ in seen} == {False}
    assert {round(interval, 6) for _, interval in seen} == {0.0005}
    assert (gc.isenabled(), sys.getswitchinterval()) == before


def test_an_empty_stream(make: Make) -> None:
    sink = Sink()
    report = astfx.process_stream(Source(np.zeros((2, 0), np.float32)), sink, make(engine="live"))
    assert (report.ended_by, report.blocks, report.load, sink.parts) == ("end", 0, 0.0, [])


class Broken:
    samplerate, channels, dtype = float(RATE), 2, "float32"

    def read(self, n: int) -> Any:
        raise OSError("Stream is stopped [PaErrorCode -9983]")


class Given:
    """A stream whose read gives one thing, or several in turn."""

    sample_rate = RATE

    def __init__(self, *things: Any) -> None:
        self.things = list(things)

    def read(self, n: int) -> Any:
        return self.things.pop(0) if len(self.things) > 1 else self.things[0]


class Integers(Card):
    dtype = ("int16", "int16")


class Faster(Sink):
    samplerate = 48_000.0


class Surround(Sink):
    num_channels = 6


BLOCK = np.zeros((2, SIZE), np.float32)


@pytest.mark.parametrize(
    ("arguments", "keywords", "error", "message"),
    [
        ((3, Sink(), None), {}, EffectTypeError, "None is not an effect: pass a board or an effec"),
        ((3, Sink()), {}, EffectTypeError, r"input=3 has no read\(n\): pass an AudioStream"),
        ((Source(BLOCK), 3), {}, EffectTypeError, r"output=3 has no write\(samples\): pass an"),
        (
            (Source(BLOCK), Faster()),
            {},
            InvalidSettingError,
            r"the sample rates differ \(input: 22050 Hz, output: 48000 Hz\): open both streams",
        ),
        (
            (Source(BLOCK), Sink()),
            {"sample_rate": 44_100},
            InvalidSettingError,
            r"differ \(sample_rate: 44100 Hz, input: 22050 Hz\)",
        ),
        (
            (type("Bare", (), {"read": lambda self, n: None})(), Sink()),
            {},
            InvalidSettingError,
            "sample_rate=None must be given where neither input nor output names one",
        ),
        ((Integers(BLOCK), Sink()), {}, AudioTypeError, "input has samples of int16: open it with"),
        ((Source(BLOCK), Integers(BLOCK)), {}, AudioTypeError, "output has samples of int16"),
        (
            (Given(b"bytes"), Sink()),
            {},
            AudioTypeError,
            "input gave bytes: a stream must give arrays of float32",
        ),
        ((Given(np.zeros(3, np.int16)), Sink()), {}, AudioTypeError, "input gave int16: a stream"),
        ((Given(np.zeros((1, 1, 1))), Sink()), {}, LayoutError, "an array with 3 dimensions"),
        (
            (Given(BLOCK, BLOCK[:1]), Sink()),
            {},
            LayoutError,
            "input gave 1 channels instead of 2: their number must stay the same",
        ),
        (
            (Source(BLOCK), Surround()),
            {},
            LayoutError,
            "input has 2 channels and output 6: open both with the same number, or one of them",
        ),
        (
            (Broken(), Sink()),
            {},
            DeviceError,
            r"input could not be read \(Stream is stopped \[PaErrorCode -9983\]\): start the str",
        ),
        ((Source(BLOCK), Sink()), {"stop": 3}, EffectTypeError, "stop=3 must be a threading.Event"),
        ((Source(BLOCK), Sink()), {"block_size": 0}, InvalidSettingError, "buffer_size=0 must be"),
        (
            (Source(BLOCK), Sink()),
            {"tail_seconds": 601.0},
            InvalidSettingError,
            r"tail_seconds=601.0 must lie between 0 and 600 \(seconds\)",
        ),
    ],
)
def test_what_it_refuses(
    arguments: tuple[Any, ...],
    keywords: dict[str, Any],
    error: type[AstfxError],
    message: str,
) -> None:
    board: tuple[Any, ...] = () if len(arguments) == 3 else (pedalboard.Gain(0.0),)
    with pytest.raises(error, match=message):
        astfx.process_stream(*arguments, *board, **keywords)


def test_an_effect_without_blocks_is_refused(make: Make) -> None:
    with pytest.raises(EffectError, match="engine='render' needs the whole clip"):
        astfx.process_stream(Source(BLOCK), Sink(), make(engine="render"))


def test_a_board_prepares_everything_in_it(make: Make, clip: Waveform) -> None:
    inner = make(engine="live")
    board = astfx.Pedalboard([pedalboard.Gain(0.0), astfx.Mix([inner, pedalboard.Gain(-6.0)])])
    board.prepare(RATE, channels=2, block_size=SIZE)
    assert len(inner._ready) == 1
    with pytest.raises(InvalidSettingError, match="channels=0 must be a whole number of at least"):
        board.prepare(RATE, channels=0)
