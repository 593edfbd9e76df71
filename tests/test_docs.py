"""What the documentation says is so: its tables, links, paths, names and first lines of code."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import soundfile

from astfx import demo, errors
from astfx.settings import table_of_settings
from benchmarks.methods import REGISTRY, SETTINGS, registry_tables

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
OTHERS = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "bridge/README.md")
PAGES = [*sorted(DOCS.rglob("*.md")), *(ROOT / name for name in OTHERS)]
REFERENCE = DOCS / "reference"
TUTORIAL = DOCS / "tutorial.ipynb"


def title(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def prose(path: Path) -> str:
    """A page without its blocks of code."""
    return re.sub(r"^ *```.*?^ *```", "", path.read_text(), flags=re.M | re.S)


def anchors(path: Path) -> set[str]:
    """The anchors that code forges give to a page's headings."""
    headings = re.findall(r"^#+ (.*)$", prose(path), re.M)
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in headings}


@pytest.mark.parametrize("section", ["methods", "phases", "recipes"])
def test_the_page_says_what_the_registries_say(section: str) -> None:
    """If this fails: `python -m benchmarks.methods table`."""
    page = REGISTRY.read_text()
    between = page.split(f"<!-- begin {section} -->")[1].split(f"<!-- end {section} -->")[0]
    assert between.strip() == registry_tables()[section].strip()


def test_the_page_of_settings_says_what_the_table_says() -> None:
    """If this fails: `python -m benchmarks.methods table`."""
    between = SETTINGS.read_text().split("<!-- begin settings -->")[1]
    assert between.split("<!-- end settings -->")[0].strip() == table_of_settings()


@pytest.mark.parametrize("path", [*PAGES, TUTORIAL], ids=title)
def test_every_link_leads_somewhere(path: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(path)):
        if not re.match(r"https?://", link):
            name, _, anchor = link.partition("#")
            target = path.parent / name if name else path
            assert target.is_file(), link
            assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("path", PAGES, ids=title)
def test_every_file_that_a_page_names_is_there(path: Path) -> None:
    folders = "astfx|benchmarks|bridge|docs|examples|presets|tests"
    for name in re.findall(rf"`((?:{folders})/[\w./-]+)`", prose(path)):
        assert "NAME" in name or (ROOT / name).exists(), name


@pytest.mark.parametrize(
    "folder", ["astfx", "benchmarks", "bridge", "examples", "presets", "tests"]
)
def test_every_page_that_a_program_names_is_there(folder: str) -> None:
    for path in (ROOT / folder).rglob("*.py"):
        for name in re.findall(r"\bdocs/[\w/-]+\.\w+", path.read_text()):
            assert (ROOT / name).is_file(), f"{path}: {name}"


def documented() -> Iterator[str]:
    """Full names of all that the reference's pages show."""
    for path in REFERENCE.glob("*.md"):
        module = ""
        for directive, name in re.findall(r"^\.\. ([\w:]+):: (\S+)", path.read_text(), re.M):
            if directive == "currentmodule":
                module = name
            elif directive.startswith("auto") or directive == "py:data":
                yield f"{module}.{name}"


@pytest.mark.parametrize("package", ["astfx", "astfx.metrics", "astfx.presets", "astfx_bridge"])
def test_the_reference_shows_every_public_name_once(package: str) -> None:
    shown, module = list(documented()), import_module(package)
    for name in module.__all__:
        elsewhere = (package, name) == ("astfx.presets", "Preset")  # shown as astfx.Preset
        if not elsewhere and not isinstance(getattr(module, name), ModuleType):
            assert shown.count(f"{package}.{name}") == 1, name


def test_the_reference_shows_every_error() -> None:
    shown = {name.rpartition(".")[2] for name in documented()}
    found = {name for name, value in vars(errors).items() if isinstance(value, type)}
    assert found <= shown


def test_the_reference_shows_nothing_that_does_not_exist() -> None:
    for name in documented():
        module, _, attribute = name.rpartition(".")
        assert hasattr(import_module(module), attribute), name


def test_the_tutorial_is_stored_without_outputs() -> None:
    """If this fails: `jupyter nbconvert --clear-output --inplace docs/tutorial.ipynb`."""
    cells = [cell for cell in json.loads(TUTORIAL.read_text())["cells"] if "outputs" in cell]
    assert cells
    assert not any(cell["outputs"] or cell["execution_count"] for cell in cells)


def test_the_first_lines_of_the_readme_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    rate = demo.SAMPLE_RATE
    for name, waveform in (("voice.wav", demo.melody()), ("door.flac", demo.rain(1.0))):
        soundfile.write(tmp_path / name, waveform[:, :rate].T, rate)
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(code, names)
    written, _ = soundfile.read("wet.wav", always_2d=True)
    output = names["output"]
    assert isinstance(output, np.ndarray)
    assert written.T.shape == output.shape == (2, rate)
    assert np.isfinite(output).all()
