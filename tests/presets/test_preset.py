from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

import astfx
from astfx.audio import Waveform
from astfx.errors import AstfxError, InvalidAudioError, InvalidSettingError, PresetError
from astfx.features.arc_cosine import ArcCosineLoss, ReferenceSet, make_references
from astfx.methods.gram import style_groups
from astfx.metrics import standard_bank_db
from astfx.plan import RenderPlan
from astfx.presets import Preset
from astfx.presets.profiles import profile
from astfx.settings import Settings
from astfx.styles.analysis import LIVE_KEYS
from astfx.styles.targets import StyleTargets

RATE = 22_050


def described(preset: Preset) -> dict[str, object]:
    keys = ("name", "grid", "author", "licence", "description", "family", "tags")
    found: dict[str, object] = {key: getattr(preset, key) for key in keys}
    return {**found, "settings": dict(preset.settings), "provenance": dict(preset.provenance)}


def assert_same(one: Preset, other: Preset) -> None:
    assert described(one) == described(other)
    assert set(one.tensors) == set(other.tensors)
    for key, tensor in one.tensors.items():
        assert tensor.dtype == other.tensors[key].dtype
        assert torch.equal(tensor, other.tensors[key]), key


@pytest.mark.parametrize("suffix", [".astfx", ".toml"])
def test_what_is_saved_is_loaded_again(suffix: str, drops: Preset, tmp_path: Path) -> None:
    drops.save(tmp_path / f"drops{suffix}")
    assert_same(drops, Preset.load(tmp_path / f"drops{suffix}"))
    files = {".astfx": ["drops.astfx"], ".toml": ["drops.safetensors", "drops.toml"]}[suffix]
    assert sorted(p.name for p in tmp_path.iterdir()) == files


def test_a_blend_is_saved_and_loaded_again(drops: Preset, strings: Preset, tmp_path: Path) -> None:
    blend = Preset.blend({drops: 2, strings: 1}, name="wet-strings", tags=("both",))
    blend.save(tmp_path / "b.astfx")
    assert_same(blend, Preset.load(tmp_path / "b.astfx"))
    assert blend.provenance["blend_of"] == {"drops": 0.666667, "strings": 0.333333}


def test_ten_seconds_take_less_than_a_megabyte(tmp_path: Path) -> None:
    noise = 0.1 * np.random.default_rng(0).standard_normal((2, 441_000)).astype(np.float32)
    soundfile.write(tmp_path / "noise.wav", noise.T, 44_100)
    preset = Preset.from_audio(tmp_path / "noise.wav", name="noise")
    preset.save(tmp_path / "noise.astfx")
    assert (tmp_path / "noise.astfx").stat().st_size < 1_000_000
    assert preset.provenance["seconds"] == 10.0


def test_frames_are_kept_to_within_their_step(drops: Preset, rain: Waveform) -> None:
    direct = astfx.prepare_style(rain, 44_100, style_sample_rate=RATE).tensors["frames"]
    mine = drops.targets(RenderPlan.of(Settings(), 44_100)).tensors["frames"]
    assert mine.shape == direct.shape
    assert float((mine - direct).abs().max()) <= 0.5 * 10.0 / 255.0 + 1e-5


def test_settings_are_exchanged_without_touching_the_style(drops: Preset) -> None:
    other = drops.with_settings(strength=0.5, engine="stream")
    assert other.settings == {**drops.settings, "strength": 0.5, "engine": "stream"}
    assert other.tensors is drops.tensors
    assert drops.settings["strength"] == 0.9


def test_a_presets_settings_are_the_defaults(
    drops: Preset, melody: Waveform, tmp_path: Path
) -> None:
    content = melody[:, :RATE]
    dry = drops.with_settings(strength=0.0)
    assert np.array_equal(astfx.transfer(content, dry, RATE), content)
    assert not np.array_equal(
        astfx.transfer(content, dry, RATE, strength=1.0, iterations=1, quality="draft"), content
    )
    effect = astfx.StyleTransfer(drops.with_settings(engine="live", mix=0.5, quality="best"))
    found = (effect.strength, effect.mix, effect.engine, effect.quality)
    assert found == (0.9, 0.5, "live", "best")
    assert astfx.StyleTransfer(drops, strength=0.2).strength == 0.2
    soundfile.write(tmp_path / "in.wav", content.T, RATE, subtype="FLOAT")
    report = astfx.transfer_file(tmp_path / "in.wav", dry, tmp_path / "out.wav")
    assert report.settings.strength == 0.0
    assert report.options["bias"] == 0.4


