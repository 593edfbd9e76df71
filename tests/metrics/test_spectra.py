from __future__ import annotations

import librosa
import numpy as np
import numpy.typing as npt
import pytest

from astfx.metrics import _spectra

Signal = npt.NDArray[np.float64]

RELATIVE = 1e-4  # float32 spectra


@pytest.mark.parametrize(
    ("sample_rate", "n_fft", "n_mels"), [(22050, 1024, 64), (48000, 2048, 128)]
)
def test_mel_power_equals_librosa(noise: Signal, sample_rate: int, n_fft: int, n_mels: int) -> None:
    ours = _spectra.mel_power(noise, sample_rate, n_mels, n_fft, n_fft // 4)
    theirs = librosa.feature.melspectrogram(
        y=noise.astype(np.float32),
        sr=sample_rate,
        n_fft=n_fft,
        hop_length=n_fft // 4,
        n_mels=n_mels,
    )
    np.testing.assert_allclose(ours, theirs, rtol=RELATIVE, atol=1e-9)


def test_power_to_db_equals_librosa(noise: Signal) -> None:
    power = np.concatenate([noise[:100] ** 2, [0.0, 1e-12, 1e-7]])
    np.testing.assert_allclose(_spectra.power_to_db(power), librosa.power_to_db(power))


@pytest.mark.parametrize(
    ("sample_rate", "n_fft"),
    [(8000, 512), (16000, 1024), (22050, 1024), (44100, 2048), (48000, 2048), (96000, 4096)],
)
def test_frames_last_about_as_long_at_any_sample_rate(sample_rate: int, n_fft: int) -> None:
    assert _spectra.frame_settings(sample_rate, 1024) == (n_fft, n_fft // 4)
