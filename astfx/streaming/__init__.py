"""The streaming engines, which stylise block by block."""
