"""Where the program `astfx` starts. Ctrl-C ends it silently while it reads its modules."""

from __future__ import annotations

import signal


def entry() -> None:
    """Run the command line."""
    usual = signal.getsignal(signal.SIGINT)
    if usual is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from astfx.cli.main import entry as run

    signal.signal(signal.SIGINT, usual)
    run()
