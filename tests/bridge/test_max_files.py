"""The files of the Max package. Max cannot run here, so their structure is checked."""

from __future__ import annotations

import json
import re
import struct
from pathlib import Path
from typing import Any

import pytest
from astfx_bridge.addresses import PARAMETERS
from astfx_bridge.readme import PAGE

MAX = PAGE.parent / "clients" / "max"
PATCHES = sorted(
    path for path in MAX.rglob("*") if path.suffix in (".maxpat", ".maxhelp", ".maxsnip", ".amxd")
)
DEVICE = MAX / "devices" / "astfx.amxd"
CLASSES = {
    *("newobj", "message", "comment", "flonum", "inlet", "outlet", "button", "textedit"),
    *("live.dial", "live.text"),
}
WITH_TEXT = ("newobj", "message", "comment", "textedit", "live.text")


def chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """The named parts of a device: each has a name, its size and its content."""
    found = []
    while data:
        name, size = struct.unpack_from("<4sI", data)
        assert len(data) >= 8 + size
        found.append((name, data[8 : 8 + size]))
        data = data[8 + size :]
    return found


def patcher_of(path: Path) -> dict[str, Any]:
    data = path.read_bytes()
    if path.suffix == ".amxd":
        data = dict(chunks(data))[b"ptch"].removesuffix(b"\0")
    found: dict[str, Any] = json.loads(data)["patcher"]
    return found


def texts_of(path: Path) -> list[str]:
    return [entry["box"].get("text", "") for entry in patcher_of(path)["boxes"]]


@pytest.mark.parametrize("path", PATCHES, ids=lambda path: path.name)
def test_a_max_patch_is_whole(path: Path) -> None:
    patcher = patcher_of(path)
    assert patcher["fileversion"] == 1
    boxes = {entry["box"]["id"]: entry["box"] for entry in patcher["boxes"]}
    assert len(boxes) == len(patcher["boxes"])
    for box in boxes.values():
        assert box["maxclass"] in CLASSES
        assert len(box["patching_rect"]) == 4
        assert len(box.get("outlettype", [])) == box["numoutlets"]
        assert ("text" in box) == (box["maxclass"] in WITH_TEXT)
    used = set()
    for entry in patcher["lines"]:
        (source, outlet), (target, inlet) = (
            entry["patchline"]["source"],
            entry["patchline"]["destination"],
        )
        assert 0 <= outlet < boxes[source]["numoutlets"]
        assert 0 <= inlet < boxes[target]["numinlets"]
        used |= {source, target}
    assert used == {key for key, box in boxes.items() if box["maxclass"] != "comment"}
    for box in boxes.values():
        words = box.get("text", "").split()
        if box["maxclass"] == "newobj" and words[0] in ("route", "unpack", "sel", "t"):
            outlets = len(words) - 1 + (words[0] in ("route", "sel"))
            assert box["numoutlets"] == outlets, box


def test_the_max_patch_sends_and_listens_where_the_server_is() -> None:
    texts = texts_of(MAX / "patchers" / "astfx.maxpat")
    assert "udpsend 127.0.0.1 9101" in texts
    assert "patcherargs 9101 127.0.0.1 7401" in texts  # the same, if there are no arguments
    (listening,) = [text.split()[1] for text in texts if text.startswith("udpreceive")]
    assert f"/astfx/replyto {listening}" in texts
    outlets = [text for text in texts if text.startswith("route /")]
    assert outlets == ["route /astfx/done /astfx/fail /astfx/progress"]


def test_the_device_is_an_audio_effect_that_is_not_frozen() -> None:
    parts = chunks(DEVICE.read_bytes())
    assert [name for name, _ in parts] == [b"ampf", b"meta", b"ptch"]
    assert parts[0][1] == b"aaaa"
    assert parts[2][1].startswith(b"{")  # a frozen device begins with mx@c
    assert parts[2][1].endswith(b"\0")


def test_the_device_lets_the_track_through_and_plays_what_was_rendered() -> None:
    patcher = patcher_of(DEVICE)
    names = {entry["box"]["id"]: entry["box"].get("text", "") for entry in patcher["boxes"]}
    cords = {
        (names[line["source"][0]], names[line["destination"][0]])
        for line in (entry["patchline"] for entry in patcher["lines"])
    }
    assert {
        ("plugin~", "plugout~"),
        ("plugin~", "record~ ---dry 2"),
        ("prepend buffers ---dry ---wet style", "astfx 9101 127.0.0.1 7403"),
        ("route buffers", "start"),
        ("start", "play~ ---wet 2"),
        ("play~ ---wet 2", "plugout~"),
    } <= cords


def test_the_controls_of_the_device_can_be_automated_and_set_parameters_that_exist() -> None:
    boxes = [entry["box"] for entry in patcher_of(DEVICE)["boxes"]]
    names = []
    for box in boxes:
        if box["maxclass"].startswith("live."):
            assert box["parameter_enable"] == 1
            values = box["saved_attribute_attributes"]["valueof"]
            names.append(values["parameter_longname"])
            assert box["presentation"] == 1
    assert sorted(names) == ["Mix", "Play", "Record", "Strength"]
    for text in texts_of(DEVICE):
        if match := re.match(r"/astfx/set (\w+) \$1", text):
            assert match[1] in PARAMETERS
