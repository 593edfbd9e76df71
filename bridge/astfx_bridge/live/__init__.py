"""Live audio: an effect between an input and an output, with its controls."""
