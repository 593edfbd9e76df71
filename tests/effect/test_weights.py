"""Morphing by weights: any number of styles, checked, normalised, automated, without a click."""

from __future__ import annotations

import copy
import json
import pickle
import re
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import astfx
from astfx.audio import Waveform
from astfx.effect.automation import RAMP_SECONDS, Automation
from astfx.effect.controls import FADE_SECONDS
from astfx.effect.style_transfer import StyleTransfer
from astfx.effect.weights import Weights
from astfx.errors import AstfxError, EffectTypeError, InvalidSettingError
from astfx.styles.style import Style
from tests.effect.conftest import RATE, Make, blocks_of, streamed

BLOCK = 256
SAME = 1e-5
FOUR = {"rain": 0.2, "fire": 0.3, "bells": 0.4, "choir": 0.1}
DRAFT: dict[str, Any] = {"quality": "draft", "iterations": 2}


@pytest.fixture(scope="module")
def styles() -> list[astfx.StyleTargets]:
    """Noises of falling bandwidth."""
    rng = np.random.default_rng(0)
    kernels = (np.ones(n) / n for n in (1, 4, 16, 64))
    clips = [np.convolve(0.1 * rng.standard_normal(2 * RATE), k, "same")[None] for k in kernels]
    return [astfx.prepare_style(clip.astype(np.float32), RATE) for clip in clips]


def weighted(
    styles: list[astfx.StyleTargets], weights: list[Any], engine: str, **keywords: Any
) -> StyleTransfer:
    return StyleTransfer(styles[0], morph_to=styles[1:], morph=weights, engine=engine, **keywords)


@pytest.mark.parametrize("engine", ["stream", "live", "gain"])
def test_the_output_is_the_weighted_mean_of_the_styles(
    engine: str, styles: list[astfx.StyleTargets], clip: Waveform
) -> None:
    each = [streamed(StyleTransfer(style, engine=engine), clip, [BLOCK]) for style in styles]
    mixed = streamed(weighted(styles, [1, 2, 3, 4], engine), clip, [BLOCK])
    expected = sum(share * one for share, one in zip((0.1, 0.2, 0.3, 0.4), each, strict=True))
    np.testing.assert_allclose(mixed, expected, atol=SAME)


def test_the_render_engine_takes_weights(styles: list[astfx.StyleTargets], clip: Waveform) -> None:
    each = [StyleTransfer(style, engine="render", **DRAFT)(clip, RATE) for style in styles[:3]]
    effect = weighted(styles[:3], [2.0, 0.0, 6.0], "render", **DRAFT)
    np.testing.assert_allclose(effect(clip, RATE), 0.25 * each[0] + 0.75 * each[2], atol=SAME)
    assert [s.given for s in effect._controls.styles_used()] == [styles[0], styles[2]]
    seconds = clip.shape[1] / RATE
    moving = weighted(
        styles[:2], [Automation([(0.0, 1.0), (seconds, 0.0)]), 1.0], "render", **DRAFT
    )(clip, RATE)
    time = np.linspace(1.0, 0.0, clip.shape[1], endpoint=False)
    share = time / (1.0 + time)
    np.testing.assert_allclose(moving, each[0] * share + each[1] * (1.0 - share), atol=1e-4)


def test_a_mapping_names_styles_and_weights(clip: Waveform) -> None:
    effect = StyleTransfer(morph=FOUR, engine="live")
    assert effect.style == "rain"
    assert effect.morph_to == ["fire", "bells", "choir"]
    assert effect.morph == FOUR
    assert "morph=[0.2, 0.3, 0.4, 0.1]" in repr(effect)
    same = StyleTransfer("rain", morph_to=list(FOUR)[1:], morph=list(FOUR.values()), engine="live")
    np.testing.assert_array_equal(effect(clip, RATE), same(clip, RATE))
    first = StyleTransfer("bells", morph=FOUR, engine="live")
    assert first.style == "bells"
    assert first.morph == FOUR


