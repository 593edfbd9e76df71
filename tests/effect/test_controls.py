"""The controls of an effect, without any engine."""

from __future__ import annotations

import numpy as np

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
    return Controls(strength, Parameter("Mix", 0.5), Parameter("Morph", 0.75), first, second)


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
    fresh.morph_to = None
    fresh.style = second
    now = fresh.take(500, RATE)
    assert list(now.shares) == [second]
    assert (now.shares[second] == 1.0).all()


def test_a_style_set_while_running_fades_in() -> None:
    first, second = style(0), style(1)
    running = controls(first, second)
    running.morph_to = None
    running.take(500, RATE)
    running.style = second
    n_fade = round(FADE_SECONDS * RATE)
    now = running.take(n_fade + 10, RATE)
    assert np.diff(now.shares[second][:n_fade]).min() > 0.0
    np.testing.assert_allclose(now.shares[first] + now.shares[second], 1.0, rtol=1e-6)
    assert (now.shares[second][n_fade - 1 :] == 1.0).all()
