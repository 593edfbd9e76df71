"""Properties that hold for any stream: latency, chunking, nulls and bounded levels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import astfx
from astfx.audio import Waveform
from tests.effect.conftest import blocks_of

ENGINES = ("stream", "live", "gain")
BLOCKS_TOLERANCE = 1e-5  # curves of automations are rounded block by block
MOST_RISE_DB = 6.0
CEILING_DB = -12.0

checked = settings(
    max_examples=6,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),  # shrinking audio takes minutes and tells little
)
rates = st.sampled_from([8000, 16000, 22050, 44100, 48000])
sizes = st.builds(
    lambda first, last: [*first, last],
    st.lists(st.integers(1, 3000), max_size=6),
    st.integers(200, 3000),  # repeated until the end
)
automations = st.lists(st.floats(0.0, 1.0, width=16), min_size=2, max_size=5).map(
    lambda levels: astfx.Automation([(0.2 * k, level) for k, level in enumerate(levels)])
)


@st.composite
def contents(draw: st.DrawFn) -> tuple[Waveform, int]:
    """Half a second of tones, noise, clicks and pauses, and its sample rate."""
    sample_rate, channels = draw(rates), draw(st.integers(1, 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    parts = []
    for kind in draw(st.lists(st.sampled_from(["tone", "noise", "clicks", "pause"]), min_size=4)):
        n = sample_rate // 8
        level = 10.0 ** rng.uniform(-2.0, 0.0)
        if kind == "tone":
            part = np.sin(2.0 * np.pi * rng.uniform(50.0, 3000.0) / sample_rate * np.arange(n))
        elif kind == "noise":
            part = rng.uniform(-1.0, 1.0, n)
        else:
            part = np.zeros(n)
            if kind == "clicks":
                part[:: n // 5] = 1.0
        parts.append(level * part)
        if len(parts) == 4:
            break
    mono = np.concatenate(parts)
    spread = [(1.0 - 0.3 * channel) * np.roll(mono, 7 * channel) for channel in range(channels)]
    return np.stack(spread).astype(np.float32), sample_rate


def run(effect: astfx.StyleTransfer, content: Waveform, rate: int, cut: list[int]) -> Waveform:
    """All output for blocks of the given sizes, the last of which is repeated."""
    parts = []
    for block in blocks_of(content, cut):
        parts.append(effect.process(block, rate, reset=False))
    return np.concatenate(parts, axis=1)


def begin(effect: astfx.StyleTransfer, content: Waveform, rate: int) -> None:
    effect.reset()
    # Short blocks do not show their layout, but an empty block does.
    effect.process(np.zeros((len(content), 0), np.float32), rate, reset=False)


@pytest.mark.parametrize("engine", ENGINES)
@checked
@given(content=contents(), first=sizes, second=sizes, strength=automations, morph=automations)
def test_the_output_does_not_depend_on_the_blocks(
    engine: str,
    content: tuple[Waveform, int],
    first: list[int],
    second: list[int],
    strength: astfx.Automation,
    morph: astfx.Automation,
) -> None:
    """Not even where parameters move, and the style changes on the way."""
    waveform, rate = content
    half = waveform.shape[1] // 2
    found = []
    for cut in (first, second):
        effect = astfx.StyleTransfer(
            "rain", engine=engine, strength=strength, morph_to="bells", morph=morph
        )
        begin(effect, waveform, rate)
        parts = [run(effect, waveform[:, :half], rate, cut)]
        effect.style = "fire"
        parts.append(run(effect, waveform[:, half:], rate, cut))
        found.append(np.concatenate(parts, axis=1))
    latency = effect.latency_samples_at(rate)
    assert found[0].shape[1] == max(0, waveform.shape[1] - latency)
    once, again = found
    np.testing.assert_allclose(once, again, rtol=0.0, atol=BLOCKS_TOLERANCE)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("off", ["mix", "strength"])
@checked
@given(content=contents(), cut=sizes)
def test_off_means_the_input_bit_for_bit(
    engine: str, off: str, content: tuple[Waveform, int], cut: list[int]
) -> None:
    waveform, rate = content
    zero: dict[str, Any] = {off: 0.0}
    effect = astfx.StyleTransfer("rain", engine=engine, **zero)
    begin(effect, waveform, rate)
    output = run(effect, waveform, rate, cut)
    np.testing.assert_array_equal(output, waveform[:, : output.shape[1]])
    assert output.shape[1] == max(0, waveform.shape[1] - effect.latency_samples)


@pytest.mark.parametrize("engine", ENGINES)
@checked
@given(content=contents(), preset=st.sampled_from(["harp", "rain", "glass", "fire", "bells"]))
def test_peaks_stay_near_those_of_the_content(
    engine: str, content: tuple[Waveform, int], preset: str
) -> None:
    waveform, rate = content
    peak = float(np.abs(waveform).max())
    output = astfx.StyleTransfer(preset, engine=engine)(waveform, rate)
    assert np.isfinite(output).all()
    assert np.abs(output).max() <= peak * 10.0 ** (MOST_RISE_DB / 20.0)
    bounded = astfx.StyleTransfer(preset, engine=engine, ceiling_db=CEILING_DB)(waveform, rate)
    assert np.abs(bounded).max() <= 10.0 ** (CEILING_DB / 20.0)
