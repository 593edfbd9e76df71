#!/usr/bin/env python3
"""Set up and run astfx from a checkout. It needs only Python 3.11 or newer.

    python3 dev.py setup    create the environment
    python3 dev.py demo     set up, render the example and draw it
    python3 dev.py test     set up, run the everyday tests
    python3 dev.py check    set up, run ruff, mypy, the examples in docstrings and all tests
    python3 dev.py docs     set up, build the documentation into site/
    python3 dev.py mutate   set up, show whether the tests notice mistakes (docs/design/testing.md)

The environment is the folder .venv. It is updated when pyproject.toml has changed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
ENVIRONMENT = ROOT / ".venv"
STAMP = ENVIRONMENT / "astfx-stamp"
BUILD, SITE = ROOT / "build" / "docs", ROOT / "site"
EVERYDAY = "not slow and not hosts"
# One process a core, each on one thread. A file stays in one process, with what its tests share.
EVERYDAY_TESTS = ["-n", "auto", "--dist", "loadfile", "-m", EVERYDAY]
DOCTESTS = ["--doctest-modules", "astfx", "bridge/astfx_bridge"]


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


def has_pip() -> bool:
    """Whether the environment is there, with a Python that runs and finds pip."""
    try:
        command = [program("python"), "-c", "import pip"]
        return subprocess.run(command, stderr=subprocess.DEVNULL).returncode == 0
    except OSError:
        return False


def setup(extra: str = "dev") -> None:
    """Make the environment with an extra of pyproject.toml, unless it is there and fresh."""
    if sys.version_info < (3, 11):  # noqa: UP036 - the one file that an older Python may start
        sys.exit(f"astfx needs Python 3.11 or newer, this is {sys.version.split()[0]}")
    wanted = hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest()
    stamp = STAMP if extra == "dev" else STAMP.with_name(f"{STAMP.name}-{extra}")
    if stamp.exists() and stamp.read_text() == wanted:
        return
    if not has_pip():
        print(f"making {ENVIRONMENT} (a few minutes, once)")
        # What an interrupted setup or a removed Python has left is of no use.
        venv.create(ENVIRONMENT, with_pip=True, clear=True)
    run(program("python"), "-m", "pip", "install", "--quiet", "--editable", f".[{extra}]")
    stamp.write_text(wanted)


def docs() -> None:
    """Build the documentation into site/; any warning is an error, and leaves site/ as it was."""
    setup("docs")
    shutil.rmtree(BUILD, ignore_errors=True)
    pages, cache = str(BUILD / "html"), str(BUILD / "doctrees")
    options = ["-q", "-W", "--keep-going", "-d", cache]
    run(program("python"), "-m", "sphinx", *options, "docs", pages)
    shutil.rmtree(SITE, ignore_errors=True)
    shutil.move(pages, SITE)
    print(f"{SITE / 'index.html'}")


def main() -> None:
    """Do what the argument says."""
    commands = {
        "setup": [],
        "demo": [[program("astfx"), "demo"]],
        "test": [[program("python"), "-m", "pytest", *EVERYDAY_TESTS]],
        "check": [
            [program("ruff"), "check"],
            [program("ruff"), "format", "--check"],
            [program("mypy")],
            [program("python"), "-m", "pytest", *DOCTESTS],
            [program("python"), "-m", "pytest"],
        ],
        "docs": [],
        "mutate": [[program("python"), "-m", "tests.mutation", *sys.argv[2:]]],
    }
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name not in commands or (len(sys.argv) > 2 and name != "mutate"):
        sys.exit(__doc__)
    setup()
    for command in commands[name]:
        run(*command)
    if name == "docs":
        docs()


if __name__ == "__main__":
    main()
