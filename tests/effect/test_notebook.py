"""What notebooks and IPython show of effects: a short text of ours, and never a tensor."""

from __future__ import annotations

import numpy as np
import pedalboard
import pytest

import astfx
from astfx.presets import Preset

RATE = 22_050
LONGEST = 300
RAIN = (
    "astfx.StyleTransfer style='rain' strength=1 mix=1 method=gram engine=auto quality=standard "
    "seed=0"
)


class Printer:
    """The part of IPython's printer that is used."""

    def __init__(self) -> None:
        self.printed = ""

    def text(self, text: str) -> None:
        self.printed += text


def pretty(effect: object, cycle: bool = False) -> str:
    """Print an object as IPython does: by the class that it claims to have."""
    printer = Printer()
    effect.__class__._repr_pretty_(effect, printer, cycle)  # type: ignore[attr-defined]
    return printer.printed


@pytest.fixture(scope="module")
def effects() -> list[object]:
    noise = np.random.default_rng(0).standard_normal((1, RATE)).astype(np.float32)
    kept = Preset.from_audio(noise, name="noise", sample_rate=RATE)
    prepared = astfx.prepare_style(noise, RATE)
    return [
        astfx.StyleTransfer("rain"),
        astfx.StyleTransfer(noise, style_sample_rate=RATE),
        astfx.StyleTransfer(kept, morph_to=["rain", kept], morph=0.5),
        astfx.StyleTransfer(prepared),
        astfx.Pedalboard([astfx.StyleTransfer(kept), pedalboard.Gain(3.0)]),
        astfx.Mix([astfx.StyleTransfer(noise, style_sample_rate=RATE)]),
        astfx.Chain([]),
        kept,
        prepared,
    ]


def test_an_effect_shows_its_settings() -> None:
    assert pretty(astfx.StyleTransfer("rain")) == RAIN
    assert pretty(astfx.StyleTransfer("rain"), cycle=True) == "..."
    assert repr(astfx.StyleTransfer("rain")).startswith(f"<{RAIN} (runs in astfx.Pedalboard) at 0x")


def test_a_board_shows_a_line_for_each_plugin() -> None:
    inner = astfx.Chain([astfx.StyleTransfer("rain")])
    lines = pretty(astfx.Pedalboard([astfx.StyleTransfer("rain"), inner])).splitlines()
    assert lines == [
        "astfx.Pedalboard with 2 plugins",
        f"  1. {RAIN}",
        "  2. astfx.Chain with 1 plugin",
        f"     1. {RAIN}",
    ]


def test_an_effect_still_counts_as_a_native_plugin() -> None:
    assert isinstance(astfx.StyleTransfer("rain"), pedalboard.Plugin)
    assert isinstance(astfx.Mix([]), pedalboard.Mix)
    assert isinstance(astfx.Chain([]), pedalboard.Chain)
    assert astfx.Pedalboard([]).__class__.__name__ == "Pedalboard"
    with pytest.raises(TypeError):
        pedalboard.Chain([astfx.StyleTransfer("rain")])


def test_ipython_prints_a_short_text(effects: list[object]) -> None:
    formatters = pytest.importorskip("IPython.core.formatters", reason="needs the extra docs")
    for shown in (*effects, *([effect] for effect in effects)):
        found, _ = formatters.DisplayFormatter().format(shown)
        assert set(found) == {"text/plain"}
        text = found["text/plain"]
        assert "astfx." in text
        assert "tensor" not in text
        assert "pedalboard_native" not in text
        assert len(text) < LONGEST
