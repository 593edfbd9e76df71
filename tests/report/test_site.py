"""The players of the built documentation in a real browser: headless Chromium."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from benchmarks.players import PAIRS

SITE = Path(__file__).parents[2] / "site"
PLAYED = """
const done = arguments[arguments.length - 1];
const players = [...document.querySelectorAll("audio")];
const wanted = players.filter((_, index) => index % arguments[0] === 0);
Promise.all(wanted.map(player => new Promise(resolve => {
  player.onloadedmetadata = () => resolve(player.duration);
  player.onerror = () => resolve(-1);
  player.preload = "metadata";
  player.load();
}))).then(durations => done([players.length, durations]));
"""

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


@pytest.fixture(scope="module")
def site() -> Path:
    if not (SITE / "index.html").is_file() and not os.environ.get("ASTFX_NEED_BROWSER"):
        pytest.skip("needs the built documentation: python3 dev.py docs")
    return SITE


def test_the_players_of_the_pairs_load(browser: Any, site: Path) -> None:
    browser.get((site / "listen.html").as_uri())
    count, durations = browser.execute_async_script(PLAYED, 1)
    assert count == 3 * len(PAIRS)
    assert all(duration == pytest.approx(6.0, abs=0.1) for duration in durations), durations


def test_the_players_of_the_presets_load(browser: Any, site: Path) -> None:
    browser.get((site / "reference" / "factory-presets.html").as_uri())
    count, durations = browser.execute_async_script(PLAYED, 6)
    assert count == 60
    assert len(durations) == 10
    assert all(duration == pytest.approx(7.0, abs=0.1) for duration in durations), durations
