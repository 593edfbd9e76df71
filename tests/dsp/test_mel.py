from __future__ import annotations

import librosa
import numpy as np
import pytest

from astfx.dsp.mel import hz_to_mel, mel_to_hz

FREQUENCY_HZ = np.array([0.0, 50.0, 999.0, 1000.0, 1001.0, 22050.0])


@pytest.mark.parametrize("htk", [False, True])
def test_mel_scales_equal_librosa_and_invert(htk: bool) -> None:
    mel = hz_to_mel(FREQUENCY_HZ, htk=htk)
    np.testing.assert_allclose(mel, librosa.hz_to_mel(FREQUENCY_HZ, htk=htk))
    np.testing.assert_allclose(mel_to_hz(mel, htk=htk), FREQUENCY_HZ, atol=1e-8)
