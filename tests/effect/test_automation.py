"""Parameters over time: breakpoints, functions, ramps."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from scipy import signal

import astfx
from astfx.audio import Waveform
from astfx.effect.automation import RAMP_SECONDS, Parameter, WetFade
from astfx.errors import EffectTypeError, InvalidSettingError
from tests.effect.conftest import RATE, Make, streamed

RAMP = round(RAMP_SECONDS * RATE)
STEP_TOLERANCE_SECONDS = 0.02  # less than a hop, and less than a quarter of a window


def test_breakpoints_are_joined_by_lines_and_held() -> None:
    curve = astfx.Automation([(1.0, 0.0), (2.0, 1.0), (4.0, 0.5)])
    times = np.array([0.0, 1.0, 1.25, 2.0, 3.0, 4.0, 99.0])
    np.testing.assert_allclose(curve(times), [0.0, 0.0, 0.25, 1.0, 0.75, 0.5, 0.5], atol=1e-6)
    assert curve(times).dtype == np.float32


def test_functions_may_give_an_array_or_a_number() -> None:
    times = np.array([0.0, 0.5])
    np.testing.assert_allclose(astfx.Automation(lambda t: t**2)(times), [0.0, 0.25])
    held = astfx.Automation(lambda t: 0.5)(times)
    np.testing.assert_allclose(held, [0.5, 0.5])
    held[0] = 0.0  # a copy, not a read-only view of one number


def test_equal_breakpoints_are_equal_automations() -> None:
    first, second = (astfx.Automation([(0, 0), (1, 1)]) for _ in range(2))
    assert first == second
    assert hash(first) == hash(second)
    assert first != astfx.Automation([(0, 0), (1, 0.5)])
    assert first != 1.0
    assert repr(first) == "astfx.Automation([(0.0, 0.0), (1.0, 1.0)])"


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ([], "breakpoints=[] must be one or more pairs of finite (seconds, value)"),
        ([(0.0, np.nan)], "must be one or more pairs of finite (seconds, value)"),
        ([(0.0, 0.0), (0.0, 1.0)], "breakpoint times [0.0, 0.0] must increase (seconds)"),
        ([(1.0, 0.0), (0.5, 1.0)], "breakpoint times [1.0, 0.5] must increase (seconds)"),
        ([1.0, 2.0], "breakpoints=[1.0, 2.0] must be pairs of (seconds, value)"),
        ([("now", 1.0)], "must be pairs of (seconds, value)"),
        (3, "breakpoints=3 must be pairs of (seconds, value)"),
    ],
)
def test_breakpoints_are_checked(shape: Any, message: str) -> None:
    with pytest.raises(InvalidSettingError, match=re.escape(message)):
        astfx.Automation(shape)


@pytest.mark.parametrize("name", ["Strength", "Mix", "Morph"])
@pytest.mark.parametrize("value", [-0.1, 1.1, np.nan, np.inf])
def test_numbers_outside_0_to_1_are_value_errors_in_words(
    name: str, value: float, make: Make
) -> None:
    message = re.escape(f"{name} must be between 0.0 and 1.0. (got {value:g})")
    with pytest.raises(ValueError, match=message):
        make(**{name.lower(): value})
    effect = make()
    before = getattr(effect, name.lower())
    with pytest.raises(ValueError, match=message):
        setattr(effect, name.lower(), value)
    assert getattr(effect, name.lower()) == before
    if np.isfinite(value):
        with pytest.raises(ValueError, match=message):
            make(**{name.lower(): astfx.Automation([(0.0, 0.5), (1.0, value)])})


@pytest.mark.parametrize("value", ["loud", True, [0.5], lambda t: t])
def test_what_is_no_number_is_a_type_error(value: Any, make: Make) -> None:
    with pytest.raises(EffectTypeError, match=r"Strength must be a number or an astfx.Automation"):
        make(strength=value)
    effect = make()
    with pytest.raises(TypeError, match=r"Mix must be a number or an astfx\.Automation, not"):
        effect.mix = value
    with pytest.raises(TypeError, match="not None"):
        effect.mix = None  # type: ignore[assignment]


def test_a_function_may_round_over_the_ends_of_its_range(make: Make, clip: Waveform) -> None:
    over = make(engine="live", mix=astfx.Automation(lambda t: np.full(len(t), 1.00002)))
    within = make(engine="live", mix=1.0)
    np.testing.assert_array_equal(over(clip, RATE), within(clip, RATE))


def test_a_function_that_leaves_0_to_1_says_when(make: Make) -> None:
    effect = make(engine="live", strength=astfx.Automation(lambda t: 2.0 * t))
    message = r"Strength must be between 0.0 and 1.0. \(the automation gives 1.001\d* at 0.501 s"
    with pytest.raises(ValueError, match=message):
        effect(np.zeros((1, RATE), np.float32), RATE)
    assert effect(np.zeros((1, RATE // 4), np.float32), RATE).shape == (1, RATE // 4)


@pytest.mark.parametrize("given", [np.zeros(3), "much", None])
def test_a_function_that_gives_no_numbers_says_so(given: Any, make: Make) -> None:
    effect = make(engine="live", mix=astfx.Automation(lambda t: given))
    message = "an automation must return 500 numbers|must be between 0.0 and 1.0"
    with pytest.raises(InvalidSettingError, match=message):
        effect(np.zeros(500, np.float32), RATE)


def test_a_change_ramps_evenly_and_ends_exactly() -> None:
    parameter = Parameter("Mix", 1.0)
    parameter.value = 0.5
    np.testing.assert_array_equal(parameter.curve(0, 10, RATE), np.float32(0.5))
    parameter.value = 0.0
    parts = [parameter.curve(10 + k * 100, 100, RATE) for k in range(6)]
    curve = np.concatenate(parts)
    np.testing.assert_allclose(np.diff(curve[:RAMP]), -0.5 / RAMP, rtol=1e-3)
    assert curve[0] == pytest.approx(0.5 - 0.5 / RAMP)
    assert (curve[RAMP:] == 0.0).all()


def test_a_change_in_a_ramp_goes_on_from_there() -> None:
    parameter = Parameter("Mix", 0.0)
    curve = [parameter.curve(0, 5, RATE)]
    for index, value in enumerate((1.0, 0.2, 0.8, 0.8)):
        parameter.value = value
        curve.append(parameter.curve(5 + 100 * index, 100, RATE))
    curve.append(parameter.curve(405, 600, RATE))
    whole = np.concatenate(curve)
    assert np.abs(np.diff(whole)).max() <= 1.0 / RAMP + 1e-6
    assert whole[-1] == np.float32(0.8)


def test_an_automation_set_while_running_is_reached_in_a_ramp() -> None:
    parameter = Parameter("Mix", 1.0)
    parameter.curve(0, RATE, RATE)
    parameter.value = astfx.Automation([(0.0, 0.0), (2.0, 1.0)])
    curve = parameter.curve(RATE, RATE, RATE)
    assert np.abs(np.diff(curve)).max() < 1.5 / RAMP
    np.testing.assert_allclose(curve[RAMP:], 0.5 + np.arange(RAMP, RATE) / RATE / 2.0, atol=1e-4)


def test_blocks_do_not_change_a_curve() -> None:
    shape = astfx.Automation(lambda t: 0.5 + 0.5 * np.sin(9.0 * t))
    whole = Parameter("Mix", shape).curve(0, 5000, RATE)
    parameter = Parameter("Mix", shape)
    parts = [parameter.curve(k, 100, RATE) for k in range(0, 5000, 100)]
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-6)


@pytest.mark.parametrize("size", [5000, 300, 7])
def test_the_wet_signal_fades_however_quickly_strength_moves(size: int) -> None:
    strength = np.zeros(5000, np.float32)
    strength[1000:2000] = 1.0
    strength[3000:3010] = 1.0  # too short for the fade to complete
    fade = WetFade()
    parts = [fade.share(strength[k : k + size], RATE) for k in range(0, 5000, size)]
    share = np.concatenate(parts)
    assert np.abs(np.diff(share)).max() <= 1.0 / RAMP + 1e-6
    assert (share[:1000] == 0.0).all()
    assert (share[1000 + RAMP : 2000] == 1.0).all()
    assert (share[2000 + RAMP : 3000] == 0.0).all()
    assert 0.0 < share[3000:].max() < 0.1
    assert (share[3010 + RAMP :] == 0.0).all()


def test_mix_automation_is_the_curve_between_dry_and_wet(make: Make, clip: Waveform) -> None:
    wet = make(engine="live")(clip, RATE)
    curve = astfx.Automation([(0.2, 0.0), (1.0, 0.8)])
    output = make(engine="live", mix=curve)(clip, RATE)
    share = curve(np.arange(clip.shape[1]) / RATE)
    np.testing.assert_allclose(output, clip * (1.0 - share) + wet * share, atol=1e-6)
    np.testing.assert_array_equal(output[:, : RATE // 5], clip[:, : RATE // 5])


@pytest.mark.parametrize("engine", ["live", "stream"])
def test_time_begins_with_the_stream_and_again_after_a_reset(
    engine: str, make: Make, clip: Waveform
) -> None:
    curve = astfx.Automation([(0.3, 0.0), (0.6, 1.0)])
    effect = make(engine=engine, strength=curve, mix=0.7)
    padded = np.pad(clip, ((0, 0), (0, effect.latency_samples_at(RATE))))
    whole = effect(clip, RATE)
    for sizes in ([500], [64, 8193]):
        np.testing.assert_allclose(streamed(effect, padded, sizes), whole, atol=1e-5)


@pytest.mark.parametrize("engine", ["live", "stream"])
def test_time_begins_again_where_the_rate_changes(
    engine: str, make: Make, rain: Waveform, clip: Waveform
) -> None:
    mix = astfx.Automation([(0.5, 0.0), (0.6, 1.0)])
    effect = make(engine=engine, style=rain, style_sample_rate=RATE, mix=mix)
    effect.process(clip, RATE, reset=False)
    dry = clip[:, :8000]  # half a second at the other rate
    output = effect.process(dry, 16000, reset=False)
    assert output.shape[1] > 0
    np.testing.assert_array_equal(output, dry[:, : output.shape[1]])


def test_a_function_cannot_be_written_down(make: Make) -> None:
    effect = astfx.StyleTransfer(
        np.ones(RATE), style_sample_rate=RATE, mix=astfx.Automation(lambda t: 0.5)
    )
    message = "mix is automated by a function, which a dict cannot hold: use breakpoints"
    with pytest.raises(astfx.AstfxError, match=message):
        effect.to_dict()


@pytest.mark.parametrize(
    ("before", "after", "step_seconds"),
    [(0.3, 1.0, 1.5), (1.0, 0.3, 1.5), pytest.param(0.3, 1.0, 14.5, id="in the second segment")],
)
def test_a_step_of_strength_is_heard_in_a_render_when_it_happens(
    before: float, after: float, step_seconds: float
) -> None:
    """A high style over a low content: its level crosses the middle at the time of the step."""

    def band(low_hz: float, high_hz: float, seconds: float, seed: int) -> Waveform:
        sections = signal.butter(6, [low_hz, high_hz], "bandpass", fs=RATE, output="sos")
        noise = np.random.default_rng(seed).standard_normal((1, round(seconds * RATE)))
        return (0.2 * signal.sosfilt(sections, noise)).astype(np.float32)

    effect = astfx.StyleTransfer(
        band(4000, 8000, 3.0, 1),
        style_sample_rate=RATE,
        engine="render",
        quality="draft",
        strength=astfx.Automation([(step_seconds, before), (step_seconds + 1e-4, after)]),
    )
    output = effect(band(300, 1000, step_seconds + 1.5, 2), RATE)[0]
    high = signal.sosfiltfilt(signal.butter(6, 3000, "highpass", fs=RATE, output="sos"), output)
    window = RATE // 100
    smooth = np.convolve(np.square(high), np.ones(window) / window, "same")
    first = round((step_seconds - 1.25) * RATE)
    level_db = 10.0 * np.log10(smooth[first : first + round(2.5 * RATE)])
    ends_db = [float(np.median(part)) for part in (level_db[:RATE], level_db[-RATE:])]
    assert np.sign(after - before) * (ends_db[1] - ends_db[0]) > 6.0
    is_before = (level_db > np.mean(ends_db)) == (before > after)
    assert is_before.sum() / RATE == pytest.approx(1.25, abs=STEP_TOLERANCE_SECONDS)
