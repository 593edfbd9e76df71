"""Changes of style: one fade at a time, and prepared on a worker thread in real time."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import astfx
from astfx.audio import Waveform
from astfx.effect.style_transfer import StyleTransfer
from astfx.errors import EffectError, InvalidAudioError, InvalidSettingError
from astfx.streaming.base import Engine
from tests.effect.conftest import RATE, Make, blocks_of

BLOCK = 512
FADE_SAMPLES = round(0.25 * RATE)
PATIENCE_SECONDS = 120.0


def noise(seed: int, seconds: float = 1.0) -> Waveform:
    shape = (1, round(seconds * RATE))
    return (0.1 * np.random.default_rng(seed).standard_normal(shape)).astype(np.float32)


@pytest.fixture(scope="module")
def styles() -> list[astfx.StyleTargets]:
    """Noises of falling bandwidth."""
    kernels = (np.ones(n) / n for n in (1, 2, 4, 8, 16, 32))
    clips = [np.convolve(noise(n, 2.0)[0], k, "same")[None] for n, k in enumerate(kernels)]
    return [astfx.prepare_style(clip.astype(np.float32), RATE) for clip in clips]


@pytest.mark.parametrize("engine", ["stream", "live", "gain"])
def test_a_style_for_every_block_needs_three_engines_at_most(
    engine: str, styles: list[astfx.StyleTargets]
) -> None:
    """Those of a fade, and for as long as the latency, the one that has just faded out."""
    effect = StyleTransfer(styles[0], engine=engine)
    most = 0
    for index, block in enumerate(blocks_of(noise(9, 3.0), [BLOCK])):
        effect.style = styles[index % len(styles)]
        effect.process(block, RATE, reset=False)
        assert effect._streamer is not None
        most = max(most, effect._streamer.n_engines)
    assert most <= 3


def test_the_last_change_during_a_fade_is_the_one_that_is_heard(
    styles: list[astfx.StyleTargets], monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Any] = []
    make = StyleTransfer._make

    def recorded(self: StyleTransfer, style: Any, *args: Any) -> Engine:
        made.append(style.given)
        return make(self, style, *args)

    monkeypatch.setattr(StyleTransfer, "_make", recorded)
    effect = StyleTransfer(styles[0], engine="live")
    content = noise(8, 2.0)
    effect.process(content[:, :8000], RATE, reset=False)
    for style in styles[1:]:
        effect.style = style
        effect.process(content[:, :200], RATE, reset=False)
    assert effect.style is styles[-1]
    for block in blocks_of(content, [BLOCK]):
        effect.process(block, RATE, reset=False)
    assert [id(style) for style in made] == [id(styles[i]) for i in (0, 1, len(styles) - 1)]
    assert effect._streamer is not None
    assert effect._streamer.n_engines == 1


def test_a_long_block_after_a_change_keeps_nothing(styles: list[astfx.StyleTargets]) -> None:
    effect = StyleTransfer(styles[0], engine="gain")
    content = noise(7, 2.0)
    for index in range(6):
        effect.style = styles[index % 3]
        effect.process(content, RATE, reset=False)
    assert effect._streamer is not None
    assert len(effect._streamer._voices) <= 2


class Gate:
    """Holds worker threads that make an engine, until it is opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.threads: list[threading.Thread] = []
        self.is_open = threading.Event()
        make = StyleTransfer._make

        def held(effect: StyleTransfer, style: Any, *args: Any) -> Engine:
            self.threads.append(threading.current_thread())
            if threading.current_thread() is not threading.main_thread():
                assert self.is_open.wait(PATIENCE_SECONDS)
            return make(effect, style, *args)

        monkeypatch.setattr(StyleTransfer, "_make", held)

    def pass_all(self) -> None:
        self.is_open.set()
        for thread in self.threads:
            if thread is not threading.main_thread():
                thread.join(PATIENCE_SECONDS)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    return Gate(monkeypatch)


def run(effect: StyleTransfer, content: Waveform) -> Waveform:
    parts = [effect.process(block, RATE, reset=False) for block in blocks_of(content, [BLOCK])]
    return np.concatenate(parts, axis=1)


def until(effect: StyleTransfer, content: Waveform, condition: Callable[[], bool]) -> None:
    for _ in range(1000):
        if condition():
            return
        run(effect, content[:, :BLOCK])
    raise AssertionError("the condition never came true")


@pytest.mark.parametrize("engine", ["stream", "live"])
def test_a_prepared_effect_makes_no_engine_in_an_audio_call(
    engine: str, styles: list[astfx.StyleTargets], gate: Gate
) -> None:
    effect = StyleTransfer(styles[0], engine=engine)
    effect.prepare(RATE, channels=1, block_size=BLOCK)
    before = len(gate.threads)
    content = noise(6, 4.0)
    run(effect, content[:, :RATE])
    assert len(gate.threads) == before + 1  # taken, not made: see below
    effect.style = styles[5]
    assert effect.style is styles[5]
    waiting = run(effect, content[:, :RATE])
    assert all(t is not threading.main_thread() for t in gate.threads[before + 1 :])
    gate.pass_all()
    until(effect, content, lambda: effect._controls.style.given is styles[5])
    run(effect, content[:, : 2 * FADE_SAMPLES])
    after = run(effect, content[:, :RATE])
    # The narrow noise has next to no energy up there.
    high = [np.abs(np.diff(x)).mean() / np.abs(x).mean() for x in (waiting, after)]
    assert high[1] < 0.8 * high[0]


