"""The plugin's window: on a screen without a monitor, with a mouse and a keyboard."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astfx_bridge import building
from astfx_bridge.live.renders import RenderProblem
from PIL import Image

from astfx.presets.folders import factory_folder
from tests.bridge.plugin.conftest import music
from tests.bridge.plugin.screen import Screen, screen, until
from tests.bridge.plugin.test_hosts import URI, jack, needs
from tests.bridge.plugin.windows import (
    BYPASS,
    CLEAR,
    DIALS,
    FIRST_FOUND,
    HEIGHT,
    METERS,
    PAD,
    REGION,
    RENDER,
    SEARCH,
    STATUS,
    TAB_B,
    WIDTH,
    ClapWindow,
    Lv2Window,
    on_screen,
)

pytestmark = pytest.mark.hosts

SILENCE = np.zeros((2, 64), np.float32)
POINTS_OF_A_DIAL = 180  # from the lowest value to the highest: kWay of window/dial.cpp
GOOD, LOUD, BAD = (0x58, 0xC9, 0x8A), (0xF2, 0xD1, 0x5C), (0xF2, 0x6D, 0x6D)  # of theme.hpp
PIXEL = 100.0 / 240.0  # percent of the pad's way in a point, at most


@pytest.fixture(scope="module")
def display() -> Iterator[Screen]:
    for program in ("Xvfb", "xdotool"):
        needs(program)
    lacking = [need.name for need in building.missing(building.WINDOW_NEEDS)]
    if lacking and "ASTFX_HOSTS" not in os.environ:
        pytest.skip(f"the window needs {', '.join(lacking)}")
    with screen(1800, 1100) as display:
        yield display


@pytest.fixture
def clap_path(bundles: Path) -> Path:
    return bundles / "clap" / "astfx" / "astfx.clap"


@pytest.fixture
def window(clap_path: Path, display: Screen) -> Iterator[ClapWindow]:
    opened = on_screen(display, lambda: ClapWindow(clap_path, display))
    yield opened
    opened.close()


def shows(window: ClapWindow, name: str, value: float, within: float = 1e-4) -> None:
    """Wait until the plugin has a value."""
    until(
        lambda: abs(window.plugin.value(name) - value) <= within,
        lambda: window.block(SILENCE),
        f"{name} is {value}; it is {window.plugin.value(name)}",
    )


def shows_preset(window: ClapWindow, parameter: str, name: str) -> None:
    plugin = window.plugin
    until(
        lambda: plugin.text(parameter, plugin.value(parameter)) == name,
        lambda: window.block(SILENCE),
        f"{parameter} is {name}; it is {plugin.text(parameter, plugin.value(parameter))}",
    )


def has(picture: Image.Image, colour: tuple[int, int, int], box: tuple[int, int, int, int]) -> bool:
    """Whether a colour is in a part of a picture."""
    pixels = np.asarray(picture.crop(box)).reshape(-1, 3)
    return bool((pixels == colour).all(axis=1).any())


def test_presets_are_found_by_typing_and_chosen_by_a_click(
    window: ClapWindow, display: Screen
) -> None:
    display.click(*SEARCH)
    window.idle()
    display.type("choir")
    window.idle()
    display.click(*FIRST_FOUND)
    shows_preset(window, "Preset", "choir")
    display.click(*CLEAR)
    window.idle()
    display.type("hail")
    display.key("Return")
    shows_preset(window, "Preset", "hail")


@pytest.mark.parametrize("name", ["fire", "hand"])
def test_enter_takes_the_preset_whose_name_fits_best(
    window: ClapWindow, display: Screen, name: str
) -> None:
    """Other presets, which come first in the list, have these words in their descriptions."""
    display.click(*SEARCH)
    window.idle()
    display.type(name)
    display.key("Return")
    shows_preset(window, "Preset", {"hand": "hand-drums"}.get(name, name))


def test_the_second_tab_sets_the_preset_to_morph_to(window: ClapWindow, display: Screen) -> None:
    display.click(*TAB_B)
    display.click(*SEARCH)
    window.idle()
    display.type("weather")  # a family: Dry leaves, Hail on a tin roof, Howling wind, ...
    window.idle()
    display.key("Down", "Down")
    shows_preset(window, "Morph to", "hail")
    shows_preset(window, "Preset", "rain")


def test_a_search_that_finds_nothing_changes_nothing(window: ClapWindow, display: Screen) -> None:
    display.click(*SEARCH)
    window.idle()
    display.type("qqq")
    display.key("Return", "Escape")
    display.click(*BYPASS)
    shows(window, "Bypass", 1.0)
    assert "Preset" not in dict(window.plugin.sent)


@pytest.mark.parametrize("name", ["Strength", "Mix", "Morph", "Output gain"])
def test_a_dial(window: ClapWindow, display: Screen, name: str) -> None:
    info = window.plugin.infos()[name]
    span = info.highest - info.lowest
    x, y = DIALS[name]
    up = -1 if window.plugin.value(name) < info.highest else 1
    usual = info.usual
    display.drag((x, y), (x, y + up * POINTS_OF_A_DIAL / 4))
    shows(window, name, usual - up * span / 4, 0.001 * span)
    display.drag((x, y), (x, y + up * POINTS_OF_A_DIAL / 4), key="shift")
    shows(window, name, usual - up * span * 0.275, 0.001 * span)
    display.wheel(x, y, -up * 2)
    shows(window, name, usual - up * span * 0.295, 0.001 * span)
    display.click(x, y, times=2)
    shows(window, name, usual)


def test_the_pad_sets_morph_and_strength(window: ClapWindow, display: Screen) -> None:
    left, top, width, height = PAD
    display.click(left + width / 4, top + height / 4)
    shows(window, "Morph", 25.0, PIXEL)
    shows(window, "Strength", 75.0, PIXEL)
    display.drag((left + width / 3, top + height / 3), (left + 2 * width, top + height))
    shows(window, "Morph", 100.0)
    shows(window, "Strength", 0.0, PIXEL)
    display.click(left + width / 2, top + height / 2, times=2)
    shows(window, "Morph", 0.0)
    shows(window, "Strength", 100.0)


def test_bypass_is_switched_and_the_status_says_so(window: ClapWindow, display: Screen) -> None:
    until(lambda: has(display.picture(), GOOD, STATUS), window.idle, "the status is good")
    display.click(*BYPASS)
    shows(window, "Bypass", 1.0)
    until(lambda: has(display.picture(), LOUD, STATUS), window.idle, "the status is another")
    display.click(*BYPASS)
    shows(window, "Bypass", 0.0)


def test_what_the_host_changes_is_shown(window: ClapWindow, display: Screen) -> None:
    before = display.picture().crop((0, 0, WIDTH, HEIGHT))
    for name, value in {"Morph": 70.0, "Output gain": 12.0, "Mix": 20.0}.items():
        window.plugin.set(name, value)
    window.block(SILENCE)

    def is_other() -> bool:
        now = display.picture()
        return all(
            now.crop(box).tobytes() != before.crop(box).tobytes()
            for box in [(x - 35, y - 35, x + 35, y + 35) for x, y in list(DIALS.values())[1:]]
        )

    until(is_other, window.idle, "the dials have moved")
    assert window.plugin.sent == []


def test_the_meters_show_the_levels(window: ClapWindow, display: Screen) -> None:
    until(lambda: not has(display.picture(), GOOD, METERS), window.idle, "the meters are empty")
    clip = music(48_000, 2, 1.0)
    for k in range(0, 40_000, 1000):
        window.block(clip[:, k : k + 1000])
    levels = [window.plugin.value(f"{end} level") for end in ("Input", "Output")]
    assert all(-30.0 < level < 6.0 for level in levels), levels
    until(lambda: has(display.picture(), GOOD, METERS), window.idle, "the meters show a level")
    until(
        lambda: window.plugin.value("Output level") == -60.0,
        lambda: window.block(np.zeros((2, 4000), np.float32)),
        "the level has fallen",
    )
    until(lambda: not has(display.picture(), GOOD, METERS), window.idle, "the meters are empty")


def test_a_preset_that_is_missing_is_reported(
    window: ClapWindow, display: Screen, capfd: pytest.CaptureFixture[str]
) -> None:
    assert window.plugin.text("Preset problem", window.plugin.value("Preset problem")) == "none"

    def play() -> None:
        window.block(SILENCE)

    window.plugin.set("Preset", 127)
    shows(window, "Preset problem", 1.0)
    until(lambda: has(display.picture(), BAD, STATUS), play, "the status is bad")
    assert "astfx: preset 127 is not on this machine\n" in capfd.readouterr().err
    window.plugin.set("Preset", 3)
    shows(window, "Preset problem", 0.0)
    until(lambda: has(display.picture(), GOOD, STATUS), play, "the status is good")


def test_the_window_can_be_resized_and_scaled(clap_path: Path, display: Screen) -> None:
    opened = on_screen(display, lambda: ClapWindow(clap_path, display, scale=2.0))
    try:
        assert display.size(opened.window) == (2 * WIDTH, 2 * HEIGHT)
        x, y = BYPASS
        display.click(2 * x, 2 * y)
        shows(opened, "Bypass", 1.0)
        assert opened.gui.can_resize(opened.plugin.address)
        display.resize(opened.window, 1200, HEIGHT)
        until(lambda: display.size(opened.window) == (1200, HEIGHT), opened.idle, "it is smaller")
        opened.idle()
        display.click(x + 1200 - WIDTH, y)  # what is at the right stays there
        shows(opened, "Bypass", 0.0)
    finally:
        opened.close()


def ports(bundle: Path) -> dict[str, int]:
    """The numbers of the LV2 plugin's ports by their symbols."""
    text = (bundle / "astfx.ttl").read_text("utf-8")
    found = re.findall(r'lv2:index (\d+) ;.*?lv2:symbol "(\w+)"', text, re.DOTALL)
    return {symbol: int(index) for index, symbol in found}


