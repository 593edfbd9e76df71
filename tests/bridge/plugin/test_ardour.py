"""The plugin on the tracks of a session of Ardour, without a screen or a sound card."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

import astfx
from astfx.audio import Waveform
from astfx.settings import Settings
from astfx.streaming.engines import engine_shape
from tests.bridge.plugin.ardour import RATE, Session, programs
from tests.bridge.plugin.conftest import music

pytestmark = pytest.mark.hosts

SECONDS = 4.5
STRENGTH, PRESET = 1, 3  # places of the parameters, after the latency
TOLERANCE = 3e-5  # of sounds at full scale: Python and C++ round differently
SHORT_SAMPLES, STEP = 6_000, 8
LATER_SAMPLES = 16_000  # by which each clip begins later than the one before
# Ardour sets the presets while it plays, and they fade in: before the first clip begins.
FIRST_SAMPLES = 120_000
PLUGINS = (("rain", 100.0), ("choir", 70.0))  # presets and strengths in percent


def heard(board: astfx.StyleTransfer, clip: Waveform, before: int) -> Waveform:
    """The effect's output, if it has had some samples of silence before."""
    padded = np.pad(clip, ((0, 0), (before, board.latency_samples_at(RATE))))
    return np.asarray(board(padded, RATE))[:, before : before + clip.shape[1]]


def silence_before(output: Waveform, board: astfx.StyleTransfer, clip: Waveform) -> int:
    """With how many samples of silence before, at most two hops, `heard` gives an output.

    Ardour runs the plugins all the time, so an export begins anywhere in a hop. The engine corrects
    its output in every second hop. The error falls towards the right number of samples.
    """

    n = output.shape[1] - board.latency_samples_at(RATE)  # the rest depends on what follows

    def error(before: int) -> float:
        return float(np.abs(output - heard(board, clip, before))[:, :n].max())

    hop = engine_shape("live", RATE, Settings())[0]
    found = min(range(STEP, 2 * hop + STEP, STEP), key=error)
    return min(range(found - STEP, found + STEP + 1), key=error)


def test_a_session_renders_what_the_effect_does_and_again_after_it_was_saved(
    bundles: Path, presets: Path, tmp_path: Path
) -> None:
    if programs() is None and "ASTFX_HOSTS" not in os.environ:
        pytest.skip("needs Ardour")
    names = sorted(path.stem for path in presets.glob("*.toml"))
    clips = [0.3 * music(RATE, 2, SECONDS, seed) for seed in range(3)]
    for place, clip in enumerate(clips):
        clip[:, : FIRST_SAMPLES + place * LATER_SAMPLES] = 0.0
    session = Session(tmp_path, bundles, "urn:astfx:plugin:stereo")
    values = [{PRESET: names.index(name), STRENGTH: strength} for name, strength in PLUGINS]
    # The third track is in time only if Ardour compensates the latency of the others.
    session.create(clips, [*values, None])
    boards = [
        astfx.StyleTransfer(name, engine="live", strength=strength / 100.0)
        for name, strength in PLUGINS
    ]
    for _ in range(2):
        output = session.render()
        assert output.shape == clips[0].shape
        rest = output - clips[2]
        for place, (board, clip) in enumerate(zip(boards, clips, strict=False)):
            end = FIRST_SAMPLES + place * LATER_SAMPLES + SHORT_SAMPLES  # before the next clip
            before = silence_before(rest[:, :end], board, clip[:, :end])
            rest -= heard(board, clip, before)
        assert np.abs(rest).max() < TOLERANCE
        assert np.abs(output - sum(clips)).max() > 0.01
        session.save_again()
