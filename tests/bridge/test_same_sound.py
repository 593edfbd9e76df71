"""A preset sounds the same through the bridge, the command line, the library and the effect."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import soundfile

import astfx
from astfx.audio import Waveform
from tests.bridge.serving import Server

FILE_TOLERANCE = 2.0**-22  # full scale = 1: two steps of a file with 24 bits
STRENGTH = 0.875  # the same in the 32 bits that a number has over OSC
MOST_THREADS = 4  # that a render takes if nothing is said


def clip_of(server: Server, name: str) -> Waveform:
    data, _ = soundfile.read(server.root / name, dtype="float32", always_2d=True)
    return np.ascontiguousarray(data.T)


def unclipped(output: Waveform) -> Waveform:
    """The output as it is written to a file with 24 bits."""
    return output / np.float32(max(1.0, float(np.abs(output).max()) / 0.9999))


def test_a_preset_sounds_the_same_wherever_it_is_asked_for(server: Server) -> None:
    """With the same number of threads, the samples are the same.

    Other processes may use another number. Sums then round differently, and an optimisation may
    end at another sound of the same texture.
    """
    content = clip_of(server, "content.wav")
    rate = soundfile.info(server.root / "content.wav").samplerate
    counts = range(1, min(MOST_THREADS, os.cpu_count() or 1) + 1)
    wanted = [
        unclipped(astfx.transfer(content, "rain", rate, strength=STRENGTH, threads=count))
        for count in counts
    ]
    with server.client() as client:
        client.render("content.wav", "osc.wav", style="rain", strength=STRENGTH)
    command = [sys.executable, "-m", "astfx.cli.main", "render", str(server.root / "content.wav")]
    command += ["--style", "rain", "--strength", str(STRENGTH), "-o", str(server.root / "cli.wav")]
    subprocess.run(command, check=True, capture_output=True)
    effect = unclipped(astfx.StyleTransfer("rain", strength=STRENGTH)(content, rate))
    for found in (effect, clip_of(server, "osc.wav"), clip_of(server, "cli.wav")):
        assert min(np.abs(found - each).max() for each in wanted) < FILE_TOLERANCE
