from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from astfx.audio import ArraySource, Waveform
from astfx.engine.scan import scan
from astfx.engine.silence import apply_gate, silence_gate
from astfx.errors import InvalidAudioError
from astfx.plan import even_borders, plan_segments


def test_lengths_of_up_to_one_and_a_half_are_one_part() -> None:
    assert even_borders(15, 10.0) == [0, 15]
    assert even_borders(16, 10.0) == [0, 8, 16]
    assert even_borders(40, 10.0) == [0, 10, 20, 30, 40]


@pytest.mark.parametrize("n_frames", [1, 40, 150, 151, 1000, 26000])
def test_segments_tile_the_frames_evenly(n_frames: int) -> None:
    plan = plan_segments(n_frames, 100, 10)
    assert plan[0].first == 0
    assert plan[-1].last == plan[-1].look == n_frames
    for one, two in pairwise(plan):
        assert one.last == two.first
        assert one.look == min(one.last + 10, n_frames)
    lengths = [segment.last - segment.first for segment in plan]
    assert max(lengths) <= 150
    assert max(lengths) - min(lengths) <= 1


def noise(n_samples: int, channels: int = 1, level: float = 0.1) -> Waveform:
    rng = np.random.default_rng(0)
    return (level * rng.standard_normal((channels, n_samples))).astype(np.float32)


def test_scan_measures_length_level_and_peak() -> None:
    clip = noise(50_000, channels=2)
    found = scan(ArraySource(clip, 22050, "content"), 512)
    assert found.n_samples == 50_000
    assert found.rms == pytest.approx(float(np.sqrt((clip.astype(float) ** 2).mean())), rel=1e-2)
    assert found.peak == pytest.approx(float(np.abs(clip).max()))
    assert not found.silent.any()


def test_level_leaves_silence_out() -> None:
    clip = noise(22050)
    padded = np.concatenate([clip, np.zeros_like(clip), np.zeros_like(clip)], axis=1)
    alone = scan(ArraySource(clip, 22050, "content"), 512).rms
    assert scan(ArraySource(padded, 22050, "content"), 512).rms == pytest.approx(alone, rel=0.02)


def test_pauses_are_filled_and_long_silences_kept() -> None:
    hop, rate = 500, 10_000
    clip = noise(8 * rate)
    clip[:, 1 * rate : 1 * rate + round(0.09 * rate)] = 0.0
    clip[:, 3 * rate : 6 * rate] = 0.0
    silent = scan(ArraySource(clip, rate, "content"), hop).silent
    assert np.flatnonzero(silent).tolist() == list(range(60, 120))


def test_gate_silences_silence_only_and_fades_inside_it() -> None:
    hop = 100
    silent = np.zeros(30, np.bool_)
    silent[10:20] = True
    gate = silence_gate(silent, 0, 3000, hop)
    assert gate is not None
    assert (gate[:1000] == 1).all()
    assert (gate[2000:] == 1).all()
    assert (gate[1100:1900] == 0).all()
    assert np.abs(np.diff(gate)).max() <= 1.01 / hop
    assert silence_gate(silent, 0, 900, hop) is None


def test_a_silence_at_an_end_is_silent_to_it() -> None:
    silent = np.array([True, True, True, False, False, True, True])
    gate = silence_gate(silent, 0, 670, 100)
    assert gate is not None
    assert gate.shape == (670,)
    assert (gate[:200] == 0).all()
    assert (gate[300:500] == 1).all()
    assert (gate[600:] == 0).all()


@pytest.mark.parametrize("block", [64, 100, 333, 1000])
def test_gate_does_not_depend_on_block_borders(block: int) -> None:
    silent = np.zeros(30, np.bool_)
    silent[[3, 4, 5, 6, 25, 26, 27, 28, 29]] = True
    whole = np.ones((2, 3000), np.float32)
    apply_gate(whole, silent, 0, 100)
    parts = np.ones((2, 3000), np.float32)
    for start in range(0, 3000, block):
        apply_gate(parts[:, start : start + block], silent, start, 100)
    np.testing.assert_array_equal(parts, whole)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_scan_says_where_a_bad_sample_is(value: float) -> None:
    clip = noise(22050, channels=2)
    clip[1, 11025] = value
    with pytest.raises(
        InvalidAudioError, match=r"content holds .* at 0\.500 seconds \(channel 2\)"
    ):
        scan(ArraySource(clip, 22050, "content"), 512)


def test_scan_refuses_an_empty_source() -> None:
    with pytest.raises(InvalidAudioError, match="content holds no audio samples"):
        scan(ArraySource(np.zeros((1, 0), np.float32), 22050, "content"), 512)
