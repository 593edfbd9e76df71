"""The settings timbre and texture, on measures that nothing in astfx optimises."""

from __future__ import annotations

from collections.abc import Callable, Container
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

import astfx
from astfx.audio import Waveform
from astfx.errors import InvalidSettingError
from astfx.features.texture_layout import CLASSES
from astfx.methods import METHODS
from astfx.metrics.random_banks import bank_statistics, distance_db
from astfx.presets import Preset
from tests.conftest import Load, Run
from tests.engine.conftest import RATE

STEPS = (0.0, 0.25, 0.5, 0.75, 1.0)
LEAST_STEP_DB = 0.5  # by how much each step brings a measure nearer to the style
ALONE_DB = 1.0  # by how much one dial alone leaves the other's measure nearer to the content
HALF_WAY_DB = 1.5  # how near to the middle half a dial brings its own measure
FILE_TOLERANCE = 2.0**-23  # full scale = 1: one step of a file with 24 bits

MOVEMENT = frozenset(CLASSES) - {"envelope_mean"}
N_FFT = 2048
LOWEST_HZ, N_BANDS = 100.0, 19  # thirds of an octave, up to 8 kHz
FLOOR = 1e-6  # 60 dB below the loudest band

Render = Callable[[float, float], Waveform]


def band_levels_db(waveform: Waveform) -> npt.NDArray[np.float64]:
    """Mean level in decibels of each third of an octave, relative to their mean."""
    windows = np.lib.stride_tricks.sliding_window_view(waveform.mean(axis=0), N_FFT)[::512]
    power = np.square(np.abs(np.fft.rfft(windows * np.hanning(N_FFT))))
    edges_hz = LOWEST_HZ * 2.0 ** (np.arange(N_BANDS + 1) / 3.0)
    first = np.searchsorted(np.fft.rfftfreq(N_FFT, 1.0 / RATE), edges_hz)
    bands = np.stack([power[:, a:b].sum(axis=1) for a, b in pairwise(first)])
    level_db = (10.0 * np.log10(bands + FLOOR * bands.max())).mean(axis=1)
    return np.asarray(level_db - level_db.mean())


def timbre_db(one: Waveform, other: Waveform) -> float:
    """Root mean square difference of the levels of bands, in decibels."""
    return float(np.sqrt(np.mean((band_levels_db(one) - band_levels_db(other)) ** 2)))


def texture_db(one: Waveform, other: Waveform, classes: Container[str] = MOVEMENT) -> float:
    """Distance under random filter banks, without the levels of the bands."""
    found, wanted = (
        [
            {name: values for name, values in bank.items() if name in classes}
            for bank in bank_statistics("clip", clip, RATE)
        ]
        for clip in (one, other)
    )
    return distance_db(found, wanted)


def modulation_db(one: Waveform, other: Waveform) -> float:
    """How much the powers of all modulations differ."""
    return texture_db(one, other, ("modulation_power",))


@pytest.fixture(scope="module", params=["melody <- rain", "speech <- fire"])
def pair(request: pytest.FixtureRequest) -> tuple[Waveform, Waveform]:
    """A content and a style: two synthesised sounds and two recorded ones."""
    if request.param == "melody <- rain":
        melody, rain = (request.getfixturevalue(name) for name in ("melody", "rain"))
        return melody[:, : 2 * RATE], rain[:, : 2 * RATE]
    load: Load = request.getfixturevalue("load")
    return load("classic/gettysburg", RATE, 2.0), load("classic/fire", RATE, 2.0)


@pytest.fixture(scope="module")
def render(pair: tuple[Waveform, Waveform]) -> Render:
    """Render the pair with values of timbre and texture; each is rendered once."""
    content, style = pair

    @cache
    def rendered(timbre: float, texture: float) -> Waveform:
        return astfx.transfer(content, style, RATE, timbre=timbre, texture=texture)

    return rendered


def test_more_timbre_brings_the_spectrum_nearer(
    pair: tuple[Waveform, Waveform], render: Render
) -> None:
    found = [timbre_db(render(timbre, 1.0), pair[1]) for timbre in STEPS]
    assert all(before - after > LEAST_STEP_DB for before, after in pairwise(found)), found
    assert found[2] == pytest.approx((found[0] + found[-1]) / 2.0, abs=HALF_WAY_DB)


def test_more_texture_brings_the_envelopes_nearer(
    pair: tuple[Waveform, Waveform], render: Render
) -> None:
    found = [texture_db(render(1.0, texture), pair[1]) for texture in STEPS]
    assert all(before - after > LEAST_STEP_DB for before, after in pairwise(found)), found


def test_each_dial_alone_leaves_the_other_one_nearer_to_the_content(
    pair: tuple[Waveform, Waveform], render: Render
) -> None:
    content, style = pair
    full, timbre_alone, texture_alone = render(1.0, 1.0), render(1.0, 0.0), render(0.0, 1.0)
    assert timbre_db(texture_alone, content) < timbre_db(full, content) - ALONE_DB
    assert texture_db(texture_alone, style) < texture_db(content, style) - ALONE_DB
    assert modulation_db(timbre_alone, content) < modulation_db(full, content) - ALONE_DB
    assert timbre_db(timbre_alone, style) < timbre_db(content, style) - ALONE_DB


