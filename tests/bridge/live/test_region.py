"""The regions of the plugin's input that are rendered: which frames, how, and what is shown."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astfx_bridge.live import region
from astfx_bridge.live.backend import Backend
from astfx_bridge.live.region import LONGEST_SECONDS, Ended, Progressed, Region, Regions
from astfx_bridge.live.renders import RenderProblem, Renders, RenderState, renders_folder
from astfx_bridge.live.ring_file import Event

from astfx.audio import Waveform
from astfx.presets import find
from astfx.presets.files import packed
from tests.bridge.live.test_backend import FRAMES, PLACES, RATE, Host, noise

PATIENCE_SECONDS = 120.0
OFF = Event(0, 1.0, 1.0, 0.0, (0, 0), (0, 0))


@dataclass
class Kept:
    """Takes the place of a region's thread and process, and keeps what it is given."""

    sample_rate: int
    channels: int
    ended: Ended
    progressed: Progressed
    parts: list[Waveform] = field(default_factory=list)
    settings: dict[str, float] | None = None
    presets: list[bytes] = field(default_factory=list)
    problem: RenderProblem = RenderProblem.NONE
    is_started: bool = False

    def start(self) -> None:
        self.is_started = True

    def add(self, frames: Waveform) -> None:
        self.parts.append(frames)

    def end(self, settings: dict[str, float], presets: list[bytes]) -> None:
        self.settings, self.presets = settings, presets

    def drop(self, problem: RenderProblem) -> None:
        self.problem = problem

    @property
    def clip(self) -> Waveform:
        return np.concatenate(self.parts, axis=1)


class Followed:
    """Regions of a host's ring, and the clip that the host plays."""

    def __init__(self, host: Host, longest_seconds: float = LONGEST_SECONDS) -> None:
        self.host, self.made = host, list[Kept]()
        self.clip = noise(60_000)
        self.regions = Regions(host.ring, longest_seconds, self._make)  # type: ignore[arg-type]
        self.place = 0

    def _make(self, sample_rate: int, channels: int, ended: Ended, progressed: Progressed) -> Kept:
        self.made.append(Kept(sample_rate, channels, ended, progressed))
        return self.made[-1]

    def play_to(self, place: int) -> None:
        """Write the clip up to a frame into the ring."""
        self.host.ring.write(self.clip[:, self.place : place])
        self.place = place

    def begin(self, *, renders: bool = False) -> Event:
        """Begin a stream with a preset. Returns what holds from its first frame on."""
        now = replace(OFF, first=self.host.keep("rain"), renders=renders)
        self.host.begin(now)
        self.regions.begin(goes_on=False)
        return now

    def follow_to(self, place: int) -> None:
        """Write the clip up to a frame into the ring, and follow it."""
        self.play_to(place)
        self.regions.follow()

    @property
    def shown(self) -> Renders:
        return Renders.unpacked(self.host.ring.renders)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    host = Host(tmp_path / "x.ring")
    yield host
    host.ring.close()


@pytest.fixture
def followed(host: Host) -> Followed:
    return Followed(host)


def test_a_region_has_exactly_its_frames_and_what_holds_at_its_end(followed: Followed) -> None:
    host = followed.host
    rain, bells = host.keep("rain"), host.keep("bells")
    now = replace(OFF, strength=0.25, first=rain)
    host.begin(now)
    followed.regions.begin(goes_on=False)
    followed.follow_to(1_000)
    assert (followed.made, followed.shown) == ([], Renders())
    host.add(replace(now, frame=1_003, renders=True))
    host.add(replace(now, frame=9_000, strength=0.75, mix=0.5, renders=True))
    for place in (1_003, 1_004, 20_000):
        followed.follow_to(place)
    assert followed.shown.state == RenderState.RECORDING
    host.add(replace(now, frame=20_000, morph=0.5, second=bells, renders=True))
    host.add(replace(now, frame=30_001, strength=0.0))
    followed.follow_to(40_000)
    (kept,) = followed.made
    assert kept.is_started
    assert (kept.sample_rate, kept.channels) == (RATE, 2)
    np.testing.assert_array_equal(kept.clip, followed.clip[:, 1_003:30_001])
    # The event at 20 000 sets everything anew.
    assert kept.settings == {"strength": 0.25, "mix": 1.0, "morph": 0.5}
    assert kept.presets == [packed(find("rain")), packed(find("bells"))]
    assert followed.shown == Renders(RenderState.RENDERING)
    kept.progressed(42)
    assert followed.shown == Renders(RenderState.RENDERING, percent=42)
    kept.ended(RenderProblem.NONE, 7)
    assert followed.shown == Renders(RenderState.READY, RenderProblem.NONE, 7)


