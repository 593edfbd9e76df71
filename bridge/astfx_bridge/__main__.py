"""``python -m astfx_bridge``: the same as ``astfx-bridge``."""

from astfx_bridge.cli import entry

if __name__ == "__main__":
    entry()
