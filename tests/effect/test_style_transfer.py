"""`StyleTransfer`: what it accepts, what it refuses, and which engine it uses."""

from __future__ import annotations

import copy
import json
import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import astfx
from astfx import presets
from astfx.audio import Waveform
from astfx.errors import (
    AstfxError,
    AudioFileNotFoundError,
    AudioTypeError,
    EffectError,
    InvalidAudioError,
    InvalidSettingError,
    PresetChangedWarning,
    PresetNotFoundError,
)
from astfx.metrics import style_distance
from astfx.styles.style import Style
from tests.effect.conftest import RATE, Make, streamed

DRAFT: dict[str, Any] = {"quality": "draft", "iterations": 3}
# Largest share of the content's style distance that may remain.
LEFT = {"render": 0.3, "stream": 0.6, "live": 0.75}


@pytest.fixture(scope="module")
def rain_file(rain: Waveform, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("styles") / "rain.wav"
    soundfile.write(path, rain.T, RATE, subtype="FLOAT")
    return path


@pytest.mark.parametrize("engine", ["render", "stream", "live"])
def test_the_result_moves_to_the_style(
    engine: str, melody: Waveform, rain: Waveform, make: Make
) -> None:
    """By a measure that is not optimised, in the second half, when the streams have settled."""
    output = make(engine=engine)(melody, RATE)
    settled = slice(melody.shape[1] // 2, None)
    before = style_distance(melody[:, settled], rain, RATE)
    assert style_distance(output[:, settled], rain, RATE) < LEFT[engine] * before


def test_render_engine_is_transfer(
    clip: Waveform, rain: Waveform, rain_targets: astfx.StyleTargets
) -> None:
    for keywords in ({}, {"strength": 0.5}, {"mix": 0.25}, {"seed": 3, "phase": "griffin-lim"}):
        settings: dict[str, Any] = {**DRAFT, **keywords}
        expected = astfx.transfer(clip, rain_targets, RATE, **settings)
        effect = astfx.StyleTransfer(rain_targets, engine="render", **settings)
        np.testing.assert_allclose(effect(clip, RATE), expected, atol=1e-6)
    expected = astfx.transfer(clip, rain, RATE, **DRAFT)
    effect = astfx.StyleTransfer(rain, style_sample_rate=RATE, engine="auto", **DRAFT)
    np.testing.assert_allclose(effect(clip, RATE), expected, atol=1e-6)


def test_auto_renders_clips_and_streams_blocks(make: Make, clip: Waveform) -> None:
    auto = make(**DRAFT)
    np.testing.assert_array_equal(auto(clip, RATE), make(engine="render", **DRAFT)(clip, RATE))
    stream = make(engine="stream")
    np.testing.assert_array_equal(streamed(auto, clip, [700]), streamed(stream, clip, [700]))
    assert auto.latency_samples == stream.latency_samples
    assert make(engine="render").latency_samples == 0


@pytest.mark.parametrize("window_ms", [5.0, 300.0, 500.0])
def test_stream_works_with_any_window(window_ms: float, rain: Waveform, clip: Waveform) -> None:
    """The longer the window, the fewer frames a second the modulations have."""
    effect = astfx.StyleTransfer(rain, style_sample_rate=RATE, engine="stream", window_ms=window_ms)
    output = effect(clip, RATE)
    assert np.isfinite(output).all()
    assert 0.1 < np.abs(output).max() / np.abs(clip).max() < 2.0


def test_engine_render_refuses_blocks_and_names_the_others(make: Make) -> None:
    message = (
        "engine='render' needs the whole clip (reset=True): use engine='stream' or engine='live' "
        "for blocks (reset=False)"
    )
    effect = make(engine="render")
    with pytest.raises(RuntimeError, match=re.escape(message)):
        effect.process(np.zeros((2, 100), np.float32), RATE, reset=False)
    with pytest.raises(EffectError, match=re.escape(message)):
        astfx.Pedalboard([effect]).process(np.zeros((2, 100), np.float32), RATE, reset=False)


@pytest.mark.parametrize("engine", ["stream", "live"])
def test_engines_for_blocks_refuse_other_methods(engine: str, make: Make) -> None:
    message = f"engine='{engine}' works block by block with method='gram' only, not 'content'"
    method = next(name for name in astfx_methods() if name != "gram")
    message = message.replace("content", method)
    with pytest.raises(EffectError, match=message):
        make(engine=engine, method=method)
    effect = make(method=method, engine="render")
    with pytest.raises(EffectError, match=message):
        effect.engine = engine
    assert effect.engine == "render"
    with pytest.raises(EffectError, match="works block by block with method='gram' only"):
        make(method=method).process(np.zeros((2, 100), np.float32), RATE, reset=False)


def astfx_methods() -> list[str]:
    from astfx.methods import METHODS

    return list(METHODS)


def test_strength_over_time_in_the_render_engine(make: Make, clip: Waveform) -> None:
    """Where it is 0 the content is unchanged, bit for bit. Where it is 1 the result is full."""
    curve = astfx.Automation([(0.5, 0.0), (0.8, 1.0)])
    output = make(engine="render", strength=curve, **DRAFT)(clip, RATE)
    full = make(engine="render", **DRAFT)(clip, RATE)
    dry, wet = slice(0, RATE // 2), slice(round(1.0 * RATE), None)
    np.testing.assert_array_equal(output[:, dry], clip[:, dry])

    def error(a: Waveform, b: Waveform) -> float:
        return float(np.square(a - b).mean() / np.square(b).mean())

    assert error(output[:, wet], full[:, wet]) < 0.5 * error(output[:, wet], clip[:, wet])
    middle = slice(round(0.55 * RATE), round(0.75 * RATE))
    assert 0.0 < error(output[:, middle], clip[:, middle]) < error(full[:, middle], clip[:, middle])


def test_mix_and_morph_in_the_render_engine(
    make: Make, clip: Waveform, second_targets: astfx.StyleTargets
) -> None:
    first = make(engine="render", **DRAFT)(clip, RATE)
    second = make(engine="render", style=second_targets, **DRAFT)(clip, RATE)
    effect = make(engine="render", morph_to=second_targets, morph=0.25, mix=0.5, **DRAFT)
    expected = 0.5 * clip + 0.5 * (0.75 * first + 0.25 * second)
    np.testing.assert_allclose(effect(clip, RATE), expected, atol=1e-6)
    effect.mix = 0.0
    np.testing.assert_array_equal(effect(clip, RATE), clip)


def test_morph_leads_through_a_list_of_styles(
    make: Make, clip: Waveform, rain: Waveform, second_targets: astfx.StyleTargets
) -> None:
    third_targets = astfx.prepare_style(rain[:, ::-1].copy(), RATE)
    first, second, third = (
        make(engine="render", **style, **DRAFT)(clip, RATE)
        for style in ({}, {"style": second_targets}, {"style": third_targets})
    )
    further = [second_targets, third_targets]
    effect = make(engine="render", morph_to=further, morph=1.25, **DRAFT)
    np.testing.assert_allclose(effect(clip, RATE), 0.75 * second + 0.25 * third, atol=1e-6)
    assert effect.morph_to == further
    seconds = clip.shape[1] / RATE
    effect.morph = astfx.Automation([(0.0, 0.0), (seconds / 2, 1.0), (seconds, 2.0)])
    place = 2.0 * np.arange(clip.shape[1]) / clip.shape[1]
    shares = [np.maximum(1.0 - np.abs(place - index), 0.0) for index in range(3)]
    expected = shares[0] * first + shares[1] * second + shares[2] * third
    np.testing.assert_allclose(effect(clip, RATE), expected, atol=1e-4)


def test_a_place_beyond_the_last_style_is_refused(make: Make, rain: Waveform) -> None:
    with pytest.raises(InvalidSettingError, match=r"Morph must be between 0.0 and 1.0. \(got 2\)"):
        make(morph_to="bells", morph=2)
    effect = make(morph_to=["bells", "rain"], morph=2)
    with pytest.raises(
        InvalidSettingError, match=r"Morph must be between 0.0 and 2.0. \(got 2.5\)"
    ):
        effect.morph = 2.5
    effect.morph_to = None
    assert effect.morph_to is None


def test_several_styles_can_be_written_down(make: Make) -> None:
    effect = make(style="rain", morph_to=["bells", "wind"], morph=1.5)
    again = astfx.StyleTransfer.from_dict(effect.to_dict())
    assert (again.morph_to, again.morph) == (["bells", "wind"], 1.5)
    assert "morph_to=['bells', 'wind'] morph=1.5" in repr(again)


@pytest.mark.parametrize("engine", ["render", "live"])
@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30])
def test_bad_samples_are_digested(engine: str, value: float, make: Make, clip: Waveform) -> None:
    bad = clip.copy()
    bad[0, 9000:9010] = value
    assert np.isfinite(make(engine=engine, **DRAFT)(bad, RATE)).all()
    np.testing.assert_array_equal(make(engine=engine, mix=0.0, **DRAFT)(bad, RATE), bad)


@pytest.mark.parametrize("engine", ["render", "stream", "live"])
def test_a_style_may_be_a_file_an_array_targets_or_saved_targets(
    engine: str, rain: Waveform, rain_file: Path, tmp_path: Path, clip: Waveform
) -> None:
    prepared = astfx.prepare_style(rain, RATE)
    prepared.save(tmp_path / "rain.safetensors")
    styles: list[Any] = [
        rain_file,
        str(rain_file),
        prepared,
        tmp_path / "rain.safetensors",
        str(tmp_path / "rain.safetensors"),
    ]
    content = clip[:, : RATE // 2]
    given = {"engine": engine, **DRAFT}
    expected = astfx.StyleTransfer(rain, style_sample_rate=RATE, **given)(content, RATE)
    for style in styles:
        effect = astfx.StyleTransfer(style, **given)
        np.testing.assert_allclose(effect(content, RATE), expected, atol=1e-5)
        assert effect.style is style


def test_the_style_is_copied_and_resampled_for_any_rate(rain: Waveform) -> None:
    own = rain.copy()
    effect = astfx.StyleTransfer(own, style_sample_rate=RATE, engine="live")
    noise = np.random.default_rng(0).standard_normal((2, 9000)).astype(np.float32)
    first = effect(noise, 44100)
    own[:] = 0.0
    assert effect(noise, 16000).shape == noise.shape
    np.testing.assert_array_equal(effect(noise, 44100), first)


@pytest.mark.parametrize(
    ("style", "keywords", "kind", "message"),
    [
        ("none.wav", {}, AudioFileNotFoundError, "style file 'none.wav' does not exist"),
        (np.ones(9000), {}, InvalidSettingError, "style_sample_rate=None must be given for a"),
        (np.ones(9000), {"style_sample_rate": 10}, InvalidSettingError, "style_sample_rate=10 mu"),
        (np.ones(0), {"style_sample_rate": RATE}, InvalidAudioError, "style"),
        (np.full(99, np.nan), {"style_sample_rate": RATE}, InvalidAudioError, "style"),
        (np.ones(9000, int), {"style_sample_rate": RATE}, AudioTypeError, "style"),
    ],
)
def test_styles_are_checked(style: Any, keywords: Any, kind: Any, message: str) -> None:
    with pytest.raises(kind, match=re.escape(message)):
        astfx.StyleTransfer(style, **keywords)
    effect = astfx.StyleTransfer(np.ones(RATE), style_sample_rate=RATE)
    if "style_sample_rate" not in keywords and not isinstance(style, np.ndarray):
        before = effect.style
        with pytest.raises(kind, match=re.escape(message)):
            effect.style = style
        with pytest.raises(kind, match=re.escape(message)):
            effect.morph_to = style
        assert effect.style is before
        assert effect.morph_to is None


def test_what_is_no_style_is_named(rain_file: Path) -> None:
    for wrong in (3, None, [0.0, 1.0], object()):
        with pytest.raises(TypeError):
            astfx.StyleTransfer(wrong)  # type: ignore[arg-type]
    message = "style_sample_rate=22050 is for a style that is an array"
    with pytest.raises(InvalidSettingError, match=message):
        Style.of(rain_file, RATE)  # an effect keeps it for later arrays, a file has its own


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"engine": "fast"}, "engine='fast' must be one of auto, render, stream, live"),
        ({"method": "magic"}, "method='magic'"),
        ({"quality": "great"}, "quality='great'"),
        ({"iterations": 0}, "iterations=0"),
        ({"seed": -1}, "seed=-1"),
        ({"device": "abacus"}, "device='abacus'"),
        ({"phase": "guess"}, "phase='guess'"),
        ({"options": {"colour": 1}}, "colour"),
    ],
)
def test_settings_are_checked_at_once(keywords: dict[str, Any], message: str, make: Make) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        make(**keywords)


