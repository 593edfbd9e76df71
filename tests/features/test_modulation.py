"""Texture statistics of signals whose statistics are known."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from astfx.dsp.erb import HIGHEST_HZ, LOWEST_HZ, N_BANDS, hz_to_erb
from astfx.features.envelope_bank import EnvelopeBank
from astfx.features.modulation import (
    ALL_CLASSES,
    ALL_SIZES,
    ModulationPhase,
    WaveformStatistics,
    distance_db,
)
from astfx.features.texture_layout import STANDARD_LAYOUT

CPU = torch.device("cpu")
RATE = 22050
SECONDS = 8
FRAME_RATE_HZ = 400.0
TIME = torch.arange(SECONDS * RATE, dtype=torch.float64) / RATE
NOISE_TOLERANCE = 0.15  # relative: eight seconds of a band some hundred hertz wide
GRADIENT_TOLERANCE = 2e-2  # relative, float32


def statistics_of(waveform: Tensor) -> dict[str, Tensor]:
    measure = WaveformStatistics(len(waveform), RATE, CPU)
    return dict(zip(ALL_CLASSES, measure(waveform.float()), strict=True))


@pytest.fixture(scope="module")
def white() -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    return statistics_of(0.1 * torch.randn(SECONDS * RATE, generator=generator))


def test_every_class_has_its_size(white: dict[str, Tensor]) -> None:
    assert tuple(len(value) for value in white.values()) == ALL_SIZES


def test_white_noise_has_rayleigh_envelopes(white: dict[str, Tensor]) -> None:
    """A Gaussian band's envelope is Rayleigh: E r^p is proportional to gamma(1 + p/2)."""
    first, second, third = (math.gamma(1.0 + 0.15 * k) for k in (1, 2, 3))
    variance = second / first**2 - 1.0
    skewness = (third - 3 * first * second + 2 * first**3) / (second - first**2) ** 1.5
    # Wide enough to have many independent values, narrow enough for frames of 2.5 ms.
    middle = slice(2, 11)
    found = white["envelope_variance"][middle]
    assert float((found / variance - 1.0).abs().max()) < NOISE_TOLERANCE
    # Frames smooth the envelope's cusps at zero, which changes its skewness a little.
    assert float(white["envelope_skewness"][middle].mean()) == pytest.approx(skewness, abs=0.12)


def test_bands_of_white_noise_are_independent(white: dict[str, Tensor]) -> None:
    """Only neighbours correlate, because they overlap by half."""
    correlation = white["envelope_correlation"]
    neighbours, others = correlation[:29], correlation[29:]
    assert 0.07 < float(neighbours.mean()) < 0.15
    assert float(others.abs().mean()) < 0.03


def test_levels_of_white_noise_follow_bandwidth(white: dict[str, Tensor]) -> None:
    levels = white["band_level"]
    slope = levels[2:31].diff()
    assert float((10 ** (levels / 10)).sum()) == pytest.approx(1.0, abs=1e-3)
    assert float(slope.min()) > 0.0  # an ERB widens with frequency
    assert float(levels[30] - levels[5]) == pytest.approx(10.0 * math.log10(1000 / 70), abs=3.0)


def band_centres_hz() -> list[float]:
    """Centres of the 30 bands. A tone there is in no other band, because their skirts end there."""
    low, high = hz_to_erb([LOWEST_HZ, HIGHEST_HZ])
    erb = np.linspace(low, high, N_BANDS + 2)[1:-1]
    return [float(hz) for hz in 228.8455 * np.expm1(erb / 9.265)]


def am_tones(rate_hz: float, depth: float = 0.8) -> Tensor:
    """A tone in every band, all modulated together."""
    envelope = 1.0 + depth * torch.sin(2 * torch.pi * rate_hz * TIME)
    tones = [torch.sin(2 * torch.pi * hz * TIME) for hz in band_centres_hz()]
    return 0.02 * envelope * torch.stack(tones).sum(dim=0)


@pytest.mark.parametrize("rate_hz", [4.0, 12.0])
def test_modulation_power_of_am_tones_lies_at_their_rate(rate_hz: float) -> None:
    found = statistics_of(am_tones(rate_hz))["modulation_power"].view(30, -1)[6:]
    low, high = (math.log10(hz) for hz in STANDARD_LAYOUT.modulation_range_hz)
    centres = torch.logspace(low, high, STANDARD_LAYOUT.n_modulation_bands)
    nearest = int((centres / rate_hz).log().abs().argmin())
    assert bool((found.argmax(dim=1) == nearest).all())
    # The compressed envelope has harmonics; below the rate there is nothing.
    assert float(found[:, centres < rate_hz / 1.6].max()) < 1e-3


