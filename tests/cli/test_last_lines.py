"""The last line of each command says what was made, where it is, and what to do next."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import soundfile

from astfx import presets
from astfx.audio import Waveform
from astfx.cli.plugins import MEANT
from astfx.networks import weights
from astfx.presets import Preset
from tests.conftest import Run

RATE = 8000
DRAFT = ("--quality", "draft")


@pytest.fixture(autouse=True)
def folder(
    tmp_path: Path,
    melody: Waveform,
    rain: Waveform,
    drops: Preset,
    own_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """A working folder with a content, a style and a preset of the user's."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    for name, clip in (("voice", melody), ("other", melody), ("rain", rain)):
        soundfile.write(f"{name}.wav", clip[0, : 2 * RATE], RATE)
    presets.keep(drops)
    drops.save("shared.astfx")
    return tmp_path


COMMANDS: dict[str, tuple[tuple[object, ...], str]] = {
    "render": (
        ("render", "voice.wav", "-s", "rain.wav", "-o", "wet.wav", *DRAFT),
        r"wet\.wav is voice\.wav in the style of rain\.wav\. Next: listen to it; --strength 0\.6 "
        "keeps more of the content",
    ),
    "render several": (
        ("render", "voice.wav", "other.wav", "-s", "drops", "-o", "wet/", *DRAFT),
        r"wet/: 2 files in the style of drops\. Next: listen to them; --strength 0\.6 .*",
    ),
    "prepare": (
        ("prepare", "rain.wav", "-o", "rain.safetensors", "--sample-rate", RATE),
        r"rain\.safetensors: style prepared for gram at 8000 Hz, .* MB, for "
        r"`astfx render FILE --style rain\.safetensors -o OUT`",
    ),
    "demo": (("demo",), r"Listen to demo/result\.wav\. Next: astfx render YOUR-FILE .*"),
    "compare": (
        ("compare", "voice.wav", "rain.wav", "-o", "all", "--methods", "gram", *DRAFT),
        r"all/index\.html: 1 methods? side by side, to open in a browser",
    ),
    "presets make": (
        ("presets", "make", "rain.wav", "--name", "Wet tin"),
        r".*wet-tin\.astfx: Wet tin, \d+ kB, for `astfx render FILE --style wet-tin -o OUT`",
    ),
    "presets blend": (
        ("presets", "blend", "drops=1", "rain=1", "--name", "both"),
        r".*both\.astfx: \d+ kB, for `astfx render FILE --style both -o OUT`",
    ),
    "presets edit": (
        ("presets", "edit", "drops", "--mix", "0.5"),
        r".*drops\.astfx: \d+ kB, for `astfx render FILE --style drops -o OUT`",
    ),
    "presets rename": (
        ("presets", "rename", "drops", "More drops"),
        r".*more-drops\.astfx: for `astfx render FILE --style more-drops -o OUT`",
    ),
    "presets remove": (
        ("presets", "remove", "drops"),
        r"drops deleted\. Next: `astfx presets list` shows the others",
    ),
    "presets export": (
        ("presets", "export", "drops", "d.astfx"),
        r"d\.astfx: drops, \d+ kB, for `astfx presets import d\.astfx`",
    ),
    "presets import": (
        ("presets", "import", "shared.astfx", "--replace"),
        r".*drops\.astfx: \d+ kB, for `astfx render FILE --style drops -o OUT`",
    ),
    "presets play": (
        ("presets", "play", "drops", "-o", "a.wav", *DRAFT),
        r"a\.wav: a melody in the style of drops, .* Next: astfx render FILE --style drops -o OUT",
    ),
    "presets show": (
        ("presets", "show", "drops", "--plot", "d.png"),
        r"# \d+ frames \(.* seconds\), picture d\.png, for `astfx render FILE --style drops .*`",
    ),
    "presets list": (
        ("presets", "list", "--search", "drops"),
        r"\d+ presets?\. Next: astfx render FILE --style NAME -o OUT",
    ),
    "presets verify": (
        ("presets", "verify", "drops"),
        "1 preset is valid. Next: astfx presets show NAME",
    ),
    "weights list": (
        ("weights", "list"),
        "Next: astfx weights add NETWORK FILE, or astfx train, .*",
    ),
    "live --list-devices": (
        ("live", "--list-devices"),
        "Next: astfx live --preset NAME --input FROM --output TO",
    ),
    "methods": (("methods",), "Next: astfx render FILE --style SOUND -o OUT --method NAME"),
    "doctor": (("doctor",), "Next: astfx demo"),
    "score": (
        ("score", "other.wav", "-c", "voice.wav", "-s", "rain.wav"),
        r"In the first five rows, lower is nearer to rain\.wav; .* Next: astfx score --help .*",
    ),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_the_last_line_says_what_where_and_what_next(name: str, run: Run) -> None:
    arguments, last = COMMANDS[name]
    code, out, err = run(*arguments)
    assert code == 0, err
    assert re.fullmatch(last, out.splitlines()[-1]), out.splitlines()[-1]


def test_added_weights_name_their_method(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = folder / "kept.safetensors"
    target.write_bytes(bytes(2_000_000))
    monkeypatch.setattr(weights, "add", lambda name, file: target)
    _, out, _ = run("weights", "add", "vgg19", "vgg19.pth")
    assert out == (
        f"{target}: weights of vgg19, 2.0 MB, for "
        "`astfx render FILE --style SOUND -o OUT --method vgg19`\n"
    )


@pytest.mark.parametrize("name", MEANT)
def test_a_command_that_there_is_not_is_answered_with_the_one_that_is_meant(
    name: str, run: Run
) -> None:
    code, out, err = run(name)
    assert (code, out) == (2, "")
    assert f"No such command '{name}': use `astfx {MEANT[name]}`" in err


def test_every_answer_is_a_command(run: Run) -> None:
    for meant in set(MEANT.values()) - {"serve"}:
        assert run(*meant.split(), *(() if meant.startswith("--") else ("--help",)))[0] == 0
