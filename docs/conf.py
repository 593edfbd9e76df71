"""How Sphinx builds the site: `python3 dev.py docs`.

Building needs no network, and neither does reading: the pages load nothing from elsewhere.
"""

from __future__ import annotations

import re
import shutil
import tomllib
from pathlib import Path
from typing import Any

import numpydoc.xref
from sphinx.errors import SphinxError

import astfx.errors

HERE = Path(__file__).parent
_project = tomllib.loads((HERE.parent / "pyproject.toml").read_text())["project"]

project = "astfx"
author = "the astfx contributors"
copyright = author
release = version = _project["version"]
language = "en"

extensions = [
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_copybutton",
]
exclude_patterns = ["_build"]

# Pages are Markdown. Headings get the anchors that code forges give them, so that links work on
# both.
myst_heading_anchors = 4
myst_enable_extensions = ["deflist"]

# The tutorial is stored without outputs and executed by every build.
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 600
nb_output_stderr = "error"
nb_merge_streams = True

# The reference comes from the docstrings of the public names.
default_role = "py:obj"
autodoc_typehints = "none"
autodoc_member_order = "bysource"
autosummary_generate = False
numpydoc_show_class_members = False
numpydoc_xref_param_type = True
numpydoc_xref_ignore = "all"
python_use_unqualified_type_names = True
maximum_signature_line_length = 88
# Types that are ours become links. Those of Python would need its inventory, from the network.
numpydoc.xref.DEFAULT_LINKS.clear()
numpydoc_xref_aliases = {
    **{name: f"astfx.errors.{name}" for name in vars(astfx.errors) if name.endswith("Error")},
    **{name: f"astfx.{name}" for name in astfx.__all__ if name[0].isupper()},
}

pygments_dark_style = "github-dark"
html_theme = "furo"
html_title = f"astfx {release}"
html_static_path = ["_static"]
html_css_files = ["astfx.css"]
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {"navigation_with_keys": True}
copybutton_exclude = ".linenos, .gp, .go"

# What a browser would fetch from another host: a script, a style sheet, a picture, a sound, a font.
_FETCHED = re.compile(
    r"""<(?:script|img|iframe|source|audio)[^>]+src=["']?(?:https?:)?//[^>]+"""
    r"""|<link[^>]+rel=["'](?:stylesheet|preload|preconnect)["'][^>]+href=["'](?:https?:)?//[^>]+"""
    r"""|@import[^;]+//[^;]+|url\(["']?(?:https?:)?//[^)]+"""
)


def _finish(app: Any, exception: Exception | None) -> None:
    """Put the tutorial beside its page, to download; refuse pages that load from another host."""
    if exception is not None or app.builder.format != "html":
        return
    pages = Path(app.outdir)
    shutil.copy(HERE / "tutorial.ipynb", pages)
    found = [
        f"{path.relative_to(pages)} loads {match[:120]}"
        for path in sorted(pages.rglob("*"))
        if path.suffix in (".html", ".css")
        for match in _FETCHED.findall(path.read_text())
    ]
    if found:
        raise SphinxError("\n".join(found))


def _escape_bars(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Show |x| of a docstring as it is: reStructuredText takes it for a substitution."""
    lines[:] = [line if "``" in line else line.replace("|", r"\|") for line in lines]


def setup(app: Any) -> None:
    """Hook into the build."""
    app.connect("autodoc-process-docstring", _escape_bars)
    app.connect("build-finished", _finish)