def test_mean_and_variance_of_an_am_tone_are_those_of_its_compressed_envelope() -> None:
    found = statistics_of(am_tones(4.0))
    phase = torch.linspace(0.0, 2 * torch.pi, 10001, dtype=torch.float64)[:-1]
    envelope = (1.0 + 0.8 * torch.sin(phase)) ** 0.3
    variance = float(envelope.var(correction=0) / envelope.mean() ** 2)
    assert float(found["envelope_variance"][6:].median()) == pytest.approx(variance, rel=0.02)
    moving = (envelope - envelope.mean()) / envelope.std(correction=0)
    skewness, kurtosis = float((moving**3).mean()), float((moving**4).mean()) - 3.0
    assert float(found["envelope_skewness"][6:].median()) == pytest.approx(skewness, rel=0.03)
    assert float(found["envelope_kurtosis"][6:].median()) == pytest.approx(kurtosis, rel=0.05)


def test_comodulated_bands_correlate_fully() -> None:
    found = statistics_of(am_tones(4.0))
    assert float(found["envelope_correlation"][6:29].min()) > 0.99
    joint = found["modulation_correlation"].view(6, 57)[:, 6:29]
    # C1: nearly all is in the octave of 4 Hz, a harmonic is in the next one, nothing is below.
    harmonic = float(joint[3].median())
    assert float(joint[2].min()) > 0.9
    assert 0.01 < harmonic < 0.1
    assert float(joint[:2].abs().max()) < 1e-3


def test_bands_modulated_in_opposition_anticorrelate() -> None:
    swing = 0.8 * torch.sin(2 * torch.pi * 4.0 * TIME)
    centres = band_centres_hz()
    low, high = (torch.sin(2 * torch.pi * hz * TIME) for hz in (centres[10], centres[20]))
    waveform = 0.05 * ((1 + swing) * low + (1 - swing) * high)
    bank = EnvelopeBank(len(waveform), RATE, CPU)
    envelopes = bank.envelopes(bank.split(torch.fft.rfft(waveform.float()[None])))
    # Compression distorts both envelopes: the correlation of (1 + s)^0.3 and (1 - s)^0.3.
    sine = 0.8 * torch.sin(torch.linspace(0, 2 * torch.pi, 10001))[:-1]
    expected = float(torch.corrcoef(torch.stack([(1 + sine) ** 0.3, (1 - sine) ** 0.3]))[0, 1])
    found = float(torch.corrcoef(envelopes[[10, 20]])[0, 1])
    assert found == pytest.approx(expected, abs=0.01)
    assert found < -0.8


@pytest.mark.parametrize("turn", [0.0, 0.7, math.pi / 2, 3.0, -2.0])
def test_modulation_phase_of_two_harmonics_is_their_phase_relation(turn: float) -> None:
    """cos(wt) + cos(2wt + turn): C2 of those octaves is exp(i turn)."""
    time = torch.arange(3200) / FRAME_RATE_HZ
    for rate_hz, pair in ((1.0, 0), (4.0, 2)):
        angle = 2 * torch.pi * rate_hz * time
        envelope = 1.0 + 0.1 * (torch.cos(angle) + torch.cos(2 * angle + turn))
        found = ModulationPhase(3200, FRAME_RATE_HZ, CPU)(envelope[None]).view(2, 5)[:, pair]
        assert float(found[0]) == pytest.approx(math.cos(turn), abs=0.01)
        assert float(found[1]) == pytest.approx(math.sin(turn), abs=0.01)


def test_modulation_phase_tells_a_sound_from_its_reverse() -> None:
    """All other classes are the same in both directions; the imaginary part of C2 changes sign."""
    time = torch.arange(3200) / FRAME_RATE_HZ
    saw = 1.0 + 0.3 * (1.0 - (4.0 * time) % 1.0)
    measure = ModulationPhase(3200, FRAME_RATE_HZ, CPU)
    forward, backward = (measure(x[None]).view(2, 5) for x in (saw, saw.flip(0)))
    torch.testing.assert_close(forward[0], backward[0], atol=1e-3, rtol=0)
    torch.testing.assert_close(forward[1], -backward[1], atol=1e-3, rtol=0)
    assert float(forward[1].abs().max()) > 0.3


def test_gradient_of_the_distance_matches_finite_differences() -> None:
    generator = torch.Generator().manual_seed(1)
    n = 11025
    style, start = (0.1 * torch.randn(n, generator=generator) for _ in range(2))
    measure = WaveformStatistics(n, RATE, CPU)
    targets = measure(style * torch.linspace(0.1, 2.0, n))
    x = start.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(distance_db(measure(x), targets, 1e-3), x)
    for seed in range(3):
        step = torch.randn(n, generator=torch.Generator().manual_seed(seed + 9)) * 3e-5
        step += 1e-4 * gradient / gradient.norm()
        ahead = float(distance_db(measure(start + step), targets, 1e-3))
        behind = float(distance_db(measure(start - step), targets, 1e-3))
        exact = 2 * float((gradient * step).sum())
        assert ahead - behind == pytest.approx(exact, rel=GRADIENT_TOLERANCE)


def test_distance_of_equal_statistics_is_the_floor() -> None:
    values = [torch.ones(3), torch.full((4,), 2.0)]
    assert float(distance_db(values, values, 1e-4)) == pytest.approx(-40.0, abs=1e-4)
    other = [torch.zeros(3), torch.zeros(4)]
    assert float(distance_db(other, values, 1e-6)) == pytest.approx(0.0, abs=1e-4)
