from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile

from astfx import presets
from astfx.audio import Waveform
from astfx.presets import Preset
from astfx.presets.files import MAX_FILE_BYTES
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
        (("make", "rain.wav", "--name", "???"), "preset name '???' must contain a letter a to z"),
        (("make", "rain.wav", "--name", "a" * 65), "must be 1 to 64 lower-case letters"),
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
        (("show", "rain.wav"), "preset name 'rain.wav' must be 1 to 64"),
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
    assert "a melody in the style of rain" in out
    data, rate = soundfile.read(tmp_path / "a.flac")
    assert rate == 44_100
    assert len(data) > 5 * rate
    assert np.abs(data).max() > 0.05


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
    assert "40 presets are valid" in out
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
    "command", ["", "list", "show", "make", "blend", "play", "export", "import", "verify"]
)
def test_help_has_examples(command: str, ask: Run) -> None:
    code, out, _ = ask(*command.split(), "--help")
    assert code == 0
    assert "Example" in out
    assert f"astfx presets {command}".strip() in out
