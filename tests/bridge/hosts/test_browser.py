"""A real browser: a page speaks OSC over WebSocket, and pages of other sites may not."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from tests.bridge.hosts.programs import need
from tests.bridge.serving import Server, eventually

pytestmark = [pytest.mark.hosts, pytest.mark.filterwarnings("ignore::ResourceWarning")]
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)
# Sends one packet, and returns the address of the first answer, or how the socket was closed.
SPEAK = """
const [url, packet, done] = arguments;
const socket = new WebSocket(url);
socket.binaryType = "arraybuffer";
socket.onopen = () => socket.send(Uint8Array.from(packet));
socket.onmessage = (event) => {
  const text = new TextDecoder().decode(event.data);
  socket.close();
  done(text.slice(0, text.indexOf("\\0")));
};
socket.onerror = () => done("refused");
"""
TEXT = "return document.querySelector('main').innerText"
PING = b"/astfx/ping\0,i\0\0\0\0\0\x07"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    need("chromedriver")
    binary = need("chromium")
    webdriver = pytest.importorskip("selenium.webdriver")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    service = webdriver.ChromeService(executable_path=shutil.which("chromedriver"))
    driver = webdriver.Chrome(options=options, service=service)
    driver.set_script_timeout(120)
    yield driver
    driver.quit()


def speak(browser: Any, server: Server, query: str = "") -> str:
    url = f"ws://127.0.0.1:{server.http_port}/{query}"
    return str(browser.execute_async_script(SPEAK, url, list(PING)))


def test_a_page_of_the_server_speaks_osc(server: Server, browser: Any) -> None:
    browser.get(f"http://127.0.0.1:{server.http_port}/?HOST_INFO")
    assert speak(browser, server) == "/astfx/pong"


def test_the_status_page_refreshes_itself_if_asked_to(server: Server, browser: Any) -> None:
    browser.get_log("browser")  # of the tests before
    browser.get(f"http://127.0.0.1:{server.http_port}/")
    main = browser.find_element("tag name", "main")
    assert "Running" in main.text
    with server.client() as client:
        client.ask("/astfx/set", "strength", 0.125)
    assert "0.125" not in browser.find_element("tag name", "main").text
    browser.find_element("css selector", "#refresh input").click()
    eventually(lambda: "0.125" in str(browser.execute_script(TEXT)))
    assert browser.get_log("browser") == []  # nothing that the page's own policy forbids
    with server.client() as client:
        client.ask("/astfx/set", "strength", 1.0)


def test_a_page_of_another_site_does_not(server: Server, browser: Any) -> None:
    for page in (
        "about:blank",
        "data:text/html,<p>page</p>",
        f"http://localhost:{server.http_port}/",
    ):
        browser.get(page)
        assert speak(browser, server) == "refused", page
