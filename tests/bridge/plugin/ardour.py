"""Sessions of Ardour, which its own interpreter of Lua makes, and its exporter renders."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import soundfile

from astfx.audio import Waveform

RATE = 48_000
NAME = "session"
_VERSIONS = range(9, 6, -1)
# About one export in five crashes at its end, also in a session without plugins (Ardour 7.3).
_CRASHES, _TRIES = (-signal.SIGABRT, -signal.SIGSEGV), 8
_UNITS_PER_SAMPLE = 282_240_000 // RATE  # in which Ardour counts time

_NEW = """
AudioEngine:set_backend("None (Dummy)", "", "")
local session = create_session("{folder}", "{name}", {rate})
for track in session:new_audio_track(
  2, 2, nil, {count}, "track", ARDOUR.PresentationInfo.max_order, ARDOUR.TrackMode.Normal, true
):iter() do
  local number = tonumber(track:name():match("%d+"))
  local values = ({{ {values} }})[number]
  if values then
    local plugin = ARDOUR.LuaAPI.new_plugin(session, "{uri}", ARDOUR.PluginType.LV2, "")
    assert(not plugin:isnil(), "Ardour does not find the plugin")
    track:add_processor_by_index(plugin, 0, nil, true)
    for place, value in pairs(values) do
      assert(ARDOUR.LuaAPI.set_processor_param(plugin, place, value))
    end
  end
end
session:save_state("")
close_session()
quit()
"""

_AGAIN = """
AudioEngine:set_backend("None (Dummy)", "", "")
local session = load_session("{folder}", "{name}")
assert(session, "Ardour does not open the session")
session:save_state("")
close_session()
quit()
"""


def programs() -> tuple[str, str] | None:
    """The interpreter and the exporter of the newest Ardour that is installed."""
    for version in _VERSIONS:
        found = shutil.which(f"ardour{version}-lua"), shutil.which(f"ardour{version}-export")
        if found[0] and found[1]:
            return found[0], found[1]
    return None


class Session:
    """A session with one stereo clip on each of several tracks.

    Parameters
    ----------
    folder : Path
        Where everything is written, the user's settings of Ardour too.
    bundles : Path
        Folder of the built plugins.
    uri : str
        Of the plugin.
    """

    def __init__(self, folder: Path, bundles: Path, uri: str) -> None:
        found = programs()
        assert found, "Ardour is not installed"
        self._lua, self._export = found
        self._uri, self._home, self._folder = uri, folder / "home", folder / NAME
        self._home.mkdir()
        self._variables = {
            **os.environ,
            "HOME": str(self._home),
            "XDG_CONFIG_HOME": str(self._home),
            "XDG_CACHE_HOME": str(self._home),
            "LV2_PATH": f"{bundles / 'lv2'}:/usr/lib/lv2",
        }

    def _run(self, *command: str, tries: int = 1) -> None:
        for _ in range(tries):
            done = subprocess.run(command, env=self._variables, capture_output=True, text=True)
            if done.returncode not in _CRASHES:
                break
        assert done.returncode == 0, done.stdout + done.stderr

    def _script(self, text: str, **words: object) -> None:
        path = self._home / "script.lua"
        path.write_text(text.format(folder=self._folder, name=NAME, rate=RATE, **words))
        self._run(self._lua, str(path))

    def create(self, clips: Sequence[Waveform], values: Sequence[dict[int, float] | None]) -> None:
        """Make the session.

        Parameters
        ----------
        clips : sequence of (2, samples)
            For each track.
        values : sequence of dict or None
            Values of the plugin's parameters on each track, by their place; None is a track
            without the plugin.
        """
        tables = [
            "false"
            if each is None
            else "{" + ", ".join(f"[{place}] = {value}" for place, value in each.items()) + "}"
            for each in values
        ]
        words = {"count": len(clips), "values": ", ".join(tables), "uri": self._uri}
        self._script(_NEW, **words)
        self._fill(clips)

    def _fill(self, clips: Sequence[Waveform]) -> None:
        """Put the clips on the tracks, as Ardour would have recorded them."""
        path = self._folder / f"{NAME}.ardour"
        tree = ElementTree.parse(path)
        root = tree.getroot()
        number = int(root.attrib["id-counter"])
        playlists = root.findall("Playlists/Playlist")
        sources, locations = root.find("Sources"), root.find("Locations")
        assert sources is not None
        assert locations is not None
        assert len(playlists) == len(clips)

        def next_id() -> str:
            nonlocal number
            number += 1
            return str(number)

        length = max(clip.shape[1] for clip in clips) * _UNITS_PER_SAMPLE
        for place, (playlist, clip) in enumerate(zip(playlists, clips, strict=True)):
            numbers: dict[str, str] = {}
            for channel in range(2):
                name, found = f"clip-{place}-{channel}.wav", next_id()
                audio = self._folder / "interchange" / NAME / "audiofiles" / name
                soundfile.write(audio, clip[channel], RATE, subtype="FLOAT")
                source = {"name": name, "type": "audio", "flags": "", "id": found}
                source |= {"natural-position": "a0", "channel": "0", "gain": "1", "origin": ""}
                ElementTree.SubElement(sources, "Source", {**source, "take-id": ""})
                numbers |= {f"source-{channel}": found, f"master-source-{channel}": found}
            region = {"name": f"clip-{place}", "type": "audio", "id": next_id(), "channels": "2"}
            region |= {"start": "a0", "length": f"a{clip.shape[1] * _UNITS_PER_SAMPLE}@a0"}
            region |= {"ancestral-start": "a0", "ancestral-length": "a0@a0", "opaque": "1"}
            region |= {"fade-in-active": "0", "fade-out-active": "0", "scale-amplitude": "1"}
            region |= {"sync-position": "a0", "stretch": "1", "shift": "1"}
            ElementTree.SubElement(
                playlist, "Region", {**region, "first-edit": "nothing", **numbers}
            )
        whole = {"id": next_id(), "name": "session", "start": "a0", "end": f"a{length}"}
        ElementTree.SubElement(locations, "Location", {**whole, "flags": "IsSessionRange"})
        root.set("id-counter", str(number + 1))
        tree.write(path, encoding="UTF-8", xml_declaration=True)

    def save_again(self) -> None:
        """Let Ardour open the session and save it."""
        self._script(_AGAIN)

    def render(self) -> Waveform:
        """What Ardour exports, (2, samples)."""
        path = self._home / "out.wav"
        path.unlink(missing_ok=True)
        command = (self._export, "-b", "float", "-o", str(path), str(self._folder), NAME)
        self._run(*command, tries=_TRIES)
        audio, rate = soundfile.read(path, dtype="float32", always_2d=True)
        assert rate == RATE
        return np.ascontiguousarray(audio.T)
