"""`render_file`: a file through a board, aligned, with its tail, at a safe level."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pedalboard
import pytest
import soundfile
from pedalboard_native._internal import AddLatency

import astfx
from astfx.audio import Waveform
from astfx.audio.loudness import LoudnessMeter
from astfx.errors import CancelledError, EffectTypeError, InvalidSettingError
from tests.effect.conftest import RATE, Make

TOLERANCE = 1e-6  # of full scale, in files of floats
QUIET = 10.0 ** (-90.0 / 20.0)
LENGTH = 80_000  # more than the one block of 65536 samples that is read at a time

NativeBoard: Any = pedalboard.Pedalboard  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def content(melody: Waveform) -> Waveform:
    """Three and a half seconds in stereo, (2, samples)."""
    clip = melody[:, :LENGTH]
    return np.concatenate([clip, 0.5 * np.roll(clip, 30, axis=1)])


@pytest.fixture
def source(content: Waveform, tmp_path: Path) -> Path:
    path = tmp_path / "content.wav"
    soundfile.write(path, content.T, RATE, subtype="FLOAT")
    return path


def through(board: Any, source: Path, **keywords: Any) -> Waveform:
    """What a board makes of a file, (channels, samples)."""
    target = source.with_name("output.wav")
    astfx.render_file(board, source, target, **{"float_samples": True, **keywords})
    data, rate = soundfile.read(target, dtype="float32", always_2d=True)
    assert rate == RATE
    return np.ascontiguousarray(data.T)


def loudness_db(clip: Waveform) -> float:
    meter = LoudnessMeter(RATE, len(clip))
    meter.add(clip)
    return 10.0 * math.log10(meter.power)


def test_latency_is_made_up_for_to_the_sample(make: Make, source: Path, content: Waveform) -> None:
    """Of native effects and ours, one after the other and side by side."""
    late = [AddLatency(700), make(engine="stream", mix=0.0), make(engine="live", mix=0.0)]
    np.testing.assert_allclose(through(astfx.Pedalboard(late), source), content, atol=TOLERANCE)
    board = astfx.Mix([*late, astfx.Chain([pedalboard.Gain(0.0), AddLatency(100)])])
    np.testing.assert_allclose(through(board, source), 4.0 * content, atol=TOLERANCE)


def test_one_effect_needs_no_board(make: Make, source: Path, content: Waveform) -> None:
    np.testing.assert_allclose(
        through(pedalboard.Gain(-6.0), source), 10 ** (-6 / 20) * content, atol=TOLERANCE
    )
    effect = make(engine="live")
    output = through(effect, source)  # with what rings on after it
    np.testing.assert_allclose(output[:, :LENGTH], effect(content, RATE), atol=1e-5)


def test_the_render_engine_gives_what_it_gives_for_a_clip(
    make: Make, source: Path, content: Waveform
) -> None:
    effect = make(quality="draft", iterations=2)
    board = astfx.Pedalboard([effect, pedalboard.Gain(-3.0)])
    expected = 10 ** (-3 / 20) * effect(content, RATE)
    np.testing.assert_allclose(through(board, source), expected, atol=TOLERANCE)


def test_a_tail_is_kept_until_it_is_quiet(source: Path, content: Waveform) -> None:
    def delay() -> Any:
        return pedalboard.Delay(0.3, feedback=0.5, mix=0.5)

    output = through(delay(), source)
    expected = NativeBoard([delay()])(np.pad(content, ((0, 0), (0, 20 * RATE))), RATE)
    n = output.shape[1]
    np.testing.assert_allclose(output, expected[:, :n], atol=TOLERANCE)
    assert np.abs(output[:, -RATE // 4 :]).max() >= QUIET
    assert np.abs(expected[:, n : n + RATE]).max() < QUIET


@pytest.mark.parametrize("tail_seconds", [0.0, 0.1, 1.0])
def test_a_tail_is_cut_at_its_longest(tail_seconds: float, source: Path) -> None:
    """Feedback of 0.99 rings for minutes."""
    ringing = pedalboard.Delay(0.2, feedback=0.99, mix=0.5)
    output = through(ringing, source, tail_seconds=tail_seconds)
    assert output.shape[1] == LENGTH + round(tail_seconds * RATE)


def test_a_mix_is_as_long_as_its_longest(source: Path, content: Waveform) -> None:
    delay = pedalboard.Delay(0.5, feedback=0.0, mix=1.0)
    output = through(astfx.Mix([delay, pedalboard.Gain(0.0)]), source)
    late = RATE // 2
    expected = np.pad(content, ((0, 0), (0, late))) + np.pad(content, ((0, 0), (late, 0)))
    n = min(output.shape[1], expected.shape[1])
    np.testing.assert_allclose(output[:, :n], expected[:, :n], atol=TOLERANCE)
    assert output.shape[1] > LENGTH
    assert np.abs(expected[:, n:]).max(initial=0.0) < QUIET


def test_integers_are_turned_down_where_they_would_clip(source: Path, content: Waveform) -> None:
    loud = pedalboard.Gain(40.0)
    assert np.abs(through(loud, source)).max() == pytest.approx(100 * np.abs(content).max())
    output = through(loud, source, float_samples=False, peak="scale")
    expected = content * (0.9999 / np.abs(content).max())
    np.testing.assert_allclose(output, expected, atol=2.0**-22)
    quiet = through(pedalboard.Gain(0.0), source, float_samples=False)
    np.testing.assert_allclose(quiet, content, atol=2.0**-22)


def test_integers_keep_the_loudness_of_a_board(source: Path) -> None:
    """Peaks are limited by default, as `transfer_file` does."""
    board = pedalboard.Gain(12.0)
    wanted = through(board, source)
    assert np.abs(wanted).max() > 1.2
    limited = through(board, source, float_samples=False)
    assert np.abs(limited).max() <= 1.0
    assert loudness_db(limited) == pytest.approx(loudness_db(wanted), abs=1.0)
    scaled = through(board, source, float_samples=False, peak="scale")
    assert loudness_db(scaled) < loudness_db(wanted) - 1.5
    clipped = through(board, source, float_samples=False, peak="clip")
    np.testing.assert_allclose(clipped, np.clip(wanted, -1.0, 1.0), atol=2.0**-22)
    with pytest.raises(astfx.AstfxError, match="peak='soft' must be one of limit, scale, clip"):
        through(board, source, peak="soft")


def test_progress_rises_evenly_over_all_stages(make: Make, source: Path) -> None:
    seen: list[float] = []
    board = astfx.Pedalboard(
        [pedalboard.Gain(0.0), astfx.Mix([make(engine="live"), AddLatency(9)])]
    )
    through(board, source, progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    # The gain, the two in the mix, their sum and the file itself; each in two blocks.
    share = 65_536 / LENGTH
    blocks = [step for stage in (0, 1, 2, 4) for step in (stage + share, stage + 1.0)]
    assert seen == pytest.approx([step / 5 for step in blocks])


@pytest.mark.parametrize("calls", [1, 4])
def test_returning_false_cancels_and_writes_nothing(calls: int, make: Make, source: Path) -> None:
    seen: list[float] = []

    def progress(share: float) -> bool:
        seen.append(share)
        return len(seen) < calls

    board = astfx.Pedalboard([pedalboard.Gain(0.0), make(quality="draft")])
    with pytest.raises(CancelledError, match="the render was cancelled"):
        through(board, source, progress=progress)
    assert len(seen) == calls
    assert [path.name for path in source.parent.iterdir()] == ["content.wav"]


def test_what_is_no_effect_and_impossible_tails_are_refused(source: Path) -> None:
    with pytest.raises(EffectTypeError, match="3 is not an effect: pass a board or an effect"):
        through(3, source)
    for seconds in (-0.1, 600.1, float("nan")):
        message = f"tail_seconds={seconds!r} must lie between 0 and 600 (seconds)"
        with pytest.raises(InvalidSettingError, match=re.escape(message)):
            through(pedalboard.Gain(0.0), source, tail_seconds=seconds)
    assert not source.with_name("output.wav").exists()
