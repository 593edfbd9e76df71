"""What a worker does for a job, in this process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from astfx_bridge.jobs import tasks
from astfx_bridge.parameters import ServerParameters

from astfx.errors import AstfxError
from tests.bridge.serving import read

RATE = 8000


@pytest.fixture
def job(tmp_path: Path) -> dict[str, Any]:
    """A job of strength 0, whose result is the content itself, in 24 bit."""
    rng = np.random.default_rng(0)
    for name, n_samples in (("content", RATE), ("style", RATE // 4)):
        sound = rng.uniform(-0.5, 0.5, n_samples)
        soundfile.write(tmp_path / f"{name}.wav", sound, RATE, subtype="PCM_24")
    return {
        "content": str(tmp_path / "content.wav"),
        "style": str(tmp_path / "style.wav"),
        "scratch": str(tmp_path / ".astfx-0.wav"),
        "settings": {**ServerParameters().copy(), "strength": 0.0},
        "threads": 1,
        "clip_seconds": 60.0,
    }


@pytest.mark.parametrize(
    ("start", "seconds", "first", "last"),
    [(0.0, 0.25, 0, 2000), (0.5, 0.25, 4000, 6000), (0.75, 5.0, 6000, 8000)],
)
def test_a_preview_is_the_excerpt_that_was_asked_for(
    job: dict[str, Any], start: float, seconds: float, first: int, last: int
) -> None:
    done = tasks.preview({**job, "start": start, "seconds": seconds}, lambda share: True)
    assert done == {"sample_rate": RATE, "frames": last - first}
    expected = read(Path(job["content"]))[:, first:last]
    np.testing.assert_allclose(read(Path(job["scratch"])), expected, atol=2**-23)
    left = {path.name for path in Path(job["scratch"]).parent.iterdir()}
    assert left == {"content.wav", "style.wav", ".astfx-0.wav"}


def test_a_preview_of_what_lies_behind_the_clip_is_refused(job: dict[str, Any]) -> None:
    with pytest.raises(AstfxError) as caught:
        tasks.preview({**job, "start": 1.0, "seconds": 5.0}, lambda share: True)
    assert str(caught.value) == "start=1 lies beyond the clip's 1.00 seconds"


@pytest.mark.parametrize(("role", "seconds"), [("content", "1.0"), ("style", "0.2")])
def test_a_sound_that_is_too_long_is_refused_by_the_worker_too(
    job: dict[str, Any], role: str, seconds: str
) -> None:
    job = {**job, "clip_seconds": 0.1, ("style" if role == "content" else "content"): None}
    job = {key: value for key, value in job.items() if value is not None}
    with pytest.raises(AstfxError) as caught:
        tasks.check_lengths(job)
    expected = f"{role} '{role}.wav' lasts {seconds} seconds, at most 0.1 are allowed"
    assert str(caught.value) == expected


def test_statistics_of_a_style_have_no_length(job: dict[str, Any]) -> None:
    tasks.check_lengths({**job, "style": "rain.astfx"})


def test_a_preview_of_a_region_stays_within_it(job: dict[str, Any], tmp_path: Path) -> None:
    content = read(tmp_path / "content.wav")
    job["settings"] |= {"start": 0.25, "seconds": 0.5}
    tasks.preview({**job, "start": 0.125, "seconds": 5.0}, lambda share: True)
    assert np.array_equal(read(tmp_path / ".astfx-0.wav"), content[:, 3000:6000])
    with pytest.raises(AstfxError, match=r"^start=0.75 lies beyond the clip's 1.00 seconds$"):
        tasks.preview({**job, "start": 0.5, "seconds": 5.0}, lambda share: True)


@pytest.mark.parametrize(
    ("start", "seconds", "first", "last"),
    [(0.0, 0.0, 0, 8000), (0.5, 0.0, 4000, 8000), (0.5, 0.25, 4000, 6000), (0.0, 9.0, 0, 8000)],
)
def test_a_region_is_rendered(
    job: dict[str, Any], tmp_path: Path, start: float, seconds: float, first: int, last: int
) -> None:
    job["settings"] |= {"start": start, "seconds": seconds}
    content = read(tmp_path / "content.wav")
    assert tasks.render(job, lambda share: True)["frames"] == last - first
    assert np.array_equal(read(tmp_path / ".astfx-0.wav"), content[:, first:last])
    assert not list(tmp_path.glob("*.excerpt.wav"))


def test_a_region_beyond_the_end_is_refused(job: dict[str, Any]) -> None:
    job["settings"] |= {"start": 1.0}
    with pytest.raises(AstfxError, match=r"^start=1 lies beyond the clip's 1.00 seconds$"):
        tasks.render(job, lambda share: True)
