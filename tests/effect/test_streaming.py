"""Streams do not depend on the block size, are aligned to the sample and do not click."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import signal

import astfx
from astfx.audio import Waveform
from astfx.audio.loudness import LoudnessMeter
from tests.effect.conftest import RATE, Make, blocks_of, streamed

CHUNK_TOLERANCE = 1e-5  # of full scale
COMB_TOLERANCE_DB = -30.0  # error against the dry signal while the wet one fades in
EARLY_RAMP_TOLERANCE_DB = -12.0  # the same error, while strength is below 0.05
RECOVERY_TOLERANCE_DB = {"stream": 4.5, "live": 1.5}  # error of the mean level after a bad block
LOUDNESS_TOLERANCE_DB = 1.5
LOUDEST = 20.0
CLICK_TOLERANCE = 4.0  # multiples of the largest second difference in a steady stream
BLOCK = 400

engines = pytest.mark.parametrize("engine", ["stream", "live"])


def db(error: Waveform, reference: Waveform) -> float:
    """Power of an error against a reference, in dB."""
    return 10.0 * math.log10(np.square(error).mean() / np.square(reference).mean() + 1e-12)


def flushed(waveform: Waveform, latency_samples: int) -> Waveform:
    return np.pad(waveform, ((0, 0), (0, latency_samples)))


@engines
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(
    "sizes", [(1,), (64,), (65,), (512,), (8193,), (1, 64, 65, 8193, 512, 3)], ids=str
)
def test_blocks_of_any_size_give_what_one_call_gives(
    engine: str, channels: int, sizes: tuple[int, ...], make: Make, clip: Waveform
) -> None:
    content = clip[:channels, :16000] if sizes != (1,) else clip[:channels, 4000:8000]
    effect = make(engine=engine, strength=0.8, mix=0.9)
    whole = effect(content, RATE)
    assert np.abs(whole).max() > 0.001
    output = streamed(effect, flushed(content, effect.latency_samples), sizes)
    np.testing.assert_allclose(output, whole, atol=CHUNK_TOLERANCE)


@engines
def test_channels_of_opposite_polarity_do_not_cancel(
    engine: str, make: Make, clip: Waveform
) -> None:
    """If [x, x] becomes [y, y], then [x, -x] becomes [y, -y]: there is no downmix."""
    same, opposite = (
        make(engine=engine)(np.concatenate([clip[:1], sign * clip[:1]]), RATE) for sign in (1, -1)
    )
    assert np.abs(same).max() > 0.001
    np.testing.assert_allclose(same[1], same[0], atol=CHUNK_TOLERANCE)
    np.testing.assert_allclose(opposite[0], same[0], atol=CHUNK_TOLERANCE)
    np.testing.assert_allclose(opposite[1], -same[0], atol=CHUNK_TOLERANCE)


@engines
def test_latency_is_exact_at_every_block_size(engine: str, make: Make, clip: Waveform) -> None:
    """The output lags behind the input by exactly `latency_samples`."""
    effect = make(engine=engine)
    latency = effect.latency_samples_at(RATE)
    for sizes in ([1000], [latency], [latency + 1, 1], [8193]):
        effect.reset()
        n_in = n_out = 0
        for block in blocks_of(clip[:, :12000], sizes):
            n_in += block.shape[1]
            n_out += effect.process(block, RATE, reset=False).shape[1]
            assert n_out == max(0, n_in - latency)
    assert effect.latency_samples == latency


@pytest.mark.parametrize(("engine", "most_ms"), [("stream", 75.0), ("live", 35.0)])
@pytest.mark.parametrize("sample_rate", [8000, 22050, 44100, 48000, 96000])
def test_latency_is_short(engine: str, most_ms: float, sample_rate: int, make: Make) -> None:
    assert 0 < make(engine=engine).latency_samples_at(sample_rate) <= most_ms * sample_rate / 1e3


@engines
@pytest.mark.parametrize("setting", ["mix", "strength"])
@pytest.mark.parametrize("sizes", [(1000,), (64, 3, 8193)])
def test_zero_nulls_bit_for_bit(
    engine: str, setting: str, sizes: tuple[int, ...], make: Make, clip: Waveform
) -> None:
    effect = make(engine=engine, **{setting: 0.0})
    content = clip.copy()
    content[:, 100] = (np.nan, np.inf)
    content[0, 101] = 1e-42
    np.testing.assert_array_equal(effect(content, RATE), content)
    output = streamed(effect, content, sizes)
    np.testing.assert_array_equal(output, content[:, : output.shape[1]])


@engines
@pytest.mark.parametrize("strength", [0.002, 0.005, 0.01])
def test_least_strengths_make_no_comb(
    engine: str, strength: float, make: Make, clip: Waveform
) -> None:
    """Where wet and dry are mixed, both are the same sound at the same time."""
    output = make(engine=engine, strength=strength)(clip, RATE)
    assert db(output - clip, clip) < COMB_TOLERANCE_DB
    assert not np.array_equal(output, clip)


@engines
def test_the_wet_signal_is_aligned_with_the_dry(engine: str, make: Make, clip: Waveform) -> None:
    """The correlation of the output with the content is highest at lag 0."""
    output = make(engine=engine, strength=0.3)(clip, RATE)
    lags = range(-200, 201)
    found = [float((np.roll(output[0], lag) * clip[0]).sum()) for lag in lags]
    assert abs(lags[int(np.argmax(found))]) <= 1


@engines
def test_the_output_is_as_loud_as_the_content(
    engine: str, make: Make, second_targets: astfx.StyleTargets
) -> None:
    """K-weighted, of noise that swells and fades, when the levels have settled."""
    time = np.arange(6 * RATE) / RATE
    noise = 0.05 * np.random.default_rng(3).standard_normal((1, len(time)))
    content = (noise * (0.2 + np.abs(np.sin(2.0 * np.pi * 1.5 * time)))).astype(np.float32)
    output = make(engine=engine, style=second_targets)(content, RATE)
    found = []
    for waveform in (content, output):
        meter = LoudnessMeter(RATE, 1)
        meter.add(waveform[:, 3 * RATE :])
        found.append(meter.lufs)
    assert abs(found[1] - found[0]) < LOUDNESS_TOLERANCE_DB


@engines
def test_strength_rises_from_the_dry_signal(engine: str, make: Make, clip: Waveform) -> None:
    effect = make(engine=engine, strength=astfx.Automation([(0.2, 0.0), (8.2, 1.0)]))
    output = effect(clip, RATE)
    dry, early = slice(0, RATE // 5), slice(RATE // 5, 3 * RATE // 5)
    np.testing.assert_array_equal(output[:, dry], clip[:, dry])
    assert db((output - clip)[:, early], clip[:, early]) < EARLY_RAMP_TOLERANCE_DB


def tone(seconds: float = 2.0) -> Waveform:
    """A low tone, (1, samples). A click stands out against its small differences."""
    time = np.arange(round(seconds * RATE)) / RATE
    return (0.3 * np.sin(2.0 * np.pi * 150.0 * time)).astype(np.float32)[None]


def largest_curvature(waveform: Waveform) -> float:
    """Largest second difference. That of a click is a hundred times that of a low tone."""
    return float(np.abs(np.diff(waveform, n=2)).max())


CHANGES: dict[str, list[tuple[int, str, Any]]] = {
    "mix down and up": [(40, "mix", 0.0), (60, "mix", 1.0)],
    "strength down and up": [(40, "strength", 0.0), (60, "strength", 1.0)],
    "mix twice in a ramp": [(40, "mix", 0.0), (41, "mix", 1.0), (42, "mix", 0.3)],
    "style": [(40, "style", "second")],
    "style twice in a fade": [(40, "style", "second"), (44, "style", "first")],
    "three styles in a fade": [(40, "style", "second"), (44, "style", "third")],
    "style, then morph": [(40, "style", "second"), (43, "morph_to", "third"), (46, "morph", 1.0)],
    "morph": [(30, "morph_to", "second"), (40, "morph", 1.0), (60, "morph", 0.0)],
    "weights": [(30, "morph_to", "second"), (40, "morph", [0.0, 1.0]), (60, "morph", [1.0, 1.0])],
    "morph to nothing": [(30, "morph_to", "second"), (40, "morph", 0.6), (60, "morph_to", None)],
}


@pytest.fixture(scope="module")
def dull() -> dict[str, astfx.StyleTargets]:
    """Styles without high frequencies, so that a click would stand out."""
    rng = np.random.default_rng(9)
    found = {}
    for name, cutoff_hz, pulse_hz in (("first", 200, 2), ("second", 400, 5), ("third", 300, 9)):
        sections = signal.butter(6, cutoff_hz, fs=RATE, output="sos")
        noise = signal.sosfilt(sections, rng.standard_normal(3 * RATE))
        pulses = 1.2 + np.sin(2.0 * np.pi * pulse_hz * np.arange(len(noise)) / RATE)
        found[name] = astfx.prepare_style(noise * pulses, RATE)
    return found


def changed_stream(
    effect: astfx.StyleTransfer, changes: list[tuple[int, str, Any]], styles: dict[str, Any]
) -> Waveform:
    output = []
    for index, block in enumerate(blocks_of(tone(), [BLOCK])):
        for at, name, value in changes:
            if index == at:
                setattr(effect, name, styles[value] if isinstance(value, str) else value)
        output.append(effect.process(block, RATE, reset=False))
    return np.concatenate(output, axis=1)


@pytest.fixture(scope="module")
def steady(dull: dict[str, astfx.StyleTargets]) -> dict[str, list[Waveform]]:
    """Output of each engine with each style, when nothing is changed."""
    return {
        engine: [
            changed_stream(astfx.StyleTransfer(style, engine=engine), [], dull)[:, 25 * BLOCK :]
            for style in dull.values()
        ]
        for engine in ("stream", "live")
    }


@pytest.mark.parametrize(
    ("engine", "changes"),
    [
        *(pytest.param("live", changes, id=f"live, {name}") for name, changes in CHANGES.items()),
        *(
            pytest.param("stream", CHANGES[name], id=f"stream, {name}")
            for name in ("mix down and up", "strength down and up", "style twice in a fade")
        ),
    ],
)
def test_changes_while_streaming_make_no_click(
    engine: str,
    changes: list[tuple[int, str, Any]],
    dull: dict[str, astfx.StyleTargets],
    steady: dict[str, list[Waveform]],
) -> None:
    """Second differences are no larger than in streams without changes."""
    usual = max(largest_curvature(waveform) for waveform in [tone(), *steady[engine]])
    effect = astfx.StyleTransfer(dull["first"], engine=engine)
    changed = changed_stream(effect, changes, dull)[:, 25 * BLOCK :]
    assert largest_curvature(changed) < CLICK_TOLERANCE * usual


@engines
def test_a_jump_would_show_as_a_click(engine: str, steady: dict[str, list[Waveform]]) -> None:
    """The measure above finds what it should find: a jump from one style to another."""
    usual = max(largest_curvature(waveform) for waveform in [tone(), *steady[engine]])
    jumps = [
        np.concatenate([before[:, :at], after[:, at:]], axis=1)
        for before, after in pairwise(steady[engine])
        for at in range(8000, 30000, 500)  # at some places both have about the same value
    ]
    found = np.quantile([largest_curvature(jump) for jump in jumps], 0.9)
    assert found > CLICK_TOLERANCE * usual


@engines
def test_a_new_style_takes_over_after_the_fade(
    engine: str, make: Make, clip: Waveform, second_targets: astfx.StyleTargets
) -> None:
    """Once its statistics have settled, the output is nearer to a stream of the new style alone."""
    content = np.concatenate([clip, clip], axis=1)
    effect = make(engine=engine)
    first = streamed(effect, content, [1000])
    effect.reset()
    parts = []
    for index, block in enumerate(blocks_of(content, [1000])):
        if index == 10:
            effect.style = second_targets
        parts.append(effect.process(block, RATE, reset=False))
    changed = np.concatenate(parts, axis=1)
    effect.style = second_targets
    second = streamed(effect, content, [1000])
    np.testing.assert_array_equal(changed[:, :6000], first[:, :6000])
    end = slice(-RATE, None)

    def spectrum(waveform: Waveform) -> Any:
        power = np.square(np.abs(np.fft.rfft(waveform[:, end]))).mean(axis=0)
        return np.log(np.add.reduceat(power, np.arange(0, len(power), 300)) + 1e-9)

    to_second = np.abs(spectrum(changed) - spectrum(second)).mean()
    assert to_second < 0.5 * np.abs(spectrum(changed) - spectrum(first)).mean()


@engines
def test_morph_ends_are_the_two_styles(
    engine: str, make: Make, clip: Waveform, second_targets: astfx.StyleTargets
) -> None:
    effect = make(engine=engine, morph_to=second_targets, morph=0.0)
    first = make(engine=engine)(clip, RATE)
    np.testing.assert_array_equal(effect(clip, RATE), first)
    effect.morph = 1.0
    second = make(engine=engine, style=second_targets)(clip, RATE)
    np.testing.assert_array_equal(effect(clip, RATE), second)
    effect.morph = 0.25
    half = 0.75 * first + 0.25 * second
    np.testing.assert_allclose(effect(clip, RATE), half, atol=1e-6)


POISONS = {
    "nan": np.nan,
    "inf": np.inf,
    "minus inf": -np.inf,
    "enormous": 1e30,
    "denormals": 1e-42,
    "silence": 0.0,
    "full scale": 1.0,
}


@pytest.fixture(scope="module")
def unpoisoned(
    rain_targets: astfx.StyleTargets, melody: Waveform
) -> Callable[[str, float], Waveform]:
    """Output of an engine for two and a half seconds of melody."""

    @cache
    def found(engine: str, mix: float) -> Waveform:
        effect = astfx.StyleTransfer(rain_targets, engine=engine, mix=mix)
        return effect(melody[:, : round(2.5 * RATE)], RATE)

    return found


@engines
@pytest.mark.parametrize(
    ("poison", "mix"),
    [*((value, 1.0) for value in POISONS.values()), (np.nan, 0.5), (np.inf, 0.5)],
    ids=[*POISONS, "nan, half mixed", "inf, half mixed"],
)
def test_one_block_never_poisons_the_next(
    engine: str,
    poison: float,
    mix: float,
    make: Make,
    melody: Waveform,
    unpoisoned: Callable[[str, float], Waveform],
) -> None:
    content = melody[:, : round(2.5 * RATE)]
    effect = make(engine=engine, mix=mix)
    latency = effect.latency_samples_at(RATE)
    clean = unpoisoned(engine, mix)
    bad = content.copy()
    bad[:, RATE : RATE + 512] = poison * np.where(np.arange(512) % 2, 1.0, -1.0)
    output = streamed(effect, flushed(bad, latency), [512])
    assert np.isfinite(output).all()
    assert np.abs(output).max() < LOUDEST
    after = slice(RATE + 512 + latency, None)
    assert abs(db(output[:, after], clean[:, after])) < RECOVERY_TOLERANCE_DB[engine]
    np.testing.assert_array_equal(output[:, : RATE - latency], clean[:, : RATE - latency])


@engines
def test_a_full_scale_offset_never_poisons_the_next(
    engine: str, make: Make, melody: Waveform
) -> None:
    """An offset is inaudible, but not what an engine makes of it: levels must not follow it."""
    content = melody[:, : round(2.5 * RATE)]
    bad = content.copy()
    bad[:, RATE : RATE + 512] = 1.0
    effect = make(engine=engine)
    after = slice(RATE + 512 + effect.latency_samples_at(RATE), None)
    clean, output = effect(content, RATE)[:, after], effect(bad, RATE)[:, after]
    assert abs(db(output, clean)) < RECOVERY_TOLERANCE_DB[engine]


@engines
def test_silence_stays_silent(engine: str, make: Make) -> None:
    output = make(engine=engine)(np.zeros((2, 2 * RATE), np.float32), RATE)
    assert np.abs(output).max() == 0.0


@engines
def test_changing_rate_or_channels_begins_anew(engine: str, make: Make, rain: Waveform) -> None:
    effect = make(engine=engine, style=rain, style_sample_rate=RATE, mix=0.0)
    noise = np.random.default_rng(0).standard_normal((2, 9000)).astype(np.float32)
    for channels, rate in ((2, RATE), (1, RATE), (1, 16000), (2, 16000)):
        latency = effect.latency_samples_at(rate)
        output = effect.process(noise[:channels], rate, reset=False)
        np.testing.assert_array_equal(output, noise[:channels, : 9000 - latency])


step = st.one_of(
    st.tuples(st.just("block"), st.sampled_from([1, 2, 63, 64, 65, 511, 512, 513, 1500, 4097])),
    st.tuples(st.just("strength"), st.sampled_from([0.0, 0.01, 0.5, 1.0])),
    st.tuples(st.just("morph"), st.sampled_from([0.0, 0.5, 1.0])),
    st.tuples(st.just("style"), st.sampled_from(["first", "second"])),
    st.tuples(st.just("morph_to"), st.sampled_from(["second", None])),
    st.tuples(st.just("mix"), st.sampled_from([0.0, 0.0, 0.3, 1.0])),
    st.tuples(st.just("reset"), st.none()),
    st.tuples(st.just("whole"), st.sampled_from([1, 700])),
)


@engines
@settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=st.lists(step, min_size=3, max_size=25))
def test_nothing_breaks_alignment(
    engine: str, steps: list[tuple[str, Any]], make: Make, second_targets: astfx.StyleTargets
) -> None:
    """Whatever happened before, samples that go in at mix = 0 come out unchanged."""
    effect = make(engine=engine, mix=0.0)
    styles = {"first": effect.style, "second": second_targets}
    latency = effect.latency_samples_at(RATE)
    ramp = round(0.02 * RATE)
    noise = (0.1 * np.random.default_rng(len(steps)).standard_normal((2, 40000))).astype("f4")
    taken, given_out, dry_since = 0, 0, 0
    is_dry = np.zeros(0, bool)

    def run(n: int) -> None:
        nonlocal taken, given_out, is_dry
        known = np.arange(taken, taken + n) >= dry_since + ramp
        dry = effect.mix == 0.0 and (known | (dry_since == 0 and effect.mix == 0.0))
        is_dry = np.concatenate([is_dry, np.broadcast_to(dry, n)])
        block = noise[:, taken : taken + n]
        output = effect.process(block, RATE, reset=False)
        taken += n
        assert output.shape[1] == max(0, taken - latency) - given_out
        expected = noise[:, given_out : given_out + output.shape[1]]
        exact = is_dry[given_out : given_out + output.shape[1]]
        np.testing.assert_array_equal(output[:, exact], expected[:, exact])
        assert np.isfinite(output).all()
        given_out += output.shape[1]

    def begin() -> None:
        nonlocal taken, given_out, dry_since, is_dry
        effect.reset()
        effect.process(noise[:, :0], RATE, reset=False)
        taken = given_out = 0
        dry_since, is_dry = 0, np.zeros(0, bool)

    begin()
    for name, value in steps:
        if name == "block":
            run(value)
        elif name == "reset":
            begin()
        elif name == "whole":
            output = effect(noise[:, :value], RATE)
            assert output.shape == (2, value)
            if effect.mix == 0.0:
                np.testing.assert_array_equal(output, noise[:, :value])
            begin()
        elif name == "mix":
            if effect.mix != value:
                dry_since = max(taken, 1)
            effect.mix = value
        else:
            setattr(effect, name, styles.get(value) if name in ("style", "morph_to") else value)
    effect.mix = 0.0
    dry_since = max(taken, 1)
    run(ramp + latency + 3000)
