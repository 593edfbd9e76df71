"""What the benchmarks compute besides the metrics: shares of steps, margins, joined digits."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from benchmarks import measures, sound, sound_pairs
from benchmarks.sound_pairs import ALL, CLASSIC, PAIRS, TEST

RATE = sound_pairs.RATE
SPOKEN_HZ = 8000


@pytest.mark.parametrize(
    ("curve", "expected"),
    [
        ([4.0, 2.0, 0.0, 1.0, 4.0], 0.0),
        ([4.0, 2.0, 3.0, 5.0, 6.0], 0.25),  # 2 to 3 is a rise on the way to the middle
        ([4.0, 3.0, 0.0, 4.0, 2.0], 0.5),  # 2 to 4 is one from the other side
        ([1.0, 1.0, 1.0, 1.0, 1.0], 0.0),
    ],
)
def test_the_largest_wrong_way_step_is_a_share_of_the_range(
    curve: list[float], expected: float
) -> None:
    assert measures.wrong_way(np.array(curve), 2) == pytest.approx(expected)


def test_comparisons_are_counted_over_takes() -> None:
    takes = np.array([[3.0, 1.0, 0.0, 1.0, 3.0], [3.0, 0.0, 1.0, 2.0, 0.5]])
    assert measures.nearer(takes, 2, (0, -1)) == 3
    assert measures.nearer(takes, 2, (1, 3)) == 3
    assert not measures.is_seen(takes, 2)
    assert measures.is_seen(takes[:1], 2)
    assert measures.counts(takes, 2) == "3 / 3"
    assert measures.counts(takes[:1], 2) == "**2 / 2**"
    assert measures.steps(takes, 2) == "blind"
    assert measures.steps(takes[:1], 2) == "0 % / 0 %"


def test_a_curve_is_read_where_it_keeps_as_much_as_a_point() -> None:
    steps = sound.STEPS
    curve = [{"kept": 1.0 - 0.5 * s, "apart": -20.0 * s} for s in steps]

    def margin(kept: float, apart: float) -> float:
        return sound.margin_db(curve, {"kept": kept, "apart": apart}, "apart", "kept")

    assert margin(0.75, -6.0) == pytest.approx(4.0)  # half way the curve is at -10
    assert margin(0.75, -11.0) == pytest.approx(-1.0)
    assert margin(0.2, -19.0) == pytest.approx(1.0)  # it keeps more than that everywhere
    assert margin(1.1, 5.0) == float("-inf")


def test_the_parts_of_the_pairs_do_not_overlap() -> None:
    names = [pair.name for pair in (*ALL, *TEST)]
    assert len(set(names)) == len(names)
    assert [pair.part for pair in PAIRS] == [
        "tuned", "tuned", "tuned", "validation", "validation", "tuned",
    ]  # fmt: skip
    assert {pair.part for pair in CLASSIC} == {"validation"}
    assert {pair.part for pair in TEST} == {"test"}
    assert len(TEST) >= 8
    used = {name for pair in ALL for name in (pair.content, pair.style)}
    for pair in TEST:
        assert not {pair.content, pair.style} <= used


def test_every_pair_has_its_landed_figures() -> None:
    landed = sound.landed()
    assert set(landed) == {pair.name for pair in ALL}
    assert all(set(scores) == set(sound.FIGURES) for scores in landed.values())


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Recordings named like those of FSDD: tones whose pitch is that of the digit."""
    path = tmp_path / "recordings.tar"
    time = np.arange(round(0.4 * SPOKEN_HZ)) / SPOKEN_HZ
    with tarfile.open(path, "w") as file:
        for digit in range(10):
            buffer = io.BytesIO()
            tone = 0.2 * np.sin(2 * np.pi * 100.0 * (digit + 2) * time)
            soundfile.write(buffer, tone, SPOKEN_HZ, format="WAV")
            for number in range(50):
                entry = tarfile.TarInfo(f"recordings/{digit}_ada_{number}.wav")
                entry.size = len(buffer.getvalue())
                file.addfile(entry, io.BytesIO(buffer.getvalue()))
    return path


def test_digits_are_joined_to_ten_seconds_and_always_the_same(archive: Path) -> None:
    speech = sound_pairs.digits(archive, "ada")
    assert speech.shape == (1, 10 * RATE)
    assert speech.dtype == np.float32
    np.testing.assert_array_equal(speech, sound_pairs.digits(archive, "ada"))
    frames: npt.NDArray[np.float32] = speech[0, : 1000 * (speech.size // 1000)].reshape(-1, 1000)
    level = np.sqrt(np.mean(np.square(frames), axis=1))
    assert 0.1 < np.mean(level < 0.01) < 0.5  # pauses
    assert level.min() > 0.0  # which are not silent
    assert level.max() == pytest.approx(0.2 / np.sqrt(2.0), rel=0.05)


def test_sounds_of_the_library_are_found_by_name() -> None:
    clip = sound_pairs.sound("preset/rain")
    assert clip.shape == (1, 10 * RATE)
    assert 0.1 < np.abs(clip).max() <= 1.0
    assert sound_pairs.short_name("preset/rain") == "preset rain"
    assert sound_pairs.short_name("digits/theo") == "digits by theo"
    assert sound_pairs.short_name("grinstein/content_style/man_speaking_english") == "man"
