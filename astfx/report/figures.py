"""Pictures by matplotlib, an optional package."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from astfx.runtime.extras import require

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def check_pictures() -> None:
    """Check that pictures can be drawn.

    Raises
    ------
    MissingDependencyError
        If matplotlib is not installed.
    """
    require("matplotlib", "a picture")


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of a size in inches.

    Raises
    ------
    MissingDependencyError
        If matplotlib is not installed.
    """
    check_pictures()
    # Without a home, matplotlib writes its cache to a temporary folder, and warns of that.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    from matplotlib.figure import Figure

    options: dict[str, Any] = {"figsize": (width, height), "layout": "constrained"}
    return Figure(**options)