def test_lv2_writes_to_the_right_ports(bundles: Path, display: Screen) -> None:
    bundle = bundles / "lv2" / "astfx.lv2"
    number = ports(bundle)
    opened = on_screen(display, lambda: Lv2Window(bundle, URI, display))
    try:
        assert opened.written == []
        for symbol, value in (("strength", 100.0), ("mix", 100.0), ("lv2_enabled", 1.0)):
            opened.tell(number[symbol], value)
        display.click(*BYPASS)
        off = (number["lv2_enabled"], 0.0)
        until(lambda: off in opened.written, opened.idle, "the bypass is written")
        x, y = DIALS["Mix"]
        display.drag((x, y), (x, y + POINTS_OF_A_DIAL / 2))
        until(
            lambda: opened.written[-1] == (number["mix"], pytest.approx(50.0, abs=0.1)),
            opened.idle,
            "the mix is written",
        )
        names = sorted(path.stem for path in factory_folder().glob("*.toml"))
        display.click(*SEARCH)
        opened.idle()
        display.type("thunder")
        display.key("Return")
        chosen = (number["preset"], float(names.index("thunder")))
        until(lambda: chosen in opened.written, opened.idle, "the preset is written")
        opened.tell(number["output_level"], -3.0)
        until(lambda: has(display.picture(), GOOD, METERS), opened.idle, "the level is shown")
    finally:
        opened.close()


