from __future__ import annotations

import json
import re
import subprocess
import sys
from functools import partial
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import soundfile

from astfx import presets
from astfx.audio import Waveform
from astfx.presets import Preset
from astfx.presets.files import MAX_FILE_BYTES
from astfx.presets.likeness import distance_db
from astfx.presets.profiles import profile
from tests.conftest import Run

RATE = 22_050


@pytest.fixture
def ask(run: Run, monkeypatch: pytest.MonkeyPatch, own_folder: Path, tmp_path: Path) -> Run:
    """Return a function that runs `astfx presets` in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    return partial(run, "presets")


@pytest.fixture
def sound(tmp_path: Path, rain: Waveform) -> Path:
    soundfile.write(tmp_path / "rain.wav", rain.T, RATE)
    return tmp_path / "rain.wav"


def test_list_shows_names_families_and_tags(ask: Run, drops: Preset) -> None:
    presets.keep(drops)
    code, out, err = ask("list")
    assert (code, err) == (0, "")
    for name in (*presets.names(), "drops (yours)", "natürlich"):
        assert name in out


@pytest.mark.parametrize(
    ("arguments", "there", "absent"),
    [
        (("--search", "shatter"), "glass", "rain"),
        (("--search", "METAL hail"), "hail", "bells"),
        (("--family", "Water"), "bubbles", "rain "),
        (("--family", "fire"), "sparks", "rain "),
        (("--tag", "bright", "--tag", "steady"), "rain", "thunder"),
    ],
)
def test_list_narrows_down(arguments: tuple[str, ...], there: str, absent: str, ask: Run) -> None:
    code, out, _ = ask("list", *arguments)
    assert code == 0
    names = [line.split("  ")[0] + " " for line in out.splitlines()]
    assert f"{there} " in names
    assert absent.strip() + " " not in names


def test_list_that_finds_nothing_says_so(ask: Run) -> None:
    code, _, err = ask("list", "--search", "xyzzy")
    assert code == 2
    assert err == "astfx: no preset matches: `astfx presets list` shows all\n"


def test_list_goes_on_past_a_damaged_preset(ask: Run, own_folder: Path) -> None:
    own_folder.mkdir()
    (own_folder / "broken.astfx").write_bytes(b"nonsense")
    code, out, err = ask("list")
    assert code == 0
    assert "rain" in out
    assert "broken.astfx' is damaged or not a preset" in err


def test_show_prints_the_description_and_draws(ask: Run, tmp_path: Path) -> None:
    code, out, err = ask("show", "rain", "--plot", "p.png")
    assert code == 0, err
    assert 'licence = "CC0-1.0"' in out
    assert "120 frames (2.8 seconds), picture p.png" in out
    assert (tmp_path / "p.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    before = sorted(tmp_path.iterdir())
    code, out, _ = ask("show", "hail")
    assert (code, "picture" in out) == (0, False)
    assert sorted(tmp_path.iterdir()) == before
    code, _, err = ask("show", "hail", "--plot", "p.txt")
    assert (code, "picture file 'p.txt' must end in .png" in err) == (2, True)


def test_make_keeps_a_preset_under_a_plain_name(ask: Run, sound: Path) -> None:
    arguments = ("make", sound, "--name", "Rain on tin", "--tag", "wet", "--author", "Ada")
    code, out, err = ask(*arguments)
    assert code == 0, err
    assert "--style rain-on-tin" in out
    made = presets.find("rain-on-tin")
    assert (made.author, made.tags) == ("Ada", ("wet",))
    code, _, err = ask(*arguments)
    assert code == 2
    assert "preset 'rain-on-tin' exists in" in err
    assert "choose another name or pass --replace" in err
    assert ask(*arguments, "--replace")[0] == 0


def test_a_title_in_any_script_is_kept_shown_and_found(
    ask: Run, run: Run, sound: Path, tmp_path: Path
) -> None:
    code, out, err = ask("make", sound, "--name", "雨", "--description", "rain")
    assert code == 0, err
    assert "雨, " in out
    assert "--style preset-124d6058 -o OUT" in out
    assert "雨" in ask("list", "--search", "雨")[1]
    assert 'title = "雨"' in ask("show", "雨")[1]
    assert json.loads(ask("list", "--search", "雨", "--json")[1])[0]["title"] == "雨"
    code, _, err = run("render", sound, "--style", "雨", "-o", "wet.wav", "--quality", "draft")
    assert code == 0, err
    code, out, err = ask("blend", "雨=0.5", "rain=0.5", "--name", "Straße")
    assert (code, "strasse.astfx: Straße, " in out) == (0, True), err
    assert ask("rename", "STRASSE", "Regen")[0] == 0
    assert presets.find("regen").title == "Regen"
    assert ask("remove", "雨", "Regen")[0] == 0
    assert not list((tmp_path / "own").glob("*.astfx"))


def test_a_preset_of_a_factory_name_hides_the_factorys_and_says_so(ask: Run, sound: Path) -> None:
    own = presets.factory_folder() / "rain.toml"
    code, out, _ = ask("make", sound, "--name", "Rain")
    assert code == 0
    assert "rain now means your preset, not the one that came with astfx\n" in out
    assert own.is_file()
    assert presets.find("rain").author == ""
    assert "came with" not in ask("make", sound, "--name", "My rain")[1]


def test_making_a_preset_loads_no_more_than_torch(own_folder: Path, sound: Path) -> None:
    """The command takes about as long as `import torch`; these modules would double that."""
    code = (
        "import sys\n"
        f"sys.argv = ['astfx', 'presets', 'make', {str(sound)!r}, '--name', 'Rain']\n"
        "import astfx.cli.main\n"
        "try: astfx.cli.main.entry()\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "heavy = {'numba', 'scipy', 'librosa', 'matplotlib', 'pedalboard', 'torch._dynamo'}\n"
        "assert 'torch' in sys.modules\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert (own_folder / "rain.astfx").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("make", "nothing.wav", "--name", "x"), "'nothing.wav' does not exist"),
        (
            ("make", "rain.wav", "--name", "???"),
            "preset title '???' must be one line of 1 to 200 characters",
        ),
        (("make", "rain.wav", "--name", "a" * 201), "must be one line of 1 to 200 characters"),
        (("blend", "rain", "--name", "x"), "'rain' must look like rain=0.7"),
        (("blend", "rain=0", "--name", "x"), "'rain=0' must look like rain=0.7"),
        (("blend", "rain=nan", "--name", "x"), "'rain=nan' must look like rain=0.7"),
        (("blend", "rain=inf", "--name", "x"), "must be a number above 0"),
        (("blend", "rain=1", "rain=2", "--name", "x"), "'rain' is given twice: add its weights"),
        (("blend", "rian=1", "--name", "x"), "there is no preset 'rian': did you mean rain"),
        (("play", "rain", "-o", "x.exe"), "'x.exe' must end in a known audio suffix"),
        (("play", "rain", "-o", "no/x.wav"), "does not exist"),
        (("play", "rain", "-o", "x.wav", "--quality", "great"), "quality='great' must be one of"),
        (("export", "rain", "rain.zip"), "preset file 'rain.zip' must end in .astfx or .toml"),
        (("import", "rain.astfx"), "preset file 'rain.astfx' does not exist"),
        (("import", "rain.wav"), "preset file 'rain.wav' is damaged or not a preset"),
        (("show", "rain.wav"), "'rain.wav' is a file, but not a preset"),
        (("show", "a/rain"), "there is no preset 'a/rain'"),
        (("make", "rain.wav", "--name", "x", "--strength", 3), "strength=3.0 must lie between 0 "),
        (("list", "--similar-to", "rian"), "there is no preset 'rian': did you mean rain"),
        (("remove", "rian"), "there is no preset 'rian': did you mean rain"),
        (("remove", "rain"), "preset 'rain' came with astfx: only your own presets can be removed"),
        (("rename", "rain", "x"), "preset 'rain' came with astfx: only your own presets can be"),
        (("edit", "rain"), "nothing to change: name an option, such as --description"),
        (("edit", "rain", "--mix", 2), "mix=2.0 must lie between 0 and 1"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(
    arguments: tuple[str, ...], message: str, ask: Run, sound: Path, own_folder: Path
) -> None:
    code, out, err = ask(*arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert err.startswith("astfx: ")
    assert err.count("\n") == 1
    left = [path.name for path in sound.parent.iterdir() if path != own_folder]
    assert left == ["rain.wav"]
    assert not own_folder.exists() or not list(own_folder.iterdir())


def test_blend_keeps_a_blend(ask: Run) -> None:
    code, out, err = ask("blend", "rain=7", "glass=3", "--name", "Wet glass")
    assert code == 0, err
    assert "--style wet-glass" in out
    blend = presets.find("wet-glass")
    assert blend.provenance["blend_of"] == {"rain": 0.7, "glass": 0.3}


def test_play_writes_an_audition(ask: Run, tmp_path: Path) -> None:
    code, out, err = ask("play", "rain", "-o", "a.flac", "--quality", "draft")
    assert code == 0, err
    assert "a melody in the style of Rain" in out
    data, rate = soundfile.read(tmp_path / "a.flac")
    assert rate == 44_100
    assert len(data) > 5 * rate
    assert np.abs(data).max() > 0.05


def test_play_needs_a_package_and_a_device(ask: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("astfx.cli.runs.write_audition", lambda *_, **__: pytest.fail("rendered"))
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    code, _, err = ask("play", "rain")
    assert code == 2
    assert err == (
        "astfx: playing a sound needs sounddevice, which is not installed: "
        'pip install "astfx[play]"\n'
    )
    monkeypatch.setitem(sys.modules, "sounddevice", player([], "Error querying device -1"))
    code, _, err = ask("play", "rain")
    assert code == 2
    assert err == (
        "astfx: no sound can be played here (Error querying device -1): write a file with -o "
        "instead\n"
    )


def test_play_plays_the_audition(ask: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    played: list[tuple[Waveform, int]] = []
    monkeypatch.setitem(sys.modules, "sounddevice", player(played))
    code, out, err = ask("play", "rain", "--quality", "draft")
    assert code == 0, err
    assert out.startswith("playing: a melody in the style of Rain, ")
    ((data, rate),) = played
    assert (rate, data.shape[1]) == (44_100, 2)
    assert np.abs(data).max() > 0.05


def player(played: list[tuple[Waveform, int]], refusal: str = "") -> ModuleType:
    """A stand-in for sounddevice, which needs a sound device."""
    module = ModuleType("sounddevice")

    class PortAudioError(Exception):
        pass

    def query_devices(kind: str) -> None:
        if refusal:
            raise PortAudioError(refusal)

    def play(data: Waveform, sample_rate: int, *, blocking: bool) -> None:
        assert blocking
        played.append((data, sample_rate))

    vars(module).update(PortAudioError=PortAudioError, query_devices=query_devices, play=play)
    module.__spec__ = ModuleSpec("sounddevice", None)
    return module


def test_make_takes_settings_and_tags_in_a_row(ask: Run, sound: Path) -> None:
    code, _, err = ask(
        "make", sound, "--name", "x", "--strength", 0.5, "--mix", 0.8, "--set", "bias=0.4",
        "--tags", "wet, loud", "--tag", "wet",
    )  # fmt: skip
    assert code == 0, err
    made = presets.find("x")
    assert dict(made.settings) == {"strength": 0.5, "mix": 0.8, "options": {"bias": 0.4}}
    assert made.tags == ("wet", "loud")
    code, _, err = ask("blend", "rain=1", "x=1", "--name", "y", "--texture", 0.25)
    assert code == 0, err
    assert dict(presets.find("y").settings) == {"texture": 0.25}


def test_edit_changes_what_is_named(ask: Run, drops: Preset) -> None:
    presets.keep(drops)
    code, out, err = ask("edit", "drops", "--description", "New", "--tags", "a,b", "--mix", 0.5)
    assert code == 0, err
    assert "--style drops" in out
    found = presets.find("drops")
    assert (found.description, found.tags, found.author) == ("New", ("a", "b"), drops.author)
    assert dict(found.settings) == {**drops.settings, "mix": 0.5}
    code, out, _ = ask("edit", "rain", "--strength", 0.7)
    assert code == 0
    assert "rain now means your preset, not the one that came with astfx\n" in out
    assert dict(presets.find("rain").settings) == {"strength": 0.7}


@pytest.mark.parametrize("suffix", [".astfx", ".toml"])
def test_a_preset_is_renamed_and_removed(
    suffix: str, ask: Run, drops: Preset, own_folder: Path
) -> None:
    own_folder.mkdir()
    drops.save(own_folder / f"drops{suffix}")
    code, out, err = ask("rename", "drops", "Big drops")
    assert code == 0, err
    written = own_folder / "big-drops.astfx"
    assert out == f"{written}: for `astfx render FILE --style big-drops -o OUT`\n"
    assert [path.name for path in own_folder.iterdir()] == ["big-drops.astfx"]
    assert presets.find("big-drops").description == drops.description
    code, _, err = ask("rename", "big-drops", "Big drops")
    assert (code, "preset 'Big drops' has that name already" in err) == (2, True)
    presets.keep(drops)
    code, _, err = ask("rename", "big-drops", "drops")
    assert (code, "preset 'drops' exists in" in err) == (2, True)
    code, _, err = ask("remove", "drops", "rain")
    assert (code, "preset 'rain' came with astfx" in err) == (2, True)
    assert len(list(own_folder.iterdir())) == 2  # nothing was deleted
    code, out, _ = ask("remove", "drops", "Big drops")
    assert code == 0
    assert out.splitlines() == [
        *(f"{own_folder / name}.astfx: deleted" for name in ("drops", "big-drops")),
        "drops, Big drops deleted. Next: `astfx presets list` shows the others",
    ]
    assert not list(own_folder.iterdir())


def test_list_prints_names_or_json(ask: Run, drops: Preset) -> None:
    presets.keep(drops)
    code, out, _ = ask("list", "--names")
    assert (code, out.splitlines()) == (0, presets.names())
    code, out, _ = ask("list", "--json", "--search", "drops")
    rows = {row["name"]: row for row in json.loads(out)}
    assert rows["drops"]["own"]
    assert rows["drops"]["tags"] == ["wet", "natürlich"]
    assert rows["drops"]["settings"]["options"]["bias"] == 0.4


@pytest.mark.parametrize(("columns", "has_tags"), [(80, False), (160, True)])
def test_a_terminal_gets_a_line_for_each_preset_under_its_family(
    ask: Run, monkeypatch: pytest.MonkeyPatch, columns: int, has_tags: bool
) -> None:
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", str(columns))
    code, out, _ = ask("list")
    *lines, blank, last = re.sub("\x1b\\[[0-9;]*m", "", out).splitlines()
    assert (code, blank) == (0, "")
    assert last.startswith("60 presets. Next: ")
    families = {presets.find(name).family for name in presets.names()}
    assert len(lines) == 60 + len(families)
    assert max(map(len, lines)) <= columns
    assert [line.strip() for line in lines if line.strip() in families] == sorted(families)
    (glass,) = (line for line in lines if line.startswith("glass "))
    assert glass.split()[1:3] == presets.find("glass").title.split()[:2]
    assert ("bright" in glass) is has_tags


def test_list_by_likeness_shows_the_nearest_first(ask: Run) -> None:
    code, out, _ = ask("list", "--similar-to", "Rain", "--names")
    assert code == 0
    others = out.splitlines()
    assert sorted([*others, "rain"]) == presets.names()
    assert others.index("hail") < others.index("gong")
    code, out, _ = ask("list", "--similar-to", "rain", "--json")
    distances = [row["distance_db"] for row in json.loads(out)]
    assert distances == sorted(distances)
    assert distances[0] > 1.0
    nearest = ask("list", "--similar-to", "rain")[1].splitlines()[0]
    assert nearest.startswith(f"{distances[0]:.1f} dB ")
    own = profile(presets.find("rain"))
    assert distance_db(own, own) == 0.0


def test_folders_of_presets_are_imported_as_a_whole(
    ask: Run, drops: Preset, strings: Preset, own_folder: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "given"
    folder.mkdir()
    code, _, err = ask("import", folder)
    assert (code, f"folder '{folder}' holds no preset" in err) == (2, True)
    drops.save(folder / "a.astfx")
    strings.save(folder / "b.toml")
    (folder / "readme.txt").write_text("not a preset")
    (folder / "c.astfx").write_bytes(b"damaged")
    code, _, err = ask("import", folder)
    assert (code, "c.astfx' is damaged" in err) == (2, True)
    assert not own_folder.exists()  # nothing is saved if a file is damaged
    (folder / "c.astfx").unlink()
    code, _, err = ask("import", folder)
    assert code == 0, err
    assert sorted(path.stem for path in own_folder.iterdir()) == ["drops", "strings"]


def test_a_folder_with_a_name_that_is_taken_changes_nothing(
    ask: Run, own_folder: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    for name in ("hail", "rain"):
        assert ask("export", name, folder / f"{name}.astfx")[0] == 0
    assert ask("import", folder / "rain.astfx")[0] == 0
    code, out, err = ask("import", folder)
    assert (code, out) == (2, "")
    assert "preset 'rain' exists in" in err
    assert [path.stem for path in own_folder.glob("*.astfx")] == ["rain"]
    (folder / "rain-again.astfx").write_bytes((folder / "rain.astfx").read_bytes())
    code, _, err = ask("import", folder, "--replace")
    assert (code, err) == (
        2,
        "astfx: two of the files hold a preset 'rain': import one of them\n",
    )


@pytest.mark.parametrize("file", ["given.astfx", "given.toml"])
def test_what_is_exported_is_imported(
    file: str, ask: Run, drops: Preset, own_folder: Path, tmp_path: Path
) -> None:
    kept = presets.keep(drops)
    code, out, _ = ask("export", "drops", file)
    assert code == 0
    assert "given" in out
    code, _, err = ask("export", "drops", file)
    assert code == 2
    assert "exists: name another or pass --replace" in err
    assert ask("export", "drops", file, "--replace")[0] == 0
    kept.unlink()
    code, out, _ = ask("import", file)
    assert code == 0
    assert presets.find("drops").description == drops.description
    assert ask("import", file)[0] == 2
    assert ask("import", file, "--replace")[0] == 0


def test_import_refuses_what_load_refuses(ask: Run, own_folder: Path, tmp_path: Path) -> None:
    with (tmp_path / "huge.astfx").open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    code, _, err = ask("import", "huge.astfx")
    assert code == 2
    assert "more than the 16777216 that a preset may have" in err
    assert not own_folder.exists()


def test_verify_names_what_cannot_be_used(ask: Run, drops: Preset, tmp_path: Path) -> None:
    code, out, err = ask("verify")
    assert (code, err) == (0, "")
    assert "60 presets are valid" in out
    drops.save(tmp_path / "good.astfx")
    data = bytearray((tmp_path / "good.astfx").read_bytes())
    data[-1000] ^= 1
    (tmp_path / "bad.astfx").write_bytes(bytes(data))
    code, out, err = ask("verify", "good.astfx", "bad.astfx", "rain", "none")
    assert code == 2
    assert out.count("ok  ") == 2
    assert (
        "bad.astfx' is damaged or not a preset (its tensors are not those that were saved)" in err
    )
    assert "there is no preset 'none'" in err
    assert "astfx: 2 of 4 presets cannot be used" in err


def test_render_takes_a_presets_name(
    run: Run, own_folder: Path, sound: Path, tmp_path: Path
) -> None:
    arguments = ("render", sound, "-o", tmp_path / "o.wav", "--iterations", 1, "--quality", "draft")
    code, out, err = run(*arguments, "--style", "bells", "--report", tmp_path / "r.json")
    assert code == 0, err
    assert "real-time factor" in out
    assert soundfile.info(tmp_path / "o.wav").samplerate == RATE
    code, _, err = run(*arguments, "--style", "bels")
    assert code == 2
    assert "there is no preset 'bels': did you mean bells" in err


@pytest.mark.parametrize(
    "command",
    [
        "", "list", "show", "make", "blend", "play", "edit", "rename", "remove", "export", "import",
        "verify",
    ],
)  # fmt: skip
def test_help_has_examples(command: str, ask: Run) -> None:
    code, out, _ = ask(*command.split(), "--help")
    assert code == 0
    assert "Example" in out
    assert f"astfx presets {command}".strip() in out
