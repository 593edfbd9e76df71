"""The process that renders a region: what it reads and asks for, and the file that it leaves."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from astfx_bridge import Client
from astfx_bridge.live import region_process
from astfx_bridge.live.region_process import Region, heard, outcome_of, rendered
from astfx_bridge.live.renders import RenderProblem
from filelock import FileLock

import astfx
from astfx.audio import Waveform
from astfx.errors import CancelledError
from astfx.presets import find
from astfx.presets.files import packed, unpacked
from astfx.presets.preset import Preset
from tests.bridge.serving import Server

RATE = 22_050
PATIENCE_SECONDS = 120.0
PCM24 = 2.0**-23
NOBODY = 1  # a port at which no server listens


def clip_of(n: int) -> Waveform:
    return (0.05 * np.random.default_rng(2).standard_normal((2, n))).astype(np.float32)


def region_of(clip: Waveform, **changed: Any) -> Region:
    frames = io.BytesIO(clip.T.tobytes())
    usual = {"strength": 0.5, "mix": 0.75, "morph": 0.0, "presets": [packed(find("rain"))]}
    return Region(frames, RATE, clip.shape[0], clip.shape[1], **{**usual, **changed})


def message(clip: Waveform, **changed: Any) -> bytes:
    """What the other process writes."""
    region = region_of(clip, **changed)
    data = clip.T.tobytes()
    settings = {name: getattr(region, name) for name in ("strength", "mix", "morph")}
    end = {"settings": settings, "presets": [len(preset) for preset in region.presets]}
    setup = {"sample_rate": RATE, "channels": clip.shape[0]}
    parts = [json.dumps(part).encode() + b"\n" for part in (setup, {"audio": len(data)}, end)]
    return parts[0] + parts[1] + data + parts[2] + b"".join(region.presets)


class Open(io.BytesIO):
    """What was written so far, by a process that does not end."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.closed_there = threading.Event()

    def read(self, size: int | None = -1) -> bytes:
        found = super().read(size)
        if not found:
            self.closed_there.wait()
        return found


def expected(clip: Waveform, preset: Preset) -> Waveform:
    """What `astfx.transfer` makes of a clip. The settings of the preset are not those of a job."""
    plain = replace(preset, settings={})
    return np.asarray(astfx.transfer(clip, plain, RATE, strength=0.5, mix=0.75))


def read(path: Path) -> Waveform:
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    assert rate == RATE
    return np.asarray(samples.T)


# --- what is read ------------------------------------------------------------------------------


def test_a_region_is_read_whole() -> None:
    clip, frames = clip_of(1_000), io.BytesIO()
    presets = [packed(find("rain")), packed(find("bells"))]
    found = heard(io.BytesIO(message(clip, morph=0.25, presets=presets)), frames)
    assert found is not None
    assert (found.sample_rate, found.channels, found.n_frames) == (RATE, 2, 1_000)
    assert (found.strength, found.mix, found.morph) == (0.5, 0.75, 0.25)
    assert found.presets == presets
    written = np.frombuffer(frames.getvalue(), np.float32)
    np.testing.assert_array_equal(written.reshape(-1, 2).T, clip)


def test_a_region_that_is_cut_off_is_none() -> None:
    data = message(clip_of(5), presets=[b"preset"])
    for n in range(len(data)):
        assert heard(io.BytesIO(data[:n]), io.BytesIO()) is None
    assert heard(io.BytesIO(data), io.BytesIO()) is not None


def test_the_sound_is_written_with_float_samples(tmp_path: Path) -> None:
    clip = 3.0 * clip_of(70_000)  # more than a block
    clip[:, 5] = 1.5  # above full scale
    region_of(clip).write(tmp_path / "x.wav")
    np.testing.assert_array_equal(read(tmp_path / "x.wav"), clip)


