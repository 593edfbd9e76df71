from __future__ import annotations

import re
from pathlib import Path

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
    found = set(re.findall(r"/astfx/[a-z_/]+", path.read_text(errors="replace")))
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


def test_every_client_has_a_readme_of_three_steps() -> None:
    folders = [path for path in CLIENTS.iterdir() if path.is_dir() and path.name != "__pycache__"]
    assert {path.name for path in folders} == {"pd", "sc", "max", "reaper", "python"}
    for folder in folders:
        steps = re.findall(r"^(\d)\. ", (folder / "README.md").read_text(), re.M)
        assert steps == ["1", "2", "3"], folder