def test_a_keyword_that_does_not_exist_is_a_type_error(make: Make) -> None:
    with pytest.raises(TypeError, match="there is no setting 'speed'"):
        make(speed=2)
    with pytest.raises(TypeError):
        astfx.StyleTransfer()
    with pytest.raises(TypeError):
        astfx.StyleTransfer(np.ones(9000), 0.5)  # type: ignore[call-arg]


def test_what_is_fixed_cannot_be_set(make: Make) -> None:
    effect = make(seed=7, quality="best")
    assert (effect.method, effect.quality, effect.seed) == ("gram", "best", 7)
    for name in ("method", "quality", "seed", "latency_samples"):
        with pytest.raises(AttributeError):
            setattr(effect, name, getattr(effect, name))
    with pytest.raises(InvalidSettingError, match="engine='fast' must be one of"):
        effect.engine = "fast"
    assert effect.engine == "auto"


def test_targets_for_another_rate_or_method_are_refused(make: Make) -> None:
    for engine in ("render", "stream", "live"):
        with pytest.raises(AstfxError, match="22050"):
            make(engine=engine)(np.ones((1, 9000), np.float32), 44100)


def test_a_subclass_may_have_attributes_of_its_own(make: Make, rain: Waveform) -> None:
    class Loud(astfx.StyleTransfer):
        def __init__(self) -> None:
            super().__init__(rain, style_sample_rate=RATE)
            self.loudness = 11

    assert Loud().loudness == 11