def test_the_style_is_a_preset_or_a_blend() -> None:
    rain, bells = packed(find("rain")), packed(find("bells"))
    clip = clip_of(10)
    assert region_of(clip, morph=0.7).style() == rain
    assert region_of(clip, presets=[rain, bells]).style() == rain
    assert region_of(clip, presets=[rain, bells], morph=1.0).style() == bells
    blend = unpacked(region_of(clip, presets=[rain, bells], morph=0.25).style(), "blend", Preset)
    assert blend.provenance["blend_of"] == {"rain": 0.75, "bells": 0.25}


def test_all_parameters_of_the_job_are_given() -> None:
    given = region_of(clip_of(10)).parameters()
    assert (given["strength"], given["mix"], given["quality"]) == (0.5, 0.75, "standard")
    assert {"format", "start", "seconds", "engine", "timbre"} <= set(given)
    assert "style" not in given


# --- the file ----------------------------------------------------------------------------------


def test_the_number_is_above_all_others(tmp_path: Path) -> None:
    (tmp_path / "x.wav").write_bytes(b"sound")
    renders = tmp_path / "music" / "astfx"
    numbered = region_process._numbered
    assert numbered(tmp_path / "x.wav", renders) == 1
    for name in ("render-0006.wav", "render-9999.txt", "render-9.wav", "other.wav"):
        (renders / name).write_bytes(b"")
    assert numbered(tmp_path / "x.wav", renders) == 7
    assert (renders / "render-0007.wav").read_bytes() == b"sound"
    (renders / "render-9999.wav").write_bytes(b"")
    assert numbered(tmp_path / "x.wav", renders) == 10_000
    assert [path.name for path in renders.iterdir() if path.name.startswith(".")] == []


