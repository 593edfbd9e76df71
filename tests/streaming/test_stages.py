"""The stages of the block engines: what each of them brings to the style's."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pytest

from astfx.dsp.windows import hann
from astfx.features.envelope_map import EnvelopeStatistics
from astfx.runtime.packed_memory import Packed
from astfx.streaming.base import exponents_of
from astfx.streaming.envelope_stage import EnvelopeStage
from astfx.streaming.spectral_stage import HOPS_PER_WINDOW, SpectralOptions, SpectralStage
from astfx.streaming.stream import StreamEngine

RATE = 16_000
N_FFT = 1024
HOP = N_FFT // HOPS_PER_WINDOW
LEVEL_TOLERANCE_DB = 2.0
OPTIONS = SpectralOptions(share=0.7, follow=0.5)
BALANCED = SpectralOptions(share=0.6, follow=1.0, is_balanced=True)

Array = npt.NDArray[np.float32]


def noise(seconds: float, seed: int) -> Array:
    shape = (1, round(seconds * RATE))
    return np.asarray(0.1 * np.random.default_rng(seed).standard_normal(shape), np.float32)


def filtered(clip: Array, taps: int) -> Array:
    """Low-pass a clip, and keep its RMS."""
    low = np.convolve(clip[0], np.ones(taps) / taps, "same")[None]
    return np.asarray(low * (0.1 / np.sqrt(np.square(low).mean())), np.float32)


def pulsed(clip: Array, hz: float) -> Array:
    time = np.arange(clip.shape[1]) / RATE
    level = 0.1 + (np.sin(2.0 * np.pi * hz * time) > 0.5)
    return np.asarray(clip * level / np.sqrt(np.square(level).mean()), np.float32)


def log_magnitudes(clip: Array) -> Array:
    """Log magnitudes at the scale of the features, (frames, bins)."""
    frames = np.lib.stride_tricks.sliding_window_view(clip[0], N_FFT)[:: N_FFT // 4]
    gain = 0.1 / np.sqrt(np.square(clip).mean()) * 2048.0 / N_FFT
    spectra = np.fft.rfft(frames * hann(N_FFT))
    return np.asarray(np.log1p(gain * np.abs(spectra)), np.float32)


def run(
    stage: SpectralStage | EnvelopeStage | StreamEngine, clip: Array, strength: float = 1.0
) -> Array:
    n = stage.hop_length
    hops = [np.ascontiguousarray(clip[:, k : k + n]) for k in range(0, clip.shape[1] - n + 1, n)]
    found = [np.zeros_like(hops[0])]
    for hop in hops:
        if isinstance(stage, EnvelopeStage):  # alone, it hears its own output
            found.append(stage.process(hop, found[-1], strength))
        else:
            found.append(stage.process(hop, np.array([strength])))
    return np.concatenate(found[1:], axis=1)


def spectrum_db(clip: Array) -> npt.NDArray[np.floating]:
    """Mean levels of 16 bands of equal width, relative to their mean, in dB."""
    power = np.square(np.expm1(log_magnitudes(clip))).mean(axis=0)
    bands = np.array([band.mean() for band in np.array_split(power[4:], 16)])
    level = 10.0 * np.log10(bands)
    return np.asarray(level - level.mean())


@pytest.mark.parametrize(
    ("n_synthesis", "options"),
    [(N_FFT // 4, OPTIONS), (N_FFT // 2, OPTIONS), (5 * N_FFT // 8, BALANCED)],
)
def test_the_spectral_stage_brings_the_styles_spectrum(
    n_synthesis: int, options: SpectralOptions
) -> None:
    style = filtered(noise(4.0, 0), 5)
    stage = SpectralStage(log_magnitudes(style), RATE, n_synthesis, 1, options)
    output = run(stage, noise(10.0, 1))[:, 5 * RATE :]
    error = spectrum_db(output) - spectrum_db(style)
    assert np.abs(error).max() < LEVEL_TOLERANCE_DB


def test_a_balanced_stage_has_the_styles_spectrum_over_all_of_a_short_clip() -> None:
    """The first seconds, in which little is known, are made up for."""
    style, content = filtered(noise(4.0, 0), 9), noise(8.0, 1)
    errors = []
    for is_balanced in (False, True):
        options = BALANCED._replace(is_balanced=is_balanced)
        output = run(SpectralStage(log_magnitudes(style), RATE, N_FFT // 2, 1, options), content)
        errors.append(np.abs(spectrum_db(output) - spectrum_db(style)).mean())
    assert errors[1] < 0.7 * errors[0]


def test_nearly_full_strength_is_full() -> None:
    """Curves of strength are rounded, and only full strength is checked and corrected."""
    np.testing.assert_array_equal(exponents_of(np.array([1.0, 0.99995, 0.0])), [1.0, 1.0, 0.0])


def test_the_envelope_stage_brings_the_styles_pulses() -> None:
    style = pulsed(noise(6.0, 2), 4.0)
    statistics = EnvelopeStatistics.of([style], RATE, float(np.sqrt(np.square(style).mean())))
    content = noise(12.0, 3)
    output = run(EnvelopeStage(statistics, RATE, 48, 1), content)[:, 6 * RATE :]
    spreads = []
    for clip in (style, output, content):
        # The level of the highest quarter of the band, every 5 ms.
        high = np.diff(clip[0], n=2)
        level = np.sqrt(np.square(high[: len(high) // 80 * 80]).reshape(-1, 80).mean(axis=1))
        spreads.append(float(np.log(level).std()))
    # Steady noise cannot become pulses of any length, but its level moves far more than before.
    assert 2.5 * spreads[2] < spreads[1] < spreads[0]


def test_at_strength_zero_the_stages_only_delay() -> None:
    style = pulsed(filtered(noise(3.0, 4), 4), 3.0)
    statistics = EnvelopeStatistics.of([style], RATE, 0.1)
    engine = StreamEngine(log_magnitudes(style), statistics, RATE, 1)
    content = noise(2.0, 5)
    output = run(engine, content, strength=0.0)
    delay = engine.delay_samples
    kept = content[:, : output.shape[1] - delay]
    np.testing.assert_allclose(output[:, delay:], kept, atol=1e-5)


def test_the_envelope_stage_hears_what_comes_out_of_the_engine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    heard = []
    process = EnvelopeStage.process

    def spy(self: EnvelopeStage, hops: Array, latest: Array, strength: float) -> Array:
        heard.append(latest.copy())
        return process(self, hops, latest, strength)

    monkeypatch.setattr(EnvelopeStage, "process", spy)
    style = noise(3.0, 8)
    statistics = EnvelopeStatistics.of([style], RATE, 0.1)
    engine = StreamEngine(log_magnitudes(style), statistics, RATE, 1)
    output = run(engine, noise(2.0, 9))
    assert not heard[0].any()
    np.testing.assert_array_equal(
        np.concatenate(heard[1:], axis=1), output[:, : -heard[0].shape[1]]
    )


def test_what_is_not_heard_yet_is_not_learned() -> None:
    """What is heard comes later than the hops; the silence before it says nothing."""
    style = noise(3.0, 8)
    statistics = EnvelopeStatistics.of([style], RATE, 0.1)
    content = noise(1.0, 9)
    corrections = []
    for level in (0.0, 1.0):
        stage = EnvelopeStage(statistics, RATE, 48, 1)
        for k in range(0, content.shape[1] - 47, 48):
            hop = np.ascontiguousarray(content[:, k : k + 48])
            stage.process(hop, np.float32(level) * hop, 1.0)
        state: Any = cast(Packed, stage._state).values
        corrections.append(np.abs(state.map.equaliser.corrections).max())
    assert corrections[0] == 0.0
    assert corrections[1] > 0.0


def test_a_style_without_envelopes_has_the_same_delay() -> None:
    style = log_magnitudes(noise(3.0, 6))
    statistics = EnvelopeStatistics.of([noise(3.0, 6)], RATE, 0.1)
    with_them, without = (StreamEngine(style, found, RATE, 1) for found in (statistics, None))
    assert with_them.delay_samples == without.delay_samples
    content = noise(2.0, 7)
    output = run(without, content, strength=0.0)
    delay = without.delay_samples
    kept = content[:, : output.shape[1] - delay]
    np.testing.assert_allclose(output[:, delay:], kept, atol=1e-5)


def test_silence_stays_silent_and_is_not_learned_from() -> None:
    style = log_magnitudes(filtered(noise(3.0, 8), 4))
    paused, straight = (SpectralStage(style, RATE, N_FFT // 4, 1, OPTIONS) for _ in range(2))
    content = noise(3.0, 9)
    run(paused, content)
    assert not run(paused, np.zeros((1, RATE), np.float32))[:, N_FFT:].any()
    run(straight, content)
    again = noise(2.0, 10)
    first, second = (run(stage, again)[:, N_FFT:] for stage in (paused, straight))
    np.testing.assert_allclose(first, second, atol=0.1 * float(np.abs(first).max()))


@pytest.mark.parametrize("cut", [RATE, RATE + 137])
def test_a_step_to_silence_makes_no_burst(cut: int) -> None:
    """A clip that ends in mid-sound: its end is not much louder than the rest."""
    style = log_magnitudes(np.diff(noise(3.0, 11), n=2))  # very bright
    stage = SpectralStage(style, RATE, N_FFT // 4, 1, OPTIONS)
    time = np.arange(2 * RATE) / RATE
    content = (0.5 * np.cos(2.0 * np.pi * 150.0 * time)).astype(np.float32)[None]
    content[:, cut:] = 0.0
    output = run(stage, content)
    assert np.abs(output[:, cut - 2000 :]).max() < 2.0 * np.abs(content).max()


def test_the_same_bits_wherever_its_memory_lies() -> None:
    """A bounce must be repeatable, so no loop may depend on the places of its arrays."""
    sound = pulsed(noise(3.0, 12), 4.0)
    style, statistics = log_magnitudes(sound), EnvelopeStatistics.of([sound], RATE, 0.1)
    content = np.concatenate([noise(0.3, 13), noise(0.3, 14)])
    kept: list[object] = []
    outputs = []
    for turn in range(40):
        kept.append(np.empty(17 + 13 * turn))
        engine = StreamEngine(style, statistics, RATE, 2)
        kept.append(engine)
        outputs.append(run(engine, content))
    for output in outputs[1:]:
        np.testing.assert_array_equal(output, outputs[0])
