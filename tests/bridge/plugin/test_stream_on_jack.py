"""The plugin's engine `stream` on JACK, in real time: its process is killed and stopped."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import scipy.signal
from astfx_bridge import building
from astfx_bridge.live.ring_file import RingFile

from astfx import Preset
from astfx.errors import DeviceError
from tests.bridge.plugin.engine import Engine
from tests.bridge.plugin.test_hosts import (
    JACK_TRIES,
    RATE,
    URI,
    check_jalv,
    jack,
    lv2,
    needs,
)
from tests.bridge.plugin.test_stream_in_hosts import backends_of

pytestmark = pytest.mark.hosts

__all__ = ["lv2"]  # a fixture
Signal = npt.NDArray[np.float64]

FRAMES, LONGEST_SECONDS = 256, 60.0
PRESET_NUMBER = 64  # the user's first
# The tone and the preset have nothing up here. A cut from one sound to the other reaches -10 dBFS.
CLICK_HZ, CLICK_DB = 1_500.0, -40.0
SILENT = 1e-3


def test_the_input_comes_back_at_a_strength_of_0(
    build_folder: Path, engine: Engine, lv2: dict[str, str], tmp_path: Path
) -> None:
    latency = engine.c.astfx_relay_latency(RATE, FRAMES)
    check_jalv(build_folder, lv2, tmp_path, FRAMES, 10, ["engine=1"], latency)


def wait_until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + LONGEST_SECONDS
    pause = threading.Event()
    while not holds():
        assert time.monotonic() < end
        pause.wait(0.005)


class Host:
    """jalv, and what is recorded of it."""

    def __init__(self, jalv: subprocess.Popen[bytes]) -> None:
        self.jalv = jalv

    def backend(self) -> int | None:
        """The process of the engine, once it processes what comes in."""
        for process in backends_of(self.jalv.pid):
            try:
                with closing(RingFile(Path(f"/proc/{process}/fd/3"))) as ring:
                    in_time = ring.n_output + 8 * FRAMES > ring.n_input > RATE
                    if ring.ready == ring.stream and in_time:
                        return process
            except (OSError, DeviceError):
                continue
        return None

    def wait_for_backend(self) -> int:
        """Wait until the process of the engine is heard."""
        found: list[int] = []

        def is_there() -> bool:
            assert self.jalv.poll() is None
            process = self.backend()
            found[:] = [] if process is None else [process]
            return process is not None

        wait_until(is_there)
        return found[0]


@contextmanager
def recorded_jalv(build_folder: Path, lv2: dict[str, str], folder: Path) -> Iterator[Host]:
    """jalv with a preset of low tones, between a low tone and a recorder that writes `out.raw`."""
    for program in ("jackd", "jalv", "jack_wait"):
        needs(program)
    building.build(build_folder, "jack_record")
    time_axis = np.arange(4 * RATE) / RATE
    tones = sum(np.sin(2.0 * np.pi * hertz * time_axis) for hertz in (110, 173, 251, 330, 415))
    hum = 0.1 * tones * (1.0 + 0.5 * np.sin(2.0 * np.pi * 3.0 * time_axis))
    (folder / "presets").mkdir()
    Preset.from_audio(hum, name="hum", sample_rate=RATE).save(folder / "presets" / "hum.astfx")
    with jack(f"astfx{os.getpid()}", FRAMES, folder / "jack.log") as variables:
        variables = {
            **variables,
            "LV2_PATH": lv2["LV2_PATH"],
            "ASTFX_PRESETS": str(folder / "presets"),
            "ASTFX_PYTHON": sys.executable,
        }
        controls = ["-c", f"preset={PRESET_NUMBER}", "-c", "engine=1"]
        jalv = subprocess.Popen(
            ["jalv", "-x", "-n", "astfx-test", *controls, URI],
            env=variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        recorder = subprocess.Popen(
            [str(build_folder / "jack_record"), "astfx-test", str(folder / "out.raw")],
            env=variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert recorder.stdout is not None
        try:
            assert recorder.stdout.readline() == b"runs\n"
            yield Host(jalv)
            recorder.communicate(timeout=LONGEST_SECONDS)
            assert jalv.poll() is None
            assert recorder.returncode == 0
        finally:
            recorder.kill()
            recorder.communicate()
            processes = backends_of(jalv.pid)
            jalv.terminate()
            jalv.communicate(timeout=LONGEST_SECONDS)
        wait_until(lambda: not any(Path(f"/proc/{process}").exists() for process in processes))


def dry_tone(n: int, latency: int) -> Signal:
    """The tone that `jack_record` sends, late."""
    phase = 2.0 * np.pi * 220.0 / 48_000.0 * (np.arange(n) - latency) + np.pi / 2.0
    tone: Signal = np.where(np.arange(n) < latency, 0.0, 0.3 * np.sin(phase))
    return tone


def check_sound(output: Signal, latency: int, n_troubles: int) -> None:
    """No gap is longer than the latency, nothing clicks, and there was dry sound each time."""
    heard = np.abs(output) > SILENT
    assert heard.argmax() == latency  # dry from the start, and aligned
    silent = np.diff(np.flatnonzero(heard)) - 1
    assert silent.max() <= latency
    high = scipy.signal.butter(4, CLICK_HZ, "highpass", fs=RATE, output="sos")
    rest = slice(latency + RATE // 10, None)  # the tone itself begins with a step
    peaks = [
        np.abs(scipy.signal.sosfilt(high, samples)[rest]).max()
        for samples in (output, dry_tone(len(output), latency))
    ]
    assert 20.0 * np.log10(peaks[0] - peaks[1]) < CLICK_DB
    # Where the process was away, the output is the tone, sample by sample.
    dry = np.abs(output - dry_tone(len(output), latency)) < 1e-5
    width = RATE // 4
    all_dry = np.convolve(dry, np.ones(width), "valid") > width - 0.5
    n_dry = int((np.diff(all_dry.astype(int)) == 1).sum()) + int(all_dry[0])
    assert n_dry >= n_troubles
    wet = ~np.convolve(dry, np.ones(width), "valid").astype(bool)
    assert wet.any()


def trouble(host: Host, signals: list[signal.Signals], seed: int) -> None:
    """Send signals to the process, each when it is heard again."""
    rng = random.Random(seed)
    pause = threading.Event()
    for number in signals:
        process = host.wait_for_backend()
        pause.wait(rng.uniform(0.3, 1.0))  # at any moment of the sound
        os.kill(process, number)
        wait_until(lambda gone=process: not Path(f"/proc/{gone}").exists())  # type: ignore[misc]
    host.wait_for_backend()
    pause.wait(0.5)  # it is heard


def check_trouble(
    build_folder: Path,
    engine: Engine,
    lv2: dict[str, str],
    folder: Path,
    signals: list[signal.Signals],
) -> None:
    """The best of some tries counts, because JACK leaves a client out on a busy machine."""
    latency = int(engine.c.astfx_relay_latency(RATE, FRAMES))
    for turn in range(1, JACK_TRIES + 1):
        place = folder / str(turn)
        place.mkdir()
        with recorded_jalv(build_folder, lv2, place) as host:
            trouble(host, signals, seed=1)
        output = np.fromfile(place / "out.raw", np.float32).astype(np.float64)
        try:
            check_sound(output, latency, len(signals))
            break
        except AssertionError:
            if turn == JACK_TRIES:
                raise


def test_a_killed_and_a_stopped_process_come_back(
    build_folder: Path, engine: Engine, lv2: dict[str, str], tmp_path: Path
) -> None:
    signals = [signal.SIGKILL, signal.SIGSTOP, signal.SIGKILL]
    check_trouble(build_folder, engine, lv2, tmp_path, signals)


@pytest.mark.slow
def test_chaos(build_folder: Path, engine: Engine, lv2: dict[str, str], tmp_path: Path) -> None:
    signals = [signal.SIGKILL] * 20 + [signal.SIGSTOP] * 10
    random.Random(2).shuffle(signals)
    check_trouble(build_folder, engine, lv2, tmp_path, signals)
