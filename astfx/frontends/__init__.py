"""Front ends: from waveforms to time-frequency frames and back."""
