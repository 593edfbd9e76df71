from __future__ import annotations

import itertools
import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import astfx
from astfx.audio import ArraySource, Waveform, resample
from astfx.audio.loudness import LoudnessMeter
from astfx.engine.render import Render
from astfx.errors import (
    AstfxError,
    AudioTypeError,
    CancelledError,
    DeviceError,
    InvalidAudioError,
    InvalidSettingError,
)
from astfx.metrics import style_distance
from astfx.settings import Settings
from astfx.styles.style import Style
from tests.conftest import Load

RATE = 22050
LOUDNESS_TOLERANCE_DB = 0.01
SEAM_TOLERANCE_DB = 1.0
SEGMENT_AGREEMENT = 0.05
MONOTONE_TOLERANCE_DB = 0.05
QUICK = 6  # iterations, enough to show an effect
FAST: dict[str, Any] = {"iterations": QUICK, "quality": "draft"}


def lufs(clip: Waveform, sample_rate: int = RATE) -> float:
    meter = LoudnessMeter(sample_rate, len(clip))
    meter.add(clip)
    return meter.lufs


@pytest.fixture(scope="module")
def wet(melody: Waveform, rain: Waveform) -> Waveform:
    return astfx.transfer(melody, rain, RATE)


def test_result_moves_to_the_style(melody: Waveform, rain: Waveform, wet: Waveform) -> None:
    """By a measure that is not optimised, it goes at least three quarters of the way."""
    before = style_distance(melody, rain, RATE)
    assert style_distance(wet, rain, RATE) < 0.25 * before


def test_shape_dtype_and_loudness_are_the_contents(melody: Waveform, wet: Waveform) -> None:
    assert wet.shape == melody.shape
    assert wet.dtype == np.float32
    assert lufs(wet) == pytest.approx(lufs(melody), abs=LOUDNESS_TOLERANCE_DB)


@pytest.mark.parametrize(("setting", "zero"), [("strength", 0.0), ("mix", 0.0)])
def test_zero_returns_the_content_bit_for_bit(
    setting: str, zero: float, melody: Waveform, rain: Waveform
) -> None:
    settings: dict[str, Any] = {setting: zero}
    np.testing.assert_array_equal(astfx.transfer(melody, rain, RATE, **settings), melody)


def test_mix_is_linear(melody: Waveform, rain: Waveform, wet: Waveform) -> None:
    half = astfx.transfer(melody, rain, RATE, mix=0.25)
    np.testing.assert_allclose(half, 0.25 * wet + 0.75 * melody, atol=1e-6)


def test_strength_is_monotone_from_content_to_style(melody: Waveform, rain: Waveform) -> None:
    steps = [0.0, 0.25, 0.5, 0.75, 1.0]
    melody, rain = melody[:, : 2 * RATE], rain[:, : 2 * RATE]
    outputs = [astfx.transfer(melody, rain, RATE, strength=s) for s in steps]
    to_style = [style_distance(output, rain, RATE) for output in outputs]
    to_content = [float(np.square(output - melody).mean()) for output in outputs]
    assert all(b <= a + MONOTONE_TOLERANCE_DB for a, b in pairwise(to_style))
    assert to_content == sorted(to_content)


def test_same_seed_gives_the_same_bytes(melody: Waveform, rain: Waveform, wet: Waveform) -> None:
    np.testing.assert_array_equal(astfx.transfer(melody, rain, RATE), wet)
    other = astfx.transfer(melody, rain, RATE, seed=1, phase="griffin-lim", **FAST)
    again = astfx.transfer(melody, rain, RATE, seed=2, phase="griffin-lim", **FAST)
    assert not np.array_equal(other, again)


def test_style_equal_to_the_content_changes_nothing_much(rain: Waveform) -> None:
    output = astfx.transfer(rain, rain, RATE)
    error = np.square(output - rain).mean() / np.square(rain).mean()
    assert 10 * math.log10(error) < -15


