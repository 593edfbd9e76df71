"""Styles: from audio, presets or files to the targets that a render needs."""