def test_the_region_is_switched_and_the_window_says_what_is_missing(
    window: ClapWindow, display: Screen
) -> None:
    display.click(*RENDER)
    shows(window, "Render a region", 1.0)
    until(lambda: has(display.picture(), LOUD, REGION), window.idle, "the engine is missing")
    display.click(*RENDER)
    shows(window, "Render a region", 0.0)
    until(lambda: not has(display.picture(), LOUD, REGION), window.idle, "nothing is said")


@pytest.fixture
def lv2_window(bundles: Path, display: Screen) -> Iterator[Lv2Window]:
    opened = on_screen(display, lambda: Lv2Window(bundles / "lv2" / "astfx.lv2", URI, display))
    yield opened
    opened.close()


def test_the_state_of_a_region_is_shown_and_a_click_opens_its_folder(
    bundles: Path,
    lv2_window: Lv2Window,
    display: Screen,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    number = ports(bundles / "lv2" / "astfx.lv2")
    program = tmp_path / "xdg-open"
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >> "{tmp_path}/opened"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("ASTFX_RENDERS", "/srv/the renders")

    def says(state: int, colour: tuple[int, int, int]) -> None:
        lv2_window.tell(number["render_state"], state)
        until(lambda: has(display.picture(), colour, REGION), lv2_window.idle, f"state {state}")

    x, y = REGION[0] + 60, (REGION[1] + REGION[3]) / 2
    lv2_window.tell(number["render_number"], 7)
    says(1, BAD)
    says(2, LOUD)
    display.click(x, y)  # there is nothing to open yet
    lv2_window.idle()
    says(3, GOOD)
    display.click(x, y)
    opened = tmp_path / "opened"
    until(opened.exists, lv2_window.idle, "the folder is opened")
    until(opened.read_text, lv2_window.idle, "the folder is named")
    assert opened.read_text("utf-8") == "/srv/the renders\n"
    for problem in RenderProblem:
        lv2_window.tell(number["render_problem"], problem)
        if problem:
            says(4, BAD)
        else:
            lv2_window.tell(number["render_state"], 4)
    lv2_window.tell(number["render_state"], 0)
    until(lambda: not has(display.picture(), BAD, REGION), lv2_window.idle, "nothing is said")


@pytest.fixture
def browser(display: Screen, tmp_path: Path) -> Iterator[Any]:
    """A browser beside the plugin's window, with a page on which files can be dropped."""
    pytest.importorskip("selenium")
    for program in ("chromium", "chromedriver"):
        needs(program)
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    page = tmp_path / "page.html"
    page.write_text(
        "<body style='height: 90vh'><script>"
        "document.ondragover = event => event.preventDefault();"
        "document.ondrop = event => {"
        "  event.preventDefault();"
        "  const file = event.dataTransfer.files[0];"
        "  file.text().then(text => { document.title = `${file.name}: ${text}`; });"
        "};</script></body>"
    )
    options = webdriver.ChromeOptions()
    options.binary_location = str(shutil.which("chromium"))
    for word in ("no-sandbox", "disable-gpu", f"app={page.as_uri()}"):
        options.add_argument(f"--{word}")
    options.add_argument(f"--user-data-dir={tmp_path / 'browser'}")
    options.add_argument(f"--window-position={WIDTH + 20},0")
    options.add_argument("--window-size=800,600")
    service = Service(str(shutil.which("chromedriver")), env=display.variables)
    with webdriver.Chrome(options, service) as started:
        yield started


def test_the_file_is_dragged_to_another_program(
    bundles: Path,
    browser: Any,
    lv2_window: Lv2Window,
    display: Screen,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    number = ports(bundles / "lv2" / "astfx.lv2")
    renders = tmp_path / "the renders of \u00fc"
    renders.mkdir()
    (renders / "render-0007.wav").write_text("a sound")
    monkeypatch.setenv("ASTFX_RENDERS", str(renders))
    monkeypatch.setenv("DISPLAY", display.display)
    lv2_window.tell(number["render_number"], 7)
    lv2_window.tell(number["render_state"], 3)
    until(lambda: has(display.picture(), GOOD, REGION), lv2_window.idle, "the file is shown")
    x, y = REGION[0] + 60, (REGION[1] + REGION[3]) / 2
    display.drag((x, y), (WIDTH + 420, HEIGHT + 300))  # nobody is there
    lv2_window.idle()
    display.drag((x, y), (WIDTH + 420, 300))
    until(lambda: browser.title == "render-0007.wav: a sound", lv2_window.idle, "it is dropped")


def test_jalv_shows_the_window(bundles: Path, display: Screen, tmp_path: Path) -> None:
    for program in ("jackd", "jalv.gtk3", "jack_wait"):
        needs(program)
    with jack(f"window{os.getpid()}", 512, tmp_path / "jack.log") as variables:
        variables = {**variables, "LV2_PATH": str(bundles / "lv2"), "DISPLAY": display.display}
        with (tmp_path / "jalv.log").open("w") as log:
            jalv = subprocess.Popen(["jalv.gtk3", URI], env=variables, stdout=log, stderr=log)
        try:
            display.opened("astfx", lambda: None)
            inside = display.tool("search", "--onlyvisible", "--class", "astfx-astfx").split()
            left, top, width, height = display.box(inside[0])  # below jalv's menu
            assert (width, height) == (WIDTH, HEIGHT)
            status = (left + STATUS[0], top + STATUS[1], left + STATUS[2], top + STATUS[3])
            until(lambda: has(display.picture(), GOOD, status), lambda: None, "it is drawn")
            display.click(left + BYPASS[0], top + BYPASS[1])
            until(lambda: has(display.picture(), LOUD, status), lambda: None, "it is bypassed")
            assert jalv.poll() is None
        finally:
            jalv.terminate()
            jalv.wait(20)
    assert f"UI:           {URI}:window" in (tmp_path / "jalv.log").read_text("utf-8")


def test_the_documentations_picture_is_of_this_window(
    clap_path: Path, display: Screen, tmp_path: Path
) -> None:
    from benchmarks import plugin_window

    plugin_window.draw(clap_path, tmp_path / "window.png")
    with Image.open(tmp_path / "window.png") as drawn, Image.open(plugin_window.PICTURE) as stored:
        assert drawn.size == stored.size == (WIDTH, HEIGHT)
        difference = np.abs(
            np.asarray(drawn.convert("L"), float) - np.asarray(stored.convert("L"), float)
        )
    assert difference.mean() < 6.0  # other fonts move letters


@pytest.mark.slow
def test_without_a_window_neither_x11_nor_cairo_is_used(tmp_path: Path) -> None:
    bundles = building.build(
        tmp_path / "build", "astfx-lv2", PRESETS=str(factory_folder()), WINDOW="OFF"
    )
    bundle = bundles / "lv2" / "astfx.lv2"
    assert not (bundle / "astfx_ui.so").exists()
    assert "ui:" not in (bundle / "manifest.ttl").read_text("utf-8")
    if shutil.which("ldd"):
        shown = subprocess.run(["ldd", str(bundle / "astfx.so")], capture_output=True, text=True)
        assert not re.search("libX11|libcairo", shown.stdout), shown.stdout
