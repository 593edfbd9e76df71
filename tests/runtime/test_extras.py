"""A small installation renders, and says what a missing package is for."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import soundfile

from astfx.audio import Waveform
from astfx.errors import MissingDependencyError
from astfx.runtime.extras import OPTIONAL, require
from tests.conftest import Run

ROOT = Path(__file__).parents[2]
RATE = 22_050

WITHOUT = f"import sys\nfor name in {tuple(OPTIONAL)}: sys.modules[name] = None\n"


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation without any extra."""
    for name in OPTIONAL:
        monkeypatch.setitem(sys.modules, name, None)


@pytest.fixture
def clip(tmp_path: Path, rain: Waveform) -> Path:
    soundfile.write(tmp_path / "rain.wav", rain[0, : 2 * RATE], RATE)
    return tmp_path / "rain.wav"


@pytest.mark.usefixtures("bare")
def test_a_package_that_is_missing_is_named_with_its_remedy() -> None:
    with pytest.raises(MissingDependencyError) as caught:
        require("matplotlib", "a picture")
    assert str(caught.value) == (
        'a picture needs matplotlib, which is not installed: pip install "astfx[plots]"'
    )


def test_every_extra_that_a_message_names_brings_its_package() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    found = extras["optional-dependencies"]
    for package, row in OPTIONAL.items():
        distribution = {"sklearn": "scikit-learn", "jack": "JACK-Client"}.get(package, package)
        assert any(line.startswith(f"{distribution}>=") for line in found[row.extra])
        assert not any(line.startswith(distribution) for line in extras["dependencies"])


def test_everything_but_measuring_and_drawing_works_without_extras(
    clip: Path, tmp_path: Path
) -> None:
    code = WITHOUT + (
        "import astfx, numpy\n"
        "from astfx.cli.main import main\n"
        "def run(*arguments):\n"
        "    sys.argv = ['astfx', *arguments]\n"
        "    main()\n"
        f"clip, out = {str(clip)!r}, {str(tmp_path)!r}\n"
        "run('render', clip, '-s', clip, '-o', out + '/a.wav', '--quality', 'draft')\n"
        "run('render', clip, '-s', 'rain', '-o', out + '/b.mp3', '--quality', 'best')\n"
        "run('prepare', clip, '-o', out + '/c.safetensors')\n"
        "run('presets', 'make', clip, '--name', 'x')\n"
        "run('presets', 'show', 'x')\n"
        "run('demo', '-o', out + '/demo')\n"
        "run('doctor')\n"
        "x = numpy.random.default_rng(0).standard_normal(22050).astype('float32')\n"
        "effect = astfx.StyleTransfer('rain', engine='stream')\n"
        "assert effect(x, 22050).shape == x.shape\n"
    )
    environment = {"ASTFX_PRESETS": str(tmp_path / "presets"), "COLUMNS": "200"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    assert 'picture  none: pip install "astfx[plots]"' in done.stdout
    assert "missing, needed for `astfx score`" in done.stdout


@pytest.mark.usefixtures("bare")
def test_what_needs_an_extra_says_so_before_any_work(
    run: Run, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("astfx.api.Render.__enter__", lambda _: pytest.fail("rendered"))
    output = tmp_path / "o.wav"
    render = ("render", clip, "-s", clip, "-o", output)
    for arguments, message in [
        ((*render, "--plot", tmp_path / "o.png"), "a picture needs matplotlib"),
        ((*render, "--keep-pitch"), "keep_pitch=True needs librosa"),
        (("score", clip, "-c", clip, "-s", clip), "a score needs librosa"),
        (("compare", clip, clip, "-o", tmp_path / "c"), "a comparison needs matplotlib"),
        (("presets", "show", "rain", "--plot", tmp_path / "r.png"), "a picture needs matplotlib"),
    ]:
        code, out, err = run(*arguments)
        assert (code, out) == (2, "")
        assert err.startswith(f'astfx: {message}, which is not installed: pip install "astfx[')
    assert [path.name for path in tmp_path.iterdir()] == ["rain.wav"]