def test_a_user_may_write_an_effect_in_python() -> None:
    from astfx.effect.base import Effect

    class Invert(Effect):
        def _restart(self) -> None: ...

        def latency_samples_at(self, sample_rate: float) -> int:
            return 0

        def _stream(self, waveform: Waveform, sample_rate: int, buffer_size: int) -> Waveform:
            return -waveform

        def _shown(self) -> dict[str, str]:
            return {"gain": "-1"}

    ramp = np.arange(6, dtype=np.float32).reshape(3, 2)
    np.testing.assert_array_equal(astfx.Pedalboard([Invert(), Invert()])(ramp, RATE), ramp)
    np.testing.assert_array_equal(Invert()(ramp, RATE), -ramp)


@pytest.mark.parametrize("way", ["dict", "json", "pickle", "deepcopy", "copy"])
def test_an_effect_can_be_written_down_and_copied(
    way: str, rain: Waveform, rain_file: Path, clip: Waveform
) -> None:
    effect = astfx.StyleTransfer(
        rain_file,
        strength=astfx.Automation([(0.0, 0.2), (1.0, 0.9)]),
        mix=0.7,
        engine="live",
        morph_to=rain[0, :RATE],
        morph=0.3,
        options={},
        style_sample_rate=RATE,
        seed=4,
    )
    effect.process(clip, RATE, reset=False)  # the state of the stream is not copied
    ways: dict[str, Any] = {
        "dict": lambda e: astfx.StyleTransfer.from_dict(e.to_dict()),
        "json": lambda e: astfx.StyleTransfer.from_dict(json.loads(json.dumps(e.to_dict()))),
        "pickle": lambda e: pickle.loads(pickle.dumps(e)),
        "deepcopy": copy.deepcopy,
        "copy": copy.copy,
    }
    again = ways[way](effect)
    assert type(again) is astfx.StyleTransfer
    assert again.to_dict() == effect.to_dict()
    assert repr(again).split(" at ")[0] == repr(effect).split(" at ")[0]
    np.testing.assert_array_equal(again(clip, RATE), effect(clip, RATE))
    again.mix = 0.1
    assert effect.mix == 0.7


