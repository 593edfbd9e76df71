"""Benchmarks: commands that measure astfx and write the results into docs/."""

import astfx  # noqa: F401 - before torch, so that threads are set up as in a user's program
