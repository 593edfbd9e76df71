"""The files that commands for live audio may name: sounds to read, and recordings to write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from astfx_bridge.jobs.styles import SUFFIX, resolve
from astfx_bridge.roots import Roots
from astfx_bridge.table import Value


class LivePaths:
    """Turns what clients name into what a session takes.

    Parameters
    ----------
    roots : Roots
    presets : Path
        Folder of presets that were made over OSC.
    clips : Path
        Folder of style clips that were sent over OSC.
    """

    def __init__(self, roots: Roots, presets: Path, clips: Path) -> None:
        self._roots, self._presets, self._clips = roots, presets, clips

    def style(self, name: str) -> str:
        """The path of a sound under the roots or a kept clip, or the name or path of a preset.

        Raises
        ------
        RefusedError
            If it is neither.
        """
        spec = resolve(name, self._roots, self._presets, self._clips)
        if "style" in spec:
            return spec["style"]
        made = self._presets / f"{spec['preset']}{SUFFIX}"
        return str(made) if made.exists() else spec["preset"]

    def confined(
        self, address: str, values: Mapping[str, Value], pairs: Sequence[tuple[str, Value]]
    ) -> tuple[dict[str, Value], list[tuple[str, Value]]]:
        """The arguments of a command with every name of a file or style checked.

        Raises
        ------
        RefusedError
            If a file lies outside the roots, or a style does not exist.
        """
        checked = dict(values)
        name = address.rpartition("/")[2]
        if name == "set" and values["key"] == "style":
            checked["value"] = self.style(str(values["value"]))
        if name == "record" and values["path"]:
            checked["path"] = str(self._roots.writable(str(values["path"]), "recording"))
        if name == "morph":
            pairs = [(self.style(key), weight) for key, weight in pairs]
        return checked, list(pairs)
