"""The status page at `/`: what it shows, to whom, and that it is safe to look at."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Callable
from email.message import Message as Headers
from html.parser import HTMLParser

import pytest
from astfx_bridge.web.status import is_wanted
from starlette.requests import Request

from tests.bridge.serving import QUICK, Server, until

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
STYLE = ("style", "style.wav")
VOID = {"meta", "input", "link"}


class Page(HTMLParser):
    """The rows of a page's tables, and the elements that were opened and not closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.open: list[str] = []
        self.headings: list[str] = []
        self.unlabelled: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag == "progress" and not dict(attrs).get("aria-label"):
            self.unlabelled.append(tag)
        if tag == "th" and dict(attrs).get("scope") not in ("col", "row"):
            self.unlabelled.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and {"td", "th"} & set(self.open):
            self.rows[-1][-1] += " ".join(data.split())
        if self.open and self.open[-1] in ("h1", "h2"):
            self.headings.append(data)


def get(server: Server, path: str = "/", **headers: str) -> tuple[int, Headers, str]:
    url = f"http://127.0.0.1:{server.http_port}{path}"
    request = urllib.request.Request(url, headers={"Accept": BROWSER, **headers})
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, response.headers, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read().decode()


def test_the_page_shows_what_runs_what_waits_and_what_ended(start: Callable[..., Server]) -> None:
    server = start()
    assert "No job has ended yet." in get(server)[2]
    with server.client() as client:
        client.send("/astfx/render", 1, "content.wav", "o.wav", *STYLE, *QUICK)
        until(client, "/astfx/done")
        client.send("/astfx/render", 2, "long.wav", "<b>p.wav", *STYLE, "quality", "best")
        until(client, "/astfx/progress")
        client.send("/astfx/render", "<i>3", "mid.wav", "q.wav", *STYLE)
        until(client, "/astfx/queued")
        client.send("/astfx/render", 4, "content.wav", "r.wav", *STYLE)
        client.ask("/astfx/cancel", 4)
        client.ask("/astfx/set", "strength", 0.25)
        _, headers, text = get(server)
        client.ask("/astfx/cancel/all")
    page = Page(text)
    assert page.open == []
    assert page.unlabelled == []
    assert page.headings[:4] == ["astfx bridge", "Running", "Queued", "Ended"]
    rows = {row[0]: row for row in page.rows}
    assert rows["2"][1].endswith("%")
    assert rows["2"][2:4] == ["/astfx/render", "long.wav -> <b>p.wav"]
    assert rows["2"][4].startswith("TCP 127.0.0.1:")
    assert rows["<i>3"][1:3] == ["/astfx/render", "mid.wav -> q.wav"]
    assert rows["1"][1] == "done"
    assert rows["1"][2].startswith("after ")
    assert rows["4"][1] == "cancelled"
    assert rows["strength"][1] == "0.25"
    assert "<b>" not in text
    assert "<i>" not in text
    policy = headers["Content-Security-Policy"]
    nonce = policy.split("'nonce-")[1].split("'")[0]
    assert text.count(f'nonce="{nonce}"') == 2
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["Referrer-Policy"] == "no-referrer"
    assert nonce not in get(server)[1]["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("path", "query", "accept", "wanted"),
    [
        ("/", "", BROWSER, True),
        ("/", "token=x", BROWSER, True),
        ("/", "", "*/*", False),
        ("/", "HOST_INFO", BROWSER, False),
        ("/astfx", "", BROWSER, False),
    ],
)
def test_only_browsers_that_ask_for_the_root_get_the_page(
    path: str, query: str, accept: str, wanted: bool
) -> None:
    scope = {
        "type": "http",
        "path": path,
        "query_string": query.encode(),
        "headers": [(b"host", b"localhost"), (b"accept", accept.encode())],
    }
    assert is_wanted(Request(scope)) is wanted


def test_an_oscquery_client_gets_the_tree(server: Server) -> None:
    assert get(server, Accept="*/*")[1]["Content-Type"] == "application/json"


def test_the_page_is_refused_like_everything_else(start: Callable[..., Server]) -> None:
    server = start("--token", "a long secret")
    assert get(server)[0] == 401
    assert get(server, "/?token=wrong")[0] == 401
    status, _, text = get(server, "/?token=a%20long%20secret")
    assert status == 200
    assert "a long secret" not in text


def test_pages_of_other_sites_do_not_get_it(server: Server) -> None:
    assert get(server, Origin="http://evil.example")[0] == 403
    assert get(server, Host="evil.example")[0] == 403
