from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor

from astfx import metrics
from astfx.audio import Waveform
from astfx.dsp.erb import hz_to_erb
from astfx.features.content_contour import ContentContour
from astfx.features.envelope_bank import EnvelopeBank
from astfx.features.texture_layout import CLASSES, ROUND_LAYOUTS, TextureLayout
from astfx.features.texture_loss import TextureLoss, TextureWeights
from astfx.features.texture_statistics import TextureStatistics
from astfx.runtime.pool import Pool

CPU = torch.device("cpu")
RATE = 22050
SAME_STATISTICS_TOLERANCE = 0.05  # relative: the metric smooths its envelopes a little less
GRADIENT_TOLERANCE = 1e-4  # relative, float64


def noise(seconds: float = 2.0, channels: int = 1, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(channels, round(seconds * RATE), generator=generator) * 0.1


def bank_of(waveform: Tensor) -> EnvelopeBank:
    return EnvelopeBank(waveform.shape[1], RATE, CPU)


def imposed(bank: EnvelopeBank, spectrum: Tensor, bands: list[Tensor], gain: Tensor) -> Tensor:
    result: Tensor = torch.fft.irfft(bank.impose(spectrum, bands, gain), n=bank.n_samples)
    return result


def test_a_gain_of_one_changes_nothing() -> None:
    waveform = noise(channels=2)
    bank = bank_of(waveform)
    spectrum = torch.fft.rfft(waveform)
    bands = bank.split(spectrum)
    result = imposed(bank, spectrum, bands, torch.ones(30, bank.n_frames))
    torch.testing.assert_close(result, waveform, rtol=0, atol=1e-5)


@pytest.mark.parametrize("gain_db", [-20.0, 20.0])
def test_a_gain_on_all_bands_is_that_gain_inside_them(gain_db: float) -> None:
    tone = 0.1 * torch.sin(2 * torch.pi * 1000.0 * torch.arange(2 * RATE) / RATE)[None]
    bank = bank_of(tone)
    spectrum = torch.fft.rfft(tone)
    bands = bank.split(spectrum)
    gain = torch.full((30, bank.n_frames), 10 ** (gain_db / 20))
    result = imposed(bank, spectrum, bands, gain)
    level_db = 20 * torch.log10(result.norm() / tone.norm())
    assert float(level_db) == pytest.approx(gain_db, abs=0.05)


def test_channels_get_the_same_gain() -> None:
    one = noise()
    waveform = torch.cat([one, -0.3 * one])
    bank = bank_of(waveform)
    spectrum = torch.fft.rfft(waveform)
    bands = bank.split(spectrum)
    gain = torch.rand(30, bank.n_frames, generator=torch.Generator().manual_seed(1)) * 3 + 0.1
    result = imposed(bank, spectrum, bands, gain)
    torch.testing.assert_close(result[1], -0.3 * result[0], rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("rate_hz", [4.0, 16.0])
def test_a_modulation_is_imposed(rate_hz: float) -> None:
    """Noise times a sinusoidal gain has that modulation in its envelopes, and no other rate."""
    waveform = noise(4.0)
    bank = bank_of(waveform)
    spectrum = torch.fft.rfft(waveform)
    bands = bank.split(spectrum)
    time = torch.arange(bank.n_frames) / bank.frame_rate_hz
    gain = (1.0 + 0.9 * torch.sin(2 * torch.pi * rate_hz * time)).expand(30, -1)
    envelopes = bank.envelopes(bank.split(bank.impose(spectrum, bands, gain)))
    level = envelopes[5:].mean(dim=0)
    power = torch.fft.rfft(level - level.mean()).abs()
    peak_hz = float(power.argmax()) * bank.frame_rate_hz / bank.n_frames
    assert peak_hz == pytest.approx(rate_hz, abs=0.3)


def test_statistics_are_those_of_the_independent_metric(rain: Waveform) -> None:
    bank = EnvelopeBank(rain.shape[1], RATE, CPU)
    bands = bank.split(torch.fft.rfft(torch.from_numpy(rain)))
    ours = TextureStatistics(bank.n_frames, bank.frame_rate_hz, CPU)(bank.envelopes(bands))
    theirs = metrics.texture_statistics(rain, RATE)
    for name, found in zip(CLASSES, ours, strict=True):
        expected = np.asarray(getattr(theirs, name)).ravel()
        error = np.linalg.norm(found.numpy() - expected) / np.linalg.norm(expected)
        assert error < (4 if name == "envelope_kurtosis" else 1) * SAME_STATISTICS_TOLERANCE, name


@pytest.fixture
def double() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def small_loss(pool: Pool | None = None) -> tuple[TextureLoss, Tensor]:
    generator = torch.Generator().manual_seed(2)
    style, content, start = (torch.rand(30, 420, generator=generator) + 0.2 for _ in range(3))
    statistics = TextureStatistics(420, 400.0, CPU)
    contour = ContentContour(content, torch.ones(30), 400.0)
    return TextureLoss(statistics, statistics(style), contour, TextureWeights(), pool), start


@pytest.mark.usefixtures("double")
def test_gradient_matches_finite_differences() -> None:
    loss, x = small_loss()
    _, gradient = loss(x)
    generator = torch.Generator().manual_seed(3)
    for _ in range(5):
        direction = torch.randn(x.shape, generator=generator, dtype=x.dtype)
        step = 1e-6
        numeric = (loss(x + step * direction)[0] - loss(x - step * direction)[0]) / (2 * step)
        exact = float((gradient * direction).sum())
        assert numeric == pytest.approx(exact, rel=GRADIENT_TOLERANCE)


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("n_frames", [400, 401])
@pytest.mark.parametrize("index", range(len(CLASSES)), ids=CLASSES)
def test_every_statistic_has_the_gradient_of_finite_differences(index: int, n_frames: int) -> None:
    layout = TextureLayout(n_bands=24, n_modulation_bands=10)
    statistics = TextureStatistics(n_frames, 400.0, CPU, layout)
    generator = torch.Generator().manual_seed(6)
    x = torch.rand(24, n_frames, generator=generator) + 0.05
    weights = torch.randn(layout.sizes[index], generator=generator)
    measured = statistics.measure(x)
    gradients = [torch.zeros_like(value) for value in measured.values]
    gradients[index] = weights
    gradient = statistics.pull_back(measured, gradients)
    direction = torch.randn(x.shape, generator=generator)
    ends = [statistics(x + step * direction)[index] @ weights for step in (1e-6, -1e-6)]
    numeric = float(ends[0] - ends[1]) / 2e-6
    assert numeric == pytest.approx(float((gradient * direction).sum()), rel=GRADIENT_TOLERANCE)


def test_the_loss_is_the_decibels_of_the_mean_error() -> None:
    statistics = TextureStatistics(420, 400.0, CPU)
    generator = torch.Generator().manual_seed(8)
    style, output = (torch.rand(30, 420, generator=generator) + 0.2 for _ in range(2))
    contour = ContentContour(output, torch.ones(30), 400.0)
    weights = TextureWeights(contour=0.0, onset=0.0, floor=1e-6)
    both = [dict(zip(CLASSES, statistics(clip), strict=True)) for clip in (output, style)]
    # The power of modulations relative to the mean is added to the classes, and their depth.
    modulation = [
        found["envelope_variance"][:, None] * found["modulation_power"].view(30, -1)
        for found in both
    ]
    pairs = [modulation, [torch.sqrt(power + 1e-4) for power in modulation]]
    for name, found, target in zip(CLASSES, statistics(output), statistics(style), strict=True):
        if name == "envelope_mean":
            pairs.append(
                [torch.log(v + 0.01) - torch.log(v + 0.01).mean() for v in (found, target)]
            )
        elif name == "envelope_kurtosis":
            pairs.append([torch.log(v + 3.0) for v in (found, target)])
        else:
            pairs.append([found, target])
    errors = [float((f - t).square().sum() / t.square().sum()) for f, t in pairs]
    loss = TextureLoss(statistics, statistics(style), contour, weights)
    expected_db = 10.0 * math.log10(sum(errors) / len(errors) + 1e-6)
    assert loss(output)[0] - loss.offset == pytest.approx(expected_db, abs=1e-3)


def test_threads_that_share_the_loss_change_nothing() -> None:
    alone, x = small_loss()
    with Pool(2) as pool:
        shared, _ = small_loss(pool)
        (loss, gradient), (same_loss, same_gradient) = alone(x), shared(x)
    assert same_loss == loss
    assert torch.equal(same_gradient, gradient)


def test_the_kurtosis_counts_as_its_logarithm() -> None:
    """One frame may raise the kurtosis of a band a hundredfold."""
    statistics = TextureStatistics(4000, 400.0, CPU)
    style = torch.rand(30, 4000, generator=torch.Generator().manual_seed(9)) + 0.2
    contour = ContentContour(style, torch.ones(30), 400.0)
    weights = TextureWeights(contour=0.0, onset=0.0)
    target = statistics(style)
    index = CLASSES.index("envelope_kurtosis")
    losses = []
    for excess in (97.0, 9997.0):
        wanted = [value.clone() for value in target]
        wanted[index] = torch.full_like(target[index], excess)
        loss = TextureLoss(statistics, wanted, contour, weights)
        losses.append(loss(style)[0])
    # The relative error of ln(1.8) against ln(100), and against ln(10 000).
    kurtosis = float((target[index] + 3.0).mean())
    for found, aim in zip(losses, (100.0, 10_000.0), strict=True):
        error = (math.log(aim) - math.log(kurtosis)) ** 2 / math.log(aim) ** 2 / (len(CLASSES) + 2)
        expected_db = 10.0 * math.log10(error + weights.floor) + loss.offset
        assert found == pytest.approx(expected_db, abs=0.1)


def test_one_bank_hears_the_buzz_that_the_other_cannot() -> None:
    """A modulation whose periods fit between the frames of a contour leaves it as it is."""
    time = torch.arange(4000) / 400.0
    content = 0.2 + 0.1 * torch.sin(2.0 * math.pi * 2.0 * time).expand(4, -1)
    buzzing = content * (1.0 + 0.3 * torch.sin(2.0 * math.pi * 43.1 * time))
    losses = []
    for layout in ROUND_LAYOUTS:
        contour = ContentContour(content, torch.ones(4), 400.0, layout)
        assert contour(content, 1.0, 0.0)[0] == pytest.approx(1.0, abs=1e-5)
        losses.append(1.0 - contour(buzzing, 1.0, 0.0)[0])
    assert losses[0] < 1e-3
    assert losses[1] > 10.0 * losses[0]


def test_shifted_bands_lie_half_a_band_higher(rain: Waveform) -> None:
    """A tone between two bands of one layout is in the middle of a band of the other."""
    n_samples = 2 * RATE
    straight, shifted = (
        [
            (band.first + int(band.response.argmax())) * RATE / n_samples
            for band in EnvelopeBank(n_samples, RATE, CPU, layout).bands
        ]
        for layout in ROUND_LAYOUTS
    )
    assert len(straight) == len(shifted) == 36
    between = [(a + b) / 2.0 for a, b in pairwise(hz_to_erb(straight))]
    np.testing.assert_allclose(hz_to_erb(shifted[:-1]), between, atol=0.05)


@pytest.mark.parametrize("layout", ROUND_LAYOUTS)
def test_bands_of_any_layout_rebuild_the_sound(rain: Waveform, layout: TextureLayout) -> None:
    bank = EnvelopeBank(rain.shape[1], RATE, CPU, layout)
    waveform = torch.from_numpy(rain)
    spectrum = torch.fft.rfft(waveform)
    signals = bank.split(spectrum)
    rebuilt = imposed(bank, spectrum, signals, torch.ones(layout.n_bands, bank.n_frames))
    assert float((rebuilt - waveform).abs().max()) < 1e-4


def test_threads_that_share_the_bands_change_nothing(rain: Waveform) -> None:
    spectrum = torch.fft.rfft(torch.from_numpy(rain))
    found = []
    for threads in (1, 3):
        with Pool(threads) as pool:
            bank = EnvelopeBank(rain.shape[1], RATE, CPU, ROUND_LAYOUTS[0], pool)
            signals = bank.split(spectrum)
            envelopes = bank.envelopes(signals)
            gain = 1.0 + envelopes / envelopes.mean()
            found.append((envelopes, bank.impose(spectrum, signals, gain)))
    for alone, shared in zip(*found, strict=True):
        assert torch.equal(alone, shared)


def test_loss_is_zero_where_everything_is_met() -> None:
    envelopes = torch.rand(30, 420, generator=torch.Generator().manual_seed(4)) + 0.2
    statistics = TextureStatistics(420, 400.0, CPU)
    contour = ContentContour(envelopes, torch.ones(30), 400.0)
    weights = TextureWeights(onset=0.0)
    loss = TextureLoss(statistics, statistics(envelopes), contour, weights)
    assert loss(envelopes)[0] == pytest.approx(0.0, abs=1e-2)
    assert loss(envelopes.flip(1))[0] > 1.0


def test_onsets_in_the_contents_place_score_highest() -> None:
    generator = torch.Generator().manual_seed(5)
    content = torch.rand(30, 800, generator=generator) * 0.02 + 0.1
    content[:, ::100] += 0.3
    contour = ContentContour(content, torch.ones(30), 400.0)
    flat = torch.rand(30, 800, generator=generator) * 0.02 + 0.1
    assert contour(content, 0.0, 1.0)[0] == pytest.approx(1.0, abs=1e-3)
    assert contour(content, 1.0, 0.0)[0] == pytest.approx(1.0, abs=1e-3)
    assert contour(flat, 0.0, 1.0)[0] < 0.3
    assert contour(content.roll(50, dims=1), 0.0, 1.0)[0] < 0.3


def test_mel_weights_average_one_and_rise(rain: Waveform) -> None:
    weights = EnvelopeBank(rain.shape[1], RATE, CPU).mel_weights
    assert float(weights.mean()) == pytest.approx(1.0, abs=1e-5)
    assert float(weights[-1]) > 3 * float(weights[0])


def test_silence_has_a_finite_gradient() -> None:
    loss, x = small_loss()
    value, gradient = loss(torch.full_like(x, 1e-4))
    assert np.isfinite(value)
    assert bool(torch.isfinite(gradient).all())
