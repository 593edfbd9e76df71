"""Prepare styles on a worker thread, so that no audio call has to wait for them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence

from astfx.errors import AstfxError
from astfx.streaming.base import Engine
from astfx.styles.style import Style


class Preparation(threading.Thread):
    """Makes the engines of some styles, once started.

    Parameters
    ----------
    styles : sequence of Style
    make : callable
        ``make(style)`` returns a new engine.

    Attributes
    ----------
    engines : mapping of Style to Engine, or None
        None until all of them are made.
    error : AstfxError or None
        Why they cannot be made.
    """

    def __init__(self, styles: Sequence[Style], make: Callable[[Style], Engine]) -> None:
        # Never a daemon, as a thread that a daemon makes would be: Python would end it inside torch
        # when the program exits, which aborts.
        super().__init__(name="astfx style", daemon=False)
        self._styles, self._make = tuple(styles), make
        self.engines: Mapping[Style, Engine] | None = None
        self.error: AstfxError | None = None

    def run(self) -> None:
        """Called by the thread."""
        try:
            self.engines = {style: self._make(style) for style in self._styles}
        except AstfxError as error:
            self.error = error
