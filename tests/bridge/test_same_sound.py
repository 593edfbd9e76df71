"""A preset sounds the same through the bridge, the command line, the library and the effect."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import soundfile

import astfx
from astfx.audio import Waveform
from astfx.metrics import style_distance
from tests.bridge.serving import Server

SAME_DB = 0.1  # for each mel band; 3 is a close match of two sounds
PEAK_DB = 0.5


def clip_of(server: Server, name: str) -> Waveform:
    data, _ = soundfile.read(server.root / name, dtype="float32", always_2d=True)
    return np.ascontiguousarray(data.T)


def test_a_preset_sounds_the_same_wherever_it_is_asked_for(server: Server) -> None:
    content = clip_of(server, "content.wav")
    rate = soundfile.info(server.root / "content.wav").samplerate
    wanted = astfx.transfer(content, "rain", rate, strength=0.9)
    wanted = wanted / max(1.0, float(np.abs(wanted).max()) / 0.9999)
    with server.client() as client:
        client.render("content.wav", "osc.wav", style="rain", strength=0.9)
    command = [sys.executable, "-m", "astfx.cli.main", "render", str(server.root / "content.wav")]
    command += ["--style", "rain", "--strength", "0.9", "-o", str(server.root / "cli.wav")]
    subprocess.run(command, check=True, capture_output=True)
    effect = astfx.StyleTransfer("rain", strength=0.9)(content, rate)
    effect = effect / max(1.0, float(np.abs(effect).max()) / 0.9999)
    np.testing.assert_array_equal(effect, wanted)
    for found in (clip_of(server, "osc.wav"), clip_of(server, "cli.wav")):
        # Other processes may use another number of threads. This changes the last bits of sums and
        # so the phases, but not what is heard.
        assert style_distance(found, wanted, rate) < SAME_DB
        error = float(np.abs(found).max() / np.abs(wanted).max())
        assert abs(20.0 * np.log10(error)) < PEAK_DB
