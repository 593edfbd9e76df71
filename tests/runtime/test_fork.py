"""Forked processes can use astfx after their parent has."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys

import pytest

PATIENCE_SECONDS = 240

SCRIPT = """
import multiprocessing
import sys
import numpy as np
import torch
import astfx

rng = np.random.default_rng(0)
content, style = (0.1 * rng.standard_normal((2, 22050)).astype(np.float32) for _ in range(2))

def work(index):
    output = astfx.transfer(content, style, 22050, quality="draft", threads=2)
    effect = astfx.StyleTransfer(style, style_sample_rate=22050, engine="stream")
    return [float(np.abs(clip).max()) for clip in (output, effect(content, 22050))]

class Clips(torch.utils.data.Dataset):
    def __len__(self):
        return 2

    def __getitem__(self, index):
        return torch.tensor(work(index))

expected = work(0)
if sys.argv[1] == "pool":
    with multiprocessing.get_context("fork").Pool(2) as pool:
        found = pool.map(work, range(2))
else:
    loader = torch.utils.data.DataLoader(Clips(), num_workers=2, multiprocessing_context="fork")
    found = [batch[0].tolist() for batch in loader]
np.testing.assert_allclose(found, [expected, expected], rtol=0.01)
print("done")
"""


@pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="this system cannot fork"
)
@pytest.mark.parametrize("workers", ["pool", "loader"])
def test_workers_that_are_forked_after_a_render_do_not_hang(workers: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, workers],
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )
    assert done.stdout == "done\n", done.stderr