def test_only_the_ratios_count(styles: list[astfx.StyleTargets], clip: Waveform) -> None:
    one, other = (weighted(styles, [k, 3 * k, 0, 0], "gain") for k in (0.01, 250.0))
    np.testing.assert_allclose(one(clip, RATE), other(clip, RATE), atol=SAME)


def weights_of(count: int, *values: Any) -> Weights:
    noise = np.random.default_rng(1).standard_normal(2048)
    return Weights(values, [Style.of(0.1 * noise, RATE) for _ in range(count)])


def test_shares_add_up_to_one_while_weights_move() -> None:
    weights = weights_of(3, 1.0, Automation([(0.0, 0.0), (1.0, 5.0)]), 0.5)
    before = np.stack(weights.shares(0, 1000, RATE))
    weights.set([0.0, 1.0, 7.0])
    after = np.stack(weights.shares(1000, 1000, RATE))
    shares = np.concatenate([before, after], axis=1)
    np.testing.assert_allclose(shares.sum(axis=0), 1.0, atol=1e-6)
    np.testing.assert_allclose(shares[:, -1], [0.0, 1 / 8, 7 / 8], atol=1e-6)
    # A ramp, not a jump.
    assert np.abs(np.diff(shares, axis=1)).max() < 5.0 / (RAMP_SECONDS * RATE)


def test_shares_stay_where_automations_reach_nothing() -> None:
    fall = Automation([(0.0, 2.0), (0.01, 0.0), (0.02, 0.0), (0.03, 1.0)])
    weights = weights_of(2, fall, Automation([(0.0, 6.0), (0.01, 0.0)]))
    shares = np.stack(weights.shares(0, round(0.05 * RATE), RATE))
    assert np.isfinite(shares).all()
    np.testing.assert_allclose(shares.sum(axis=0), 1.0, atol=1e-6)
    np.testing.assert_allclose(shares[:, round(0.015 * RATE)], [0.25, 0.75], atol=1e-3)
    np.testing.assert_allclose(shares[:, -1], [1.0, 0.0])
    silent = weights_of(2, Automation([(0.0, 0.0)]), Automation([(0.0, 0.0)]))
    np.testing.assert_array_equal(np.stack(silent.shares(0, 5, RATE)), 0.5)


def dull(length: int) -> astfx.StyleTargets:
    """A style of low noise, whose own second differences are tiny."""
    white = 0.1 * np.random.default_rng(length).standard_normal(2 * RATE)
    kernel = np.hanning(length) * 2.0 / length
    return astfx.prepare_style(np.convolve(white, kernel, "same")[None], RATE)


@pytest.mark.parametrize("engine", ["stream", "live", "gain"])
def test_a_change_of_weights_does_not_click(engine: str) -> None:
    """Second differences of a low tone show any click: a jump would be 50 times as large."""
    four = [dull(length) for length in (200, 400, 800, 600)]
    time = np.arange(2 * RATE) / RATE
    content = (0.3 * np.sin(2.0 * np.pi * 110.0 * time))[None].astype(np.float32)
    effect = weighted(four, [1, 0, 0, 0], engine)
    parts = []
    for index, block in enumerate(blocks_of(content, [BLOCK])):
        if index == 80:
            effect.morph = [0, 0, 0, 1]
        if index == 120:
            effect.morph = [1, 1, 1, 0]
        parts.append(effect.process(block, RATE, reset=False))
    found = np.abs(np.diff(np.concatenate(parts, axis=1), n=2)).max()
    steady = [streamed(StyleTransfer(each, engine=engine), content, [BLOCK]) for each in four]
    assert found < 2.0 * max(np.abs(np.diff(output, n=2)).max() for output in steady)


