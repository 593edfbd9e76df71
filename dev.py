#!/usr/bin/env python3
"""Set up and run astfx from a checkout, with nothing but Python 3.11 or newer.

    python3 dev.py demo     make the environment, render the example, draw it
    python3 dev.py test     make the environment, run the everyday tests
    python3 dev.py setup    make the environment only
    python3 dev.py check    ruff, mypy and all tests, as CI does
    python3 dev.py mutate   do tests notice mistakes? docs/testing.md

The environment is .venv in this folder; it is made again when pyproject.toml changes.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
ENVIRONMENT = ROOT / ".venv"
# An open upper bound would install gigabytes of GPU libraries on a machine without a GPU.
STAMP = ENVIRONMENT / "astfx-stamp"
# One process a core, each on one thread; tests/conftest.py says what stays together.
EVERYDAY = ["-n", "auto", "--dist", "loadgroup", "-m", "not slow and not hosts"]


def program(name: str) -> str:
    """Path of a program in the environment."""
    folder = "Scripts" if sys.platform == "win32" else "bin"
    return str(ENVIRONMENT / folder / name)


def run(*command: str) -> None:
    """Run a program in the checkout; stop with its exit code if it fails."""
    print("+", " ".join(Path(part).name if i == 0 else part for i, part in enumerate(command)))
    sys.stdout.flush()
    environment = {**os.environ, "OMP_NUM_THREADS": "1"} if "pytest" in command else None
    code = subprocess.run(command, cwd=ROOT, env=environment).returncode
    if code:
        sys.exit(code)


def setup() -> None:
    """Make the environment unless it is there and fresh."""
    if sys.version_info < (3, 11):  # noqa: UP036 - the one file that an older Python may start
        sys.exit(f"astfx needs Python 3.11 or newer, this is {sys.version.split()[0]}")
    wanted = hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest()
    if STAMP.exists() and STAMP.read_text() == wanted:
        return
    if not ENVIRONMENT.exists():
        print(f"making {ENVIRONMENT} (a few minutes, once)")
        venv.create(ENVIRONMENT, with_pip=True)
    run(program("python"), "-m", "pip", "install", "--quiet", "--editable", ".[dev]")
    STAMP.write_text(wanted)


def main() -> None:
    """Do what the argument says."""
    commands = {
        "setup": [],
        "demo": [[program("astfx"), "demo"]],
        "test": [[program("python"), "-m", "pytest", *EVERYDAY]],
        "check": [
            [program("ruff"), "check"],
            [program("ruff"), "format", "--check"],
            [program("mypy")],
            [program("python"), "-m", "pytest"],
        ],
        "mutate": [[program("python"), "-m", "tests.mutation", *sys.argv[2:]]],
    }
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name not in commands or (len(sys.argv) > 2 and name != "mutate"):
        sys.exit(__doc__)
    setup()
    for command in commands[name]:
        run(*command)


if __name__ == "__main__":
    main()
