from __future__ import annotations

import base64
import csv
import io
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import soundfile

from astfx.audio import Waveform
from astfx.errors import AudioFileError, CancelledError, InvalidSettingError
from astfx.methods import METHODS
from astfx.metrics import FIGURES, AnalysedSound
from astfx.report.comparison import choose, compare
from astfx.report.page import Comparison, Entry, audio_uri, write_page
from astfx.settings import Settings

RATE = 22050
QUICK = Settings(quality="draft", iterations=3)
CHOSEN = ("gram", "adain", "texture")


@pytest.fixture(scope="module")
def clips(
    tmp_path_factory: pytest.TempPathFactory, melody: Waveform, rain: Waveform
) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("clips")
    content, style = folder / "a <b>.wav", folder / "rain.wav"
    soundfile.write(content, melody[0, : 2 * RATE], RATE)
    soundfile.write(style, rain[0, : 2 * RATE], RATE)
    return content, style


@pytest.fixture(scope="module")
def result(clips: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    folder = tmp_path_factory.mktemp("out") / "new" / "comparison"
    return compare(*clips, folder, methods=CHOSEN, settings=QUICK)


class Page(HTMLParser):
    """Collects the tags with their attributes, in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {key: value or "" for key, value in attrs}))

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]


def test_the_folder_holds_a_sound_for_each_method_a_page_and_a_table(result: Comparison) -> None:
    names = sorted(path.name for path in result.folder.iterdir())
    assert names == ["adain.wav", "figures.csv", "gram.wav", "index.html", "texture.wav"]
    for name in CHOSEN:
        assert soundfile.info(result.folder / f"{name}.wav").frames == 2 * RATE


def test_the_table_has_every_figure_beside_the_anchors(result: Comparison) -> None:
    rows = list(csv.DictReader(io.StringIO((result.folder / "figures.csv").read_text())))
    assert [row["name"] for row in rows] == ["content", "style", "floor", *CHOSEN]
    assert [row["kind"] for row in rows] == ["anchor"] * 3 + ["method"] * 3
    assert set(FIGURES) <= set(rows[0])
    assert float(rows[0]["onset_correlation"]) == pytest.approx(1.0)
    assert float(rows[1]["standard_bank_db"]) == -100.0
    for row in rows[3:]:
        assert float(row["seconds"]) > 0.0
        assert float(row["real_time_factor"]) == pytest.approx(float(row["seconds"]) / 2, rel=1e-3)
        assert float(row["standard_bank_db"]) < float(rows[0]["standard_bank_db"])


def test_the_page_holds_everything_itself(result: Comparison) -> None:
    text = result.page.read_text()
    page = Page(text)
    assert len(page.all("audio")) == 5  # content, style and three methods
    for tag in ("audio", "img"):
        assert all(attributes["src"].startswith("data:") for attributes in page.all(tag))
    assert not re.search(r"(src|href)=\"(?!data:)", text)
    assert "http" not in re.sub(r"http-equiv", "", re.sub(r"base64,[^\"]*", "", text))
    assert all("src" not in attributes for attributes in page.all("script"))
    assert "default-src 'none'" in text
    assert "a &lt;b&gt;.wav in the texture of rain.wav" in text
    assert len(page.all("tr")) == 1 + 6


def decoded(uri: str) -> tuple[Waveform, int]:
    data = base64.b64decode(uri.removeprefix("data:audio/mpeg;base64,"))
    samples, rate = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
    return samples.T, rate


def likeness(found: Waveform, wanted: Waveform) -> float:
    """Correlation of two clips, whose beginnings may differ by the delay of an encoder."""
    n = min(found.shape[1], wanted.shape[1])
    across = np.fft.irfft(np.fft.rfft(found[0, :n]) * np.fft.rfft(wanted[0, :n]).conj(), n)
    norm = np.linalg.norm(found[0, :n]) * np.linalg.norm(wanted[0, :n])
    return float(across.max() / norm)


def test_players_hold_the_sounds(result: Comparison) -> None:
    for entry in result.entries:
        if entry.waveform is None:
            continue
        samples, rate = decoded(audio_uri(entry.waveform, entry.sample_rate))
        assert rate == RATE
        assert samples.shape[1] == pytest.approx(entry.waveform.shape[1], abs=0.1 * RATE)
        assert likeness(samples, entry.waveform) > 0.9


def test_a_player_holds_a_minute_and_two_channels_at_most() -> None:
    samples, rate = decoded(audio_uri(np.full((3, 70 * 8000), 0.25, np.float32), 8000))
    assert (len(samples), rate) == (1, 8000)
    assert samples.shape[1] == pytest.approx(60 * 8000, abs=0.2 * 8000)


@pytest.mark.parametrize(("channels", "rate"), [(1, 44_100), (2, 96_000), (2, 8000)])
def test_a_player_fits_into_its_bytes(channels: int, rate: int) -> None:
    rng = np.random.default_rng(0)
    clip = (0.1 * rng.standard_normal((channels, 20 * rate))).astype(np.float32)
    for most in (20_000, 100_000):
        uri = audio_uri(clip, rate, most)
        assert len(uri) < 1.4 * most + 3000
        samples, found = decoded(uri)
        kbps = 32.0 * channels if most * 8e-3 / 20 < 32 * channels else most * 8e-3 / 20
        assert samples.shape[1] / found == pytest.approx(min(most * 8e-3 / kbps, 20.0), rel=0.2)


def test_a_page_of_all_methods_is_small(tmp_path: Path, melody: Waveform) -> None:
    """Twenty entries of a minute of stereo noise, the hardest sound to compress."""
    rate = 44_100
    rng = np.random.default_rng(0)
    clip = (0.1 * rng.standard_normal((2, 60 * rate))).astype(np.float32)
    entries = tuple(
        Entry(name=f"m{i}", summary="noise", is_anchor=i < 3, waveform=clip, sample_rate=rate,
              figures=dict.fromkeys(FIGURES, float(i)), losses=[[1.0, 0.5]], seconds=1.0,
              real_time_factor=1.0)
        for i in range(20)
    )  # fmt: skip
    page = Comparison(content="c", style="s", quality="draft", entries=entries, folder=tmp_path)
    write_page(page)
    assert page.page.stat().st_size < 3e6


def test_the_page_says_which_end_of_a_figure_is_better(result: Comparison) -> None:
    text = result.page.read_text()
    heading = re.compile(
        r"<th scope=\"col\"><button[^>]*>([^<]*)</button>(?:<small>([^<]*)</small>)?"
    )
    found = dict(heading.findall(text))
    assert found["scattering db"] == found["seconds"] == "lower is better"
    assert found["onset correlation"] == "higher is better"
    assert found["name"] == found["stereo correlation"] == ""


def test_a_method_that_cannot_take_a_clip_does_not_stop_the_others(
    tmp_path: Path, rain: Waveform
) -> None:
    content, style = tmp_path / "c.wav", tmp_path / "s.wav"
    soundfile.write(content, rain[0, :RATE], RATE)
    soundfile.write(style, rain[0, : RATE // 5], RATE)
    found = compare(content, style, tmp_path / "out", methods=("texture", "adain"), settings=QUICK)
    texture, adain = found.entries[3:]
    assert texture.waveform is None
    assert texture.note.startswith("failed: a style of 0.20 seconds is too short")
    assert adain.waveform is not None
    assert adain.figures == {}  # the style is too short for scores
    assert "failed: a style of 0.20" in found.page.read_text()
    assert not (tmp_path / "out" / "texture.wav").exists()


def test_a_preset_has_nothing_to_score_against(clips: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(InvalidSettingError, match="style='rain' is a preset, which has no audio"):
        compare(clips[0], Path("rain"), tmp_path, methods=("adain",))


def test_of_long_clips_a_part_is_held_and_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rate = 8000
    content, style = tmp_path / "c.wav", tmp_path / "s.wav"
    rng = np.random.default_rng(0)
    soundfile.write(content, 0.1 * rng.standard_normal(65 * rate), rate)
    soundfile.write(style, 0.1 * rng.standard_normal(95 * rate), rate)
    measured = []

    def scored(output: Waveform, original: Waveform, wanted: AnalysedSound, _: int) -> None:
        measured.append(wanted.seconds)

    monkeypatch.setattr("astfx.report.comparison.score", scored)
    monkeypatch.setattr("astfx.report.comparison.anchors", lambda *_: {"content": {"x": 1.0}})
    monkeypatch.setattr("astfx.report.comparison.write_page", lambda _: None)
    monkeypatch.setattr("astfx.report.comparison.table_text", lambda _: "")
    found = compare(content, style, tmp_path / "out", methods=("adain",), settings=QUICK)
    assert measured == [30.0]
    held = [entry.waveform for entry in found.entries if entry.waveform is not None]
    assert [waveform.shape[1] for waveform in held] == 3 * [60 * rate]
    assert soundfile.info(tmp_path / "out" / "adain.wav").frames == 65 * rate


@pytest.mark.usefixtures("unscored")
def test_the_budget_holds_for_the_training_of_a_network_too(
    clips: tuple[Path, Path], tmp_path: Path
) -> None:
    settings = Settings(budget_seconds=0.05)
    found = compare(*clips, tmp_path, methods=("feed-forward", "adain"), settings=settings)
    trained, other = found.entries[3:]
    assert trained.failed
    assert trained.note.startswith("failed: budget_seconds=0.05 ended while feed-forward trained")
    assert trained.note.endswith("or train it once with `astfx distill`")
    assert other.waveform is not None


@pytest.mark.usefixtures("unscored")
def test_a_search_that_the_budget_ended_is_noted(clips: tuple[Path, Path], tmp_path: Path) -> None:
    settings = Settings(budget_seconds=0.05, iterations=500)
    found = compare(*clips, tmp_path, methods=("gram", "adain"), settings=settings)
    optimised, other = found.entries[3:]
    assert optimised.stopped_early
    assert optimised.note == "the time budget ended the search early"
    assert optimised.note in found.page.read_text("utf-8")
    assert (other.stopped_early, other.note) == (False, "")


@pytest.mark.usefixtures("unscored")
def test_recipes_stand_beside_methods(clips: tuple[Path, Path], tmp_path: Path) -> None:
    settings = Settings(iterations=1, phase_iterations=1)
    found = compare(
        *clips, tmp_path, methods=("adain", "000", "003"), settings=settings,
        options={"000": {"filters": 16}},
    )  # fmt: skip
    assert [entry.name for entry in found.entries[3:]] == [
        "adain",
        "recipe-ulyanov-2016",
        "recipe-gafar-2023",
    ]
    assert found.entries[4].summary.startswith("shallow-cnn as in Ulyanov & Lebedev")
    assert (tmp_path / "recipe-ulyanov-2016.wav").is_file()
    assert len(found.entries[4].losses[0]) == 2  # one iteration: the settings override the recipe's
    with pytest.raises(InvalidSettingError, match="method='005' must be one of gram"):
        compare(*clips, tmp_path, methods=("005",))


@pytest.mark.usefixtures("unscored")
def test_options_go_to_their_method(clips: tuple[Path, Path], tmp_path: Path) -> None:
    found = compare(
        *clips, tmp_path, methods=("histogram",), settings=QUICK,
        options={"histogram": {"quantiles": 1}},
    )  # fmt: skip
    assert found.entries[3].note == "failed: quantiles=1 must lie between 2 and 4096"


@pytest.mark.usefixtures("unscored")
def test_progress_rises_and_false_cancels(clips: tuple[Path, Path], tmp_path: Path) -> None:
    seen: list[float] = []
    compare(*clips, tmp_path / "a", methods=("adain",), settings=QUICK, progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    with pytest.raises(CancelledError):
        compare(
            *clips, tmp_path / "b", methods=("adain",), settings=QUICK, progress=lambda x: False
        )
    assert not (tmp_path / "b" / "index.html").exists()


def test_names_are_checked_and_taken_once() -> None:
    assert choose(None) == tuple(METHODS)
    assert choose(["gram", "adain", "gram"]) == ("gram", "adain")
    with pytest.raises(InvalidSettingError, match="method='x' must be one of gram"):
        choose(["x"])


def test_folders_that_cannot_be_used_are_refused(clips: tuple[Path, Path], tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("taken")
    with pytest.raises(AudioFileError, match="is a file: name a folder"):
        compare(*clips, file, methods=("adain",), settings=QUICK)
    with pytest.raises(AudioFileError, match="cannot be made"):
        compare(*clips, file / "deeper", methods=("adain",), settings=QUICK)
    own = tmp_path / "adain.wav"
    own.write_bytes(clips[0].read_bytes())
    with pytest.raises(InvalidSettingError, match="write to another folder"):
        compare(own, clips[1], tmp_path, methods=("adain",), settings=QUICK)
    assert own.read_bytes() == clips[0].read_bytes()
    assert file.read_text() == "taken"