def test_a_mapping_with_the_same_styles_keeps_their_engines(clip: Waveform) -> None:
    effect = StyleTransfer(morph={"rain": 1.0, "fire": 1.0}, engine="gain")
    effect.process(clip[:, :8000], RATE, reset=False)
    before = effect._controls.blend.styles
    effect.morph = {"fire": 3.0, "rain": 1.0}
    assert effect.morph == {"rain": 1.0, "fire": 3.0}
    assert effect._controls.blend.styles == before
    effect.process(clip[:, 8000:16000], RATE, reset=False)
    assert not effect._controls._fade_left
    assert [float(s) for s in effect._controls._heard.values()] == [0.25, 0.75]


def test_new_names_fade_in_and_known_ones_keep_sounding(clip: Waveform) -> None:
    effect = StyleTransfer(morph={"rain": 1.0, "fire": 1.0}, engine="gain")
    effect.process(clip[:, :8000], RATE, reset=False)
    rain = effect._controls.blend.styles[0]
    effect.morph = {"bells": 1.0, "rain": 3.0}
    assert effect._controls.blend.styles[1] is rain
    n_fade = round(FADE_SECONDS * RATE)
    now = effect._controls.take(n_fade + 10, RATE)
    total = sum(now.shares.values())
    np.testing.assert_allclose(total, 1.0, atol=1e-6)
    assert np.abs(np.diff(now.shares[rain])).max() < 1e-3
    assert now.shares[rain][-1] == pytest.approx(0.75)


def test_between_a_position_and_weights(styles: list[astfx.StyleTargets], clip: Waveform) -> None:
    effect = StyleTransfer(styles[0], morph_to=styles[1:], morph=1.0, engine="gain")
    effect.process(clip[:, :8000], RATE, reset=False)
    effect.morph = [0.0, 0.0, 1.0, 0.0]
    assert effect.morph == [0.0, 0.0, 1.0, 0.0]
    effect.process(clip[:, 8000:20000], RATE, reset=False)
    assert effect._controls._heard[effect._controls.blend.styles[2]] == 1.0
    effect.morph = 3.0
    assert effect.morph == 3.0
    effect.process(clip[:, 8000:20000], RATE, reset=False)
    assert effect._controls._heard[effect._controls.blend.styles[3]] == 1.0


def test_a_single_style_of_several_may_be_replaced(styles: list[astfx.StyleTargets]) -> None:
    effect = weighted(styles[:2], [1.0, 3.0], "gain")
    effect.style = styles[3]
    assert effect.style is styles[3]
    assert effect.morph == [1.0, 3.0]
    effect.morph_to = styles[2]
    assert effect.morph == [1.0, 3.0]
    with pytest.raises(InvalidSettingError, match="morph has 2 weights for 3 styles: give one for"):
        effect.morph_to = [styles[1], styles[2]]


def test_weights_are_kept_by_copies_and_sessions(clip: Waveform) -> None:
    rise = Automation([(0.0, 0.0), (1.0, 2.0)])
    effect = StyleTransfer(morph={"rain": rise, "fire": 1.0}, engine="gain")
    expected = effect(clip, RATE)
    session = json.loads(json.dumps(effect.to_dict()))
    assert session["morph"] == [{"breakpoints": [[0.0, 0.0], [1.0, 2.0]]}, 1.0]
    for again in (
        StyleTransfer.from_dict(session),
        pickle.loads(pickle.dumps(effect)),
        copy.deepcopy(effect),
    ):
        assert again.morph == {"rain": rise, "fire": 1.0}
        np.testing.assert_array_equal(again(clip, RATE), expected)
    assert StyleTransfer.from_dict(session).to_dict() == effect.to_dict()


