from __future__ import annotations

import io
import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from astfx.audio import Waveform
from astfx.cli.runs import FIGURE
from astfx.methods import METHODS
from astfx.metrics import PANEL, panel
from tests.conftest import Run

RATE = 22050


@pytest.fixture
def clips(tmp_path: Path, melody: Waveform, rain: Waveform) -> tuple[Path, Path]:
    content, style = tmp_path / "content.wav", tmp_path / "style.wav"
    soundfile.write(content, melody[0, : 2 * RATE], RATE, subtype="PCM_24")
    soundfile.write(style, rain[0, : 2 * RATE], RATE, subtype="PCM_24")
    return content, style


def leftovers(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if ".part" in path.name]


def test_render_writes_audio_picture_and_report(
    run: Run, clips: tuple[Path, Path], tmp_path: Path
) -> None:
    content, style = clips
    output, plot, report = tmp_path / "out.wav", tmp_path / "out.png", tmp_path / "out.json"
    code, out, err = run(
        "render", content, "--style", style, "-o", output, "--plot", plot, "--report", report,
        "--iterations", 8, "--seed", 3,
    )  # fmt: skip
    assert code == 0, err
    info, source = soundfile.info(output), soundfile.info(content)
    assert (info.frames, info.samplerate, info.channels) == (source.frames, RATE, 1)
    assert info.subtype == "PCM_24"
    assert "real-time factor" in out
    assert "(lower is nearer to the style)" in out
    assert f"in the style of {style} (picture {plot}). Next: listen to it" in out
    assert plot.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    data = json.loads(report.read_text())
    assert data["settings"]["seed"] == 3
    assert len(data["segments"][0]["losses"]) == 9
    assert data["settings"]["options"]["kernel_ms"]
    assert set(data["seconds"]) >= {"measure", "style", "stylise", "write", "total"}
    assert data["scattering_db"]["output"] < data["scattering_db"]["content"]
    assert "style_distance" not in data
    assert data["versions"]["torch"]
    assert not leftovers(tmp_path)


def test_the_shown_figure_is_that_of_score_and_prefers_more_work(
    run: Run, tmp_path: Path, melody: Waveform, rain: Waveform
) -> None:
    """It is one of the panel, so that a draft does not look better than a standard render."""
    content, style, output = (tmp_path / name for name in ("c.wav", "s.wav", "o.wav"))
    soundfile.write(content, melody[0], RATE, subtype="FLOAT")
    soundfile.write(style, rain[0], RATE, subtype="FLOAT")
    found = {}
    for quality in ("draft", "standard"):
        report = tmp_path / "r.json"
        code, out, err = run(
            "render", content, "-s", style, "-o", output, "--float", "--report", report,
            "--quality", quality,
        )  # fmt: skip
        assert code == 0, err
        found[quality] = json.loads(report.read_text())[FIGURE]
        wet = soundfile.read(output, dtype="float32")[0]
        assert found[quality]["output"] == panel(wet, rain, RATE)[FIGURE]
        before, after = found[quality]["content"], found[quality]["output"]
        assert f"{FIGURE} {before:.1f} before, {after:.1f} after" in out
    assert FIGURE in PANEL
    assert found["standard"]["output"] < found["draft"]["output"] < found["draft"]["content"]


@pytest.mark.parametrize(
    ("name", "extra", "subtype"),
    [
        ("o.flac", (), "PCM_24"),
        ("o.aiff", (), "PCM_24"),
        ("o.ogg", (), "VORBIS"),
        ("o.mp3", (), "MPEG_LAYER_III"),
        ("o.wav", ("--float",), "FLOAT"),
    ],
)
def test_formats(
    name: str, extra: tuple[str, ...], subtype: str, run: Run, clips: tuple[Path, Path],
    tmp_path: Path,
) -> None:  # fmt: skip
    content, style = clips
    output = tmp_path / name
    code, _, err = run("render", content, "-s", style, "-o", output, "--iterations", 2, *extra)
    assert code == 0, err
    assert soundfile.info(output).subtype == subtype
    assert soundfile.info(output).samplerate == RATE


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3", "aiff"])
def test_reads_every_common_format(suffix: str, run: Run, tmp_path: Path, rain: Waveform) -> None:
    clip = tmp_path / f"clip.{suffix}"
    soundfile.write(clip, rain[0, :RATE], RATE)
    code, _, err = run("render", clip, "-s", clip, "-o", tmp_path / "o.wav", "--iterations", 1)
    assert code == 0, err
    assert abs(soundfile.info(tmp_path / "o.wav").frames - RATE) < 2500


