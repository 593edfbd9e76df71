"""`python -m astfx`: the command line."""

from __future__ import annotations

from astfx.cli.start import entry

entry()
