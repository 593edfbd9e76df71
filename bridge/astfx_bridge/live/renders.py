"""How the render of a region is, as the plugin shows it.

``bridge/plugin/engine/renders.hpp`` has the same numbers, and a sentence for each problem.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

FOLDER_VARIABLE = "ASTFX_RENDERS"


class RenderState(IntEnum):
    """What happens to the region that began last."""

    NONE, RECORDING, RENDERING, READY, FAILED = range(5)


class RenderProblem(IntEnum):
    """Why there is no file of the region that began last."""

    NONE = 0
    LOST = 1
    """Some of the input was lost, because the Python process did not run or was far behind."""
    EMPTY = 2
    """The region had ended before there was any input."""
    FOLDER = 3
    """The folder of the renders, or that of the recording, cannot be written to."""
    SERVER = 4
    """No server could be started."""
    JOB = 5
    """The job has failed."""


@dataclass(frozen=True)
class Renders:
    """How the last region is, and the last file.

    Attributes
    ----------
    state : RenderState
    problem : RenderProblem
    number : int
        The number of the last file; 0 for none.
    percent : int
        How much of the region is rendered, while it is being rendered.
    """

    state: RenderState = RenderState.NONE
    problem: RenderProblem = RenderProblem.NONE
    number: int = 0
    percent: int = 0

    def packed(self) -> int:
        """All of it as the number in a ring's header."""
        return self.state | self.problem << 8 | self.percent << 16 | self.number << 24

    @classmethod
    def unpacked(cls, number: int) -> Renders:
        """Read it from the number in a ring's header."""
        state, problem = RenderState(number & 255), RenderProblem(number >> 8 & 255)
        return cls(state, problem, number >> 24, number >> 16 & 255)


def renders_folder() -> Path:
    """Where the files are written. The plugin says so, because its window shows it too."""
    from platformdirs import user_music_path

    chosen = os.environ.get(FOLDER_VARIABLE)
    return Path(chosen) if chosen else user_music_path() / "astfx"
