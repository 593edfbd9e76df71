"""The page of a comparison in a real browser: headless Chromium, from Debian's packages."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import soundfile

from astfx.audio import Waveform
from astfx.report.comparison import compare
from astfx.report.page import Comparison
from astfx.settings import Settings

RATE = 22050
CHOSEN = ("gram", "monge", "adain", "musaic")
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, melody: Waveform, rain: Waveform) -> Comparison:
    folder = tmp_path_factory.mktemp("page")
    for name, clip in (("melody", melody), ("rain", rain)):
        soundfile.write(folder / f"{name}.wav", clip[0, : 2 * RATE], RATE)
    return compare(
        folder / "melody.wav",
        folder / "rain.wav",
        folder / "out",
        methods=CHOSEN,
        settings=Settings(quality="draft", iterations=5),
    )


@pytest.fixture
def opened(browser: Any, page: Comparison) -> Any:
    browser.get(page.page.as_uri())
    return browser


def names(driver: Any) -> list[str]:
    rows = "[...document.querySelectorAll('#figures tbody tr')]"
    return list(driver.execute_script(f"return {rows}.map(r => r.cells[0].innerText)"))


def test_every_player_loads_its_sound(opened: Any, page: Comparison) -> None:
    found = opened.execute_async_script(
        """
        const done = arguments[0];
        const players = [...document.querySelectorAll('audio')];
        const ready = (p) => new Promise((yes, no) => {
          if (p.readyState >= 1) yes(p.duration);
          p.onloadedmetadata = () => yes(p.duration);
          p.onerror = () => no(p.error.message);
        });
        Promise.all(players.map(ready)).then(done, (e) => done(String(e)));
        """
    )
    assert found == pytest.approx([2.0] * (2 + len(CHOSEN)), abs=0.01)


def test_a_player_plays_and_the_next_goes_on_in_its_place(opened: Any) -> None:
    found = opened.execute_async_script(
        """
        const done = arguments[0];
        const [a, b] = document.querySelectorAll('audio');
        a.muted = b.muted = true;
        const until = async (holds) => {
          while (!holds()) await new Promise((yes) => setTimeout(yes, 20));
        };
        (async () => {
          a.currentTime = 1.0;
          await a.play();
          await until(() => a.currentTime > 1.0);
          const moved = a.currentTime;
          await b.play();
          await until(() => a.paused && !b.paused);
          done([moved, a.paused, b.paused, b.currentTime]);
        })().catch((e) => done(String(e)));
        """
    )
    moved, first_paused, second_paused, place = found
    assert moved > 1.0
    assert first_paused
    assert not second_paused
    assert place >= 1.0


def test_every_picture_is_drawn(opened: Any) -> None:
    widths = opened.execute_script(
        "return [...document.images].map(i => i.complete ? i.naturalWidth : 0)"
    )
    assert len(widths) == 2 + len(CHOSEN) + 1
    assert min(widths) >= 300


def test_the_table_sorts_by_any_column_both_ways(opened: Any, page: Comparison) -> None:
    assert names(opened) == ["content", "style", "floor", *CHOSEN]
    figures = {entry.name: entry.figures for entry in page.entries}
    headings = opened.find_elements("css selector", "#figures th button")
    wanted = next(h for h in headings if h.text == "standard bank db")
    opened.execute_script("arguments[0].click()", wanted)
    rising = sorted(figures, key=lambda name: figures[name]["standard_bank_db"])
    assert names(opened) == rising
    opened.execute_script("arguments[0].click()", wanted)
    assert names(opened) == rising[::-1]
    assert wanted.find_element("xpath", "..").get_attribute("aria-sort") == "descending"
    opened.execute_script("arguments[0].click()", headings[0])
    assert names(opened) == sorted(figures)
    # Rows without a figure stay last in both orders.
    seconds = next(h for h in headings if h.text == "seconds")
    for _ in range(2):
        opened.execute_script("arguments[0].click()", seconds)
        assert set(names(opened)[-3:]) == {"content", "style", "floor"}


def test_nothing_is_fetched_and_nothing_complains(opened: Any, page: Comparison) -> None:
    opened.get_log("performance")
    opened.get_log("browser")
    opened.get(page.page.as_uri())
    asked = []
    for entry in opened.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            asked.append(message["params"]["request"]["url"][:60])
    outside = [url for url in asked if not url.startswith(("data:", "blob:"))]
    assert outside == [page.page.as_uri()[:60]]
    assert opened.get_log("browser") == []


def test_the_page_is_whole_at_any_width(opened: Any) -> None:
    """Only the table may scroll sideways, not the page."""
    for width in (420, 1280):
        opened.set_window_size(width, 1000)
        wide, seen = opened.execute_script(
            "return [document.documentElement.scrollWidth, document.documentElement.clientWidth]"
        )
        assert wide <= seen
    keep = os.environ.get("ASTFX_SCREENSHOT")
    if keep:
        opened.set_window_size(1280, 2300)
        opened.save_screenshot(str(Path(keep)))
