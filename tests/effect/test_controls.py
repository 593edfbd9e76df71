"""The controls of an effect, without any engine."""

from __future__ import annotations

import numpy as np
import pytest

from astfx.effect.automation import Automation, Parameter
from astfx.effect.controls import FADE_SECONDS, Controls, Curves
from astfx.styles.style import Style

RATE = 22050


def style(seed: int) -> Style:
    noise = np.random.default_rng(seed).standard_normal(2048)
    return Style.of(0.1 * noise, RATE)


def controls(first: Style, second: Style) -> Controls:
    """Controls whose strength rises for a second and whose styles are mixed one to three."""
    strength = Parameter("Strength", Automation([(0.0, 0.0), (1.0, 1.0)]))
    return Controls(strength, Parameter("Mix", 0.5), Parameter("Morph", 0.75), first, [second])


def assert_equal(one: Curves, two: Curves) -> None:
    np.testing.assert_array_equal(one.strength, two.strength)
    np.testing.assert_array_equal(one.wet, two.wet)
    assert one.shares.keys() == two.shares.keys()
    for key, share in one.shares.items():
        np.testing.assert_array_equal(share, two.shares[key])


def test_new_controls_stand_where_a_reset_puts_them() -> None:
    first, second = style(0), style(1)
    fresh = controls(first, second)
    begin = fresh.take(500, RATE)
    fresh.take(500, RATE)
    fresh.reset()
    assert_equal(fresh.take(500, RATE), begin)


def test_a_style_set_before_any_audio_is_there_at_once() -> None:
    first, second = style(0), style(1)
    fresh = controls(first, second)
    fresh.morph_to = []
    fresh.style = second
    now = fresh.take(500, RATE)
    assert list(now.shares) == [second]
    assert (now.shares[second] == 1.0).all()


def test_a_style_set_while_running_fades_in() -> None:
    first, second = style(0), style(1)
    running = controls(first, second)
    running.morph_to = []
    running.take(500, RATE)
    running.style = second
    n_fade = round(FADE_SECONDS * RATE)
    now = running.take(n_fade + 10, RATE)
    assert np.diff(now.shares[second][:n_fade]).min() > 0.0
    np.testing.assert_allclose(now.shares[first] + now.shares[second], 1.0, rtol=1e-6)
    assert (now.shares[second][n_fade - 1 :] == 1.0).all()


def test_an_automation_leads_through_several_styles() -> None:
    styles = [style(seed) for seed in range(4)]
    way = Automation([(0.0, 0.0), (1.0, 3.0)])
    through = Controls(
        Parameter("Strength", 1.0),
        Parameter("Mix", 1.0),
        Parameter("Morph", way, highest=3.0),
        styles[0],
        styles[1:],
    )
    assert through.styles_used() == styles
    shares = through.take(RATE + 1, RATE).shares
    np.testing.assert_allclose(sum(shares.values()), 1.0, atol=1e-6)
    for index, one in enumerate(styles):
        assert shares[one][round(index * RATE / 3)] == pytest.approx(1.0, abs=1e-4)
        between = shares[one][round((index + 0.5) * RATE / 3) if index < 3 else RATE // 2]
        assert between == pytest.approx(0.5 if index < 3 else 0.0, abs=1e-3)


@pytest.mark.parametrize(("place", "used"), [(0.0, [0]), (0.5, [0, 1]), (1.0, [1]), (1.25, [1, 2])])
def test_a_clip_needs_only_the_styles_beside_its_place(place: float, used: list[int]) -> None:
    styles = [style(seed) for seed in range(3)]
    morph = Parameter("Morph", place, highest=2.0)
    still = Controls(
        Parameter("Strength", 1.0), Parameter("Mix", 1.0), morph, styles[0], styles[1:]
    )
    assert still.styles_used() == [styles[index] for index in used]
