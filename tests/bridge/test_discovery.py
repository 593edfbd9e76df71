from __future__ import annotations

import socket
import sys

import pytest
from astfx_bridge import discovery

from astfx.errors import MissingDependencyError


def test_announcing_without_zeroconf_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zeroconf", None)
    with pytest.raises(MissingDependencyError) as caught:
        discovery.announce("127.0.0.1", 9101, 9102)
    assert str(caught.value) == "announcing needs zeroconf: pip install 'astfx[discovery]'"


def test_a_network_that_allows_no_announcement_costs_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("zeroconf")

    def no_network(name: str) -> str:
        raise OSError("network is unreachable")

    monkeypatch.setattr(socket, "gethostbyname", no_network)
    assert discovery.announce("127.0.0.1", 9101, 9102) is None
    assert capsys.readouterr().err == (
        "astfx-bridge: not announced by zeroconf (network is unreachable)\n"
    )
