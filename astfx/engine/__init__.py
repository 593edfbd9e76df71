"""The offline engine: whole clips, segment by segment, from waveform to waveform."""
