"""`StyleTransfer`: any sound as an effect in a pedalboard."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any, Unpack, cast

import numpy as np

from astfx.audio import Source, Waveform
from astfx.audio.limiter import Limiter, limiter_delay
from astfx.effect.automation import Automation, Parameter, shown_number
from astfx.effect.base import Effect, check_rate, check_whole
from astfx.effect.controls import Blend, Controls
from astfx.effect.offline import rendered, rendered_clip
from astfx.effect.preparing import Preparation
from astfx.effect.serialise import read_arguments, written_arguments
from astfx.effect.weights import Weights, checked_mapping
from astfx.errors import AstfxError, EffectError, EffectTypeError, InvalidSettingError
from astfx.plan import RenderPlan
from astfx.runtime.device import thread_count
from astfx.runtime.progress import Progress
from astfx.settings import RENDER_TABLE, EngineOptions, make_settings
from astfx.streaming.base import Engine
from astfx.streaming.engines import checked_engine, engine_shape, find_engine
from astfx.streaming.streamer import Streamer, latency_samples
from astfx.styles.style import Style, StyleLike

Morph = float | Automation | Mapping[Any, float | Automation] | Sequence[float | Automation]

_DEFAULT_RATE = 44_100
_STREAM_THREADS = 1
_PIECE_SAMPLES = 1 << 15
_WARM_UP_SECONDS = 0.8  # longer than the interval at which the engines update their maps
_LOOK_AHEAD_MS = 1.4
_LOWEST_CEILING_DB = -40.0
_CEILING_MARGIN_DB = 0.3  # the limiter may read a peak between samples this much too low
_ALWAYS_WRITTEN = ("method", "quality", "iterations", "seed", "device", "phase")


class StyleTransfer(Effect):
    """An effect that gives its input the texture of another sound.

    Parameters
    ----------
    style : path, ndarray, StyleTargets, Preset or a preset's name
        The sound to imitate. An array needs `style_sample_rate`. A preset has settings of its
        own, which apply where strength, mix, engine, quality or options are not given. It may be
        left out where `morph` names styles.
    strength : float or Automation, 0 to 1
        0 is the content bit for bit, 1 the full style. In the engine "render", an automation moves
        between the content and the full style; one number gives a result that is made for it, and
        keeps more of the content.
    mix : float or Automation, 0 to 1
        Share of the result in the output. The rest is the content, aligned with it.
    engine : {"auto", "render", "stream", "live", "gain"}
        "render" works on whole clips, "stream" block by block with about 67 ms latency, "live" with
        23 ms, and "gain" with 29 ms; "gain" only turns bands up and down, and keeps most of the
        content. "auto" uses "render" for whole clips (`reset=True`) and "stream" for blocks.
    morph_to : like style, or list of them, optional
        Further styles. Each costs as much as the first.
    morph : float, Automation, mapping or list
        A number or an automation, 0 to the number of further styles, is the position between
        `style` (0), the first further style (1), the second (2), and so on. A mapping such as
        ``{"rain": 0.2, "fire": 0.3}`` mixes any number of styles by weights, each a number or an
        automation, 0 to 1000; only their ratios count. A list has the weights of `style` and of
        each style in `morph_to`.
    ceiling_db : float, -40 to 0, dB relative to full scale, optional
        Highest true peak of the output. A limiter looks 1.4 ms ahead, which adds about 1.7 ms to
        the latency. It changes nothing until a peak reaches the ceiling. By default there is none.
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
        style: StyleLike | None = None,
        *,
        strength: float | Automation | None = None,
        mix: float | Automation | None = None,
        engine: str | None = None,
        morph_to: StyleLike | Sequence[StyleLike] | None = None,
        morph: Morph = 0.0,
        ceiling_db: float | None = None,
        style_sample_rate: int | None = None,
        **settings: Unpack[EngineOptions],
    ) -> None:
        super().__init__()
        self._style_sample_rate = style_sample_rate
        blend = self._blended(style, morph_to, morph)
        first = blend.styles[0]
        own = first.settings
        # The controls apply strength and mix, so the engines get 1 for both.
        self._settings = make_settings({**own, "strength": 1.0, "mix": 1.0}, **settings)
        RenderPlan.of(self._settings, _DEFAULT_RATE)  # refuses settings that no render can use
        self._engine = checked_engine(engine or own.get("engine", "auto"), self._settings)
        self._controls = Controls(
            Parameter("Strength", own.get("strength", 1.0) if strength is None else strength),
            Parameter("Mix", own.get("mix", 1.0) if mix is None else mix),
            Parameter(
                "Morph",
                0.0
                if isinstance(morph, Mapping | list | tuple)
                else cast(float | Automation, morph),
                _highest_morph(blend.styles),
            ),
            first,
            blend.styles[1:],
            blend.weights,
        )
        self._ceiling_db = _checked_ceiling(ceiling_db)
        self._limiter: Limiter | None = None
        self._rate = _DEFAULT_RATE
        self._prepared: tuple[int, int] | None = None  # sample rate and channels
        self._ready: dict[Style, Engine] = {}
        self._incoming: Blend | None = None
        self._preparation: Preparation | None = None
        self._spares: Preparation | None = None
        self._style_error: AstfxError | None = None
        self._streamer: Streamer | None = None
        self._streamed: tuple[int, int] | None = None
        self._restart()

    def _made(self, style: StyleLike) -> Style:
        is_array = isinstance(style, np.ndarray)
        return Style.of(style, self._style_sample_rate if is_array else None)

    def _stations(self, morph_to: StyleLike | Sequence[StyleLike] | None) -> list[Style]:
        return [self._made(style) for style in _listed(morph_to)]

    def _blended(
        self,
        style: StyleLike | None,
        morph_to: StyleLike | Sequence[StyleLike] | None,
        morph: Morph,
        known: Sequence[Style] = (),
    ) -> Blend:
        """The styles that arguments name, and their weights.

        Styles that are among the known ones are taken from there, so that they keep sounding.
        """
        if not isinstance(morph, Mapping):
            if style is None:
                raise EffectTypeError(
                    "style=None must be a sound to imitate, unless morph is a mapping of styles "
                    "to weights"
                )
            styles = (self._made(style), *self._stations(morph_to))
            weights = Weights(morph, styles) if isinstance(morph, list | tuple) else None
            return Blend(styles, weights)
        checked_mapping(morph)
        if morph_to is not None:
            raise InvalidSettingError(
                f"morph_to={morph_to!r} must be left out where morph maps styles to weights"
            )
        if style is not None and not (isinstance(style, str | PathLike) and style in morph):
            raise InvalidSettingError(
                f"style={_shown_style(style)} has no weight in morph: name it there, or leave it "
                "out"
            )
        names = list(morph) if style is None else [style, *(n for n in morph if n != style)]
        found = {each.given: each for each in known if isinstance(each.given, str | PathLike)}
        styles = tuple(found.get(name) or self._made(name) for name in names)
        return Blend(styles, Weights([morph[name] for name in names], styles))

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
    def morph(self) -> Morph:
        """Position between `style` (0) and those of `morph_to` (1, 2, ...), or their weights.

        Weights are a mapping, if every style has a name or a path, or a list. Changes are ramped.
        Styles that a mapping names for the first time fade in over 250 ms.
        """
        blend = self._wanted
        if blend.weights is None:
            return self._controls.morph.value
        names = [style.given for style in blend.styles]
        if all(isinstance(name, str | PathLike) for name in names):
            return dict(zip(cast(list[str], names), blend.weights.values, strict=True))
        return blend.weights.values

    @morph.setter
    def morph(self, value: Morph) -> None:
        blend = self._wanted
        if isinstance(value, Mapping):
            made = self._blended(None, None, value, blend.styles)
            with self._lock:
                order = dict(_pairs(made))
                if blend.weights is not None and order.keys() == set(blend.styles):
                    blend.weights.set([order[style] for style in blend.styles])
                else:
                    self._change_styles(made)
        elif isinstance(value, list | tuple):
            weights = Weights(value, blend.styles)
            with self._lock:
                if blend.weights is not None:
                    blend.weights.set(value)
                else:
                    self._change_styles(Blend(blend.styles, weights))
        else:
            with self._lock:
                self._controls.morph.value = cast(float | Automation, value)
                if blend.weights is not None:
                    self._change_styles(Blend(blend.styles))

    @property
    def style(self) -> StyleLike:
        """The sound to imitate. A new one fades in over a quarter of a second."""
        return self._wanted.styles[0].given

    @style.setter
    def style(self, value: StyleLike) -> None:
        made = self._made(value)
        with self._lock:
            styles = (made, *self._wanted.styles[1:])
            weights = self._wanted.weights
            if weights is not None:
                weights = Weights(weights.values, styles)
            self._change_styles(Blend(styles, weights))

    @property
    def morph_to(self) -> StyleLike | list[StyleLike] | None:
        """The second style, or a list of further styles. New ones fade in over 250 ms."""
        given = [style.given for style in self._wanted.styles[1:]]
        return given if len(given) > 1 else given[0] if given else None

    @morph_to.setter
    def morph_to(self, value: StyleLike | Sequence[StyleLike] | None) -> None:
        made = self._stations(value)
        with self._lock:
            styles, weights = (self._wanted.styles[0], *made), self._wanted.weights
            if weights is not None:
                weights = Weights(weights.values, styles)
            self._change_styles(Blend(styles, weights))
            self._controls.morph.highest = _highest_morph(styles)

    @property
    def mix_law(self) -> str:
        """How `mix` crossfades: linear or equal_power."""
        return self._settings.mix_law

    @property
    def ceiling_db(self) -> float | None:
        """Highest true peak of the output, dBTP; None for no limit. Changing it restarts."""
        return self._ceiling_db

    @ceiling_db.setter
    def ceiling_db(self, value: float | None) -> None:
        with self._lock:
            self._ceiling_db = _checked_ceiling(value)
            self._restart()

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
        rate = check_rate(sample_rate)
        look_ahead = 0 if self._ceiling_db is None else limiter_delay(rate, _LOOK_AHEAD_MS)
        return latency_samples(*engine_shape(self._engine, rate, self._settings)) + look_ahead

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
            styles = dict.fromkeys(self._controls.blend.styles)
            self._ready = {style: self._make(style, rate, channels) for style in styles}
            self._prepared = (rate, channels)

    def _change_styles(self, blend: Blend) -> None:
        """Fade to other styles: at once, or when a worker has prepared them."""
        if self._prepared is None or self._streamed is None:
            if self._prepared is not None:  # nothing sounds yet, so the caller can wait
                rate, channels = self._prepared
                wanted = dict.fromkeys(blend.styles)
                self._ready = {each: self._make(each, rate, channels) for each in wanted}
            self._controls.fade_to(blend)
            return
        self._drop_incoming()
        self._incoming = blend
        assert self._streamer is not None
        rate, channels = self._streamed
        known = set(self._controls.blend.styles)
        new = [each for each in dict.fromkeys(blend.styles) if each not in known]
        self._preparation = Preparation(new, lambda each: self._make(each, rate, channels))
        self._preparation.start()

    def _keep_spares(self) -> None:
        """Have an engine ready for each of several styles, whenever one is to be heard again."""
        styles = set(self._controls.blend.styles)
        if len(styles) == 1 or self._prepared is None or self._prepared != self._streamed:
            return
        if self._spares is not None and self._spares.engines is not None:
            self._ready = {
                style: engine
                for style, engine in (self._ready | dict(self._spares.engines)).items()
                if style in styles
            }
            self._spares = None
        missing = [style for style in styles if style not in self._ready]
        if missing and self._spares is None:
            rate, channels = self._prepared
            self._spares = Preparation(missing, lambda each: self._built(each, rate, channels))
            self._spares.start()

    @property
    def _wanted(self) -> Blend:
        return self._incoming or self._controls.blend

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
                self._controls.fade_to(self._incoming)
                self._incoming = self._preparation = None

    def _restart(self) -> None:
        if self._incoming is not None:
            self._controls.fade_to(self._incoming)
        self._incoming, self._preparation, self._style_error = None, None, None
        self._streamer, self._streamed, self._spares = None, None, None
        self._limiter = None
        self._controls.reset()

    def _make(self, style: object, sample_rate: int, channels: int) -> Engine:
        assert isinstance(style, Style)
        if self._prepared == (sample_rate, channels) and style in self._ready:
            return self._ready.pop(style)
        return self._built(style, sample_rate, channels)

    def _built(self, style: Style, sample_rate: int, channels: int) -> Engine:
        with thread_count(_STREAM_THREADS):
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
                channels,
                *shape,
                lambda key: self._make(key, sample_rate, channels),
                self._settings.mix_law,
            )
            self._limiter = self._new_limiter(sample_rate, channels)
        assert self._streamer is not None
        self._advance_incoming()
        self._keep_spares()
        parts: list[Waveform] = []
        # A whole clip is processed in pieces, which keeps the queues small. A change that waits for
        # the end of a fade begins with a piece.
        first = 0
        while first < n or not parts:
            size = min(_PIECE_SAMPLES, self._controls.n_until_change or _PIECE_SAMPLES)
            piece = waveform[:, first : first + size]
            first += size
            now = self._controls.take(piece.shape[1], sample_rate)
            parts.append(self._streamer.process(piece, now.strength, now.wet, now.shares))
        output = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
        return output if self._limiter is None else self._limiter.process(output)

    def _new_limiter(self, sample_rate: int, channels: int) -> Limiter | None:
        if self._ceiling_db is None:
            return None
        ceiling_db = self._ceiling_db - _CEILING_MARGIN_DB
        return Limiter(sample_rate, channels, ceiling_db=ceiling_db, look_ahead_ms=_LOOK_AHEAD_MS)

    @property
    def _needs_whole(self) -> bool:
        return self._engine in ("auto", "render")

    def _whole(self, waveform: Waveform, sample_rate: int, buffer_size: int) -> Waveform:
        if not self._needs_whole:
            return super()._whole(waveform, sample_rate, buffer_size)
        self._rate = sample_rate
        output = rendered_clip(waveform, sample_rate, self._controls, self._settings)
        limiter = self._new_limiter(sample_rate, len(output))
        if limiter is None:
            return output
        return np.concatenate(list(limiter.blocks(iter([output]))), axis=1)

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
            limiter = self._new_limiter(source.sample_rate, source.channels)
            yield blocks if limiter is None else limiter.blocks(blocks)

    def _arguments(self) -> dict[str, Any]:
        """Keyword arguments that make an equal effect."""
        chosen = {
            name: getattr(self._settings, name)
            for name, row in RENDER_TABLE.items()
            if name in _ALWAYS_WRITTEN or getattr(self._settings, name) != row.default
        }
        chosen["options"] = dict(self._settings.options)
        weights = self._wanted.weights
        return {
            "style": self.style,
            **chosen,
            "strength": self.strength,
            "mix": self.mix,
            "engine": self._engine,
            "morph_to": self.morph_to,
            "morph": self.morph if weights is None else weights.values,
            "ceiling_db": self.ceiling_db,
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
        if arguments.get("style") is None:
            raise InvalidSettingError(f"values do not make a {cls.__name__} (they have no style)")
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
            weights = self._controls.weights
            morph = (
                shown_number(self._controls.morph.value)
                if weights is None
                else f"[{', '.join(shown_number(value) for value in weights.values)}]"
            )
            shown |= {"morph_to": listed, "morph": morph}
        if self._ceiling_db is not None:
            shown["ceiling_db"] = shown_number(self._ceiling_db)
        settings = self._settings
        shown |= {"method": settings.method, "engine": self._engine, "quality": settings.quality}
        shown["seed"] = str(settings.seed)
        return shown


def _checked_ceiling(ceiling_db: float | None) -> float | None:
    if ceiling_db is None:
        return None
    if isinstance(ceiling_db, bool) or not isinstance(
        ceiling_db, int | float | np.floating | np.integer
    ):
        raise EffectTypeError(f"ceiling_db={ceiling_db!r} must be a number (dB) or None")
    if not _LOWEST_CEILING_DB <= ceiling_db <= 0.0:
        raise InvalidSettingError(
            f"ceiling_db={float(ceiling_db):g} must be from {_LOWEST_CEILING_DB:g} to 0 dB"
        )
    return float(ceiling_db)


def _listed(morph_to: StyleLike | Sequence[StyleLike] | None) -> list[StyleLike]:
    if isinstance(morph_to, list | tuple):
        return list(morph_to)
    return [] if morph_to is None else [cast(StyleLike, morph_to)]


def _highest_morph(styles: Sequence[Style]) -> float:
    return float(max(1, len(styles) - 1))


def _pairs(blend: Blend) -> list[tuple[Style, float | Automation]]:
    assert blend.weights is not None
    return list(zip(blend.styles, blend.weights.values, strict=True))


def _shown_style(style: StyleLike) -> str:
    return repr(style) if isinstance(style, str | PathLike) else type(style).__name__


def _rebuilt(cls: type[StyleTransfer], arguments: dict[str, Any]) -> StyleTransfer:
    return cls(**arguments)
