"""The sounds of the documentation: one for each preset, small, and our own."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import soundfile

from benchmarks.players import PAGE, PAIRS, PLAYERS, faded, main, player, write
from benchmarks.presets import GALLERY, gallery
from presets.synthesis import SOUNDS, make
from presets.synthesis.contents import CONTENTS

RATE = 48_000
LARGEST_BYTES = 60_000
LARGEST_TOTAL = 3_500_000
SOURCE = re.compile(r'<audio controls preload="none" src="([^"]+)"')


def test_pages_play_the_players_that_are_there() -> None:
    played = set()
    for page in (PAGE, GALLERY):
        for source in SOURCE.findall(page.read_text()):
            played.add((page.parent / source).resolve())
    assert played == {path.resolve() for path in PLAYERS.glob("*.ogg")}
    assert {path.stem for path in played} >= set(SOUNDS)


def test_the_gallery_is_what_the_command_writes() -> None:
    kept = GALLERY.read_text().split("<!-- begin gallery -->")[1].split("<!-- end")[0]
    assert kept.strip() == gallery().strip()


@pytest.mark.parametrize("path", sorted(PLAYERS.glob("*.ogg")), ids=lambda path: path.stem)
def test_a_player_is_short_small_and_not_silent(path: Path) -> None:
    info = soundfile.info(path)
    assert (info.samplerate, info.channels, info.subtype) == (RATE, 1, "OPUS")
    assert 5.9 < info.duration < 7.1
    assert path.stat().st_size < LARGEST_BYTES
    samples, _ = soundfile.read(path, dtype="float32")
    assert 0.02 < float(np.sqrt(np.mean(samples**2))) < 0.3
    assert float(np.abs(samples).max()) < 1.0


def test_all_players_together_are_small() -> None:
    assert sum(path.stat().st_size for path in PLAYERS.iterdir()) < LARGEST_TOTAL


def test_pairs_are_of_our_own_sounds() -> None:
    assert len(set(PAIRS)) == 6
    assert all(content in CONTENTS and style in SOUNDS for content, style in PAIRS)


def test_a_written_player_sounds_like_its_sound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.players.PLAYERS", tmp_path)
    clip = faded(make("rain", RATE)[None], 2.0)
    assert np.abs(clip[:, [0, -1]]).max() < 1e-6
    write("rain", clip)
    read, rate = soundfile.read(tmp_path / "rain.ogg")
    assert rate == RATE
    assert len(read) == pytest.approx(2 * RATE, abs=0.05 * RATE)
    assert np.std(read) == pytest.approx(np.std(clip), rel=0.2)  # noise loses treble
    assert "preload" in player("a.ogg", "A")


def test_an_unknown_preset_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["players", "rian"])
    with pytest.raises(SystemExit, match="there is no sound 'rian'"):
        main()
