"""An external plugin on a board. vst3/build.sh builds it; without it the tests are skipped."""

from __future__ import annotations

import copy
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pedalboard
import pytest

import astfx
from astfx.audio import Waveform
from astfx.errors import EffectError
from tests.effect.conftest import RATE, Make, blocks_of, streamed

PLUGIN = Path(__file__).parent / "vst3" / "build" / "latent_gain.vst3"
LATENCY = 200

pytestmark = pytest.mark.skipif(
    not PLUGIN.exists() and "ASTFX_HOSTS" not in os.environ,
    reason="needs a built plugin: bash tests/effect/vst3/build.sh",
)


@pytest.fixture
def external() -> Any:
    plugin: Any = pedalboard.load_plugin(str(PLUGIN))  # type: ignore[attr-defined]
    plugin.gain = 0.5
    return plugin


def test_a_board_compensates_its_latency(external: Any, clip: Waveform) -> None:
    assert external.reported_latency_samples == LATENCY
    board = astfx.Pedalboard([external])
    np.testing.assert_allclose(board(clip, RATE), 0.5 * clip, atol=1e-6)
    assert board.latency_samples == LATENCY


@pytest.mark.parametrize("size", [512, 64])
def test_it_streams_among_ours(external: Any, size: int, make: Make, clip: Waveform) -> None:
    effect = make(engine="live", mix=0.0)
    board = astfx.Pedalboard([pedalboard.Gain(0.0), external, effect])
    assert board.latency_samples_at(RATE) == LATENCY + effect.latency_samples_at(RATE)
    output = streamed(board, clip, [size])
    assert output.shape[1] == clip.shape[1] - board.latency_samples
    np.testing.assert_allclose(output, 0.5 * clip[:, : output.shape[1]], atol=1e-6)
    np.testing.assert_allclose(board(clip, RATE), 0.5 * clip, atol=1e-6)


def test_mix_aligns_it(external: Any, make: Make, clip: Waveform) -> None:
    board = astfx.Mix([external, pedalboard.Gain(0.0), make(engine="live", mix=0.0)])
    np.testing.assert_allclose(board(clip, RATE), 2.5 * clip, atol=1e-6)
    output = streamed(board, clip, [512])
    np.testing.assert_allclose(output, 2.5 * clip[:, : output.shape[1]], atol=1e-6)


@pytest.mark.parametrize("size", [512, 100])
def test_a_fresh_mix_aligns_it_without_a_reset(external: Any, size: int, clip: Waveform) -> None:
    board = astfx.Mix([pedalboard.Gain(0.0), external])
    output = np.concatenate(
        [board.process(block, RATE, reset=False) for block in blocks_of(clip, [size])], axis=1
    )
    assert output.shape[1] == clip.shape[1] - LATENCY
    np.testing.assert_allclose(output, 1.5 * clip[:, : output.shape[1]], atol=1e-6)


def test_its_channels_are_what_it_takes(external: Any, clip: Waveform) -> None:
    with pytest.raises(ValueError, match="channel"):
        external(clip[:1], RATE)
    with pytest.raises(ValueError, match="channel"):
        astfx.Pedalboard([external])(clip[:1], RATE)


def test_it_cannot_be_copied_and_the_message_says_what_to_do(external: Any) -> None:
    board = astfx.Pedalboard([external])
    message = "does not reveal its file, so it cannot be copied: keep its raw_state"
    for attempt in (board.to_dict, lambda: copy.deepcopy(board)):
        with pytest.raises(EffectError, match=re.escape(message)):
            attempt()


def test_a_missing_plugin_is_an_import_error(tmp_path: Path) -> None:
    with pytest.raises(ImportError):
        pedalboard.load_plugin(str(tmp_path / "none.vst3"))  # type: ignore[attr-defined]
