"""A preset gives the same sound at every sample rate, from audio or a file, whole or in blocks."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import astfx
from astfx.audio import Waveform, resample
from astfx.metrics import style_distance
from astfx.plan import RenderPlan
from astfx.presets import Preset
from astfx.settings import Settings
from astfx.styles.analysis import LIVE_KEYS, texture_key

RATES = (8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000)
RATE = 22_050
LARGEST_DIFFERENCE_DB = 1.0
HIGHEST_COMPARED_RATE = 36_000


@pytest.fixture(scope="module")
def sound() -> Waveform:
    from presets.synthesis import make

    return make("rain", 44_100)[None]


@pytest.fixture(scope="module")
def preset(sound: Waveform) -> Preset:
    return Preset.from_audio(sound, name="x", sample_rate=44_100)


def spectrum_db(frames: torch.Tensor) -> torch.Tensor:
    return 10.0 * torch.expm1(frames).square().mean(dim=0).add(1e-3).log10()


@pytest.mark.parametrize("sample_rate", RATES)
def test_targets_are_those_of_the_audio_at_any_rate(
    sample_rate: int, sound: Waveform, preset: Preset
) -> None:
    """Spectra are compared up to 0.9 of the Nyquist frequency, where resampling rolls off."""
    direct = astfx.prepare_style(sound, sample_rate, style_sample_rate=44_100)
    mine = preset.targets(RenderPlan.of(Settings(), sample_rate))
    assert mine.grid == direct.grid
    top = round(0.9 * min(1.0, 44_100 / sample_rate) * mine.grid.n_fft / 2)
    one, other = (spectrum_db(t.tensors["frames"])[2:top] for t in (mine, direct))
    assert float((one - other).abs().mean()) < 0.5
    assert float((one - other).mean().abs()) < 0.2
    texture = texture_key(0)
    # Below 20 kHz the bands end at the Nyquist frequency; presets have statistics for such rates.
    ours, theirs = (t.tensors[texture][:36].float() for t in (mine, direct))  # envelope means
    assert torch.allclose(ours, theirs, rtol=0.1, atol=0.03)
    if sample_rate >= 44_100:
        assert torch.allclose(
            mine.tensors[LIVE_KEYS[0]], direct.tensors[LIVE_KEYS[0]], rtol=0.05, atol=0.1
        )


@pytest.mark.slow
@pytest.mark.parametrize("sample_rate", RATES)
def test_renders_come_as_near_to_the_style_as_with_its_audio(
    sample_rate: int, sound: Waveform, preset: Preset
) -> None:
    """Sounds are compared up to 18 kHz: a style that is resampled rolls off above."""
    from presets.synthesis.contents import make_content

    content = resample(make_content("melody")[None], 44_100, sample_rate)[:, : 3 * sample_rate]
    style = resample(sound, 44_100, sample_rate)
    direct = astfx.transfer(content, sound, sample_rate, style_sample_rate=44_100)
    mine = astfx.transfer(content, preset, sample_rate)
    compared_rate = min(sample_rate, HIGHEST_COMPARED_RATE)
    clips = (resample(clip, sample_rate, compared_rate) for clip in (mine, direct, content))
    compared_style = resample(style, sample_rate, compared_rate)
    reached, wanted, before = (
        style_distance(clip, compared_style, compared_rate) for clip in clips
    )
    assert abs(reached - wanted) < LARGEST_DIFFERENCE_DB
    assert reached < before - 6.0


def test_the_effect_renders_what_transfer_renders(drops: Preset, melody: Waveform) -> None:
    content = melody[:, :RATE]
    plain = drops.with_settings(strength=1.0)
    targets = plain.targets(RenderPlan.of(Settings(options=plain.settings["options"]), RATE))
    options = plain.settings["options"]
    wanted = astfx.transfer(content, targets, RATE, options=options, iterations=4)
    assert np.array_equal(wanted, astfx.transfer(content, plain, RATE, iterations=4))
    effect = astfx.StyleTransfer(plain, engine="render", iterations=4)
    assert np.allclose(effect(content, RATE), wanted, atol=1e-5)


@pytest.mark.parametrize("engine", ["stream", "live"])
def test_blocks_and_whole_clips_sound_the_same(
    engine: str, drops: Preset, melody: Waveform
) -> None:
    content = np.ascontiguousarray(melody[:, : 2 * RATE])
    whole = astfx.StyleTransfer(drops, engine=engine)(content, RATE)
    effect = astfx.StyleTransfer(drops, engine=engine)
    delay = effect.latency_samples_at(RATE)
    padded = np.pad(content, ((0, 0), (0, delay)))
    rng = np.random.default_rng(0)
    blocks, start = [], 0
    while start < padded.shape[1]:
        size = int(rng.integers(2, 4000))
        block = np.ascontiguousarray(padded[:, start : start + size])
        blocks.append(effect(block, RATE, reset=False))
        start += size
    streamed = np.concatenate(blocks, axis=1)
    # A stream begins with the first output sample; the latency is not part of it.
    assert streamed.shape[1] >= whole.shape[1]
    assert np.allclose(streamed[:, : whole.shape[1]], whole, atol=1e-5)
    assert np.abs(whole - content).max() > 0.05


@pytest.mark.parametrize("engine", ["stream", "live"])
def test_an_engine_takes_a_preset_as_it_takes_its_targets(
    engine: str, drops: Preset, melody: Waveform
) -> None:
    targets = drops.targets(RenderPlan.of(Settings(), RATE))
    by_preset = astfx.StyleTransfer(drops, engine=engine, options={})(melody, RATE)
    by_targets = astfx.StyleTransfer(targets, engine=engine, strength=0.9)(melody, RATE)
    assert np.array_equal(by_preset, by_targets)
