from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import astfx
from astfx.audio import Waveform
from astfx.errors import InvalidSettingError
from astfx.features.arc_cosine import ArcCosineLoss, make_references
from astfx.frontends.grid import Grid
from astfx.frontends.log_magnitude import LogMagnitude
from astfx.frontends.stft import Stft
from astfx.methods import METHODS
from astfx.methods.feed_forward import FeedForwardOptions, StyleNetwork, distil
from astfx.methods.gram import GramOptions, kernel_widths
from astfx.methods.training_phrases import phrase
from astfx.optim.lbfgs import minimise
from astfx.settings import Settings, make_options
from astfx.styles.targets import StyleTargets
from tests.methods.conftest import GRID, LONG_GRID, MakeProblem, noise_frames

RATE = 22050
TINY: dict[str, Any] = {"hidden": 16, "steps": 2, "phrases": 2, "teacher_iterations": 2}
REAL_TIME_FACTOR = 0.02


@pytest.mark.parametrize("sample_rate", [8000, 22050, 44100])
def test_phrases_are_level_varied_and_repeat(sample_rate: int) -> None:
    made = [phrase(np.random.default_rng(i), 2 * sample_rate, sample_rate) for i in range(12)]
    for clip in made:
        assert clip.dtype == np.float32
        assert float(np.sqrt(np.mean(clip**2))) == pytest.approx(0.1, rel=1e-3)
    again = phrase(np.random.default_rng(3), 2 * sample_rate, sample_rate)
    np.testing.assert_array_equal(made[3], again)
    spectra = np.stack([np.log(np.abs(np.fft.rfft(clip)[50:3000]) + 1e-3) for clip in made])
    assert np.corrcoef(spectra).min() < 0.5


# Of a second at 16 kHz: levels in eighths of the time, and of the frequencies in dB.
PHRASES = {
    "hiss and hits": (
        0,
        [0.062, 0.0336, 0.0966, 0.0448, 0.0376, 0.0886, 0.14, 0.1866],
        [53.98, 51.17, 50.51, 50.45, 51.63, 52.02, 52.44, 52.97],
    ),
    "speech-like and a line": (
        3,
        [0.0, 0.046, 0.1206, 0.0867, 0.1031, 0.1211, 0.124, 0.123],
        [60.15, 51.82, 49.43, 34.99, 31.62, 30.49, 24.14, 3.72],
    ),
}


@pytest.mark.parametrize(("seed", "levels", "bands_db"), PHRASES.values(), ids=PHRASES)
def test_phrases_stay_what_the_measured_networks_learned_on(
    seed: int, levels: list[float], bands_db: list[float]
) -> None:
    """Other phrases would make other networks than those of docs/measured/methods.md."""
    clip = phrase(np.random.default_rng(seed), 16_000, 16_000)
    found = [float(np.sqrt(np.mean(part**2))) for part in np.split(clip, 8)]
    assert found == pytest.approx(levels, abs=1e-4)
    power = np.array_split(np.square(np.abs(np.fft.rfft(clip))), 8)
    assert [10 * np.log10(p.sum()) for p in power] == pytest.approx(bands_db, abs=0.01)


def test_an_untrained_network_is_adain(make_problem: MakeProblem) -> None:
    content, style = noise_frames(50, 1) + 1.0, noise_frames(80, 0) + 1.0
    network = StyleNetwork(33, 16)
    with torch.no_grad():
        network.mean.copy_(style.mean(dim=0)[:, None])
        network.deviation.copy_(style.std(dim=0, correction=0)[:, None])
        found = network(content)
    expected = METHODS["adain"].match(make_problem("adain", content, [style])).x
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=1e-3)


@pytest.mark.slow
def test_distilling_brings_the_loss_of_real_sounds_down(melody: Waveform, rain: Waveform) -> None:
    """On a new content, the loss is well below that of the content and of an untrained network."""
    style = torch.from_numpy(rain)
    stft = Stft(n_fft=2048, hop_length=512, device=torch.device("cpu"))

    def frames(clip: torch.Tensor) -> torch.Tensor:
        level = LogMagnitude(rms=float(clip.square().mean().sqrt()), n_fft=2048)
        return level.features(stft.forward(clip)[0])

    content, target = frames(torch.from_numpy(melody)), frames(style)
    widths = kernel_widths(GramOptions(), LONG_GRID)
    loss = ArcCosineLoss(make_references([([target], -1.0)], widths, bias=0.5), widths)
    found = {}
    for steps in (1, 150):
        seen: list[float] = []
        options = FeedForwardOptions(hidden=96, steps=steps, phrases=40, teacher_iterations=8)
        tensors = distil([target], options, LONG_GRID, 0, seen.append)
        assert seen == sorted(seen)
        assert seen[-1] == pytest.approx(1.0)
        network = StyleNetwork(1025, 96)
        network.load_state_dict(
            {k.removeprefix("net."): v for k, v in tensors.items() if k.startswith("net.")}
        )
        with torch.no_grad():
            found[steps] = loss(network(content).contiguous())[0]
    assert found[150] < 0.8 * found[1]
    assert found[150] < 0.25 * loss(content)[0]


