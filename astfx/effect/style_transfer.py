"""`StyleTransfer`: any sound as an effect in a pedalboard."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from astfx.audio import Waveform
from astfx.device import thread_count
from astfx.effect import state
from astfx.effect.automation import Automation, Parameter
from astfx.effect.base import Effect, check_rate
from astfx.effect.fades import Shares
from astfx.effect.styles import Style, StyleLike, engine_shape
from astfx.errors import EffectError, InvalidSettingError
from astfx.methods import find_method
from astfx.render import Render
from astfx.settings import DEFAULT_METHOD, DEFAULT_PHASE, Settings, make_options
from astfx.streaming.base import Engine
from astfx.streaming.streamer import Streamer, engaged, latency_samples, mixed, usable
from astfx.targets import array_source

ENGINES = ("auto", "render", "stream", "live")
_DEFAULT_RATE = 44_100
_STREAM_THREADS = 1
_PIECE_SAMPLES = 1 << 16


class StyleTransfer(Effect):
    """Give what passes through the texture of another sound.

    Parameters
    ----------
    style : path, ndarray or StyleTargets
        What it shall sound like. An array needs `style_sample_rate`.
    strength : float or Automation, 0 to 1
        0 is the content bit for bit, 1 the full style.
    mix : float or Automation, 0 to 1
        Share of the result against the content, aligned with it.
    method : str
        `astfx methods` lists them; the streaming engines need "gram".
    engine : {"auto", "render", "stream", "live"}
        "render" works on whole clips; "stream" block by block with about 140 ms latency, "live"
        with 29 ms. "auto" takes "render" for whole clips (`reset=True`) and "stream" for blocks.
    morph_to : like style, optional
        A second style, and
    morph : float or Automation, 0 to 1
        how far to go towards it.
    quality : {"draft", "standard", "best"}
    iterations, options, seed, device, phase
        As for `astfx.transfer`; for the render engine.
    style_sample_rate : int, hertz, optional
        Of styles given as arrays.

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
        strength: float | Automation = 1.0,
        mix: float | Automation = 1.0,
        method: str = DEFAULT_METHOD,
        engine: str = "auto",
        morph_to: StyleLike | None = None,
        morph: float | Automation = 0.0,
        quality: str = "standard",
        iterations: int | None = None,
        options: Mapping[str, Any] | None = None,
        seed: int = 0,
        device: str = "auto",
        phase: str = DEFAULT_PHASE,
        style_sample_rate: int | None = None,
    ) -> None:
        super().__init__()
        self._strength = Parameter("Strength", strength)
        self._mix = Parameter("Mix", mix)
        self._morph = Parameter("Morph", morph)
        self._settings = Settings(
            method=method,
            quality=quality,
            iterations=iterations,
            options=dict(options or {}),
            seed=seed,
            device=device,
            phase=phase,
        )
        make_options(find_method(method).options, method, self._settings.options)
        self._engine = _checked_engine(engine, self._settings)
        self._style_sample_rate = style_sample_rate
        other = None if morph_to is None else self._made(morph_to)
        self._shares = Shares(self._made(style), other, self._morph)
        self._rate = _DEFAULT_RATE
        self._restart()

    def _made(self, style: StyleLike) -> Style:
        return Style(style, self._style_sample_rate if isinstance(style, np.ndarray) else None)

    @property
    def strength(self) -> float | Automation:
        """0 is the content bit for bit, 1 the full style; ramped when it changes."""
        return self._strength.value

    @strength.setter
    def strength(self, value: float | Automation) -> None:
        self._strength.value = value

    @property
    def mix(self) -> float | Automation:
        """Share of the result against the content, 0 to 1; ramped when it changes."""
        return self._mix.value

    @mix.setter
    def mix(self, value: float | Automation) -> None:
        self._mix.value = value

    @property
    def morph(self) -> float | Automation:
        """How far to go towards `morph_to`, 0 to 1; ramped when it changes."""
        return self._morph.value

    @morph.setter
    def morph(self, value: float | Automation) -> None:
        self._morph.value = value

    @property
    def style(self) -> StyleLike:
        """What it sounds like; a new one fades in over a quarter of a second."""
        return self._shares.style.given

    @style.setter
    def style(self, value: StyleLike) -> None:
        made = self._made(value)
        with self._lock:
            self._shares.replace(made, self._shares.morph_to)

    @property
    def morph_to(self) -> StyleLike | None:
        """The second style; a new one fades in over a quarter of a second."""
        second = self._shares.morph_to
        return None if second is None else second.given

    @morph_to.setter
    def morph_to(self, value: StyleLike | None) -> None:
        made = None if value is None else self._made(value)
        with self._lock:
            self._shares.replace(self._shares.style, made)

    @property
    def engine(self) -> str:
        """Which engine runs; a change begins a stream anew."""
        return self._engine

    @engine.setter
    def engine(self, value: str) -> None:
        with self._lock:
            self._engine = _checked_engine(value, self._settings)
            self._restart()

    @property
    def method(self) -> str:
        """The style transfer method."""
        return self._settings.method

    @property
    def quality(self) -> str:
        """How much the render engine does."""
        return self._settings.quality

    @property
    def seed(self) -> int:
        """The same seed on the same machine gives the same samples."""
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
        return latency_samples(*engine_shape(self._block_engine(), rate, self._settings))

    def _block_engine(self) -> str:
        return "stream" if self._engine == "auto" else self._engine

    def _restart(self) -> None:
        self._streamer: Streamer | None = None
        self._streamed: tuple[int, int] | None = None
        self._position = 0
        for part in (self._strength, self._mix, self._shares):
            part.reset()

    def _make(self, style: object, sample_rate: int, channels: int) -> Engine:
        assert isinstance(style, Style)
        return style.engine(self._block_engine(), sample_rate, channels, self._settings)

    def _stream(self, waveform: Waveform, sample_rate: int, buffer_size: int) -> Waveform:
        if self._engine == "render":
            raise EffectError(
                "engine='render' needs the whole clip (reset=True): use engine='stream' or "
                "engine='live' for blocks (reset=False)"
            )
        channels, n = waveform.shape
        if self._streamed != (sample_rate, channels):
            shape = engine_shape(self._block_engine(), sample_rate, self._settings)
            self._restart()
            self._streamed, self._rate = (sample_rate, channels), sample_rate
            self._streamer = Streamer(
                channels, *shape, lambda key: self._make(key, sample_rate, channels)
            )
        with thread_count(_STREAM_THREADS):
            # A whole clip goes through in pieces, so that memory stays bounded.
            pieces = [
                self._piece(waveform[:, first : first + _PIECE_SAMPLES], sample_rate)
                for first in range(0, max(n, 1), _PIECE_SAMPLES)
            ]
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces, axis=1)

    def _piece(self, waveform: Waveform, sample_rate: int) -> Waveform:
        assert self._streamer is not None
        first, n = self._position, waveform.shape[1]
        strength = self._strength.curve(first, n, sample_rate)
        mix = self._mix.curve(first, n, sample_rate)
        shares = self._shares.curves(first, n, sample_rate)
        self._position += n
        return self._streamer.process(waveform, strength, mix, shares)

    def _whole(self, waveform: Waveform, sample_rate: int, buffer_size: int) -> Waveform:
        if self._engine in ("stream", "live"):
            return super()._whole(waveform, sample_rate, buffer_size)
        self._rate = sample_rate
        n = waveform.shape[1]
        strength = self._strength.curve(0, n, sample_rate)
        share = self._mix.curve(0, n, sample_rate) * engaged(strength)
        wet = np.zeros_like(waveform)
        if share.any():
            for style, weight in self._shares.curves(0, n, sample_rate).items():
                if weight.any():
                    wet += self._rendered(style, waveform, sample_rate) * weight
        self._restart()
        return mixed(waveform, wet, share)

    def _rendered(self, style: Style, waveform: Waveform, sample_rate: int) -> Waveform:
        source = array_source(usable(waveform), sample_rate, "input_array")
        render = self.offline(source, style, sample_rate)
        render.prepare()
        output = np.concatenate(list(render.blocks()), axis=1)
        render.close()
        return output

    def offline(self, content: Any, style: Style, sample_rate: int, **keywords: Any) -> Render:
        """A render of a source with this effect's settings, wet only."""
        strength = self._strength.value
        curve = strength if isinstance(strength, Automation) else None
        fixed = strength if isinstance(strength, float) else 1.0
        settings = Settings(**{**self._settings.__dict__, "strength": fixed})
        return Render(
            content,
            style.targets(sample_rate, settings),
            settings,
            strength_curve=curve,
            **keywords,
        )

    def _arguments(self) -> dict[str, Any]:
        """Keyword arguments that make another one like this."""
        settings = self._settings
        return {
            "style": self.style,
            "strength": self.strength,
            "mix": self.mix,
            "method": settings.method,
            "engine": self._engine,
            "morph_to": self.morph_to,
            "morph": self.morph,
            "quality": settings.quality,
            "iterations": settings.iterations,
            "options": dict(settings.options),
            "seed": settings.seed,
            "device": settings.device,
            "phase": settings.phase,
            "style_sample_rate": self._style_sample_rate,
        }

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (type(self), self._arguments())

    def to_dict(self) -> dict[str, Any]:
        """Everything that was set, ready for JSON.

        Raises
        ------
        EffectError
            If a style is prepared targets, or an automation is a function: neither can be
            written down.
        """
        return state.written(self._arguments())

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> StyleTransfer:
        """Make an effect from what `to_dict` gave.

        Raises
        ------
        AstfxError
            If it is for another plugin, or a value cannot be used.
        """
        return state.made(cls, values)

    def _shown(self) -> dict[str, str]:
        shown = {"style": self._shares.style.label}
        shown |= {"strength": _shown(self.strength), "mix": _shown(self.mix)}
        if self._shares.morph_to is not None:
            shown |= {"morph_to": self._shares.morph_to.label, "morph": _shown(self.morph)}
        settings = self._settings
        shown |= {"method": settings.method, "engine": self._engine, "quality": settings.quality}
        return shown | {"seed": str(settings.seed)}


def _rebuilt(cls: type[StyleTransfer], arguments: dict[str, Any]) -> StyleTransfer:
    return cls(**arguments)


def _shown(value: float | Automation) -> str:
    return repr(value) if isinstance(value, Automation) else f"{value:.6g}"


def _checked_engine(engine: str, settings: Settings) -> str:
    if engine not in ENGINES:
        raise InvalidSettingError(f"engine={engine!r} must be one of {', '.join(ENGINES)}")
    if engine in ("stream", "live"):
        engine_shape(engine, _DEFAULT_RATE, settings)
    return engine
