"""OSCQuery, asked as a client would."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from astfx_bridge.addresses import PARAMETERS, ROWS

from tests.bridge.serving import Server


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
    ],
)
def test_what_is_not_there_is_told_by_the_status(server: Server, path: str, status: int) -> None:
    assert ask(server, path)[0] == status


def test_a_web_page_that_points_its_name_here_is_refused(server: Server) -> None:
    assert ask(server, "/", Host="evil.example:9102")[0] == 403
    assert ask(server, "/", Host=f"localhost:{server.http_port}")[0] == 200


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
