"""Commands that measure, and write what they measured into docs/."""

import astfx  # noqa: F401 - before torch, so that threads are set up as in a user's program
