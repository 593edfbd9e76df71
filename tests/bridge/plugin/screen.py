"""A screen without a monitor, and a mouse and a keyboard for the windows on it."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from PIL import Image, ImageGrab

SECONDS = 30.0


class Screen:
    """An X server. Its windows have no decorations, because nobody manages them."""

    def __init__(self, display: str) -> None:
        self.display = display
        self.variables = {**os.environ, "DISPLAY": display}

    def tool(self, *words: object) -> str:
        """What xdotool prints."""
        command = ["xdotool", *map(str, words)]
        done = subprocess.run(command, env=self.variables, capture_output=True, text=True)
        return done.stdout

    def opened(self, title: str, idle: Callable[[], None]) -> str:
        """Wait for a window with a title, and put it into the upper left corner."""
        found: list[str] = []

        def look() -> bool:
            shown = self.tool("search", "--onlyvisible", "--name", f"^{title}$")
            found[:] = shown.split()
            return bool(found)

        until(look, idle, f"window '{title}' is visible")
        self.tool("windowmove", "--sync", found[0], 0, 0)
        return found[0]

    def picture(self) -> Image.Image:
        return ImageGrab.grab(xdisplay=self.display).convert("RGB")

    def box(self, window: str) -> tuple[int, int, int, int]:
        """Left, top, width and height."""
        shown = self.tool("getwindowgeometry", "--shell", window).split()
        found = dict(line.split("=") for line in shown)
        return int(found["X"]), int(found["Y"]), int(found["WIDTH"]), int(found["HEIGHT"])

    def size(self, window: str) -> tuple[int, int]:
        return self.box(window)[2:]

    def resize(self, window: str, width: int, height: int) -> None:
        self.tool("windowsize", window, width, height)

    def move(self, x: float, y: float) -> None:
        self.tool("mousemove", round(x), round(y))

    def click(self, x: float, y: float, times: int = 1) -> None:
        self.move(x, y)
        self.tool("click", "--repeat", times, "--delay", 50, 1)

    def wheel(self, x: float, y: float, lines: int) -> None:
        self.move(x, y)
        self.tool("click", "--repeat", abs(lines), "--delay", 20, 4 if lines > 0 else 5)

    def drag(self, start: tuple[float, float], end: tuple[float, float], key: str = "") -> None:
        """Hold the first button on a straight way of ten steps, and perhaps a key."""
        words: list[object] = ["mousemove", round(start[0]), round(start[1])]
        words += ["keydown", key] if key else []
        words += ["mousedown", 1]
        for step in range(1, 11):
            x = start[0] + (end[0] - start[0]) * step / 10
            y = start[1] + (end[1] - start[1]) * step / 10
            words += ["mousemove", round(x), round(y)]
        words += ["mouseup", 1]
        words += ["keyup", key] if key else []
        self.tool(*words)

    def type(self, text: str) -> None:
        self.tool("type", "--delay", 20, text)

    def key(self, *names: str) -> None:
        self.tool("key", "--delay", 20, *names)


@contextmanager
def screen(width: int = 1400, height: int = 900) -> Iterator[Screen]:
    """Start an X server at a display that is free, and stop it at the end."""
    reading, writing = os.pipe()
    size = f"{width}x{height}x24"
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(writing), "-screen", "0", size, "-nolisten", "tcp"],
        pass_fds=[writing],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(writing)
    try:
        with os.fdopen(reading) as numbers:
            number = numbers.readline().strip()
        assert number, "Xvfb has not started"
        yield Screen(f":{number}")
    finally:
        server.terminate()
        server.wait(20)


def until(holds: Callable[[], object], between: Callable[[], None], what: str) -> None:
    """Let a window work until something holds."""
    end = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < end, f"not within {SECONDS} s: {what}"
        between()
        time.sleep(0.01)
