"""`process_stream` on PortAudio's JACK driver, through sounddevice, and its example."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import correlate

from astfx.audio import Waveform
from tests.playing.jack_server import PATIENCE_SECONDS, RATE, JackServer, Tape, running_jack

pytestmark = pytest.mark.hosts
ROOT = Path(__file__).parents[2]
SAME = 1e-6
PIECE = 2048
ATTEMPTS = 5  # other work on the machine may starve PortAudio's buffers in one of them

# It runs by itself, because PortAudio is bound to a server for the life of a process. It keeps what
# the stream gave and what it was given.
SCRIPT = """
import sys, threading, numpy, sounddevice, astfx
effect = astfx.StyleTransfer("rain", engine="live", mix=0.75)
stop = threading.Event()
threading.Thread(target=lambda: (sys.stdin.readline(), stop.set()), daemon=True).start()

class Kept:
    channels, samplerate, dtype, write_available = 2, 48000, "float32", 0

    def __init__(self, stream):
        self.stream, self.given, self.taken = stream, [], []
        self.read_available = 0

    def read(self, n):
        block, overflowed = self.stream.read(n)
        self.given.append(block)
        return block, overflowed

    def write(self, samples):
        if not self.taken:
            print("ready", flush=True)
        self.taken.append(samples)
        return self.stream.write(samples)

with sounddevice.Stream(samplerate=48000, blocksize=1024, channels=2, latency="high") as stream:
    kept = Kept(stream)
    report = astfx.process_stream(kept, kept, effect, block_size=1024, stop=stop, tail_seconds=0)
numpy.savez(sys.argv[1], given=numpy.concatenate(kept.given).T,
            taken=numpy.concatenate(kept.taken).T, latency=report.latency_samples)
print(report.ended_by)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JackServer]:
    pytest.importorskip("sounddevice")
    with running_jack(512, tmp_path_factory.mktemp("jack")) as running:
        yield running


def noise(seconds: float) -> Waveform:
    samples = 0.1 * np.random.default_rng(3).standard_normal((2, round(seconds * RATE)))
    return samples.astype(np.float32)


def appears(clip: Waveform, hay: Waveform) -> bool:
    """Whether some piece of a clip is in a longer one, bit for bit."""
    for first in range(0, clip.shape[1] - PIECE, PIECE):
        piece = clip[:, first : first + PIECE]
        if np.abs(piece).max() > 0.0:
            place = int(correlate(hay[0], piece[0], "valid").argmax())
            if np.array_equal(hay[:, place : place + PIECE], piece):
                return True
    return False


def test_what_sounddevice_plays_is_what_the_effect_gives(
    server: JackServer, tmp_path: Path
) -> None:
    import astfx

    clip = noise(3.0)
    for attempt in range(ATTEMPTS):
        tape, kept = Tape(server, clip), tmp_path / f"{attempt}.npz"
        with subprocess.Popen(
            [sys.executable, "-c", SCRIPT, str(kept)],
            env=server.environment,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as program:
            assert program.stdin
            assert program.stdout
            assert program.stdout.readline() == "ready\n"
            inputs, outputs = ([f"PortAudio:{way}_{k}" for k in range(2)] for way in ("in", "out"))
            tape.connect(inputs, outputs)
            _, heard = tape.play()
            program.stdin.write("\n")
            program.stdin.flush()
            assert program.stdout.read() == "stop\n"
        tape.close()
        run = np.load(kept)
        given, taken, latency = run["given"], run["taken"], int(run["latency"])
        effect = astfx.StyleTransfer("rain", engine="live", mix=0.75)
        np.testing.assert_allclose(taken[:, latency:], effect(given, RATE), atol=SAME)
        # And through the sound card: the clip came in, and what was written went out. Where other
        # work starves the driver there are gaps, so whole pieces are looked for.
        arrived, played = appears(clip, given), appears(taken[:, latency + RATE :], heard)
        if arrived and played:
            return
    raise AssertionError(f"no piece of the sound came through in {ATTEMPTS} runs")


def test_the_example_plays_through(server: JackServer) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "play_through.py"), "rain", "1.0"],
        env={**server.environment, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    report = (
        r"1\.0 seconds as rain: 2\d ms latency, \d+% of the time used, \d+ late blocks, \d+ gaps"
    )
    assert re.fullmatch(report, done.stdout.strip()), done.stdout
