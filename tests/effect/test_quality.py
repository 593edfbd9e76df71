from __future__ import annotations

import pytest

import astfx
from astfx.metrics import gram_loss, onset_correlation
from tests.conftest import Load

RATE = 22050
FOLDER = "grinstein/content_style"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("content", "style", "least_fall", "least_onset"),
    [
        ("pachelbel", "bongo-loop", 0.95, 0.85),
        ("pachelbel", "cat_milk", 0.96, 0.9),
        ("pachelbel", "applause", 0.92, 0.7),
        ("woman_speaking_french", "crickets", 0.95, 0.6),
        ("woman_speaking_french", "man_speaking_english", 0.92, 0.9),
        ("pachelbel", "man_speaking_english", 0.91, 0.9),
    ],
)
def test_stream_loses_little_against_render(
    load: Load, content: str, style: str, least_fall: float, least_onset: float
) -> None:
    """Measured on the output audio, by the Gram loss of a network that nothing was tuned on."""
    clip, target = load(f"{FOLDER}/{content}"), load(f"{FOLDER}/{style}")
    output = astfx.StyleTransfer(target, style_sample_rate=RATE, engine="stream")(clip, RATE)
    fall = 1.0 - gram_loss(output, target, RATE) / gram_loss(clip, target, RATE)
    assert fall >= least_fall
    assert onset_correlation(output, clip, RATE) >= least_onset