def with_a_pause(waveform: Waveform) -> Waveform:
    """A second in stereo, whose second half lies below -100 dBFS, but is not zero."""
    clip = np.concatenate([waveform, 0.3 * waveform[:, ::-1]])[:, :RATE]
    clip[:, RATE // 2 :] *= np.float32(1e-5)
    return clip


@pytest.mark.parametrize("quality", ["draft", "standard", "best"])
def test_without_timbre_and_texture_the_content_comes_back(
    quality: str, melody: Waveform, rain: Waveform
) -> None:
    """Bit for bit, in stereo, as with no strength. So does a pause that a render would silence."""
    content = with_a_pause(melody)
    output = astfx.transfer(content, rain, RATE, quality=quality, timbre=0.0, texture=0.0)
    np.testing.assert_array_equal(output, content)
    none = astfx.transfer(content, rain, RATE, quality=quality, strength=0.0)
    np.testing.assert_array_equal(output, none)


def test_a_style_too_short_for_a_texture_has_timbre_only(melody: Waveform, rain: Waveform) -> None:
    content = with_a_pause(melody)
    given = content.copy()
    output = astfx.transfer(given, rain[:, : RATE // 4], RATE, timbre=0.0)
    np.testing.assert_array_equal(output, content)
    np.testing.assert_array_equal(given, content)  # nothing was written into what was given


def test_the_defaults_are_all_timbre_and_all_texture(
    pair: tuple[Waveform, Waveform], render: Render
) -> None:
    content, style = pair
    np.testing.assert_array_equal(astfx.transfer(content, style, RATE), render(1.0, 1.0))


@pytest.mark.parametrize("name", ["adain", "monge", "histogram"])
def test_methods_without_rounds_have_timbre_only(
    name: str, melody: Waveform, rain: Waveform
) -> None:
    assert not METHODS[name].texture_rounds
    full = astfx.transfer(melody, rain, RATE, method=name)
    np.testing.assert_array_equal(
        astfx.transfer(melody, rain, RATE, method=name, texture=0.25), full
    )
    np.testing.assert_array_equal(
        astfx.transfer(melody, rain, RATE, method=name, timbre=0.0), melody
    )
    found = [
        timbre_db(astfx.transfer(melody, rain, RATE, method=name, timbre=timbre), rain)
        for timbre in STEPS
    ]
    assert all(before - after > LEAST_STEP_DB for before, after in pairwise(found)), found


def test_a_draft_has_timbre_only(melody: Waveform, rain: Waveform) -> None:
    clip = melody[:, :RATE]
    full = astfx.transfer(clip, rain, RATE, quality="draft")
    without = astfx.transfer(clip, rain, RATE, quality="draft", texture=0.0)
    np.testing.assert_array_equal(without, full)


def test_the_dials_and_strength_work_together(melody: Waveform, rain: Waveform) -> None:
    """Half the strength of some timbre lies between the content and all of that strength."""
    clip = melody[:, : 2 * RATE]
    outputs = (
        astfx.transfer(clip, rain, RATE, timbre=0.75, texture=0.5, strength=strength)
        for strength in (0.0, 0.5, 1.0)
    )
    found = [timbre_db(output, rain) for output in outputs]
    assert all(before - after > LEAST_STEP_DB for before, after in pairwise(found)), found


def test_half_a_dial_is_the_same_wherever_it_is_turned(
    melody: Waveform, rain: Waveform, run: Run, tmp_path: Path
) -> None:
    """As a keyword, in an effect, in a preset and on the command line; values given override."""
    clip = melody[:, :RATE]
    dials: dict[str, Any] = {"timbre": 0.5, "texture": 0.25}
    plain = Preset.from_audio(rain, name="plain", sample_rate=RATE)
    turned = plain.with_settings(**dials)
    wanted = astfx.transfer(clip, plain, RATE, threads=1, **dials)
    assert np.abs(wanted - astfx.transfer(clip, plain, RATE, threads=1)).max() > 0.01
    for output in (
        astfx.transfer(clip, turned, RATE, threads=1),
        astfx.StyleTransfer(turned, threads=1)(clip, RATE),
        astfx.StyleTransfer(plain, threads=1, **dials)(clip, RATE),
        astfx.transfer(clip, turned.with_settings(timbre=0.0), RATE, threads=1, timbre=0.5),
    ):
        np.testing.assert_array_equal(output, wanted)
    soundfile.write(tmp_path / "content.wav", clip.T, RATE, subtype="FLOAT")
    plain.save(tmp_path / "plain.astfx")
    files = (tmp_path / "content.wav", "-s", tmp_path / "plain.astfx", "-o", tmp_path / "out.wav")
    options = ("--timbre", 0.5, "--texture", 0.25, "--threads", 1, "--float")
    code, _, err = run("render", *files, *options)
    assert code == 0, err
    written, _ = soundfile.read(tmp_path / "out.wav", dtype="float32", always_2d=True)
    np.testing.assert_allclose(written.T, wanted, rtol=0, atol=FILE_TOLERANCE)


@pytest.mark.parametrize("name", ["timbre", "texture"])
@pytest.mark.parametrize("value", [-0.1, 1.01, float("nan"), "much", True])
def test_values_out_of_range_are_refused(name: str, value: Any, rain: Waveform) -> None:
    given: dict[str, Any] = {name: value}
    for use in (
        lambda: astfx.transfer(rain, rain, RATE, **given),
        lambda: astfx.StyleTransfer("rain", **given),
        lambda: Preset.from_audio(rain, name="x", sample_rate=RATE, settings=given),
    ):
        with pytest.raises(InvalidSettingError) as caught:
            use()
        assert str(caught.value) == f"{name}={value!r} must lie between 0 and 1"
