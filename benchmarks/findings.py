"""docs/measured/methods.md: what the documents found, and what holds here.

`python -m benchmarks.findings [NAME ...]` measures every finding of the source documents
(`astfx.recipes`), or only those whose functions are named. All of them take some ten minutes on
two cores.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch

from astfx import metrics
from astfx.audio import ArraySource, Waveform
from astfx.engine.render import Render
from astfx.frontends.stft import Stft
from astfx.networks.weight_files import read_tensors
from astfx.networks.weights import SHIPPED
from astfx.phase import PHASE_METHODS, PhaseProblem
from astfx.settings import Settings
from astfx.styles.style import Style
from benchmarks.common import need_audio, replace_rows, table, write_section
from benchmarks.methods import CHOSEN, COLUMNS, PAGE, RATE, one_pass
from benchmarks.sound_pairs import Pair

SHALLOW_FILTERS, SHALLOW_ITERATIONS = 1024, 40


@dataclass(frozen=True)
class Rendered:
    """One render: its output, figures, losses and duration in seconds."""

    output: Waveform
    figures: dict[str, float]
    losses: tuple[float, ...]
    seconds: float


@cache
def rendered(index: int, method: str, iterations: int, options: tuple[Any, ...] = ()) -> Rendered:
    pair = CHOSEN[index]
    content, style = pair.sounds()
    settings = Settings(method=method, iterations=iterations, options=dict(options))
    began = time.perf_counter()
    with Render(ArraySource(content, RATE, "content"), Style.of(style, RATE), settings) as job:
        output = np.concatenate(list(job.blocks()), axis=1)
    seconds = time.perf_counter() - began
    report = job.report
    figures = figures_of(output, pair)
    losses = tuple(report.segments[0].losses)
    print(pair.name, method, dict(options), f"{seconds:.1f} s", flush=True)
    return Rendered(output, figures, losses, seconds)


def figures_of(output: Waveform, pair: Pair) -> dict[str, float]:
    content, style = pair.sounds()
    return metrics.score(output, content, style, RATE, figures=tuple(COLUMNS))


@cache
def published(index: int, method: str) -> dict[str, float]:
    clip = CHOSEN[index].published(method)
    assert clip is not None
    return figures_of(clip, CHOSEN[index])


def shallow(index: int, **options: Any) -> Rendered:
    chosen = {"filters": SHALLOW_FILTERS, **options}
    return rendered(index, "shallow-cnn", SHALLOW_ITERATIONS, tuple(chosen.items()))


def vgg(index: int) -> Rendered:
    return rendered(index, "vgg19", 40, (("content_weight", 0.0), ("weights", "random")))


def voice(index: int, start: str) -> Rendered:
    return rendered(index, "voice-cnn", 150, (("start", start),))


@dataclass(frozen=True)
class Finding:
    """A claim of a document, and a function that measures it on one pair.

    `measure` returns whether the claim holds, and the figures as text.
    """

    claim: str
    source: str
    measure: Callable[[int], tuple[bool, str]]


DISTANCES = ("random_banks_db", "scattering_db")


def db(figures: Mapping[str, float]) -> str:
    return " / ".join(f"{figures[name]:.1f}" for name in DISTANCES) + " dB"


def nearer(a: Mapping[str, float], b: Mapping[str, float], within_db: float = 0.0) -> bool:
    """Return whether a is nearer to the style than b by both distances, or within some decibels."""
    return all(a[name] < b[name] + within_db for name in DISTANCES)


def shallow_beats_vgg_published(i: int) -> tuple[bool, str]:
    a, b = published(i, "shallow"), published(i, "vgg")
    return nearer(a, b), f"{db(a)}, VGG {db(b)}"


def shallow_beats_vgg_here(i: int) -> tuple[bool, str]:
    a, b = shallow(i, content_weight=0.0).figures, vgg(i).figures
    return nearer(a, b), f"{db(a)}, VGG {db(b)}"


def content_start_beats_noise(i: int) -> tuple[bool, str]:
    a = shallow(i, content_weight=0.0).figures
    b = shallow(i, content_weight=0.0, start="noise").figures
    holds = nearer(a, b) and a["onset_correlation"] > b["onset_correlation"]
    return holds, (
        f"{db(a)}, onset {a['onset_correlation']:.2f}; noise {db(b)}, "
        f"onset {b['onset_correlation']:.2f}"
    )


def noise_start_with_a_content_loss(i: int) -> tuple[bool, str]:
    a = shallow(i, content_weight=0.01, start="noise").figures
    b = shallow(i, content_weight=0.01).figures
    return nearer(a, b), (
        f"noise {db(a)}, mel {a['mel_correlation']:.2f}; content {db(b)}, "
        f"mel {b['mel_correlation']:.2f}"
    )


def style_alone_suffices(i: int) -> tuple[bool, str]:
    a = shallow(i, content_weight=0.0).figures
    b = shallow(i, content_weight=0.01).figures
    kept = a["onset_correlation"] > 0.9 * b["onset_correlation"]
    return kept and nearer(a, b, within_db=0.5), (
        f"{db(a)}, onset {a['onset_correlation']:.2f}; with alpha 0.01 {db(b)}, "
        f"onset {b['onset_correlation']:.2f}"
    )


def vgg_is_noisy_published(i: int) -> tuple[bool, str]:
    a, b = (published(i, name)["mel_correlation"] for name in ("vgg", "shallow"))
    c, d = (published(i, name)["mel_db_frechet"] for name in ("vgg", "shallow"))
    return a < b and c > d, (
        f"mel correlation {a:.2f} (shallow {b:.2f}), mel-dB Frechet {c:.0f} ({d:.0f})"
    )


def vgg_is_noisy_here(i: int) -> tuple[bool, str]:
    a, b = vgg(i).figures, shallow(i, content_weight=0.0).figures
    holds = a["musical_noise_per_second"] > b["musical_noise_per_second"]
    return holds and a["mel_db_frechet"] > b["mel_db_frechet"], (
        f"musical noise {a['musical_noise_per_second']:.1f} a second (shallow "
        f"{b['musical_noise_per_second']:.1f}), mel-dB Frechet {a['mel_db_frechet']:.0f} "
        f"({b['mel_db_frechet']:.0f})"
    )


def trained_beats_shallow(i: int) -> tuple[bool, str]:
    a = rendered(i, "audio-cnn", 100, (("content_weight", 0.0),)).figures
    b = shallow(i, content_weight=0.0).figures
    return nearer(a, b), f"{db(a)}, shallow {db(b)}"


def trained_beats_base(i: int) -> tuple[bool, str]:
    a = rendered(i, "audio-cnn", 100, (("content_weight", 0.0),)).figures
    b = vgg(i).figures
    return nearer(a, b), f"{db(a)}, VGG {db(b)}"


def frameshift_avoids_the_overlay(i: int) -> tuple[bool, str]:
    a, b = (voice(i, start).figures["largest_copy"] for start in ("frameshift", "style"))
    return a < b, f"largest copy of the style {a:.2f}, from the style {b:.2f}"


def frameshift_keeps_the_content(i: int) -> tuple[bool, str]:
    found = {s: voice(i, s).figures for s in ("frameshift", "style", "noise", "content")}
    mel = {start: figures["mel_correlation"] for start, figures in found.items()}
    holds = mel["frameshift"] > max(mel["style"], mel["noise"])
    return holds, ", ".join(f"{start} {value:.2f}" for start, value in mel.items())


def content_start_repeats_the_content(i: int) -> tuple[bool, str]:
    a = voice(i, "content").figures
    as_it_is = metrics.panel(*CHOSEN[i].sounds(), RATE, figures=DISTANCES)
    no_nearer = all(a[name] > as_it_is[name] - 1.0 for name in DISTANCES)
    return a["mel_correlation"] > 0.9 and no_nearer, (
        f"mel correlation {a['mel_correlation']:.2f}, {db(a)} (content {db(as_it_is)})"
    )


def lbfgs_beats_adam(i: int) -> tuple[bool, str]:
    options = {"filters": 512, "content_weight": 0.0}
    a = rendered(i, "shallow-cnn", 100, (*options.items(), ("optimiser", "lbfgs")))
    b = rendered(i, "shallow-cnn", 100, (*options.items(), ("optimiser", "adam")))
    rises = sum(y > x for x, y in zip(b.losses, b.losses[1:], strict=False))
    return a.losses[-1] < min(b.losses), (
        f"loss {a.losses[-1]:.2g}, Adam {min(b.losses):.2g} (it rose {rises} times of 100)"
    )


def feed_forward_is_faster(i: int) -> tuple[bool, str]:
    wall, _ = one_pass(i, RATE)
    seconds = CHOSEN[i].sounds()[0].shape[1] / RATE
    ratio = vgg(i).seconds / 40 * 300 / (wall * seconds)  # 300 iterations, as the classic recipe
    return ratio > 100, (
        f"real-time factor {wall:.3f} with its phase; 300 iterations of VGG "
        f"take {ratio:.0f} times as long"
    )


@cache
def inconsistency_db(index: int, phase: str, iterations: int) -> float:
    content, _ = CHOSEN[index].sounds()
    stft = Stft(n_fft=2048, hop_length=512, device=torch.device("cpu"))
    spectrogram = stft.analyse(torch.from_numpy(content))[0]
    problem = PhaseProblem(
        magnitude=spectrogram.abs(),
        content=torch.zeros_like(spectrogram),
        fixed=spectrogram[:0],
        stft=stft,
        n_iter=iterations,
        rng=np.random.default_rng(0),
    )
    found = PHASE_METHODS[phase].reconstruct(problem)
    again, wanted = stft.forward(stft.inverse(found)).abs(), spectrogram.abs()
    return float(20 * torch.log10((again - wanted).norm() / wanted.norm()))


def least_squares_beats_overlap_add(i: int) -> tuple[bool, str]:
    a, b = (inconsistency_db(i, name, 100) for name in ("griffin-lim", "oa-griffin-lim"))
    return a < b, f"{a:.1f} dB, OA {b:.1f}"


def local_sums_beat_griffin_lim(i: int) -> tuple[bool, str]:
    a, b = (inconsistency_db(i, name, 100) for name in ("local-sums", "griffin-lim"))
    return a < b, f"{a:.1f} dB, Griffin-Lim {b:.1f}"


def style_spectrum_content_course(i: int) -> tuple[bool, str]:
    """Compare the two choices of envelopes in `spectrum-ensemble`, which no document states."""
    roles = ("style", "content"), ("content", "style")
    found = []
    for spectrum, course in roles:
        options = {"frequency_envelope": spectrum, "time_envelope": course}
        found.append(rendered(i, "spectrum-ensemble", 100, tuple(options.items())).figures)
    a, b = found
    holds = nearer(a, b) and a["onset_correlation"] > b["onset_correlation"]
    return holds, (
        f"{db(a)}, onset {a['onset_correlation']:.2f}; the other way round {db(b)}, "
        f"onset {b['onset_correlation']:.2f}"
    )


def speakers_are_told_apart(i: int) -> tuple[bool, str]:
    about = json.loads(read_tensors(SHIPPED / "voice-cnn.safetensors")[1]["astfx-network"])
    accuracy = about["held_out_accuracy"]
    return accuracy >= 0.925, f"{100 * accuracy:.1f} % of 6 speakers"


FINDINGS = [
    Finding(
        "Random shallow features beat VGG (published audio)", "000, 001, 004",
        shallow_beats_vgg_published,
    ),
    Finding(
        "The same with our renders, VGG on random weights", "000, 001, 004",
        shallow_beats_vgg_here,
    ),
    Finding("A content start beats a noise start", "004", content_start_beats_noise),
    Finding(
        "A noise start “performed better” (with a content loss)", "001",
        noise_start_with_a_content_loss,
    ),
    Finding("A style loss alone suffices, from the content", "004", style_alone_suffices),
    Finding("VGG is noisy (published audio)", "004", vgg_is_noisy_published),
    Finding("Log-mel VGG is noisy (ours, random weights)", "002, 004", vgg_is_noisy_here),
    Finding("A trained four-layer network beats a shallow one", "001", trained_beats_shallow),
    Finding("and beats the image network", "001", trained_beats_base),
    Finding("Speakers are told apart, 92.5 %", "003", speakers_are_told_apart),
    Finding("From the content, the content comes back", "003", content_start_repeats_the_content),
    Finding(
        "The frameshift start avoids the style's own speech", "003", frameshift_avoids_the_overlay
    ),
    Finding(
        "and brings out the content better than style or noise starts (mel correlation)", "003",
        frameshift_keeps_the_content,
    ),
    Finding("L-BFGS ends lower than Adam", "003", lbfgs_beats_adam),
    Finding(
        "Envelopes: the style's spectrum and the content's course (not stated whose)",
        "000, 002", style_spectrum_content_course,
    ),
    Finding("Feed-forward networks are hundreds of times faster", "000", feed_forward_is_faster),
    Finding(
        "LSEE-MSTFTM ends nearer than OA-MSTFTM, 100 iterations", "000",
        least_squares_beats_overlap_add,
    ),
    Finding(
        "Local weighted sums converge faster than Griffin-Lim, 100 iterations", "000",
        local_sums_beat_griffin_lim,
    ),
]  # fmt: skip


def findings(names: Sequence[str] = ()) -> None:
    rows = []
    for finding in FINDINGS:
        if names and finding.measure.__name__ not in names:
            continue
        found = [finding.measure(i) for i in range(len(CHOSEN))]
        count = sum(holds for holds, _ in found)
        verdict = ("does not hold", "holds on one", "**holds**")[count]
        rows.append([finding.claim, finding.source, *(text for _, text in found), verdict])
        print(rows[-1], flush=True)
    header = ["finding", "document", *(pair.name for pair in CHOSEN), "here"]
    (replace_rows if names else write_section)(PAGE, "findings", table(header, rows))


if __name__ == "__main__":
    need_audio()
    findings(sys.argv[1:])
