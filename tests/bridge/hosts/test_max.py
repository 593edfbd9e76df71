"""Max cannot run here. Its script runs in node, with stand-ins for what Max gives it."""

from __future__ import annotations

import pytest

from tests.bridge.hosts.programs import CLIENTS, HERE, need, run

pytestmark = pytest.mark.hosts


def test_a_buffer_goes_out_and_comes_back() -> None:
    lines = run(
        need("node"), HERE / "max.js", CLIENTS / "max" / "javascript" / "astfx-buffers.js"
    ).splitlines()
    assert lines == [
        "3 buffers two names are needed: those of the content and of the result",
        "3 buffers the buffer~ empty is empty",
        "1 /astfx/roots",
        "buffer~ dry samptype float32",
        "buffer~ dry writewave /r/astfx-max-7-1.wav",
        "buffer~ other samptype float32",
        "buffer~ other writewave /r/astfx-max-7-2.wav",
        "1 /astfx/render max-7-1 /r/astfx-max-7-1.wav /r/astfx-max-7-1-wet.wav style rain "
        "strength 0.5",
        "1 /astfx/render max-7-2 /r/astfx-max-7-2.wav /r/astfx-max-7-2-wet.wav",
        "4 /astfx/queued max-7-1",
        "buffer~ wet replace /r/out.wav",
        "2 buffers wet",
        "3 buffers why",
        "4 /astfx/done /astfx/render 5 /r/x.wav 44100 100",
        "4 /astfx/roots 1 /r",
    ]
