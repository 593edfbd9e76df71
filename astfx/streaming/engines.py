"""The registry of streaming engines. To add one, write its module and add its row here.

The engines take strength with each hop. Of the other settings of a render, only the window reaches
them, through their grid. Settings that they cannot have are refused (`Setting.in_blocks`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from astfx.errors import EffectError
from astfx.frontends.grid import Grid
from astfx.methods import METHODS, find_method
from astfx.settings import RENDER_TABLE, TABLE, Settings
from astfx.streaming.base import Engine
from astfx.streaming.live import LiveEngine
from astfx.streaming.stream import StreamEngine
from astfx.styles.analysis import LIVE_KEYS, live_grid
from astfx.styles.targets import StyleTargets


@dataclass(frozen=True, kw_only=True)
class BlockEngine:
    """A streaming engine: a row of the registry.

    Attributes
    ----------
    grid : callable
        ``grid(sample_rate, settings)`` returns the engine's time-frequency grid.
    delay_hops : int
        Delay of its output, in hops.
    make : callable
        ``make(targets, sample_rate, channels)`` returns a new engine.
    """

    grid: Callable[[int, Settings], Grid]
    delay_hops: int
    make: Callable[[StyleTargets, int, int], Engine]


def _live(targets: StyleTargets, sample_rate: int, channels: int) -> Engine:
    mean, covariance = (targets.tensors[key].numpy() for key in LIVE_KEYS)
    return LiveEngine(mean, covariance, sample_rate, channels)


def _stream(targets: StyleTargets, sample_rate: int, channels: int) -> Engine:
    lengths = targets.tensors["run_lengths"].tolist()
    runs = list(torch.split(targets.tensors["frames"].cpu(), lengths))
    weights = targets.tensors.get("run_weights")
    shares = None if weights is None else weights.tolist()
    return StreamEngine(runs, targets.grid, channels, shares)


BLOCK_ENGINES: dict[str, BlockEngine] = {
    "stream": BlockEngine(
        grid=lambda sample_rate, settings: Grid.of(settings.window_ms, sample_rate),
        delay_hops=StreamEngine.delay_hops,
        make=_stream,
    ),
    "live": BlockEngine(
        grid=lambda sample_rate, settings: live_grid(sample_rate),
        delay_hops=LiveEngine.delay_hops,
        make=_live,
    ),
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
    """Hop length in samples and delay in hops of an engine. No style is needed.

    Raises
    ------
    EffectError
        If the method or a setting does not work block by block.
    """
    row = find_engine(engine, settings)
    return row.grid(sample_rate, settings).hop_length, row.delay_hops


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