@pytest.mark.parametrize("layout", ["mono-1d", "mono-2d", "stereo", "five"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_layouts_and_dtypes(layout: str, dtype: type, melody: Waveform, rain: Waveform) -> None:
    clip = melody[:, :20000]
    content = {
        "mono-1d": clip[0],
        "mono-2d": clip,
        "stereo": np.concatenate([clip, 0.5 * clip]),
        "five": np.concatenate([clip * g for g in (1.0, 0.8, 0.6, 0.4, 0.2)]),
    }[layout].astype(dtype)
    kept = content.copy()
    output = astfx.transfer(content, rain, RATE, **FAST)
    assert output.shape == content.shape
    assert output.dtype == np.float32
    np.testing.assert_array_equal(content, kept)


def test_stereo_image_is_kept(melody: Waveform, rain: Waveform) -> None:
    """Level differences and correlations of channels are kept, and a silent one stays silent."""
    clip = melody[:, :44100]
    content = np.concatenate([clip, 0.25 * clip, np.zeros_like(clip)])
    output = astfx.transfer(content, rain, RATE, **FAST)
    ratio_db = 10 * math.log10(np.square(output[0]).sum() / np.square(output[1]).sum())
    assert ratio_db == pytest.approx(12.04, abs=0.5)
    assert np.corrcoef(output[0], output[1])[0, 1] > 0.98
    assert np.square(output[2]).sum() < 1e-3 * np.square(output[0]).sum()


def test_opposite_channels_stay_opposite(melody: Waveform, rain: Waveform) -> None:
    clip = melody[:, :44100]
    output = astfx.transfer(np.concatenate([clip, -clip]), rain, RATE, **FAST)
    assert np.corrcoef(output[0], output[1])[0, 1] < -0.95


@pytest.mark.parametrize("sample_rate", [8000, 11025, 48000, 96000, 192000])
def test_any_sample_rate(sample_rate: int, melody: Waveform, rain: Waveform) -> None:
    content = resample(melody[:, :22050], RATE, sample_rate)
    output = astfx.transfer(content, rain, sample_rate, style_sample_rate=RATE)
    assert output.shape == content.shape
    target = resample(rain, RATE, sample_rate)
    before = style_distance(content, target, sample_rate)
    assert style_distance(output, target, sample_rate) < 0.6 * before


@pytest.mark.parametrize("n_samples", [1, 2, 100, 2047, 2048, 5000])
def test_any_short_length(n_samples: int, melody: Waveform, rain: Waveform) -> None:
    content = melody[:, 4000 : 4000 + n_samples]
    output = astfx.transfer(content, rain, RATE, **FAST)
    assert output.shape == content.shape
    assert np.isfinite(output).all()
    assert np.abs(output).max() < 20


@pytest.mark.parametrize("n_samples", [1, 64, 2048, 3000])
def test_any_short_style(n_samples: int, melody: Waveform, rain: Waveform) -> None:
    style = rain[:, 4000 : 4000 + n_samples]
    output = astfx.transfer(melody[:, :22050], style, RATE, **FAST)
    assert np.isfinite(output).all()
    assert np.square(output).sum() > 0


def test_silent_content_stays_silent(rain: Waveform) -> None:
    silence = np.zeros((2, 30000), np.float32)
    np.testing.assert_array_equal(astfx.transfer(silence, rain, RATE), silence)


def test_long_silence_inside_stays_silent(melody: Waveform, rain: Waveform) -> None:
    gap = np.zeros((1, 3 * RATE), np.float32)
    content = np.concatenate([melody[:, :RATE], gap, melody[:, :RATE]], axis=1)
    output = astfx.transfer(content, rain, RATE, **FAST)
    assert np.abs(output[:, int(1.1 * RATE) : int(3.9 * RATE)]).max() == 0.0
    assert np.abs(output[:, : RATE // 2]).max() > 0.01
    assert np.abs(output[:, -RATE // 2 :]).max() > 0.01


@pytest.mark.parametrize("quality", ["draft", "standard"])
def test_nothing_sounds_before_an_attack_out_of_silence_but_its_window(
    quality: str, rain: Waveform
) -> None:
    rng = np.random.default_rng(0)
    content = np.zeros((1, 2 * RATE), np.float32)
    attacks, n_hit, n_window = (RATE // 2, RATE + 3000), 3000, 2048
    for attack in attacks:
        decay = np.exp(-np.arange(n_hit) / 800.0)
        content[0, attack : attack + n_hit] = 0.3 * decay * rng.standard_normal(n_hit)
    output = astfx.transfer(content, rain, RATE, quality=quality)
    for attack, rest in zip(attacks, (0, attacks[0] + n_hit + n_window), strict=True):
        assert np.abs(output[0, attack : attack + n_window]).max() > 0.05
        assert np.abs(output[0, rest : attack - n_window]).max() == 0.0


def test_constant_content_works(rain: Waveform) -> None:
    output = astfx.transfer(np.full(30000, 0.5, np.float32), rain, RATE, **FAST)
    assert np.isfinite(output).all()


def test_extreme_levels_work(melody: Waveform, rain: Waveform) -> None:
    """The levels of content and style affect only the level of the output."""
    clip = melody[:, :22050]
    plain = astfx.transfer(clip, rain, RATE, **FAST)
    quiet = astfx.transfer(clip * 1e-3, rain * 30.0, RATE, **FAST)
    # The optimiser amplifies rounding errors, so only the sounds agree, not the samples.
    assert lufs(quiet) + 60.0 == pytest.approx(lufs(plain), abs=LOUDNESS_TOLERANCE_DB)
    distances = [style_distance(output, rain, RATE) for output in (plain, quiet)]
    assert distances[0] == pytest.approx(distances[1], abs=0.2)


def test_long_style_is_taken_in_excerpts(melody: Waveform, rain: Waveform) -> None:
    style = np.tile(rain, (1, 12))
    output = astfx.transfer(melody, style, RATE)
    before = style_distance(melody, rain, RATE)
    assert style_distance(output, rain, RATE) < 0.3 * before


def test_rendering_leaves_torch_as_it_was(melody: Waveform, rain: Waveform) -> None:
    """Gradients stay on and the number of threads stays, even if a render is abandoned."""
    import torch

    threads = torch.get_num_threads()
    for strength in (0.5, 1.0):
        with pytest.raises(CancelledError):
            astfx.transfer(melody, rain, RATE, strength=strength, progress=lambda share: False)
    assert torch.is_grad_enabled()
    assert torch.get_num_threads() == threads


def test_progress_rises_to_one(melody: Waveform, rain: Waveform) -> None:
    seen: list[float] = []
    astfx.transfer(melody, rain, RATE, **FAST, progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    assert len(seen) > QUICK


def test_returning_false_from_progress_cancels(melody: Waveform, rain: Waveform) -> None:
    calls = itertools.count()
    with pytest.raises(CancelledError, match="the render was cancelled"):
        astfx.transfer(melody, rain, RATE, progress=lambda share: next(calls) < 3)
    assert next(calls) == 4


def test_budget_stops_early(melody: Waveform, rain: Waveform) -> None:
    settings = Settings(iterations=5000, budget_seconds=0.5)
    source, style = ArraySource(melody, RATE, "c"), Style.of(rain, RATE)
    with Render(source, style, settings) as render:
        report = render.report
    assert 1 <= len(report.segments[0].losses) < 1000
    assert report.seconds["total"] < 10.0


def segmented(
    content: Waveform, style: Waveform, seconds: float, quality: str = "standard"
) -> tuple[Waveform, Render]:
    settings = Settings(segment_seconds=seconds, quality=quality)
    source = ArraySource(content, RATE, "content")
    with Render(source, Style.of(style, RATE), settings) as render:
        return np.concatenate(list(render.blocks()), axis=1), render


def seam_db(clip: Waveform, borders: list[int]) -> float:
    """Median energy of the first difference at borders over that elsewhere, in dB."""
    half = 512
    energy = np.square(np.diff(clip[0].astype(np.float64)))
    at = [energy[b - half : b + half].mean() for b in borders]
    starts = range(half, len(energy) - 2 * half, half)
    away = [
        energy[s : s + 2 * half].mean()
        for s in starts
        if all(abs(s + half - b) > 4 * half for b in borders)
    ]
    return float(10 * np.log10(np.median(at) / np.median(away)))


@pytest.mark.parametrize("quality", ["draft", pytest.param("standard", marks=pytest.mark.slow)])
def test_seams_do_not_show(rain: Waveform, quality: str) -> None:
    """Steady noise in the style of steady rain, in many short segments."""
    rng = np.random.default_rng(0)
    content = (0.1 * rng.standard_normal((1, 30 * RATE))).astype(np.float32)
    output, render = segmented(content, rain, 1.0, quality)
    assert len(render.report.segments) >= 25
    hop = 512
    plan = np.cumsum([0] + [len(content[0]) / hop / len(render.report.segments)] * 60)
    borders = [round(b) * hop - 3 * hop // 2 for b in plan if 0 < b * hop < content.shape[1] - RATE]
    assert abs(seam_db(output, borders)) < SEAM_TOLERANCE_DB


def test_one_long_segment_and_the_default_ones_agree(rain: Waveform, melody: Waveform) -> None:
    content = np.tile(melody, (1, 5))
    found = [
        style_distance(
            astfx.transfer(content, rain, RATE, segment_seconds=seconds, quality="draft"),
            rain,
            RATE,
        )
        for seconds in (60.0, 10.0)
    ]
    assert found[0] == pytest.approx(found[1], rel=SEGMENT_AGREEMENT)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pair", "style"),
    [
        (("grinstein/content_style/pachelbel", "classic/usa"), "man_speaking_english"),
        (("grinstein/content_style/pachelbel", "classic/imperial"), "bongo-loop"),
    ],
)
def test_two_different_clips_on_end_agree_too(
    load: Load, pair: tuple[str, str], style: str
) -> None:
    """One long segment must not give each of the clips a different part of the style."""
    clips = [load(name) for name in pair]
    content = np.concatenate([0.1 * clip / clip.std() for clip in clips], axis=1)
    target = load(f"grinstein/content_style/{style}")
    found = [
        style_distance(astfx.transfer(content, target, RATE, segment_seconds=s), target, RATE)
        for s in (60.0, 10.0)
    ]
    assert found[0] == pytest.approx(found[1], rel=SEGMENT_AGREEMENT)


def test_segments_shorter_than_a_stretch_go_as_far(rain: Waveform, melody: Waveform) -> None:
    """The shares of the way to the style differ by less than 5 %."""
    content = np.tile(melody, (1, 3))
    before = style_distance(content, rain, RATE)
    shares = [
        1 - style_distance(segmented(content, rain, seconds)[0], rain, RATE) / before
        for seconds in (12.0, 4.0)
    ]
    assert min(shares) > (1 - SEGMENT_AGREEMENT) * max(shares)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("content", "style"),
    [
        ("grinstein/content_style/pachelbel", "grinstein/content_style/bongo-loop"),
        (
            "grinstein/content_style/woman_speaking_french",
            "grinstein/content_style/man_speaking_english",
        ),
    ],
)
def test_segments_shorter_than_a_stretch_go_as_far_on_real_audio(
    load: Load, content: str, style: str
) -> None:
    clip, target = load(content), load(style)
    clip = np.concatenate([clip, clip[:, ::-1]], axis=1)[:, : 14 * RATE]
    before = style_distance(clip, target, RATE)
    shares = [
        1 - style_distance(segmented(clip, target, seconds)[0], target, RATE) / before
        for seconds in (14.0, 7.0)
    ]
    assert min(shares) > (1 - SEGMENT_AGREEMENT) * max(shares)


@pytest.mark.parametrize("phase", ["pghi", "fast-griffin-lim", "griffin-lim"])
def test_every_phase_method_renders(phase: str, melody: Waveform, rain: Waveform) -> None:
    output = astfx.transfer(melody, rain, RATE, phase=phase, phase_iterations=8)
    before = style_distance(melody, rain, RATE)
    assert style_distance(output, rain, RATE) < 0.4 * before


@pytest.mark.parametrize("start", ["content", "noise"])
def test_shallow_cnn_moves_to_the_style(start: str, melody: Waveform, rain: Waveform) -> None:
    output = astfx.transfer(
        melody[:, : 2 * RATE],
        rain[:, : 2 * RATE],
        RATE,
        method="shallow-cnn",
        iterations=15,
        options={"filters": 256, "start": start},
    )
    before = style_distance(melody, rain, RATE)
    assert style_distance(output, rain, RATE) < 0.7 * before


def test_content_weight_keeps_more_of_the_content(melody: Waveform, rain: Waveform) -> None:
    distances = []
    for weight in (0.0, 0.05, 1.0):
        options = {"content_weight": weight}
        output = astfx.transfer(melody, rain, RATE, options=options, quality="draft")
        distances.append(style_distance(output, melody, RATE))
    assert distances == sorted(distances, reverse=True)


BAD_CALLS: list[tuple[dict[str, Any], type[AstfxError], type[Exception], str]] = [
    ({"content": [0.0] * 9}, AudioTypeError, TypeError, "content must be a numpy array"),
    (
        {"content": np.zeros(9, np.int16)},
        AudioTypeError,
        TypeError,
        "content must hold float32 or float64 samples (full scale = 1), not int16",
    ),
    (
        {"content": np.zeros((2, 3, 4), np.float32)},
        InvalidAudioError,
        ValueError,
        "content of shape (2, 3, 4) must be (samples,) or (channels, samples)",
    ),
    (
        {"content": np.zeros((0,), np.float32)},
        InvalidAudioError,
        ValueError,
        "content of shape (0,) holds no samples",
    ),
    (
        {"content": np.zeros((9000, 2), np.float32)},
        InvalidAudioError,
        ValueError,
        "content of shape (9000, 2) has 9000 channels, at most 32 are possible; pass (channels",
    ),
    (
        {"content": np.array([0.0, np.nan], np.float32)},
        InvalidAudioError,
        ValueError,
        "content holds nan at 0.000 seconds (channel 1)",
    ),
    (
        {"style": np.array([0.1, np.inf], np.float32)},
        InvalidAudioError,
        ValueError,
        "style holds inf at 0.000 seconds (channel 1)",
    ),
    (
        {"style": np.zeros(5000, np.float32)},
        InvalidAudioError,
        ValueError,
        "style is silent (its peak is below -100 dBFS)",
    ),
    (
        {"sample_rate": 400},
        InvalidSettingError,
        ValueError,
        "sample_rate=400 must be a whole number from 8000 to 192000 (Hz)",
    ),
    (
        {"sample_rate": 44100.5},
        InvalidSettingError,
        ValueError,
        "sample_rate=44100.5 must be a whole number",
    ),
    (
        {"sample_rate": "44100"},
        InvalidSettingError,
        ValueError,
        "sample_rate='44100' must be a whole number",
    ),
    (
        {"style_sample_rate": 1e6},
        InvalidSettingError,
        ValueError,
        "style_sample_rate=1000000.0 must be a whole number",
    ),
    ({"method": "x"}, InvalidSettingError, ValueError, "method='x' must be one of gram"),
    ({"phase": "x"}, InvalidSettingError, ValueError, "phase='x' must be one of pghi"),
    ({"device": "tpu"}, InvalidSettingError, ValueError, "device='tpu' must be one of auto, cpu"),
]


@pytest.mark.parametrize(("change", "kind", "builtin", "message"), BAD_CALLS)
def test_bad_input_is_one_clear_sentence(
    change: dict[str, Any], kind: type[AstfxError], builtin: type[Exception], message: str
) -> None:
    good = np.sin(np.arange(9000, dtype=np.float32))
    call: dict[str, Any] = {"content": good, "style": good, "sample_rate": RATE, **change}
    with pytest.raises(kind) as caught:
        astfx.transfer(**call)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, builtin)


def test_cuda_without_a_gpu_says_what_to_do(melody: Waveform, rain: Waveform) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(DeviceError, match="device='cuda' needs a GPU that torch can use"):
        astfx.transfer(melody, rain, RATE, device="cuda")
