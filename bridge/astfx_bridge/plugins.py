"""Where the native plugin is built, and where hosts find it."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from astfx.cli.session import Move
from astfx.presets.folders import factory_folder
from astfx_bridge import building
from astfx_bridge.errors import BridgeError


@dataclass(frozen=True)
class Bundle:
    """A folder that a host loads.

    Attributes
    ----------
    format : str
    built : str
        Its path in the folder of the build.
    installed : str
        Its path in the user's home.
    """

    format: str
    built: str
    installed: str


BUNDLES = (
    Bundle("VST3", "vst3/astfx.vst3", ".vst3/astfx.vst3"),
    Bundle("VST3 mono", "vst3/astfx-mono.vst3", ".vst3/astfx-mono.vst3"),
    Bundle("LV2", "lv2/astfx.lv2", ".lv2/astfx.lv2"),
    Bundle("LV2 mono", "lv2/astfx-mono.lv2", ".lv2/astfx-mono.lv2"),
    Bundle("CLAP", "clap/astfx", ".clap/astfx"),
)


INTERPRETER_FILE = "python.txt"
"""File of a bundle with the path of the interpreter that has astfx."""


def build_folder() -> Path:
    """The folder in which the plugin is built, unless another one is given."""
    from platformdirs import user_cache_path

    return user_cache_path("astfx") / "plugin"


def build(folder: Path, progress: Move = lambda share: None) -> list[Path]:
    """Build the plugin in all formats, and return its bundles.

    It has a window of its own where `window_needs` is empty.

    Raises
    ------
    BridgeError
        If this is not Linux, something that the build needs is missing, or the compiler fails.
    """
    if sys.platform != "linux":
        raise BridgeError(
            f"the plugin cannot be built on {sys.platform}: it has been tried on Linux only"
        )
    presets = factory_folder()
    window = "OFF" if building.missing(building.WINDOW_NEEDS) else "ON"
    done = building.build(folder, "all", progress, PRESETS=str(presets), WINDOW=window)
    bundles = [done / bundle.built for bundle in BUNDLES]
    for bundle in bundles:
        _write_interpreter(bundle)
    return bundles


def _write_interpreter(bundle: Path) -> None:
    """Tell the plugin which Python runs the engine `stream`."""
    resources = bundle / "Contents" / "Resources"
    file = (resources if resources.is_dir() else bundle) / INTERPRETER_FILE
    try:
        file.write_text(f"{sys.executable}\n", "utf-8")
    except OSError as error:
        raise BridgeError(f"'{file}' cannot be written ({error.strerror or error})") from None


def window_needs() -> str:
    """A sentence about what the plugin's window needs and this machine lacks; empty if nothing."""
    packages = dict.fromkeys(need.package for need in building.missing(building.WINDOW_NEEDS))
    if not packages:
        return ""
    return (
        "the plugin is built without a window of its own; hosts show its controls in theirs. "
        f"For a window, install it again after: sudo apt-get install {' '.join(packages)}"
    )


def install(folder: Path, home: Path, progress: Move = lambda share: None) -> list[Path]:
    """Build the plugin, copy it to where hosts look for it, and return the bundles' new places.

    Raises
    ------
    BridgeError
        As `build`, and if a folder cannot be written.
    """
    places = []
    for bundle, source in zip(BUNDLES, build(folder, progress), strict=True):
        target = home / bundle.installed
        aside = target.with_name(f".{target.name}.part")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.rmtree(aside, ignore_errors=True)
            shutil.copytree(source, aside)
            if target.exists():
                shutil.rmtree(target)
            aside.rename(target)
        except OSError as error:
            shutil.rmtree(aside, ignore_errors=True)
            raise BridgeError(
                f"the plugin cannot be copied to '{target}' ({error.strerror or error})"
            ) from None
        places.append(target)
    return places


def warm_up() -> None:
    """Compile the engine `stream`, so that the plugin need not be dry while its process does so."""
    import astfx

    astfx.StyleTransfer("rain", engine="stream").prepare(48_000)


def installed(home: Path) -> list[tuple[Bundle, Path]]:
    """The bundles that are installed in a home, with their places."""
    places = [(bundle, home / bundle.installed) for bundle in BUNDLES]
    return [(bundle, place) for bundle, place in places if place.is_dir()]


def uninstall(home: Path, built: Path | None = None) -> list[Path]:
    """Delete the installed bundles, and return their places.

    Parameters
    ----------
    home : Path
    built : Path or None
        The folder of the build, which is deleted too if it has one.

    Raises
    ------
    BridgeError
        If none is installed, or one cannot be deleted.
    """
    found = [place for _, place in installed(home)]
    if not found:
        raise BridgeError(f"the plugin is not installed in '{home}'")
    if built is not None and (built / "CMakeCache.txt").is_file():
        found.append(built)
    for place in found:
        try:
            shutil.rmtree(place)
        except OSError as error:
            raise BridgeError(f"'{place}' cannot be deleted ({error.strerror or error})") from None
    return found
