from __future__ import annotations

import pytest
from astfx_bridge.errors import BridgeError
from astfx_bridge.settings import Limits, ServerSettings, is_loopback


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("192.168.1.2", False),
        ("example.org", False),
        ("", False),
    ],
)
def test_only_loopback_addresses_count_as_such(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"host": "0.0.0.0"}, "host 0.0.0.0 can be reached from other machines: give a --token"),
        ({"token": "short"}, "the token must have at least 8 printable characters"),
        ({"osc_port": 70_000}, "osc_port=70000 must lie between 0 and 65535"),
        ({"http_port": -1}, "http_port=-1 must lie between 0 and 65535"),
        ({"jobs": 0}, "jobs=0 must lie between 1 and 64"),
        ({"roots": ()}, "a server needs at least one root folder"),
    ],
)
def test_settings_are_checked(options: dict[str, object], message: str) -> None:
    with pytest.raises(BridgeError) as caught:
        ServerSettings(**options)  # type: ignore[arg-type]
    assert message in str(caught.value)


def test_limits_are_checked() -> None:
    with pytest.raises(BridgeError, match=r"connections=0 must be above 0"):
        Limits(connections=0)
    with pytest.raises(BridgeError, match=r"blob_bytes=.* must be at most 1073741824 \(1 GiB\)"):
        Limits(blob_bytes=2**31)


def test_a_token_is_not_shown_by_accident() -> None:
    assert "a long secret" not in repr(ServerSettings(host="0.0.0.0", token="a long secret"))