def test_distilling_learns_from_the_loss_and_from_what_minimising_it_gives() -> None:
    """On a content it never saw, with a few small steps."""
    grid = Grid(sample_rate=8000, n_fft=256, hop_length=64)
    style = torch.rand(200, 129, generator=torch.Generator().manual_seed(0))
    style *= torch.linspace(0.2, 3.0, 129)
    style[::8] += 1.0
    samples = torch.from_numpy(phrase(np.random.default_rng(99), 4 * 8000, 8000))
    stft = Stft(n_fft=256, hop_length=64, device=torch.device("cpu"))
    content = LogMagnitude(rms=0.1, n_fft=256).features(stft.forward(samples))
    widths = kernel_widths(GramOptions(), grid)
    loss = ArcCosineLoss(make_references([([style], -1.0)], widths, bias=0.5), widths)
    ceiling = 1.1 * style.amax(dim=0)
    taught = minimise(loss, content, iterations=5, upper_bound=ceiling).x

    def output(**values: Any) -> Tensor:
        options = FeedForwardOptions(
            hidden=16, phrases=4, teacher_iterations=5, learning_rate=0.01, **values
        )
        tensors = distil([style], options, grid, 0)
        network = StyleNetwork(129, 16)
        network.load_state_dict(
            {k.removeprefix("net."): v for k, v in tensors.items() if k.startswith("net.")}
        )
        with torch.no_grad():
            found: Tensor = network(content).contiguous()
        return found

    untrained, trained, imitating = (
        output(steps=steps, imitation=imitation)
        for steps, imitation in ((1, 0.0), (30, 0.0), (30, 100.0))
    )
    assert loss(trained)[0] < 0.6 * loss(untrained)[0]
    assert (imitating - taught).norm() < 0.9 * (trained - taught).norm()


def test_a_pass_is_quick() -> None:
    """Time the network alone on one thread, for ten seconds of frames at 44.1 kHz."""
    network = StyleNetwork(2049, 192)
    frames = torch.rand(430, 2049)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        times = []
        for _ in range(3):
            began = time.process_time()
            with torch.no_grad():
                network(frames)
            times.append(time.process_time() - began)
    finally:
        torch.set_num_threads(threads)
    assert min(times) < REAL_TIME_FACTOR * 10.0


def test_a_distilled_style_is_saved_and_renders_the_same(
    tmp_path: Path, melody: Waveform, rain: Waveform
) -> None:
    settings = Settings(method="feed-forward", options=TINY)
    targets = astfx.prepare_style(rain, RATE, settings=settings)
    targets.save(tmp_path / "s.safetensors")
    loaded = StyleTargets.load(tmp_path / "s.safetensors")
    call: dict[str, Any] = {"method": "feed-forward", "options": {"hidden": 16}}
    first = astfx.transfer(melody, targets, RATE, **call)
    np.testing.assert_array_equal(astfx.transfer(melody, loaded, RATE, **call), first)
    np.testing.assert_array_equal(
        astfx.transfer(melody, rain, RATE, method="feed-forward", options=TINY), first
    )
    with pytest.raises(InvalidSettingError, match="the prepared style has hidden=16, not 192"):
        astfx.transfer(melody, loaded, RATE, method="feed-forward")


def test_fixed_frames_and_the_ceiling_are_kept(make_problem: MakeProblem) -> None:
    content, style = noise_frames(300, 1, LONG_GRID), noise_frames(300, 0, LONG_GRID)
    start = content.clone()
    start[:5] = 0.75
    problem = make_problem(
        "feed-forward", content, [style], grid=LONG_GRID, n_fixed=5, begin=start, **TINY
    )
    x = METHODS["feed-forward"].match(problem).x
    assert torch.equal(x[:5], start[:5])
    assert bool((x[5:] <= 1.1 * style.amax(dim=0) + 1e-5).all())
    assert float(x.min()) >= 0.0


def test_tensors_that_do_not_fit_are_refused() -> None:
    row = METHODS["feed-forward"]
    options = row.options(**TINY)
    tensors = {f"net.{k}": v for k, v in StyleNetwork(33, 16).state_dict().items()}
    tensors["ceiling"] = torch.ones(33)
    row.check(tensors, options, GRID)
    with pytest.raises(ValueError, match=r"tensor 'net\.enter\.weight' is missing"):
        row.check({k: v for k, v in tensors.items() if k != "net.enter.weight"}, options, GRID)
    with pytest.raises(ValueError, match=r"tensor 'net\.leave\.bias' has shape \(3,\), not \(33"):
        row.check({**tensors, "net.leave.bias": torch.zeros(3)}, options, GRID)
    with pytest.raises(ValueError, match="must be float32"):
        row.check({**tensors, "net.leave.bias": torch.zeros(33).double()}, options, GRID)


BAD: list[tuple[dict[str, Any], str]] = [
    ({"hidden": 8}, "hidden=8 must lie between 16 and 1024"),
    ({"steps": 0}, "steps=0 must lie between 1 and 100000"),
    ({"phrases": 0}, "phrases=0 must lie between 1 and 10000"),
    ({"teacher_iterations": 0}, "teacher_iterations=0 must lie between 1 and 1000"),
    ({"imitation": -1.0}, "imitation=-1.0 must lie between 0 and 1000"),
    ({"learning_rate": 2.0}, "learning_rate=2.0 must lie between 1e-06 and 1"),
    ({"headroom": 0.5}, "headroom=0.5 must lie between 1 and 1000"),
]


@pytest.mark.parametrize(("values", "message"), BAD)
def test_options_out_of_range(values: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidSettingError) as caught:
        make_options(FeedForwardOptions, "feed-forward", values)
    assert str(caught.value) == message