def test_a_region_is_rendered_by_a_server_of_its_own(tmp_path: Path) -> None:
    clip = clip_of(RATE)
    shares: list[float] = []
    source = Open(message(clip))
    found = outcome_of(
        source, tmp_path / "renders", tmp_path / "work", NOBODY, progress=shares.append
    )
    assert found == (RenderProblem.NONE, 1, "")
    (path,) = (tmp_path / "renders").iterdir()
    assert path.name == "render-0001.wav"
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert soundfile.info(path).subtype == "PCM_24"
    np.testing.assert_allclose(read(path), expected(clip, find("rain")), atol=PCM24)
    assert [path.name for path in (tmp_path / "work").iterdir()] == ["queue.lock"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    (folder / "root").mkdir()
    started = Server(folder / "root", folder / "state").start()
    yield started
    started.stop()


def test_a_region_is_rendered_by_the_server_that_runs(server: Server, tmp_path: Path) -> None:
    clip = clip_of(RATE)
    presets = [packed(find("rain")), packed(find("bells"))]
    with Client(port=server.port) as client:
        client.ask("/astfx/set", "strength", 0.125)  # of the server's other clients
        client.ask("/astfx/notify", 1)
        source = Open(message(clip, morph=0.5, presets=presets))
        found = outcome_of(source, tmp_path / "renders", tmp_path / "work", server.port)
        assert found == (RenderProblem.NONE, 1, "")
        while (said := client.receive()) is not None:
            if said.address == "/astfx/done":
                assert said.values[0] == "/astfx/render/blob"
                break
        assert said is not None
    blend = Preset.blend({find("rain"): 0.5, find("bells"): 0.5}, name="morph")
    np.testing.assert_allclose(
        read(tmp_path / "renders" / "render-0001.wav"), expected(clip, blend), atol=PCM24
    )


# --- what can go wrong -------------------------------------------------------------------------


def test_a_plugin_that_goes_early_leaves_nothing(tmp_path: Path) -> None:
    source = io.BytesIO(message(clip_of(50))[:200])
    found = outcome_of(source, tmp_path / "renders", tmp_path / "work", NOBODY)
    assert found == (RenderProblem.LOST, 0, "the plugin has gone")
    assert list((tmp_path / "work").iterdir()) == []


def test_a_preset_that_is_damaged_fails_the_job(tmp_path: Path) -> None:
    source = Open(message(clip_of(500), morph=0.5, presets=[b"damaged", b"too"]))
    problem, number, sentence = outcome_of(source, tmp_path / "r", tmp_path / "work", NOBODY)
    assert (problem, number) == (RenderProblem.JOB, 0)
    assert sentence.startswith("preset of the plugin")
    assert [path.name for path in (tmp_path / "work").iterdir()] == ["queue.lock"]


def test_a_job_that_fails_says_why(tmp_path: Path) -> None:
    source = Open(message(clip_of(500), presets=[b"damaged"]))
    problem, number, sentence = outcome_of(source, tmp_path / "r", tmp_path / "work", NOBODY)
    assert (problem, number) == (RenderProblem.JOB, 0)
    assert "style.astfx" in sentence
    assert not (tmp_path / "r").exists()


def test_a_folder_that_cannot_be_written_to_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    source = Open(message(clip_of(500)))
    problem, number, sentence = outcome_of(source, tmp_path / "r", tmp_path / "file" / "x", NOBODY)
    assert (problem, number) == (RenderProblem.FOLDER, 0)
    assert "Not a directory" in sentence
    with pytest.raises(astfx.AstfxError, match=r"folder '.*' cannot be written to \(Not a dir"):
        region_process._numbered(tmp_path / "file", tmp_path / "file" / "x")


def test_a_server_that_cannot_start_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def none(*arguments: object) -> None:
        raise OSError("no more sockets")

    monkeypatch.setattr(region_process, "Bridge", none)
    found = outcome_of(Open(message(clip_of(500))), tmp_path / "r", tmp_path / "work", NOBODY)
    assert found == (RenderProblem.SERVER, 0, "no server can be started (no more sockets)")


def test_regions_wait_for_their_turn_and_for_nobody_else(tmp_path: Path) -> None:
    left = tmp_path / "region-left"
    left.mkdir()
    (left / "region.wav").write_bytes(b"of a process that was killed")
    gone = threading.Event()
    with FileLock(tmp_path / "queue.lock"):
        threading.Timer(0.01, gone.set).start()
        with pytest.raises(CancelledError, match="nobody waits for the region any more"):
            rendered(region_of(clip_of(500)), tmp_path / "r", tmp_path, gone, NOBODY)
        assert left.exists()
    with region_process._turn(tmp_path, threading.Event()):
        assert not left.exists()


def test_a_job_is_cancelled_when_the_plugin_goes(server: Server, tmp_path: Path) -> None:
    gone, failed = threading.Event(), list[Exception]()
    region = region_of(clip_of(120 * RATE))

    def render() -> None:
        try:
            rendered(region, tmp_path / "r", tmp_path, gone, server.port)
        except CancelledError as error:
            failed.append(error)

    thread = threading.Thread(target=render)
    with Client(port=server.port) as client:
        client.ask("/astfx/notify", 1)
        thread.start()
        while (said := client.receive(PATIENCE_SECONDS)) is not None:
            if said.address == "/astfx/progress":
                break
        gone.set()
        while (said := client.receive(PATIENCE_SECONDS)) is not None:
            if said.address == "/astfx/fail":
                break
    thread.join(PATIENCE_SECONDS)
    assert said is not None
    assert "cancelled" in str(said.values[2])
    assert len(failed) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["queue.lock"]


def test_the_process_answers_in_one_line_and_ends(tmp_path: Path) -> None:
    variables = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    with subprocess.Popen(
        [sys.executable, "-m", "astfx_bridge.live.region_process", str(tmp_path / "r")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=variables,
        text=True,
    ) as process:
        output, errors = process.communicate("", timeout=PATIENCE_SECONDS)
    assert json.loads(output) == {"problem": RenderProblem.LOST, "number": 0}
    assert errors.splitlines()[-1] == "astfx: region of the plugin: the plugin has gone"
    assert process.returncode == 0
