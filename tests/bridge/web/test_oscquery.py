"""OSCQuery, asked as a client would."""

from __future__ import annotations

import http.client
import json
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from astfx_bridge.addresses import PARAMETERS, ROWS
from astfx_bridge.web.server import MAX_CONNECTIONS

from tests.bridge.serving import Server, need_ipv6


def ask(server: Server, path: str, **headers: str) -> tuple[int, Any]:
    request = urllib.request.Request(f"http://127.0.0.1:{server.http_port}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            body = response.read()
            return response.status, json.loads(body) if body else None
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def test_host_info_says_where_osc_is(server: Server) -> None:
    status, info = ask(server, "/?HOST_INFO")
    assert status == 200
    assert info["NAME"] == "astfx"
    assert (info["OSC_IP"], info["OSC_PORT"], info["OSC_TRANSPORT"]) == (
        "127.0.0.1",
        server.port,
        "UDP",
    )
    assert info["EXTENSIONS"]["RANGE"] is True
    assert info["EXTENSIONS"]["VALUE"] is True
    assert info["EXTENSIONS"]["LISTEN"] is True


def test_the_tree_holds_every_address_of_the_table(server: Server) -> None:
    _, tree = ask(server, "/")

    def paths(node: dict[str, Any]) -> set[str]:
        own = {node["FULL_PATH"]} if "TYPE" in node else set()
        return own.union(*(paths(child) for child in node.get("CONTENTS", {}).values()))

    assert paths(tree) == set(ROWS)


@pytest.mark.parametrize("name", list(PARAMETERS))
def test_a_parameter_has_its_value_and_range(server: Server, name: str) -> None:
    argument = PARAMETERS[name].argument
    status, node = ask(server, f"/astfx/param/{name}")
    assert status == 200
    assert node["ACCESS"] == 3
    assert node["TYPE"] == argument.types
    assert node["VALUE"] == [PARAMETERS[name].default]
    (limits,) = node["RANGE"]
    assert limits.get("MIN") == argument.low
    assert limits.get("MAX") == argument.high
    if argument.choices:
        assert limits["VALS"] == list(argument.choices)


def test_the_value_follows_what_osc_sets(server: Server) -> None:
    with server.client() as client:
        client.ask("/astfx/param/mix", 0.25)
        assert ask(server, "/astfx/param/mix?VALUE") == (200, {"VALUE": [0.25]})
        client.ask("/astfx/param/mix", 1.0)


def test_methods_are_listed_once_the_worker_has_told_them(server: Server) -> None:
    with server.client() as client:
        client.render("content.wav", "for-methods.wav", style="style.wav", quality="draft")
    _, node = ask(server, "/astfx/param/method?RANGE")
    assert "gram" in node["RANGE"][0]["VALS"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/nowhere", 404),
        ("/astfx/param/loudness", 404),
        ("/astfx/ping?VALUE", 204),
        ("/astfx?RANGE", 204),
        ("/astfx/ping?COLOUR", 400),
        ("/astfx/ping?DESCRIPTION", 200),
        ("/astfx/ping?VALUE&DESCRIPTION", 200),
        ("/astfx/ping?DESCRIPTION&COLOUR", 400),
    ],
)
def test_what_is_not_there_is_told_by_the_status(server: Server, path: str, status: int) -> None:
    assert ask(server, path)[0] == status


def test_a_web_page_that_points_its_name_here_is_refused(server: Server) -> None:
    assert ask(server, "/", Host="evil.example:9102")[0] == 403
    assert ask(server, "/", Host="[evil")[0] == 403
    for host in ("localhost", "localhost.", "LOCALHOST", "127.0.0.1", "[::1]"):
        assert ask(server, "/", Host=f"{host}:{server.http_port}")[0] == 200, host
        assert ask(server, "/", Host=host)[0] == 200, host


def test_a_web_page_of_another_site_is_refused(server: Server) -> None:
    assert ask(server, "/", Origin="http://evil.example")[0] == 403
    assert ask(server, "/", Origin=f"http://127.0.0.1:{server.http_port}")[0] == 200


def test_a_token_is_asked_for_here_too(start: Callable[..., Server]) -> None:
    server = start("--token", "a long secret")
    assert ask(server, "/")[0] == 401
    assert ask(server, "/?token=wrong")[0] == 401
    assert ask(server, "/?token=a%20long%20secret")[0] == 200
    assert ask(server, "/?HOST_INFO", Authorization="Bearer a long secret")[0] == 200


def test_zeroconf_finds_the_server(start: Callable[..., Server]) -> None:
    zeroconf = pytest.importorskip("zeroconf")
    server = start("--announce")
    finder = zeroconf.Zeroconf(interfaces=["127.0.0.1"])
    try:
        info = finder.get_service_info(
            "_oscjson._tcp.local.", f"astfx {server.port}._oscjson._tcp.local.", 5000
        )
        assert info is not None
        assert info.port == server.http_port
        assert info.parsed_addresses() == ["127.0.0.1"]
    finally:
        finder.close()


def test_several_attributes_are_answered_together(server: Server) -> None:
    status, found = ask(server, "/astfx/param/mix?VALUE&RANGE&CONTENTS")
    assert status == 200
    assert found == {"VALUE": [1.0], "RANGE": [{"MIN": 0.0, "MAX": 1.0}]}


DELAY_SECONDS = 0.04  # what Nagle's algorithm and delayed acknowledgements cost together


def test_requests_on_one_connection_are_not_delayed(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=60)
    seconds = []
    for _ in range(20):
        began = time.perf_counter()
        connection.request("GET", "/astfx/param/mix?VALUE")
        assert connection.getresponse().read()
        seconds.append(time.perf_counter() - began)
    connection.close()
    assert min(seconds[1:]) < DELAY_SECONDS / 2


def test_clients_whose_request_does_not_come_keep_nobody_out(server: Server) -> None:
    slow = []
    for _ in range(2 * MAX_CONNECTIONS):
        stream = socket.create_connection(("127.0.0.1", server.http_port))
        stream.sendall(b"GET / HTTP/1.1\r\nHost: ")
        slow.append(stream)
    assert ask(server, "/?HOST_INFO")[0] == 200
    for stream in slow:
        stream.close()


def test_requests_have_a_rate(start: Callable[..., Server]) -> None:
    server = start("--messages-per-second", "5")
    statuses = [ask(server, "/?HOST_INFO")[0] for _ in range(40)]
    assert statuses[:10] == [200] * 10
    assert 429 in statuses


def test_an_ipv6_address_is_a_url_in_brackets(start: Callable[..., Server]) -> None:
    need_ipv6()
    server = start("--host", "::1")
    url = f"http://[::1]:{server.http_port}/"
    assert f"OSCQuery  {url}\n" in server.banner
    with urllib.request.urlopen(url, timeout=60) as response:
        assert response.status == 200
