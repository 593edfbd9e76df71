"""The example of `astfx demo`: a plucked melody and rain, both synthesised."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import signal

from astfx.audio import AudioWriter, Waveform
from astfx.errors import AudioFileError

SAMPLE_RATE = 44_100
_TEMPO_SECONDS = 0.28
# A minor pentatonic phrase, in semitones above A3. None is a rest.
_MELODY = (0, 3, 5, 7, 10, 7, 5, None, 3, 5, 7, 12, 10, None, 7, 5, 3, 5, 0, None, 0, 7, 12, None)
_A3_HZ = 220.0


def pluck(frequency_hz: float, seconds: float, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Synthesise one plucked string (Karplus & Strong 1983), (samples,)."""
    period = round(SAMPLE_RATE / frequency_hz)
    burst = np.zeros(round(seconds * SAMPLE_RATE))
    burst[:period] = rng.uniform(-1.0, 1.0, period)
    denominator = np.zeros(period + 2)
    denominator[0], denominator[period], denominator[period + 1] = 1.0, -0.4985, -0.4985
    return np.asarray(signal.lfilter([1.0], denominator, burst))


def melody(seed: int = 1) -> Waveform:
    """Synthesise a melody of plucked strings in stereo, (2, samples)."""
    rng = np.random.default_rng(seed)
    ring = round(1.4 * SAMPLE_RATE)
    step = round(_TEMPO_SECONDS * SAMPLE_RATE)
    out = np.zeros((2, step * len(_MELODY) + ring))
    for index, semitones in enumerate(_MELODY):
        if semitones is None:
            continue
        note = pluck(_A3_HZ * 2.0 ** (semitones / 12.0), 1.4, rng)
        right = 0.5 + 0.35 * np.sin(0.9 * index)
        for channel, gain in enumerate((np.sqrt(1.0 - right), np.sqrt(right))):
            out[channel, index * step : index * step + ring] += gain * note
    out *= 0.5 / np.abs(out).max()
    return out.astype(np.float32)


def rain(seconds: float = 8.0, drops_per_second: float = 90.0, seed: int = 2) -> Waveform:
    """Synthesise rain in stereo, ringing drops (van den Doel 2005) over a hiss, (2, samples)."""
    rng = np.random.default_rng(seed)
    n_samples = round(seconds * SAMPLE_RATE)
    out = np.zeros((2, n_samples))
    for _ in range(rng.poisson(drops_per_second * seconds)):
        start = int(rng.integers(0, n_samples))
        length = min(round(0.06 * SAMPLE_RATE), n_samples - start)
        time = np.arange(length) / SAMPLE_RATE
        pitch_hz = np.exp(rng.uniform(np.log(900.0), np.log(7000.0)))
        rise = 1.0 + rng.uniform(0.0, 4.0) * time
        decay = np.exp(-time * pitch_hz / rng.uniform(12.0, 40.0))
        drop = np.sin(2.0 * np.pi * pitch_hz * time * rise) * decay
        drop *= rng.pareto(2.5) + 0.1
        pan = rng.uniform(0.0, 1.0)
        out[0, start : start + length] += np.sqrt(1.0 - pan) * drop
        out[1, start : start + length] += np.sqrt(pan) * drop
    sections = signal.butter(2, [1500.0, 9000.0], "bandpass", fs=SAMPLE_RATE, output="sos")
    hiss = signal.sosfilt(sections, rng.standard_normal((2, n_samples)))
    out += 0.25 * hiss
    out *= 0.5 / np.abs(out).max()
    return out.astype(np.float32)


def example_paths(folder: Path) -> tuple[Path, Path]:
    """Return the paths of the files that `write_example` writes."""
    return folder / "content.wav", folder / "style.wav"


def write_example(folder: Path) -> tuple[Path, Path]:
    """Write content.wav and style.wav into a folder, which is created, and return their paths."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AudioFileError(f"folder '{folder}' cannot be made ({error.strerror})") from None
    paths = example_paths(folder)
    for path, waveform in zip(paths, (melody(), rain()), strict=True):
        with AudioWriter(path, SAMPLE_RATE, 2, waveform.shape[1]) as writer:
            writer.write(waveform)
    return paths
