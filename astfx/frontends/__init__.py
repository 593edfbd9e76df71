"""From waveforms to frames and back."""