def test_a_region_at_the_start_of_a_stream_has_its_first_frame(followed: Followed) -> None:
    host = followed.host
    now = replace(OFF, first=host.keep("rain"), renders=True)
    host.begin(now)
    host.add(replace(now, frame=500, renders=False))
    followed.play_to(600)
    followed.regions.begin(goes_on=False)
    followed.regions.follow()
    np.testing.assert_array_equal(followed.made[0].clip, followed.clip[:, :500])


def test_a_region_that_is_too_long_ends_by_itself(host: Host) -> None:
    assert LONGEST_SECONDS == 600.0
    followed = Followed(host, longest_seconds=0.5)
    now = followed.begin()
    host.add(replace(now, frame=100, renders=True))
    followed.follow_to(30_000)
    (kept,) = followed.made
    np.testing.assert_array_equal(kept.clip, followed.clip[:, 100 : 100 + RATE // 2])
    assert kept.settings is not None
    assert followed.shown.state == RenderState.RENDERING
    # The next one begins only when it is switched off and on.
    host.add(replace(now, frame=30_000))
    host.add(replace(now, frame=30_010, renders=True))
    followed.follow_to(31_000)
    assert len(followed.made) == 2
    np.testing.assert_array_equal(followed.made[1].clip, followed.clip[:, 30_010:31_000])


def test_the_end_of_a_stream_ends_its_region(followed: Followed) -> None:
    host = followed.host
    now = followed.begin(renders=True)
    followed.follow_to(2_000)
    host.begin(replace(now, renders=False))
    followed.regions.begin(goes_on=False)
    followed.regions.follow()
    (kept,) = followed.made
    np.testing.assert_array_equal(kept.clip, followed.clip[:, :2_000])
    assert kept.settings is not None


def test_input_that_has_been_written_over_is_lost(followed: Followed) -> None:
    host = followed.host
    followed.begin(renders=True)
    followed.follow_to(2_000)
    host.set(64, 2_000 + FRAMES)
    followed.regions.follow()
    (kept,) = followed.made
    assert (kept.problem, kept.settings) == (RenderProblem.LOST, None)
    kept.ended(kept.problem, 0)
    assert followed.shown == Renders(RenderState.FAILED, RenderProblem.LOST)


def test_a_region_without_input_is_empty(followed: Followed) -> None:
    host = followed.host
    now = followed.begin()
    host.add(replace(now, frame=10, renders=True))
    host.add(replace(now, frame=10))
    followed.follow_to(100)
    assert followed.made[0].problem == RenderProblem.EMPTY


def test_another_process_takes_up_only_the_region_that_has_not_ended(host: Host) -> None:
    now = replace(OFF, first=host.keep("rain"))
    host.begin(now)
    for frame, renders in ((100, True), (200, False), (300, True)):
        host.add(replace(now, frame=frame, renders=renders))
    host.add(replace(now, frame=350, strength=0.5, renders=True))
    first, other = Followed(host), Followed(host)
    first.play_to(400)
    first.regions.begin(goes_on=False)
    first.regions.follow()
    assert [kept.clip.shape[1] for kept in first.made] == [100, 100]
    other.regions.begin(goes_on=True)
    other.regions.follow()
    assert [kept.clip.shape[1] for kept in other.made] == [100]
    host.add(replace(now, frame=400))
    other.regions.follow()
    assert other.made[0].settings == {"strength": 0.5, "mix": 1.0, "morph": 0.0}
    last = Followed(host)
    last.regions.begin(goes_on=True)
    last.regions.follow()
    assert last.made == []


def test_events_that_were_written_over_are_left_out(followed: Followed) -> None:
    host = followed.host
    now = followed.begin(renders=True)
    for k in range(1, 3 * PLACES):
        host.add(replace(now, frame=k, strength=k / (3 * PLACES)))
    host.add(replace(now, frame=3 * PLACES, renders=False))
    followed.follow_to(3 * PLACES)
    (kept,) = followed.made
    assert kept.clip.shape[1] == PLACES - 2  # from the oldest event that is there
    assert kept.settings is not None


def test_what_is_shown_is_the_newest_region_and_the_last_file(followed: Followed) -> None:
    host = followed.host
    now = followed.begin()
    host.add(replace(now, frame=100, renders=True))
    host.add(replace(now, frame=200))
    host.add(replace(now, frame=300, renders=True))
    followed.follow_to(400)
    first, second = followed.made
    first.progressed(50)  # of a region that is not the newest one
    assert followed.shown == Renders(RenderState.RECORDING)
    first.ended(RenderProblem.NONE, 3)
    assert followed.shown == Renders(RenderState.RECORDING, RenderProblem.NONE, 3)
    host.add(replace(now, frame=400))
    followed.regions.follow()
    second.ended(RenderProblem.JOB, 0)
    assert followed.shown == Renders(RenderState.FAILED, RenderProblem.JOB, 3)


def test_the_backend_follows_regions_while_it_processes(host: Host) -> None:
    now = replace(OFF, first=host.keep("rain"))
    host.begin(now)
    backend = Backend(host.ring)
    followed = Followed(host)
    backend._regions = followed.regions
    backend.work()
    host.add(replace(now, frame=5_000, renders=True))
    host.add(replace(now, frame=40_000))
    for place in (10_000, 20_000, 45_000):
        followed.play_to(place)
        backend.work()
    np.testing.assert_array_equal(followed.made[0].clip, followed.clip[:, 5_000:40_000])


# --- the thread --------------------------------------------------------------------------------


def outcome(region_thread: Region, ended: threading.Event) -> None:
    region_thread.start()
    assert ended.wait(PATIENCE_SECONDS)
    region_thread.join()


def run(
    code: str,
    monkeypatch: pytest.MonkeyPatch,
    *parts: Any,
    progressed: Progressed = lambda percent: None,
) -> tuple[RenderProblem, int]:
    """What the thread says if its process runs some code."""
    found: list[tuple[RenderProblem, int]] = []
    ended = threading.Event()

    def take(problem: RenderProblem, number: int) -> None:
        found.append((problem, number))
        ended.set()

    monkeypatch.setattr(region, "COMMAND", [sys.executable, "-c", code])
    made = Region(RATE, 2, take, progressed)
    for part in parts:
        part(made)
    outcome(made, ended)
    return found[0]


ECHO = """
import json, pathlib, sys
data = sys.stdin.buffer
setup, lines, sizes = json.loads(data.readline()), [], []
while line := data.readline():
    part = json.loads(line)
    lines.append(part)
    wanted = [part["audio"]] if "audio" in part else part["presets"]
    sizes += [data.read(size).hex() for size in wanted]
    if "settings" in part:
        break
path = pathlib.Path(sys.argv[1])
path.with_suffix(".json").write_text(json.dumps([setup, lines, sizes]))
for percent in (5, 95):
    print(json.dumps({"percent": percent}))
print(json.dumps({"problem": 0, "number": 12}))
"""


def test_the_thread_passes_everything_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ASTFX_RENDERS", str(tmp_path / "renders"))
    clip = noise(10)
    settings = {"strength": 0.5, "mix": 1.0, "morph": 0.0}
    percents: list[int] = []
    found = run(
        ECHO,
        monkeypatch,
        lambda made: made.add(clip[:, :4]),
        lambda made: made.add(clip[:, 4:]),
        lambda made: made.end(settings, [b"one", b"two"]),
        progressed=percents.append,
    )
    assert found == (RenderProblem.NONE, 12)
    assert percents == [5, 95]
    setup, lines, data = json.loads((tmp_path / "renders.json").read_text("utf-8"))
    assert setup == {"sample_rate": RATE, "channels": 2}
    assert lines == [{"audio": 32}, {"audio": 48}, {"settings": settings, "presets": [3, 3]}]
    frames = np.frombuffer(bytes.fromhex("".join(data[:2])), np.float32).reshape(-1, 2).T
    np.testing.assert_array_equal(frames, clip)
    assert [bytes.fromhex(part) for part in data[2:]] == [b"one", b"two"]


def test_a_process_that_ends_without_an_answer_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    def end(made: Region) -> None:
        made.end({}, [b"x" * 1_000_000])  # more than the pipe holds

    assert run("", monkeypatch, end) == (RenderProblem.JOB, 0)


def test_a_process_may_answer_before_it_has_read_everything(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    code = 'print(\'{"problem": 3, "number": 0}\')'
    parts = [lambda made: made.add(noise(200_000))] * 3
    found = run(code, monkeypatch, *parts, lambda made: made.end({}, []))
    assert found == (RenderProblem.FOLDER, 0)


def test_a_region_that_is_dropped_ends_its_process(monkeypatch: pytest.MonkeyPatch) -> None:
    code = "import sys; sys.stdin.buffer.read()"
    found = run(code, monkeypatch, lambda made: made.drop(RenderProblem.LOST))
    assert found == (RenderProblem.LOST, 0)


def test_a_process_that_cannot_be_started_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = threading.Event()
    found: list[RenderProblem] = []

    def take(problem: RenderProblem, number: int) -> None:
        found.append(problem)
        ended.set()

    monkeypatch.setattr(region, "COMMAND", ["/nonexistent/python"])
    outcome(Region(RATE, 2, take, lambda percent: None), ended)
    assert found == [RenderProblem.SERVER]


# --- where the files are -----------------------------------------------------------------------


def test_the_folder_is_the_users_music_unless_it_is_given(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ASTFX_RENDERS", str(tmp_path))
    assert renders_folder() == tmp_path
    monkeypatch.delenv("ASTFX_RENDERS")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    monkeypatch.delenv("XDG_MUSIC_DIR", raising=False)
    assert renders_folder() == tmp_path / "Music" / "astfx"