def test_what_is_made_by_prepare_is_what_the_first_block_uses(
    styles: list[astfx.StyleTargets],
) -> None:
    effect = StyleTransfer(styles[0], engine="live")
    effect.prepare(RATE, channels=1)
    engine = next(iter(effect._ready.values()))
    run(effect, noise(5)[:, :2000])
    assert effect._streamer is not None
    assert [voice.engine for voice in effect._streamer._voices.values()] == [engine]


def test_a_style_set_between_prepare_and_the_first_block_is_made_before_it(
    styles: list[astfx.StyleTargets], gate: Gate
) -> None:
    gate.pass_all()
    effect, other = StyleTransfer(styles[0], engine="live"), StyleTransfer(styles[2], engine="live")
    effect.prepare(RATE, channels=1)
    effect.style = styles[1]
    effect.style = styles[2]
    ready = len(gate.threads)
    content = noise(8)
    found = run(effect, content)
    assert len(gate.threads) == ready + 1  # taken, not made
    np.testing.assert_array_equal(found, run(other, content))


def test_a_prepared_effect_gives_what_another_gives(styles: list[astfx.StyleTargets]) -> None:
    content = noise(4)
    prepared, other = (StyleTransfer(styles[1], engine="stream") for _ in range(2))
    prepared.prepare(RATE, channels=1, block_size=64)
    np.testing.assert_array_equal(run(prepared, content), run(other, content))


def test_the_newest_request_wins_while_the_worker_is_busy(
    styles: list[astfx.StyleTargets], gate: Gate
) -> None:
    effect = StyleTransfer(styles[0], engine="live")
    effect.prepare(RATE, channels=1)
    content = noise(3, 2.0)
    run(effect, content[:, :4000])
    for style in styles[1:]:
        effect.style = style
        run(effect, content[:, :BLOCK])
    gate.pass_all()
    until(effect, content, lambda: effect._controls.style.given is styles[-1])
    run(effect, content)
    assert effect._streamer is not None
    assert effect._streamer.n_engines == 1


def test_a_style_that_cannot_be_prepared_leaves_the_sound_as_it_is(
    styles: list[astfx.StyleTargets],
) -> None:
    effect = StyleTransfer(styles[0], engine="live", style_sample_rate=RATE)
    effect.prepare(RATE, channels=1)
    content = noise(2, 2.0)
    run(effect, content[:, :4000])
    effect.style = np.zeros(RATE, np.float32)
    until(effect, content, lambda: effect.style_error is not None)
    assert isinstance(effect.style_error, InvalidAudioError)
    assert "is silent" in str(effect.style_error)
    assert effect._controls.style.given is styles[0]
    effect.style = styles[1]
    until(effect, content, lambda: effect._controls.style.given is styles[1])
    assert effect.style_error is None


def test_a_whole_clip_takes_a_change_that_is_still_being_prepared(
    styles: list[astfx.StyleTargets], gate: Gate
) -> None:
    effect, other = StyleTransfer(styles[0], engine="live"), StyleTransfer(styles[2], engine="live")
    effect.prepare(RATE, channels=1)
    content = noise(1)
    run(effect, content[:, :4000])
    effect.style = styles[2]
    np.testing.assert_array_equal(effect(content, RATE), other(content, RATE))
    gate.pass_all()


ENDING = """
import sys
import threading
import numpy as np
import astfx

effect = astfx.StyleTransfer("rain", engine="live")
effect.prepare(22050, channels=1, block_size=512)
effect.process(np.ones((1, 512), np.float32), 22050, reset=False)
make = astfx.StyleTransfer._make

def late(*arguments):
    threading.main_thread().join()  # until the program has ended
    made = make(*arguments)
    print("made")
    return made

astfx.StyleTransfer._make = late
thread = threading.Thread(
    target=setattr, args=(effect, "style", "bells"), daemon=sys.argv[1] == "daemon"
)
thread.start()
thread.join()
"""


@pytest.mark.parametrize("thread", ["daemon", "usual"])
def test_a_program_may_end_while_a_style_is_being_prepared(thread: str) -> None:
    """Whatever thread has set it: a thread that a daemon starts would be one too."""
    command = [sys.executable, "-c", ENDING, thread]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "made\n", "")


def test_what_prepare_refuses(make: Make) -> None:
    with pytest.raises(EffectError, match="engine='render' needs the whole clip"):
        make(engine="render").prepare(RATE)
    effect = make(engine="live")
    with pytest.raises(InvalidSettingError, match="channels=0 must be a whole number of at least"):
        effect.prepare(RATE, channels=0)
    with pytest.raises(InvalidSettingError, match=r"block_size=1\.5 must be a whole number of at"):
        effect.prepare(RATE, block_size=1.5)  # type: ignore[arg-type]
    with pytest.raises(InvalidSettingError, match="sample_rate=5"):
        effect.prepare(5)
