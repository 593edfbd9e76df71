from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from astfx_bridge.addresses import PARAMETERS, REPLIES, ROWS
from astfx_bridge.readme import PAGE, written

CLIENTS = PAGE.parent / "clients"
DOCS = PAGE.parents[1] / "docs"
KNOWN = set(ROWS) | set(REPLIES)


def test_the_readme_is_what_the_table_says() -> None:
    page = PAGE.read_text()
    assert written(page) == page, "run python -m astfx_bridge.readme"


def files() -> list[Path]:
    clients = [
        path for path in CLIENTS.rglob("*") if path.is_file() and "__pycache__" not in path.parts
    ]
    return [*clients, PAGE, *DOCS.rglob("*.md")]


@pytest.mark.parametrize("path", files(), ids=lambda path: f"{path.parent.name}-{path.name}")
def test_every_address_that_a_client_or_a_page_names_is_in_the_table(path: Path) -> None:
    found = set(re.findall(r"/astfx/[a-z_/]+", path.read_text()))
    allowed = {name.rstrip("/") for name in found} - KNOWN - {"/astfx/param"}
    assert not allowed, allowed


# What the messages of the patches are besides commands: messages to the patch, and its own words.
OF_THE_PATCH = ("connect", "disconnect", "array", "symbol", "needs", "the")


def test_the_commands_of_the_pure_data_patches_are_in_the_table() -> None:
    for path in (CLIENTS / "pd").glob("*.pd"):
        for line in path.read_text().splitlines():
            match = re.match(r"#X msg \d+ \d+ ([a-z/]+)(.*);", line)
            if match and match[1] not in OF_THE_PATCH:
                assert f"/astfx/{match[1]}" in ROWS, line


def test_the_parameters_that_clients_use_exist() -> None:
    for path in (CLIENTS / "pd").glob("*.pd"):
        for line in path.read_text().splitlines():
            if re.match(r"#X msg \d+ \d+ render", line):
                keys = line.rstrip(";").split()[8::2]
                assert set(keys) <= set(PARAMETERS), line


INLETS = {"newobj", "message", "comment", "flonum", "inlet", "outlet"}


@pytest.mark.parametrize("name", ["patchers/astfx.maxpat", "help/astfx.maxhelp"])
def test_a_max_patch_is_whole(name: str) -> None:
    patcher: dict[str, Any] = json.loads((CLIENTS / "max" / name).read_text())["patcher"]
    assert patcher["fileversion"] == 1
    boxes = {entry["box"]["id"]: entry["box"] for entry in patcher["boxes"]}
    assert len(boxes) == len(patcher["boxes"])
    for box in boxes.values():
        assert box["maxclass"] in INLETS
        assert len(box["patching_rect"]) == 4
        assert len(box.get("outlettype", [])) == box["numoutlets"]
        assert ("text" in box) == (box["maxclass"] in ("newobj", "message", "comment"))
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
        if box["maxclass"] == "newobj" and words[0] in ("route", "unpack"):
            outlets = len(words) - 1 + (words[0] == "route")
            assert box["numoutlets"] == outlets, box


def test_the_max_patch_sends_and_listens_where_the_server_is() -> None:
    texts = [
        entry["box"].get("text", "")
        for entry in json.loads((CLIENTS / "max" / "patchers" / "astfx.maxpat").read_text())[
            "patcher"
        ]["boxes"]
    ]
    assert "udpsend 127.0.0.1 9101" in texts
    assert "patcherargs 9101 127.0.0.1 7401" in texts  # the same, if there are no arguments
    (listening,) = [text.split()[1] for text in texts if text.startswith("udpreceive")]
    assert f"/astfx/replyto {listening}" in texts
    outlets = [text for text in texts if text.startswith("route /")]
    assert outlets == ["route /astfx/done /astfx/fail /astfx/progress"]


def test_every_client_has_a_readme_of_three_steps() -> None:
    folders = [path for path in CLIENTS.iterdir() if path.is_dir() and path.name != "__pycache__"]
    assert {path.name for path in folders} == {"pd", "sc", "max", "reaper", "python"}
    for folder in folders:
        steps = re.findall(r"^(\d)\. ", (folder / "README.md").read_text(), re.M)
        assert steps == ["1", "2", "3"], folder
