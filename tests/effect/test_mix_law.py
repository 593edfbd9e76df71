"""The two laws of `mix`: linear, and equal power for signals that differ in phase."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import astfx
from astfx.audio import Waveform
from astfx.dsp.crossfade import mix_gains
from astfx.errors import InvalidSettingError
from astfx.streaming.streamer import mixed
from tests.effect.conftest import RATE, Make, streamed

LEVEL_DB = 0.5
SAME = 1e-6
DRAFT: dict[str, Any] = {"engine": "render", "quality": "draft", "iterations": 2}
MIXES = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0)


def power(waveform: Waveform) -> float:
    return float(np.square(waveform.astype(np.float64)).mean())


def noise(seed: int) -> Waveform:
    samples = 0.1 * np.random.default_rng(seed).standard_normal((2, 2 * RATE))
    return samples.astype(np.float32)


def curve(share: float) -> Any:
    return np.full(2 * RATE, share, np.float32)


@pytest.mark.parametrize("share", MIXES)
def test_equal_power_keeps_the_level_of_signals_that_differ_in_phase(share: float) -> None:
    dry, wet = noise(0), noise(1)
    level = 10.0 * np.log10(power(mixed(dry, wet, curve(share), "equal_power")) / power(dry))
    assert abs(level) < LEVEL_DB


def test_linear_dips_there_by_three_decibels_and_keeps_the_level_of_equal_signals() -> None:
    dry, wet = noise(0), noise(1)
    level = 10.0 * np.log10(power(mixed(dry, wet, curve(0.5), "linear")) / power(dry))
    assert level == pytest.approx(-3.0, abs=LEVEL_DB)
    np.testing.assert_allclose(mixed(dry, dry, curve(0.3), "linear"), dry, atol=SAME)


@pytest.mark.parametrize("law", ["linear", "equal_power"])
def test_both_ends_are_exact(law: str) -> None:
    dry, wet = noise(0), noise(1)
    dry[0, 5] = np.nan
    np.testing.assert_array_equal(mixed(dry, wet, curve(0.0), law), dry)
    np.testing.assert_array_equal(mixed(dry, wet, curve(1.0), law), wet)
    moving = np.linspace(0.0, 1.0, 2 * RATE, dtype=np.float32)
    output = mixed(dry, wet, moving, law)
    np.testing.assert_array_equal(output[:, 0], dry[:, 0])
    np.testing.assert_array_equal(output[:, -1], wet[:, -1])
    for share, gains in ((0.0, (1.0, 0.0)), (1.0, (0.0, 1.0))):
        assert tuple(float(gain) for gain in mix_gains(share, law)) == gains


def test_the_level_of_a_render_stays_within_half_a_decibel(make: Make, clip: Waveform) -> None:
    effect = make(engine="render", mix_law="equal_power")
    wet = effect(clip, RATE)
    for share in MIXES:
        # Both ends have about the same level, and the mix goes from one to the other.
        shares = np.cos(0.5 * np.pi * share) ** 2, np.sin(0.5 * np.pi * share) ** 2
        expected = power(clip) * shares[0] + power(wet) * shares[1]
        output = mixed(clip, wet, curve(share)[: clip.shape[1]], "equal_power")
        assert abs(10.0 * np.log10(power(output) / expected)) < LEVEL_DB
    effect.mix = 0.5
    output = mixed(clip, wet, curve(0.5)[: clip.shape[1]], "equal_power")
    np.testing.assert_allclose(effect(clip, RATE), output, atol=SAME)


@pytest.mark.parametrize("engine", ["render", "stream", "live", "gain"])
def test_every_engine_mixes_by_the_law(engine: str, make: Make, clip: Waveform) -> None:
    keywords = DRAFT if engine == "render" else {"engine": engine}
    wet = make(**keywords)(clip, RATE)
    dry_gain, wet_gain = mix_gains(0.3, "equal_power")
    effect = make(**keywords, mix=0.3, mix_law="equal_power")
    np.testing.assert_allclose(effect(clip, RATE), dry_gain * clip + wet_gain * wet, atol=1e-5)
    assert effect.mix_law == "equal_power"
    linear = make(**keywords, mix=0.3)
    np.testing.assert_allclose(linear(clip, RATE), 0.7 * clip + 0.3 * wet, atol=1e-5)
    assert linear.mix_law == "linear"


@pytest.mark.parametrize("engine", ["stream", "live", "gain"])
def test_off_is_bit_for_bit(engine: str, make: Make, clip: Waveform) -> None:
    effect = make(engine=engine, mix=0.0, mix_law="equal_power")
    output = streamed(effect, clip, [300])
    np.testing.assert_array_equal(output, clip[:, : output.shape[1]])


def test_transfer_files_presets_and_sessions_have_it(
    rain: Waveform, clip: Waveform, tmp_path: Path
) -> None:
    quick: Any = {"quality": "draft", "iterations": 2}
    wet = astfx.transfer(clip, rain, RATE, style_sample_rate=RATE, **quick)
    output = astfx.transfer(
        clip, rain, RATE, style_sample_rate=RATE, mix=0.4, mix_law="equal_power", **quick
    )
    dry_gain, wet_gain = mix_gains(0.4, "equal_power")
    np.testing.assert_allclose(output, dry_gain * clip + wet_gain * wet, atol=1e-5)
    effect = astfx.StyleTransfer("rain", mix_law="equal_power", mix=0.5, engine="live")
    again = astfx.StyleTransfer.from_dict(effect.to_dict())
    assert again.mix_law == "equal_power"
    soundfile.write(tmp_path / "in.wav", clip.T, RATE, subtype="FLOAT")
    astfx.render_file(again, tmp_path / "in.wav", tmp_path / "out.wav", float_samples=True)
    found, _ = soundfile.read(tmp_path / "out.wav", dtype="float32", always_2d=True)
    np.testing.assert_allclose(found.T[:, : clip.shape[1]], effect(clip, RATE), atol=1e-5)


def test_a_preset_may_carry_it() -> None:
    preset = astfx.presets.find("rain").with_settings(mix_law="equal_power")
    assert astfx.StyleTransfer(preset, engine="live").mix_law == "equal_power"
    assert astfx.StyleTransfer(preset, engine="live", mix_law="linear").mix_law == "linear"


def test_another_law_is_refused() -> None:
    message = "mix_law='cubic' must be one of linear, equal_power"
    with pytest.raises(InvalidSettingError, match=re.escape(message)):
        astfx.StyleTransfer("rain", mix_law="cubic")
    with pytest.raises(InvalidSettingError, match=re.escape(message)):
        astfx.transfer(noise(0), "rain", RATE, mix_law="cubic")