def test_a_prepared_effect_makes_no_engine_in_an_audio_call(
    styles: list[astfx.StyleTargets], monkeypatch: pytest.MonkeyPatch
) -> None:
    makers: list[threading.Thread] = []
    built = StyleTransfer._built

    def recorded(effect: StyleTransfer, *args: Any) -> Any:
        makers.append(threading.current_thread())
        return built(effect, *args)

    effect = weighted(styles, [1, 0, 0, 0], "live")
    effect.prepare(RATE, channels=1, block_size=BLOCK)
    monkeypatch.setattr(StyleTransfer, "_built", recorded)
    content = 0.1 * np.random.default_rng(2).standard_normal((1, 4096)).astype(np.float32)
    for turn in range(12):
        weights = [0, 0, 0, 0]
        weights[turn % 4] = 1
        effect.morph = weights
        for block in blocks_of(content, [BLOCK]):
            effect.process(block, RATE, reset=False)
        if effect._spares is not None:
            effect._spares.join()
    assert makers
    assert threading.main_thread() not in makers


@pytest.mark.parametrize(
    ("arguments", "keywords", "error", "message"),
    [
        ((), {}, EffectTypeError, "style=None must be a sound to imitate, unless morph is a mapp"),
        ((), {"morph": {}}, InvalidSettingError, "morph={} has no style: give styles with their"),
        ((), {"morph": {3: 1.0}}, EffectTypeError, "morph has the key 3: name presets or paths"),
        (("rain",), {"morph": "fire"}, EffectTypeError, "Morph must be a number or an astfx.Auto"),
        (
            ("bells",),
            {"morph": {"rain": 1.0}},
            InvalidSettingError,
            "style='bells' has no weight in morph: name it there, or leave it out",
        ),
        (
            (),
            {"morph": {"rain": 1.0}, "morph_to": "fire"},
            InvalidSettingError,
            "morph_to='fire' must be left out where morph maps styles to weights",
        ),
        (
            (),
            {"morph": {"rain": -1.0}},
            InvalidSettingError,
            "The weight of 'rain' must be between 0.0 and 1000.0. (got -1)",
        ),
        (
            (),
            {"morph": {"rain": float("nan")}},
            InvalidSettingError,
            "The weight of 'rain' must be between 0.0 and 1000.0. (got nan)",
        ),
        (
            (),
            {"morph": {"rain": "much"}},
            EffectTypeError,
            "The weight of 'rain' must be a number or an astfx.Automation, not 'much'",
        ),
        (
            (),
            {"morph": {"rain": 0.0, "fire": 0}},
            InvalidSettingError,
            "the weights in morph are all 0: give one style some weight",
        ),
        (
            ("rain",),
            {"morph_to": "fire", "morph": [1.0]},
            InvalidSettingError,
            "morph has 1 weights for 2 styles: give one for each, that of `style` first",
        ),
        ((), {"morph": {"nothing at all": 1.0}}, AstfxError, "nothing at all"),
    ],
)
def test_what_weights_refuse(
    arguments: tuple[Any, ...], keywords: dict[str, Any], error: type[AstfxError], message: str
) -> None:
    with pytest.raises(error, match=re.escape(message)):
        StyleTransfer(*arguments, **keywords)


def test_a_change_that_is_refused_changes_nothing(make: Make) -> None:
    effect = StyleTransfer(morph={"rain": 1.0, "fire": 1.0}, engine="gain")
    wrong: Any
    for wrong in ({"rain": 5.0, "fire": -1.0}, {"rain": 0, "fire": 0}, [5.0, -1.0], [1.0]):
        with pytest.raises(AstfxError):
            effect.morph = wrong
        assert effect.morph == {"rain": 1.0, "fire": 1.0}


def test_paths_are_styles_too(rain: Waveform, tmp_path: Path, clip: Waveform) -> None:
    import soundfile

    soundfile.write(tmp_path / "own.wav", rain[0], RATE)
    path = tmp_path / "own.wav"
    effect = StyleTransfer(morph={path: 1.0, "fire": 1.0}, engine="gain")
    assert effect.morph == {path: 1.0, "fire": 1.0}
    assert np.isfinite(effect(clip, RATE)).all()
