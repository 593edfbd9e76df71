"""The tables of docs/methods.md are those that its command writes."""

from __future__ import annotations

import pytest

from benchmarks.methods import PAGE, registry_tables


@pytest.mark.parametrize("section", ["methods", "phases", "recipes"])
def test_the_page_says_what_the_registries_say(section: str) -> None:
    """If this fails: `python -m benchmarks.methods table`."""
    page = PAGE.read_text()
    between = page.split(f"<!-- begin {section} -->")[1].split(f"<!-- end {section} -->")[0]
    assert between.strip() == registry_tables()[section].strip()
