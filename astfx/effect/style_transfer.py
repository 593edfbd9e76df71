"""`StyleTransfer`: any sound as an effect in a pedalboard."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Unpack, cast

import numpy as np

from astfx.audio import Source, Waveform
from astfx.effect.automation import Automation, Parameter, shown_number
from astfx.effect.base import Effect, check_rate, check_whole
from astfx.effect.controls import Controls
from astfx.effect.offline import rendered, rendered_clip
from astfx.effect.preparing import Preparation
from astfx.effect.serialise import read_arguments, written_arguments
from astfx.errors import AstfxError, EffectError, InvalidSettingError
from astfx.plan import RenderPlan
from astfx.runtime.device import thread_count
from astfx.runtime.progress import Progress
from astfx.settings import RENDER_TABLE, EngineOptions, make_settings
from astfx.streaming.base import Engine
from astfx.streaming.engines import checked_engine, engine_shape, find_engine
from astfx.streaming.streamer import Streamer, latency_samples
from astfx.styles.style import Style, StyleLike

_DEFAULT_RATE = 44_100
_STREAM_THREADS = 1
_PIECE_SAMPLES = 1 << 16
_WARM_UP_SECONDS = 0.8  # longer than the interval at which the engines update their maps
_ALWAYS_WRITTEN = ("method", "quality", "iterations", "seed", "device", "phase")


class StyleTransfer(Effect):
    """An effect that gives its input the texture of another sound.

    Parameters
    ----------
    style : path, ndarray, StyleTargets, Preset or a preset's name
        The sound to imitate. An array needs `style_sample_rate`. A preset has settings of its
        own, which apply where strength, mix, engine, quality or options are not given.
    strength : float or Automation, 0 to 1
        0 is the content bit for bit, 1 the full style.
    mix : float or Automation, 0 to 1
        Share of the result in the output. The rest is the content, aligned with it.
    engine : {"auto", "render", "stream", "live", "gain"}
        "render" works on whole clips, "stream" block by block with about 55 ms latency, "live" with
        23 ms, and "gain" with 29 ms; "gain" only turns bands up and down, and keeps most of the
        content. "auto" uses "render" for whole clips (`reset=True`) and "stream" for blocks.
    morph_to : like style, or list of them, optional
        Further styles. Each costs as much as the first.
    morph : float or Automation, 0 to the number of further styles
        Position between `style` (0), the first further style (1), the second (2), and so on.
        An automation moves through them over time.
    style_sample_rate : int, hertz, optional
        Sample rate of styles that are arrays.
    **settings
        Further settings of `astfx.transfer`, for the render engine: timbre, texture, method,
        quality, iterations, options, seed, device, phase, budget_seconds, ...

    Raises
    ------
    AstfxError
        If a style or a setting cannot be used.

    Examples
    --------
    >>> noise = np.random.default_rng(0).standard_normal(22050)
    >>> effect = StyleTransfer(noise, style_sample_rate=22050, engine="live")
    >>> effect(np.zeros((2, 100), np.float32), 22050).shape
    (2, 100)
    """

    def __init__(
        self,
        style: StyleLike,
        *,
        strength: float | Automation | None = None,
        mix: float | Automation | None = None,
        engine: str | None = None,
        morph_to: StyleLike | Sequence[StyleLike] | None = None,
        morph: float | Automation = 0.0,
        style_sample_rate: int | None = None,
        **settings: Unpack[EngineOptions],
    ) -> None:
        super().__init__()
        self._style_sample_rate = style_sample_rate
        first = self._made(style)
        own = first.settings
        # The controls apply strength and mix, so the engines get 1 for both.
        self._settings = make_settings({**own, "strength": 1.0, "mix": 1.0}, **settings)
        RenderPlan.of(self._settings, _DEFAULT_RATE)  # refuses settings that no render can use
        self._engine = checked_engine(engine or own.get("engine", "auto"), self._settings)
        self._controls = Controls(
            Parameter("Strength", own.get("strength", 1.0) if strength is None else strength),
            Parameter("Mix", own.get("mix", 1.0) if mix is None else mix),
            Parameter("Morph", morph, _highest_morph(morph_to)),
            first,
            self._stations(morph_to),
        )
        self._rate = _DEFAULT_RATE
        self._prepared: tuple[int, int] | None = None  # sample rate and channels
        self._ready: dict[Style, Engine] = {}
        self._incoming: tuple[Style, tuple[Style, ...]] | None = None
        self._preparation: Preparation | None = None
        self._style_error: AstfxError | None = None
        self._streamer: Streamer | None = None
        self._streamed: tuple[int, int] | None = None
        self._restart()

    def _made(self, style: StyleLike) -> Style:
        is_array = isinstance(style, np.ndarray)
        return Style.of(style, self._style_sample_rate if is_array else None)

    def _stations(self, morph_to: StyleLike | Sequence[StyleLike] | None) -> list[Style]:
        return [self._made(style) for style in _listed(morph_to)]

    @property
    def strength(self) -> float | Automation:
        """0 is the content bit for bit, 1 the full style. Changes are ramped."""
        return self._controls.strength.value

    @strength.setter
    def strength(self, value: float | Automation) -> None:
        self._controls.strength.value = value

    @property
    def mix(self) -> float | Automation:
        """Share of the result in the output, 0 to 1. Changes are ramped."""
        return self._controls.mix.value

    @mix.setter
    def mix(self, value: float | Automation) -> None:
        self._controls.mix.value = value

    @property
    def morph(self) -> float | Automation:
        """Position between `style` (0) and those of `morph_to` (1, 2, ...). Changes are ramped."""
        return self._controls.morph.value

    @morph.setter
    def morph(self, value: float | Automation) -> None:
        self._controls.morph.value = value

    @property
    def style(self) -> StyleLike:
        """The sound to imitate. A new one fades in over a quarter of a second."""
        return self._wanted[0].given

    @style.setter
    def style(self, value: StyleLike) -> None:
        made = self._made(value)
        with self._lock:
            self._change_styles(made, self._wanted[1])

    @property
    def morph_to(self) -> StyleLike | list[StyleLike] | None:
        """The second style, or a list of further styles. New ones fade in over 250 ms."""
        given = [style.given for style in self._wanted[1]]
        return given if len(given) > 1 else given[0] if given else None

    @morph_to.setter
    def morph_to(self, value: StyleLike | Sequence[StyleLike] | None) -> None:
        made = self._stations(value)
        with self._lock:
            self._change_styles(self._wanted[0], made)
            self._controls.morph.highest = _highest_morph(value)

    @property
    def engine(self) -> str:
        """Name of the engine. Changing it restarts the stream."""
        return self._engine

    @engine.setter
    def engine(self, value: str) -> None:
        with self._lock:
            self._engine = checked_engine(value, self._settings)
            self._restart()

    @property
    def method(self) -> str:
        """The style transfer method."""
        return self._settings.method

    @property
    def quality(self) -> str:
        """Quality of the render engine: draft, standard or best."""
        return self._settings.quality

    @property
    def seed(self) -> int:
        """Random seed. The same seed on the same machine gives the same samples."""
        return self._settings.seed

    @property
    def latency_samples(self) -> int:
        """Delay of a stream, in samples, at the rate of the last audio (44.1 kHz before any)."""
        return self.latency_samples_at(self._rate)

    def latency_samples_at(self, sample_rate: float) -> int:
        """Delay of a stream at a sample rate, in samples; 0 for the render engine."""
        if self._engine == "render":
            return 0
        return latency_samples(*engine_shape(self._engine, check_rate(sample_rate), self._settings))

    @property
    def style_error(self) -> AstfxError | None:
        """Why the last change of style could not be prepared; None if it could.

        Only prepared effects keep such an error (`prepare`), and go on with the style before.
        """
        return self._style_error

    def prepare(self, sample_rate: float, channels: int = 2, block_size: int = 512) -> None:
        """Get ready to process blocks in real time. What was heard so far is forgotten.

        Everything is compiled and warmed up, and the engines are made, so that no block takes
        longer than the others. From now on, a new style is prepared on a worker thread and fades in
        when it is ready. Without this call, it is prepared in the next call of `process` and fades
        in at once, so that the output depends on nothing but the input.

        Parameters
        ----------
        sample_rate : float, hertz
        channels : int
        block_size : int, samples
            Usual size of the blocks.

        Raises
        ------
        EffectError
            With engine="render", which has no blocks.
        AstfxError
            If a style, the sample rate, the number of channels or the size cannot be used.
        """
        rate = check_rate(sample_rate)
        check_whole(channels=channels, block_size=block_size)
        with self._lock:
            self._restart()
            rng = np.random.default_rng(0)
            for _ in range(-(-round(_WARM_UP_SECONDS * rate) // block_size)):
                noise = 0.01 * rng.standard_normal((channels, block_size)).astype(np.float32)
                self._stream(noise, rate, block_size)
            self._restart()
            styles = dict.fromkeys((self._controls.style, *self._controls.morph_to))
            self._ready = {style: self._make(style, rate, channels) for style in styles}
            self._prepared = (rate, channels)

    def _change_styles(self, style: Style, morph_to: Sequence[Style]) -> None:
        """Fade to other styles: at once, or when a worker has prepared them."""
        if self._prepared is None or self._streamed is None:
            self._controls.fade_to(style, morph_to)
            return
        self._drop_incoming()
        self._incoming = (style, tuple(morph_to))
        assert self._streamer is not None
        rate, channels = self._streamed
        known = {self._controls.style, *self._controls.morph_to}
        new = [each for each in dict.fromkeys((style, *morph_to)) if each not in known]
        self._preparation = Preparation(new, lambda each: self._make(each, rate, channels))
        self._preparation.start()

    @property
    def _wanted(self) -> tuple[Style, tuple[Style, ...]]:
        return self._incoming or (self._controls.style, self._controls.morph_to)

    def _drop_incoming(self) -> None:
        """Forget a change of style that has not been heard yet."""
        if self._preparation is not None and self._streamer is not None:
            for style in self._preparation.engines or ():
                self._streamer.release(style)
        self._incoming, self._preparation, self._style_error = None, None, None

    def _advance_incoming(self) -> None:
        """Let prepared engines run along, and fade to them once they have filled their delay."""
        if self._incoming is None or self._preparation is None:
            return
        if self._preparation.error is not None:
            error = self._preparation.error
            self._drop_incoming()
            self._style_error = error
        elif self._preparation.engines is not None:
            assert self._streamer is not None
            for style, engine in self._preparation.engines.items():
                self._streamer.insert(style, engine)
            if all(self._streamer.is_primed(style) for style in self._preparation.engines):
                self._controls.fade_to(*self._incoming)
                self._incoming = self._preparation = None

    def _restart(self) -> None:
        if self._incoming is not None:
            self._controls.fade_to(*self._incoming)
        self._incoming, self._preparation, self._style_error = None, None, None
        self._streamer, self._streamed = None, None
        self._controls.reset()

    def _make(self, style: object, sample_rate: int, channels: int) -> Engine:
        assert isinstance(style, Style)
        if self._prepared == (sample_rate, channels) and style in self._ready:
            return self._ready.pop(style)
        targets = style.targets(RenderPlan.of(self._settings, sample_rate))
        row = find_engine(self._engine, self._settings)
        return row.make(targets, sample_rate, channels, self._settings)

    def _stream(self, waveform: Waveform, sample_rate: int, buffer_size: int) -> Waveform:
        if self._engine == "render":
            raise EffectError(
                "engine='render' needs the whole clip (reset=True): use engine='stream' or "
                "engine='live' for blocks (reset=False)"
            )
        channels, n = waveform.shape
        if self._streamed != (sample_rate, channels):
            shape = engine_shape(self._engine, sample_rate, self._settings)
            self._restart()
            self._streamed = (sample_rate, channels)
            self._rate = sample_rate
            self._streamer = Streamer(
                channels, *shape, lambda key: self._make(key, sample_rate, channels)
            )
        assert self._streamer is not None
        self._advance_incoming()
        parts = []
        with thread_count(_STREAM_THREADS):
            # A whole clip is processed in pieces, which keeps the queues small.
            for first in range(0, max(n, 1), _PIECE_SAMPLES):
                piece = waveform[:, first : first + _PIECE_SAMPLES]
                now = self._controls.take(piece.shape[1], sample_rate)
                parts.append(self._streamer.process(piece, now.strength, now.wet, now.shares))
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)

    @property
    def _needs_whole(self) -> bool:
        return self._engine in ("auto", "render")

    def _whole(self, waveform: Waveform, sample_rate: int, buffer_size: int) -> Waveform:
        if not self._needs_whole:
            return super()._whole(waveform, sample_rate, buffer_size)
        self._rate = sample_rate
        return rendered_clip(waveform, sample_rate, self._controls, self._settings)

    @contextmanager
    def whole_file(
        self, source: Source, folder: Path, progress: Progress
    ) -> Iterator[Iterator[Waveform]]:
        """Render a whole source with the render engine. A context manager for the output blocks.

        Parameters
        ----------
        source : Source
        folder : Path
            Folder for temporary samples.
        progress : callable
            Called with the share of the work that is done, 0 to 1; returning False cancels.
        """
        with (
            self._lock,
            rendered(source, self._controls, self._settings, folder, progress) as blocks,
        ):
            yield blocks

    def _arguments(self) -> dict[str, Any]:
        """Keyword arguments that make an equal effect."""
        chosen = {
            name: getattr(self._settings, name)
            for name, row in RENDER_TABLE.items()
            if name in _ALWAYS_WRITTEN or getattr(self._settings, name) != row.default
        }
        chosen["options"] = dict(self._settings.options)
        return {
            "style": self.style,
            **chosen,
            "strength": self.strength,
            "mix": self.mix,
            "engine": self._engine,
            "morph_to": self.morph_to,
            "morph": self.morph,
            "style_sample_rate": self._style_sample_rate,
        }

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (type(self), self._arguments())

    def to_dict(self) -> dict[str, Any]:
        """All settings, as a dict for JSON.

        A preset that can be found by its name is written as that name. Any other is written in
        full, which takes about a megabyte.

        Raises
        ------
        EffectError
            If a style is a prepared style, or an automation is a function. Neither can be
            serialised.
        """
        return written_arguments(self._arguments())

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> StyleTransfer:
        """Make an effect from what `to_dict` returned.

        Raises
        ------
        AstfxError
            If it describes another plugin, or a value cannot be used.
        """
        arguments = read_arguments(values)
        try:
            return cls(**arguments)
        except AstfxError:
            raise
        except TypeError as error:
            raise InvalidSettingError(f"values do not make a {cls.__name__} ({error})") from None

    def _shown(self) -> dict[str, str]:
        shown = {"style": self._controls.style.label}
        shown |= {"strength": shown_number(self.strength), "mix": shown_number(self.mix)}
        if self._controls.morph_to:
            labels = [style.label for style in self._controls.morph_to]
            listed = labels[0] if len(labels) == 1 else f"[{', '.join(labels)}]"
            shown |= {"morph_to": listed, "morph": shown_number(self.morph)}
        settings = self._settings
        shown |= {"method": settings.method, "engine": self._engine, "quality": settings.quality}
        shown["seed"] = str(settings.seed)
        return shown


def _listed(morph_to: StyleLike | Sequence[StyleLike] | None) -> list[StyleLike]:
    if isinstance(morph_to, list | tuple):
        return list(morph_to)
    return [] if morph_to is None else [cast(StyleLike, morph_to)]


def _highest_morph(morph_to: StyleLike | Sequence[StyleLike] | None) -> float:
    return float(max(1, len(_listed(morph_to))))


def _rebuilt(cls: type[StyleTransfer], arguments: dict[str, Any]) -> StyleTransfer:
    return cls(**arguments)
