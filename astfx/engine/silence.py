"""Keep silences silent, and soften clicks at the ends of a clip."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from astfx.audio import Waveform
from astfx.engine.scan import BESIDE_HOPS, Scan

_LEAST_HOPS = 8
_MOST_END_PEAK = 1.5


def soften_ends(blocks: Iterator[Waveform], measured: Scan, hop_length: int) -> Iterator[Waveform]:
    """Turn down clicks in the first and last hop of a stream.

    A clip that is cut off in the middle of a tone has an edge there, however its frames are
    padded. A style that is loud at high frequencies amplifies this edge. A hop may stand out from
    its neighbours 1.5 times as much as in the content. A louder one is turned down to this limit.
    """
    held: Waveform | None = None
    is_first = True
    for block in blocks:
        if held is not None and min(held.shape[1], block.shape[1]) >= _LEAST_HOPS * hop_length:
            yield held
            held = block
        else:
            held = block if held is None else np.concatenate([held, block], axis=1)
        if is_first and held.shape[1] >= _LEAST_HOPS * hop_length:
            _soften(held, measured.end_peaks[0], hop_length)
            is_first = False
    if held is not None:
        if held.shape[1] >= _LEAST_HOPS * hop_length:
            _soften(held[:, ::-1], measured.end_peaks[1], hop_length)
        yield held


def _soften(block: Waveform, content_peak: float, hop_length: int) -> None:
    """Turn down the first hop of a block, in place, if it stands out too much."""
    edge = float(np.abs(block[:, :hop_length]).max())
    beside = float(np.abs(block[:, 2 * hop_length : (2 + BESIDE_HOPS) * hop_length]).max())
    most = _MOST_END_PEAK * max(content_peak, 1.0) * beside
    if 0.0 < most < edge:
        gain = np.float32(most / edge)
        block[:, :hop_length] *= gain
        ramp = np.linspace(gain, 1.0, hop_length, dtype=np.float32)
        block[:, hop_length : 2 * hop_length] *= ramp


def silence_gate(
    silent: npt.NDArray[np.bool_], start: int, stop: int, hop_length: int
) -> npt.NDArray[np.float32] | None:
    """Gain that keeps silences silent, for samples [start, stop); None if it is 1 throughout.

    The gain fades inside the silence, over one hop at either end, so that no onset is dulled. A
    silence at an end of the clip is not faded there.
    """
    first, last = start // hop_length, -(-stop // hop_length)
    if not silent[first:last].any():
        return None
    padded = np.pad(silent, (1, max(1, last + 1 - len(silent))), mode="edge")
    before, here, after = (padded[first + i : last + i] for i in range(3))
    begin = np.where(here & before, 0.0, 1.0)
    end = np.where(here & after, 0.0, 1.0)
    ramp = np.arange(hop_length, dtype=np.float32) / hop_length
    gate = begin[:, None] + (end - begin)[:, None] * ramp
    # A silence of one hop has no effect here: its gain ramps from 1 to 1.
    return gate.astype(np.float32).reshape(-1)[
        start - first * hop_length : stop - first * hop_length
    ]


def apply_gate(block: Waveform, silent: npt.NDArray[np.bool_], start: int, hop_length: int) -> None:
    """Silence a (channels, n) block in place where the content is silent."""
    gate = silence_gate(silent, start, start + block.shape[1], hop_length)
    if gate is not None:
        block *= gate
