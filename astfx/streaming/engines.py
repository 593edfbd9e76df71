"""The registry of streaming engines. To add one, write its module and add its row here.

The engines take strength with each hop. Of the other settings of a render, only the window reaches
them, through their grid. Settings that they cannot have are refused (`Setting.in_blocks`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from astfx.errors import EffectError
from astfx.features.envelope_map import OVERLAP
from astfx.features.monge import Array
from astfx.frontends.grid import Grid, smooth_length
from astfx.methods import METHODS, find_method
from astfx.presets.tensors import frames_at
from astfx.settings import RENDER_TABLE, TABLE, Settings
from astfx.streaming import live, stream
from astfx.streaming.base import Engine
from astfx.streaming.gain import GainEngine
from astfx.streaming.live import LiveEngine
from astfx.streaming.spectral_stage import HOPS_PER_WINDOW
from astfx.streaming.stream import StreamEngine
from astfx.styles.analysis import LIVE_KEYS, envelope_statistics, live_grid
from astfx.styles.targets import StyleTargets


@dataclass(frozen=True, kw_only=True)
class BlockEngine:
    """A streaming engine: a row of the registry.

    Attributes
    ----------
    shape : callable
        ``shape(sample_rate, settings)`` returns its hop length and its delay, in samples.
    make : callable
        ``make(targets, sample_rate, channels, settings)`` returns a new engine.
    """

    shape: Callable[[int, Settings], tuple[int, int]]
    make: Callable[[StyleTargets, int, int, Settings], Engine]


def _window_length(window_ms: float, sample_rate: int) -> int:
    """Window of the spectral stage in samples; its hops are multiples of the envelope stage's."""
    parts = HOPS_PER_WINDOW * OVERLAP
    return parts * smooth_length(window_ms * 1e-3 * sample_rate / parts)


def _spectral_shape(heard_hops: int) -> Callable[[int, Settings], tuple[int, int]]:
    def shape(sample_rate: int, settings: Settings) -> tuple[int, int]:
        n_fft = _window_length(settings.window_ms, sample_rate)
        hop_length = n_fft // HOPS_PER_WINDOW
        return hop_length, (heard_hops - 1) * hop_length

    return shape


def _stream_shape(sample_rate: int, settings: Settings) -> tuple[int, int]:
    hop_length, delay = _spectral_shape(stream.HEARD_HOPS)(sample_rate, settings)
    return hop_length, delay + hop_length - hop_length // OVERLAP


def _gain_shape(sample_rate: int, settings: Settings) -> tuple[int, int]:
    grid = live_grid(sample_rate)
    return grid.hop_length, grid.n_fft - grid.hop_length


def _style_frames(targets: StyleTargets, sample_rate: int, settings: Settings) -> Array:
    """Log magnitudes of the style on the window of the spectral stage, (frames, bins).

    The number of frames from each run follows its weight.
    """
    lengths = targets.tensors["run_lengths"].tolist()
    runs = list(torch.split(targets.tensors["frames"].cpu(), lengths))
    total = sum(lengths)
    weights = targets.tensors.get("run_weights")
    shares = [n / total for n in lengths] if weights is None else weights.tolist()
    parts = []
    for run, share in zip(runs, shares, strict=True):
        count = max(1, round(share * total))
        parts.append(run[torch.linspace(0, len(run) - 1, count).round().long()])
    n_fft = _window_length(settings.window_ms, sample_rate)
    wanted = Grid(sample_rate=sample_rate, n_fft=n_fft, hop_length=n_fft // HOPS_PER_WINDOW)
    frames: Array = frames_at(torch.cat(parts), targets.grid, wanted).numpy()
    return frames


def _gain(targets: StyleTargets, sample_rate: int, channels: int, settings: Settings) -> Engine:
    mean, covariance = (targets.tensors[key].cpu().numpy() for key in LIVE_KEYS)
    return GainEngine(mean, covariance, sample_rate, channels)


def _live(targets: StyleTargets, sample_rate: int, channels: int, settings: Settings) -> Engine:
    return LiveEngine(_style_frames(targets, sample_rate, settings), sample_rate, channels)


def _stream(targets: StyleTargets, sample_rate: int, channels: int, settings: Settings) -> Engine:
    frames = _style_frames(targets, sample_rate, settings)
    envelopes = envelope_statistics(targets.tensors)
    return StreamEngine(frames, envelopes, sample_rate, channels)


BLOCK_ENGINES: dict[str, BlockEngine] = {
    "stream": BlockEngine(shape=_stream_shape, make=_stream),
    "live": BlockEngine(shape=_spectral_shape(live.HEARD_HOPS), make=_live),
    "gain": BlockEngine(shape=_gain_shape, make=_gain),
}
DEFAULT_BLOCK_ENGINE = "stream"


def find_engine(engine: str, settings: Settings) -> BlockEngine:
    """The streaming engine with a name; "auto" is the default one.

    Raises
    ------
    EffectError
        If the method or a setting does not work block by block.
    """
    if not find_method(settings.method).streams:
        able = ", ".join(f"method={name!r}" for name, row in METHODS.items() if row.streams)
        raise EffectError(
            f"engine={engine!r} works block by block with {able} only, not {settings.method!r}: "
            "pass whole clips (reset=True) with engine='render'"
        )
    for row in RENDER_TABLE.values():
        value = getattr(settings, row.name)
        if not row.in_blocks and value != row.default:
            raise EffectError(
                f"engine={engine!r} works block by block and takes {row.name}={row.default} only, "
                f"not {value}: pass whole clips (reset=True) with engine='render'"
            )
    return BLOCK_ENGINES[DEFAULT_BLOCK_ENGINE if engine == "auto" else engine]


def engine_shape(engine: str, sample_rate: int, settings: Settings) -> tuple[int, int]:
    """Hop length and delay of an engine, in samples. No style is needed.

    Raises
    ------
    EffectError
        If the method or a setting does not work block by block.
    """
    return find_engine(engine, settings).shape(sample_rate, settings)


def checked_engine(engine: str, settings: Settings) -> str:
    """Return the name of an engine, after checking that it works with the method.

    Raises
    ------
    InvalidSettingError
        If there is no such engine.
    EffectError
        If the method or a setting does not work block by block.
    """
    TABLE["engine"].check(engine)
    if engine in BLOCK_ENGINES:
        find_engine(engine, settings)
    return engine
