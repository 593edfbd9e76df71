"""What is distributed: the wheel, the source distribution, the container and the release."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import typer.main
from astfx_bridge.cli import app
from astfx_bridge.settings import HTTP_PORT, OSC_PORT

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
TREES = {
    "astfx": "astfx",
    "astfx_bridge": "bridge/astfx_bridge",
    "astfx_bridge.client_data": "bridge/clients",
}


def folders_with_files(tree: Path) -> set[str]:
    """The folders of a tree that hold files, by their dotted names."""
    holding = {path.parent for path in tree.rglob("*") if path.is_file()}
    names = {folder.relative_to(tree).as_posix() for folder in holding}
    return {name for name in names if "__pycache__" not in name}


def test_every_folder_of_the_packages_is_in_the_wheel() -> None:
    """setuptools warns of each folder with files that is not declared as a package."""
    declared = set(PROJECT["tool"]["setuptools"]["packages"])
    for package, tree in TREES.items():
        for name in folders_with_files(ROOT / tree):
            parts = [] if name == "." else name.split("/")
            assert ".".join([package, *parts]) in declared


def test_the_source_distribution_is_the_whole_checkout() -> None:
    manifest = (ROOT / "MANIFEST.in").read_text()
    taken = set(re.findall(r"^graft (.+)$", manifest, re.M))
    for line in re.findall(r"^include (.+)$", manifest, re.M):
        taken |= set(line.split())
    taken |= {"astfx", "bridge"}  # the packages
    taken |= {"pyproject.toml", "README.md", "LICENSE", "MANIFEST.in"}  # always included
    made = {".git", ".venv", "astfx.egg-info", "build", "dist", "site", "demo"}
    made |= {"PKG-INFO", "setup.cfg"}  # in an unpacked source distribution
    caches = {".hypothesis", ".mypy_cache", ".pytest_cache", ".ruff_cache", "__pycache__"}
    there = {path.name for path in ROOT.iterdir()}
    assert there - taken - made - caches == set()


def test_the_classifiers_name_the_versions_from_the_oldest_on() -> None:
    project = PROJECT["project"]
    oldest = int(project["requires-python"].removeprefix(">=3."))
    pattern = r"Programming Language :: Python :: 3\.(\d+)"
    named = [int(m[1]) for text in project["classifiers"] if (m := re.fullmatch(pattern, text))]
    assert named == list(range(oldest, oldest + len(named)))
    assert len(named) >= 4


def test_the_container_starts_the_server_with_options_that_exist() -> None:
    text = (ROOT / "Dockerfile").read_text()
    command = json.loads(next(re.finditer(r"^CMD (.+)$", text, re.M))[1])
    assert json.loads(next(re.finditer(r"^ENTRYPOINT (.+)$", text, re.M))[1]) == ["astfx"]
    serve = typer.main.get_group(app).commands["serve"]
    known = {option for parameter in serve.params for option in parameter.opts}
    assert command[0] == "serve"
    assert {word for word in command if word.startswith("--")} <= known
    exposed = set(next(re.finditer(r"^EXPOSE (.+)$", text, re.M))[1].split())
    assert exposed == {f"{OSC_PORT}/udp", f"{OSC_PORT}/tcp", f"{HTTP_PORT}/tcp"}
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    for needed in ("astfx", "bridge", "presets", "pyproject.toml", "README.md", "LICENSE"):
        assert f"!{needed}" in ignored