def test_prepared_targets_pickle_but_do_not_fit_a_dict(make: Make, clip: Waveform) -> None:
    effect = make(engine="live", strength=0.5)
    again = pickle.loads(pickle.dumps(effect))
    np.testing.assert_array_equal(again(clip, RATE), effect(clip, RATE))
    message = "style is a prepared style, which a dict cannot hold: save it and pass a path"
    with pytest.raises(EffectError, match=message):
        effect.to_dict()


@pytest.fixture
def own_preset(rain: Waveform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a preset of the user's."""
    monkeypatch.setenv("ASTFX_PRESETS", str(tmp_path))
    presets.keep(presets.Preset.from_audio(rain, name="own", sample_rate=RATE, max_frames=40))
    return "own"


def test_a_factory_preset_is_written_by_its_name_and_digest() -> None:
    effect = astfx.StyleTransfer("Rain", engine="live")
    written = effect.to_dict()["style"]
    assert written["name"] == "Rain"
    assert "preset" not in written
    assert astfx.StyleTransfer.from_dict(effect.to_dict()).style == "Rain"


def test_another_preset_of_a_factory_name_is_noticed() -> None:
    values = astfx.StyleTransfer("rain", engine="live").to_dict()
    values["style"]["sha256"] = "0" * 64
    with pytest.warns(PresetChangedWarning, match="style: the preset 'rain' is not the one that"):
        effect = astfx.StyleTransfer.from_dict(values)
    assert effect.style == "rain"


def test_a_preset_of_the_users_travels_with_the_session(
    own_preset: str, rain: Waveform, clip: Waveform
) -> None:
    effect = astfx.StyleTransfer(own_preset, engine="live")
    values = json.loads(json.dumps(effect.to_dict()))
    assert astfx.StyleTransfer.from_dict(values).style == "own"
    # Another sound under this name, and then none: the one that was saved is heard.
    other = presets.Preset.from_audio(rain[:, ::2], name="own", sample_rate=RATE, max_frames=40)
    presets.keep(other, replace=True)
    expected = effect(clip, RATE)
    for _ in range(2):
        again = astfx.StyleTransfer.from_dict(values)
        assert isinstance(again.style, presets.Preset)
        np.testing.assert_array_equal(again(clip, RATE), expected)
        if "own" in presets.names():
            presets.remove("own")
    del values["style"]["preset"]
    with pytest.raises(PresetNotFoundError, match="there is no preset 'own'"):
        astfx.StyleTransfer.from_dict(values)


def test_sessions_of_earlier_versions_still_load() -> None:
    values = {**astfx.StyleTransfer("rain", engine="live").to_dict(), "style": "rain"}
    assert astfx.StyleTransfer.from_dict(values).style == "rain"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"plugin": "astfx.Mix"}, "plugin='astfx.Mix' must be 'astfx.StyleTransfer'"),
        ({"plugin": None}, "plugin=None must be 'astfx.StyleTransfer'"),
        ({"speed": 3}, "there is no setting 'speed'"),
        ({"style": {"samples": ["a"]}}, "style: samples must be numbers"),
        ({"style": {"sample": []}}, "style must be an array, a path, a preset"),
        ({"strength": {"breakpoints": [[0.0]]}}, "must be pairs of (seconds, value)"),
        ({"mix": 2.0}, "Mix must be between 0.0 and 1.0."),
        ({"engine": "fast"}, "engine='fast' must be one of"),
    ],
)
def test_dicts_are_checked(changes: dict[str, Any], message: str) -> None:
    effect = astfx.StyleTransfer(np.ones(100), style_sample_rate=RATE)
    values = {**effect.to_dict(), **changes}
    with pytest.raises(AstfxError, match=re.escape(message)):
        astfx.StyleTransfer.from_dict(values)
    with pytest.raises(InvalidSettingError, match="values do not make a StyleTransfer"):
        astfx.StyleTransfer.from_dict({"plugin": "astfx.StyleTransfer"})


def test_a_long_clip_streams_in_bounded_pieces(make: Make) -> None:
    """Only a few blocks of samples are queued, instead of four times the clip."""
    import tracemalloc

    effect = make(engine="live", mix=0.0)
    clip = np.zeros((1, 40 * RATE), np.float32)
    effect(clip[:, :9000], RATE)
    tracemalloc.start()
    effect(clip, RATE)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5.5 * clip.nbytes


@pytest.mark.parametrize("size", [100, 4096])
def test_a_change_during_a_fade_does_not_depend_on_the_block_size(
    size: int, make: Make, clip: Waveform
) -> None:
    outputs = []
    for n in (clip.shape[1], size):
        effect = make(engine="live")
        parts = [effect.process(clip[:, :1_000], RATE, reset=False)]
        effect.style = "bells"
        effect.morph = {"bells": 1.0, "wind": 1.0}  # waits until the fade has ended
        for first in range(1_000, clip.shape[1], n):
            parts.append(effect.process(clip[:, first : first + n], RATE, reset=False))
        outputs.append(np.concatenate(parts, axis=1))
    np.testing.assert_array_equal(outputs[0], outputs[1])