def test_strength_zero_is_the_content(run: Run, clips: tuple[Path, Path], tmp_path: Path) -> None:
    content, style = clips
    output = tmp_path / "out.wav"
    assert run("render", content, "-s", style, "-o", output, "--strength", 0)[0] == 0
    np.testing.assert_array_equal(
        soundfile.read(output, dtype="int32")[0], soundfile.read(content, dtype="int32")[0]
    )


def test_dash_reads_and_writes_wav(
    clips: tuple[Path, Path], run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content, style = clips
    direct = tmp_path / "direct.wav"
    run("render", content, "-s", style, "-o", direct, "--iterations", 2)

    class Out(io.StringIO):
        buffer = io.BytesIO()

    stdin = io.TextIOWrapper(io.BytesIO(content.read_bytes()))
    monkeypatch.setattr(sys, "stdin", stdin)
    out = Out()
    monkeypatch.setattr(sys, "stdout", out)
    assert run("render", "-", "-s", style, "-o", "-", "--iterations", 2)[0] == 0
    piped, rate = soundfile.read(io.BytesIO(out.buffer.getvalue()), dtype="int32")
    assert rate == RATE
    np.testing.assert_array_equal(piped, soundfile.read(direct, dtype="int32")[0])


def test_style_can_be_prepared_once(run: Run, clips: tuple[Path, Path], tmp_path: Path) -> None:
    content, style = clips
    kept = tmp_path / "rain.safetensors"
    code, out, err = run("prepare", style, "-o", kept, "--sample-rate", RATE)
    assert code == 0, err
    assert "style prepared for gram at 22050 Hz" in out
    direct, again = tmp_path / "a.wav", tmp_path / "b.wav"
    assert run("render", content, "-s", style, "-o", direct, "--iterations", 4)[0] == 0
    assert run("render", content, "-s", kept, "-o", again, "--iterations", 4)[0] == 0
    assert direct.read_bytes() == again.read_bytes()


def test_methods_and_doctor_and_help(run: Run) -> None:
    code, out, _ = run("methods")
    assert code == 0
    for name in METHODS:
        assert name in out
    code, out, _ = run("doctor")
    assert code == 0
    assert "torch" in out
    assert "WAV" in out
    code, out, _ = run("render", "--help")
    assert code == 0
    assert "Examples" in out


def test_doctor_says_how_to_get_an_optional_package(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr("astfx.runtime.extras.is_installed", lambda name: False)
    code, out, _ = run("doctor")
    assert code == 0
    assert 'in `astfx.metrics`: pip install "astfx[metrics]"' in out
    assert 'needed for pictures, and `astfx compare`: pip install "astfx[plots]"' in out


def test_demo_makes_its_own_sounds(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "demo"
    code, out, err = run("demo", "-o", folder)
    assert code == 0, err
    assert sorted(path.name for path in folder.iterdir()) == [
        "content.wav", "result.png", "result.wav", "style.wav",
    ]  # fmt: skip
    assert str(folder / "result.wav") in out


def bad_files(folder: Path, good: Path) -> dict[str, Path]:
    """Files that cannot be used, one of each kind."""
    paths = {
        name: folder / f"{name}.wav"
        for name in ("missing", "empty", "text", "truncated", "headonly", "nan", "rate", "folder")
    }
    paths["empty"].write_bytes(b"")
    paths["text"].write_text("this is not audio\n" * 50)
    paths["truncated"].write_bytes(good.read_bytes()[:20_000])
    soundfile.write(paths["headonly"], np.zeros(0), RATE)
    soundfile.write(paths["nan"], np.array([0.0, 0.5, np.nan, 0.1] * 500), RATE, subtype="FLOAT")
    soundfile.write(paths["rate"], np.full(500, 0.1), 1000)
    paths["folder"].mkdir()
    paths["flac"] = folder / "cut.flac"
    data, rate = soundfile.read(good)
    soundfile.write(paths["flac"], data, rate)
    paths["flac"].write_bytes(paths["flac"].read_bytes()[:15_000])
    return paths


BAD_FILES = [
    ("missing", "does not exist"),
    ("empty", "is empty (0 bytes)"),
    ("text", "cannot be read as audio"),
    ("truncated", "is truncated: its header promises 132300 bytes of audio"),
    ("headonly", "holds no audio samples"),
    ("nan", "holds nan at 0.000 seconds (channel 1): samples must be finite numbers"),
    ("rate", "has a sample rate of 1000 Hz, which must lie between 8000 and 192000 Hz"),
    ("folder", "is a folder, not an audio file"),
    ("flac", "is"),
]


@pytest.mark.parametrize("role", ["content", "style"])
@pytest.mark.parametrize(("kind", "message"), BAD_FILES)
def test_bad_files_are_one_sentence_and_exit_code_two(
    kind: str, message: str, role: str, run: Run, clips: tuple[Path, Path], tmp_path: Path
) -> None:
    content, style = clips
    bad = bad_files(tmp_path, content)[kind]
    output = tmp_path / "out.wav"
    pair = (bad, style) if role == "content" else (content, bad)
    code, out, err = run("render", pair[0], "-s", pair[1], "-o", output)
    assert code == 2
    assert out == ""
    last = err.strip().splitlines()[-1]
    assert last.startswith(f"astfx: {role} file '{bad}'")
    assert message in last
    assert "Traceback" not in err
    assert not output.exists()
    assert not leftovers(tmp_path)


BAD_OUTPUTS: list[tuple[str, tuple[object, ...], str]] = [
    ("out.xyz", (), "must end in a known audio suffix"),
    ("nowhere/out.wav", (), "does not exist"),
    ("taken", (), "must end in a known audio suffix"),
    ("taken.wav", (), "is a folder: name a file in it"),
    ("content.wav", (), "is the content file: write to another name"),
    ("style.wav", (), "is the style file: write to another name"),
    ("out.flac", ("--float",), "FLAC has no float samples; use .wav or .aiff"),
    ("out.wav", ("--plot", "picture.bmp"), "must end in .png, .svg, .pdf"),
    ("out.wav", ("--plot", "nowhere/p.png"), "does not exist"),
    ("out.wav", ("--strength", 2), "strength=2.0 must lie between 0 and 1"),
    ("out.wav", ("--timbre", -1), "timbre=-1.0 must lie between 0 and 1"),
    ("out.wav", ("--texture", 2), "texture=2.0 must lie between 0 and 1"),
    ("out.wav", ("--method", "x"), "method='x' must be one of gram"),
    ("out.wav", ("--phase", "x"), "phase='x' must be one of pghi"),
    ("out.wav", ("--device", "x"), "device='x' must be one of auto, cpu, cuda"),
    ("out.wav", ("--set", "x=1"), "method 'gram' has no option 'x'"),
    ("out.wav", ("--set", "kernel_ms"), "--set 'kernel_ms' must look like key=value"),
    ("out.wav", ("--set", "kernel_ms=5000"), "kernel_ms=5000.0 must lie between 1 and 2000"),
]


@pytest.mark.parametrize(("name", "extra", "message"), BAD_OUTPUTS)
def test_bad_outputs_and_settings_are_refused_before_work(
    name: str, extra: tuple[object, ...], message: str, run: Run, clips: tuple[Path, Path],
    tmp_path: Path,
) -> None:  # fmt: skip
    (tmp_path / "taken.wav").mkdir()
    content, style = clips
    before = content.read_bytes(), style.read_bytes()
    code, _, err = run("render", content, "-s", style, "-o", tmp_path / name, *extra)
    assert code == 2
    assert message in err
    assert len(err.strip().splitlines()) == 1
    assert (content.read_bytes(), style.read_bytes()) == before
    assert not leftovers(tmp_path)


def test_missing_arguments_are_typers_own_exit_code_two(run: Run) -> None:
    assert run("render")[0] == 2
    assert run("render", "a.wav", "-o", "b.wav")[0] == 2


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_unwritable_folder(run: Run, clips: tuple[Path, Path], tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    code, _, err = run("render", clips[0], "-s", clips[1], "-o", locked / "out.wav")
    assert code == 2
    assert "cannot be written" in err


def test_no_room_on_the_disk(clips: tuple[Path, Path], tmp_path: Path, run: Run) -> None:
    """A limit on the file size stands in for a full disk. Both fail in the middle of a write."""
    content, style = clips
    output = tmp_path / "out.wav"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, hard))
        code, _, err = run("render", content, "-s", style, "-o", output, "--iterations", 1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert code == 2
    assert "no room" in err or "is the disk full?" in err
    assert not output.exists()
    assert not leftovers(tmp_path)


def test_an_existing_output_survives_a_failed_render(
    run: Run, clips: tuple[Path, Path], tmp_path: Path
) -> None:
    output = tmp_path / "out.wav"
    output.write_bytes(b"earlier work")
    silent = tmp_path / "silent.wav"
    soundfile.write(silent, np.zeros(5000), RATE)
    code, _, err = run("render", clips[0], "-s", silent, "-o", output)
    assert code == 2
    assert "is silent" in err
    assert output.read_bytes() == b"earlier work"


@pytest.mark.slow
def test_ctrl_c_leaves_nothing(clips: tuple[Path, Path], tmp_path: Path) -> None:
    content, style = clips
    process = subprocess.Popen(
        [sys.executable, "-m", "astfx.cli.main", "render", str(content), "-s", str(style),
         "-o", str(tmp_path / "out.wav"), "--iterations", "10000", "--method", "shallow-cnn"],
        stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    time.sleep(8.0)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted: nothing was written" in err
    assert "Traceback" not in err
    assert not (tmp_path / "out.wav").exists()
    assert not leftovers(tmp_path)


@pytest.mark.slow
def test_memory_of_long_styles_is_bounded(tmp_path: Path, rain: Waveform) -> None:
    """Preparing and scoring with a style of 13 minutes takes no more memory than with 3."""
    content = tmp_path / "content.wav"
    soundfile.write(content, rain[0], RATE)
    peaks: dict[int, float] = {}
    for minutes in (3, 13):
        style = tmp_path / f"{minutes}.flac"
        soundfile.write(style, np.tile(rain[0], 15 * minutes), RATE)
        code = (
            "import resource\n"
            "from astfx.cli.runs import score_files\n"
            "import astfx\n"
            f"astfx.prepare_style({str(style)!r}, {RATE})\n"
            f"astfx.Preset.from_audio({str(style)!r}, name='x')\n"
            f"score_files({str(style)!r}, {str(content)!r}, {str(style)!r})\n"
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
        )
        environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536"}
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, check=True, capture_output=True, env=environment)
        peaks[minutes] = int(done.stdout) / 1024
    # MB. 10 minutes of float samples are 53; on a busy machine, the same work varies by 30.
    assert peaks[13] < peaks[3] + 45
    assert peaks[13] < 1200


@pytest.mark.slow
def test_memory_of_a_long_render_is_bounded(tmp_path: Path, rain: Waveform) -> None:
    """Three minutes of stereo at 44.1 kHz take no more memory than two."""
    style = tmp_path / "style.wav"
    soundfile.write(style, rain[0], RATE)
    peaks: dict[int, Any] = {}
    for minutes in (2, 3):
        content = tmp_path / f"{minutes}.wav"
        clip = np.tile(rain, (2, 15 * minutes)).T[:, ::-1]
        soundfile.write(content, clip, 44100)
        code = (
            "import resource, astfx\n"
            f"astfx.transfer_file({str(content)!r}, {str(style)!r}, {str(tmp_path / 'o.wav')!r},"
            " astfx.Settings(iterations=1, phase_iterations=0))\n"
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
        )
        # Freed memory is returned at once, so that gaps in the heap do not count.
        environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536"}
        done = subprocess.run(
            [sys.executable, "-c", code],
            check=True,
            capture_output=True,
            text=True,
            env=environment,
        )
        peaks[minutes] = int(done.stdout) / 1024
    assert peaks[3] < peaks[2] + 10  # MB; a minute of one float copy is 21
    assert peaks[3] < 1500