def _references(
    preset: Preset, widths: tuple[int, ...], like: ReferenceSet | None = None
) -> ReferenceSet:
    tensors = preset.targets(RenderPlan.of(Settings(), 44_100)).tensors
    runs = torch.split(tensors["frames"], tensors["run_lengths"].tolist())
    return make_references(style_groups(tensors, runs), widths, bias=0.5, like=like)


def test_a_blends_loss_is_that_of_the_weighted_reference_set(
    drops: Preset, strings: Preset
) -> None:
    """For a mixture, |x - (aP + bQ)|^2 = a|x-P|^2 + b|x-Q|^2 - ab|P-Q|^2 (squared distances)."""
    widths, a, b = (1, 11), 0.7, 0.3
    blend = Preset.blend({drops: a, strings: b})
    mixed = _references(blend, widths)
    first, second = (_references(parent, widths, like=mixed) for parent in (drops, strings))
    x = torch.rand((40, first.frames.shape[1]), generator=torch.Generator().manual_seed(0))

    def loss(frames: torch.Tensor, references: ReferenceSet) -> float:
        return ArcCosineLoss(references, widths)(frames)[0]

    expected = a * loss(x, first) + b * loss(x, second) - a * b * loss(first.frames, second)
    assert loss(x, mixed) == pytest.approx(expected, rel=1e-4)
    # The gradient is the weighted sum of those of the parents.
    gradients = [ArcCosineLoss(r, widths)(x)[1] for r in (mixed, first, second)]
    assert torch.allclose(gradients[0], a * gradients[1] + b * gradients[2], rtol=1e-3, atol=1e-8)


def test_a_blends_band_statistics_are_those_of_a_mixture(drops: Preset, strings: Preset) -> None:
    """Compared with a large sample drawn from the mixture; standard errors are below 0.01."""
    blend = Preset.blend({drops: 0.7, strings: 0.3})
    rng = np.random.default_rng(0)
    drawn = [
        rng.multivariate_normal(
            parent.tensors[LIVE_KEYS[0]].double().numpy()[:8],
            parent.tensors[LIVE_KEYS[1]].double().numpy()[:8, :8],
            size,
        )
        for parent, size in ((drops, 70_000), (strings, 30_000))
    ]
    sample = np.concatenate(drawn)
    mean, covariance = (blend.tensors[key].numpy() for key in LIVE_KEYS)
    scale = np.sqrt(np.diag(np.cov(sample.T)))
    assert np.abs((sample.mean(axis=0) - mean[:8]) / scale).max() < 0.02
    difference = (np.cov(sample.T) - covariance[:8, :8]) / np.outer(scale, scale)
    assert np.abs(difference).max() < 0.03


@pytest.mark.slow
@pytest.mark.parametrize("pair", [("rain", "bells"), ("fire", "organ")])
def test_a_blend_lies_between_its_parents(pair: tuple[str, str], melody: Waveform) -> None:
    """The blend's render is nearer to each parent's sound than the other parent's render is."""
    from presets.synthesis import make

    blend = Preset.blend({pair[0]: 0.5, pair[1]: 0.5})
    sounds = [make(name, RATE)[None] for name in pair]
    outputs = [astfx.transfer(melody, style, RATE) for style in (*pair, blend)]
    distances = [[standard_bank_db(o, sound, RATE) for o in outputs] for sound in sounds]
    assert distances[0][0] < distances[0][2] < distances[0][1]
    assert distances[1][1] < distances[1][2] < distances[1][0]


def test_a_preset_shows_itself_in_one_line(drops: Preset) -> None:
    frames = len(drops.tensors["frames"])
    assert repr(drops) == f"<astfx.Preset 'drops' of {frames} frames>"


def test_a_blend_names_itself_by_its_parents_and_needs_no_audio(drops: Preset) -> None:
    blend = Preset.blend({drops: 1.0, "rain": 3.0})
    assert blend.name == "drops-rain"
    assert float(blend.tensors["run_weights"].sum()) == pytest.approx(1.0)
    assert blend.tensors["run_weights"][0] == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({}, "a blend needs at least one preset"),
        ({"rain": 0.0}, "weight 0.0 of 'rain' must be a number above 0"),
        ({"rain": -1}, "weight -1 of 'rain' must be a number above 0"),
        ({"rain": float("nan")}, "weight nan of 'rain' must be a number above 0"),
        ({"rain": True}, "weight True of 'rain' must be a number above 0"),
        ({"rian": 1.0}, "there is no preset 'rian': did you mean rain?"),
    ],
)
def test_a_wrong_blend_is_refused(parts: dict[str, float], message: str, own_folder: Path) -> None:
    with pytest.raises(PresetError, match=message):
        Preset.blend(parts)


def test_a_blend_that_no_file_could_hold_is_refused(drops: Preset) -> None:
    copies = {drops.with_settings(): 1.0 for _ in range(30)}
    with pytest.raises(PresetError, match="frames, more than the 4096 that a preset may have"):
        Preset.blend(copies)


