"""Builds the native plugin from its sources, with CMake and the system's compiler."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from astfx.cli.session import Move
from astfx_bridge.errors import BridgeError

DPF_VARIABLE = "DPF_PATH"
COMPILER = "c++"
_STEP = re.compile(r"\[(\d+)/(\d+)\]")
_LINES_OF_A_FAILURE = 30


@dataclass(frozen=True)
class Need:
    """A program or a file that the build needs.

    Attributes
    ----------
    name : str
        A program, or a header or library that the compiler must find.
    package : str
        Debian's package.
    kind : str
        "program", "header", "library" or "dpf".
    """

    name: str
    package: str
    kind: str = "program"


NEEDS = (
    Need(COMPILER, "g++"),
    Need("cmake", "cmake"),
    Need("ninja", "ninja-build"),
    Need("fftw3.h", "libfftw3-dev", "header"),
    Need("libfftw3f.a", "libfftw3-dev", "library"),
    Need("eigen3/Eigen/Dense", "libeigen3-dev", "header"),
    Need("nlohmann/json.hpp", "nlohmann-json3-dev", "header"),
    Need("toml++/toml.h", "libtomlplusplus-dev", "header"),
    Need("distrho/DistrhoPluginMain.cpp", "dpf-source", "dpf"),
)

# Without these, the plugin has no window of its own.
WINDOW_NEEDS = (
    Need("cairo/cairo.h", "libcairo2-dev", "header"),
    Need("X11/Xlib.h", "libx11-dev", "header"),
)


def plugin_sources() -> Path:
    """The folder of the plugin's sources: in the installed package, or beside it in a checkout."""
    installed = Path(str(files("astfx_bridge"))) / "plugin_data"
    return installed if installed.is_dir() else Path(__file__).resolve().parents[1] / "plugin"


def dpf_folder() -> Path:
    """The folder of the DISTRHO Plugin Framework; DPF_PATH overrides Debian's."""
    return Path(os.environ.get(DPF_VARIABLE) or "/usr/share/dpf")


def missing(needs: Sequence[Need] | None = None) -> list[Need]:
    """What the build needs, or what else is given, and this machine lacks.

    Only a compiler can tell whether headers and libraries are there. Without one, only programs
    count.
    """
    wanted = NEEDS if needs is None else needs
    if shutil.which(COMPILER) is None:
        wanted = [need for need in wanted if need.kind in ("program", "dpf")]
    return [need for need in wanted if not _has(need)]


def _has(need: Need) -> bool:
    if need.kind == "program":
        return shutil.which(need.name) is not None
    if need.kind == "dpf":
        return (dpf_folder() / need.name).is_file()
    if need.kind == "library":
        found = subprocess.run(
            [COMPILER, f"-print-file-name={need.name}"], capture_output=True, text=True
        )
        return Path(found.stdout.strip()).is_file()
    found = subprocess.run(
        [COMPILER, "-E", "-x", "c++", "-"],
        input=f"#if !__has_include(<{need.name}>)\n#error\n#endif\n",
        capture_output=True,
        text=True,
    )
    return found.returncode == 0


def check_needs() -> None:
    """Raise BridgeError, with a list, where something that the build needs is missing."""
    if lacking := missing():
        raise BridgeError(lacking_text(lacking))


def lacking_text(lacking: Sequence[Need]) -> str:
    """A list of what is missing, and the command that installs it."""
    width = max(len(need.name) for need in lacking)
    rows = [f"  {need.name:{width}}  Debian's {need.package}" for need in lacking]
    packages = " ".join(dict.fromkeys(need.package for need in lacking))
    more = []
    if any(need.name == COMPILER for need in lacking):
        more = ["once there is a compiler, `astfx plugin info` shows what else is missing"]
    return "\n".join(
        [
            "the plugin cannot be built, because these are missing:",
            *rows,
            f"install them, on Debian and Ubuntu with: sudo apt-get install {packages}",
            *more,
        ]
    )


def build(
    folder: Path,
    target: str = "all",
    progress: Move = lambda share: None,
    **options: str,
) -> Path:
    """Build the plugin in a folder, and return the folder of what was built.

    Parameters
    ----------
    folder : Path
        It is created if it does not exist. What it has from an earlier build is used again.
    target : str
        A target of bridge/plugin/CMakeLists.txt.
    progress : callable
        Called with the share of the work that is done, 0 to 1.
    **options
        Variables of CMake, such as ``ASTFX_SANITIZE="address"``.

    Raises
    ------
    BridgeError
        If a program or a library is missing, or the compiler fails.
    """
    check_needs()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BridgeError(f"folder '{folder}' cannot be made ({error.strerror or error})") from None
    defined = [f"-D{name}={value}" for name, value in {"DPF": dpf_folder(), **options}.items()]
    _run(["cmake", "-G", "Ninja", "-S", str(plugin_sources()), "-B", str(folder), *defined])
    _run(["cmake", "--build", str(folder), "--target", target], progress)
    return folder / "bin"


def _run(command: list[str], progress: Move = lambda share: None) -> None:
    """Run a program. Ninja's lines begin with how far it is, such as "[3/80]"."""
    last: deque[str] = deque(maxlen=_LINES_OF_A_FAILURE)
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as running:
        assert running.stdout is not None
        for line in running.stdout:
            last.append(line.rstrip("\n"))
            if step := _STEP.match(line):
                progress(int(step[1]) / int(step[2]))
    if running.returncode:
        said = "\n".join(last).strip()
        raise BridgeError(f"`{' '.join(command)}` has failed:\n{said}")