def test_a_blend_needs_the_default_method(drops: Preset, strings: Preset) -> None:
    blend = Preset.blend({drops: 1, strings: 1})
    with pytest.raises(InvalidSettingError, match="method='shallow-cnn' cannot use a blend"):
        blend.targets(RenderPlan.of(Settings(method="shallow-cnn"), RATE))


def test_other_methods_prepare_what_they_need_on_demand(drops: Preset, melody: Waveform) -> None:
    settings = Settings(method="shallow-cnn", seed=3)
    targets = drops.targets(RenderPlan.of(settings, RATE))
    assert isinstance(targets, StyleTargets)
    output = astfx.transfer(
        melody[:, :RATE], drops, RATE, method="shallow-cnn", iterations=1, seed=3
    )
    assert output.shape == (1, RATE)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"colour": "red"},
            "a preset has no setting 'colour'; it has strength, timbre, texture, keep_pitch, mix, ",
        ),
        ({"strength": 2.0}, "strength=2.0 must lie between 0 and 1"),
        ({"engine": "warp"}, "engine='warp' must be one of auto, render, stream, live"),
        ({"options": {"depth": 1}}, "method 'gram' has no option 'depth'"),
        ({"options": {"bias": -1.0}}, "bias=-1.0 must lie between 0 and 100"),
    ],
)
def test_an_unknown_setting_is_refused(
    settings: dict[str, object], message: str, drops: Preset
) -> None:
    with pytest.raises(InvalidSettingError, match=message):
        drops.with_settings(**settings)


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ({"name": 3}, PresetError, "preset name 3 must be 1 to 64 lower-case"),
        ({"name": "-"}, PresetError, "preset title '-' must be one line of 1 to 200 characters"),
        ({"name": "x", "title": "\n"}, PresetError, "must be one line of 1 to 200 characters"),
        ({"name": "x", "tags": ("a" * 65,)}, PresetError, "must be words of up to 64"),
        ({"name": "x", "author": 3}, PresetError, "author=3 must be text of up to 4000"),
        ({"name": "x", "max_frames": 3}, InvalidSettingError, "max_frames=3 must lie between 24"),
        ({"name": "x", "sample_rate": None}, InvalidSettingError, "sample_rate=None must be given"),
    ],
)
def test_a_preset_that_cannot_be_made_is_refused(
    arguments: dict[str, object], kind: type[AstfxError], message: str, rain: Waveform
) -> None:
    given = {"sample_rate": RATE, **arguments}
    with pytest.raises(kind, match=message):
        Preset.from_audio(rain, **given)  # type: ignore[arg-type]


def test_a_style_with_a_nan_or_without_sound_is_refused(rain: Waveform, tmp_path: Path) -> None:
    broken = rain.copy()
    broken[0, 7] = np.nan
    soundfile.write(tmp_path / "nan.wav", broken.T, RATE, subtype="FLOAT")
    with pytest.raises(InvalidAudioError, match=r"holds nan at 0\.000 seconds"):
        Preset.from_audio(tmp_path / "nan.wav", name="x")
    with pytest.raises(InvalidAudioError, match="silent"):
        Preset.from_audio(np.zeros((1, RATE), np.float32), name="x", sample_rate=RATE)


def test_another_window_is_refused(drops: Preset) -> None:
    with pytest.raises(InvalidSettingError, match=r"window_ms=40 must be 92\.88 for a preset"):
        drops.targets(RenderPlan.of(Settings(window_ms=40.0), RATE))


def test_the_profile_shows_where_a_sound_lies_and_how_it_moves() -> None:
    """The sound is noise in a band around 1 kHz that swells 8 times per second."""
    seconds = np.arange(5 * 44_100) / 44_100
    rng = np.random.default_rng(0)
    tones = rng.uniform(900.0, 1100.0, 200)
    carrier = np.sin(np.outer(tones, 2 * np.pi * seconds) + rng.uniform(0, 6, (200, 1))).sum(axis=0)
    sound = 0.005 * carrier * (1.0 + np.sin(2 * np.pi * 8.0 * seconds))
    curves = profile(Preset.from_audio(sound, name="x", sample_rate=44_100))
    assert curves.frequency_hz[curves.level_db[1].argmax()] == pytest.approx(1000.0, rel=0.12)
    assert curves.modulation_db is not None
    band = int(np.abs(curves.band_hz - 1000.0).argmin())
    moving = curves.modulation_hz[curves.modulation_db[band].argmax()]
    assert moving == pytest.approx(8.0, rel=0.2)
    assert (np.diff(curves.level_db, axis=0) >= 0.0).all()
