"""Boards of native plugins and astfx effects, nested either way."""

from __future__ import annotations

import copy
import json
import pickle
import re
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pedalboard
import pytest
from pedalboard_native._internal import AddLatency

import astfx
from astfx.audio import Waveform
from astfx.errors import AstfxError, EffectError, EffectTypeError, InvalidSettingError
from tests.effect.conftest import RATE, Make, streamed

NativeBoard: Any = pedalboard.Pedalboard  # type: ignore[attr-defined]
PAIRS = [
    (astfx.Pedalboard, NativeBoard),
    (astfx.Chain, pedalboard.Chain),
    (astfx.Mix, pedalboard.Mix),
]
BLOCKS = [500, 64, 1, 3000]
NESTED_TOLERANCE = 3e-5  # native plugins round differently in blocks, and the maps learn from it


def natives() -> list[Any]:
    """Plugins with memory, tails and latency."""
    return [
        pedalboard.Compressor(threshold_db=-20.0, ratio=3.0),
        AddLatency(700),
        pedalboard.Delay(0.05, feedback=0.3, mix=0.4),
        pedalboard.LowpassFilter(2000.0),
    ]


def equal(output: Waveform, expected: Waveform) -> None:
    """Equal bit for bit, except denormals: native plugins may flush them to zero."""
    np.testing.assert_allclose(output, expected, rtol=0.0, atol=1e-40)


@pytest.mark.parametrize(("ours", "native"), PAIRS)
@pytest.mark.parametrize("count", [0, 1, 4])
@pytest.mark.parametrize("layout", ["rows", "columns", "mono"])
def test_native_plugins_only_sound_as_in_pedalboard(
    ours: Any, native: Any, count: int, layout: str, clip: Waveform
) -> None:
    content = {"rows": clip, "columns": clip.T, "mono": clip[0]}[layout]
    board, reference = ours(natives()[:count]), native(natives()[:count])
    for _ in range(2):
        equal(board(content, RATE), reference(content, RATE))
    whole = reference(content, RATE)
    equal(board.process(content, RATE, 512), whole)
    equal(ours(natives()[:count])(content, RATE, reset=True), whole)


@pytest.mark.parametrize(("ours", "native"), PAIRS[:2])
def test_native_plugins_only_stream_as_in_pedalboard(
    ours: Any, native: Any, clip: Waveform
) -> None:
    board, reference = ours(natives()), native(natives())
    output = streamed(board, clip, BLOCKS)
    equal(output, streamed(reference, clip, BLOCKS))
    np.testing.assert_array_equal(streamed(board, clip, BLOCKS), output)


def nestings(make: Make) -> Iterator[tuple[str, Any, list[Any]]]:
    """Nested boards, each with a flat list of plugins that does the same."""

    def live() -> Any:
        return make(engine="live", strength=0.5)

    def gain(db: float = -3.0) -> Any:
        return pedalboard.Gain(db)

    p = pedalboard
    yield "ours between", astfx.Pedalboard([gain(), live(), gain(2.0)]), [gain(), live(), gain(2.0)]
    yield "first", astfx.Pedalboard([live(), gain()]), [live(), gain()]
    yield "ours in ours", astfx.Pedalboard([astfx.Chain([live()]), gain()]), [live(), gain()]
    yield "native in ours", astfx.Chain([p.Chain([gain(), gain()]), live()]), [gain(-6.0), live()]
    yield (
        "natives deep in ours",
        astfx.Pedalboard([astfx.Chain([NativeBoard([gain()])]), astfx.Mix([live()])]),
        [gain(), live()],
    )
    yield "with nothing", astfx.Pedalboard([None, live(), None, gain()]), [live(), gain()]
    yield "two of ours", astfx.Pedalboard([live(), live()]), [live(), live()]


@pytest.mark.parametrize("index", range(7))
def test_nested_either_way_is_one_after_the_other(index: int, make: Make, clip: Waveform) -> None:
    _, board, parts = list(nestings(make))[index]
    latency = board.latency_samples_at(RATE)
    padded = np.pad(clip, ((0, 0), (0, latency)))
    expected = padded
    for part in parts:
        expected = part(expected, RATE)
    expected = expected[:, : clip.shape[1]]
    np.testing.assert_allclose(board(clip, RATE), expected, atol=NESTED_TOLERANCE)
    np.testing.assert_allclose(streamed(board, padded, BLOCKS), expected, atol=NESTED_TOLERANCE)
    assert board.latency_samples == latency


@pytest.mark.parametrize(
    "latent",
    [lambda: AddLatency(5000), lambda: pedalboard.PitchShift(2.0)],
)
def test_whole_clips_make_up_for_latency_that_is_not_told(
    latent: Any, make: Make, clip: Waveform
) -> None:
    """The result equals pedalboard's own to 1e-5, also for a clip shorter than the latency."""
    for content in (clip, clip[:, :300]):
        board = astfx.Pedalboard([latent(), make(engine="live", mix=0.0)])
        np.testing.assert_allclose(board(content, RATE), latent()(content, RATE), atol=1e-5)


@pytest.mark.parametrize(
    "plugin", [lambda: AddLatency(300), pedalboard.Reverb, lambda: pedalboard.Delay(0.05)]
)
def test_native_plugins_keep_what_they_hold_when_blocks_grow(
    plugin: Any, make: Make, clip: Waveform
) -> None:
    """On their own they lose their buffered audio. In an astfx board they do not."""
    board = astfx.Pedalboard([plugin(), make(engine="live", mix=0.0)])
    sizes = [64, 700, 10, 8192]
    output, expected = streamed(board, clip, sizes), streamed(board, clip, [8192])
    np.testing.assert_allclose(output, expected, atol=1e-6)
    alone = streamed(plugin(), clip, sizes)
    assert np.abs(alone - plugin()(clip, RATE)[:, : alone.shape[1]]).max() > 0.01


def test_a_mix_is_as_late_as_its_latest_and_a_chain_as_all_together(make: Make) -> None:
    live, stream = make(engine="live"), make(engine="stream")
    early, late = (effect.latency_samples_at(RATE) for effect in (live, stream))
    assert 0 < early < late
    members = [live, stream, pedalboard.Gain(0.0)]
    assert astfx.Mix(members).latency_samples_at(RATE) == late
    assert astfx.Chain(members).latency_samples_at(RATE) == early + late
    assert astfx.Mix().latency_samples_at(RATE) == 0


@pytest.mark.parametrize("sizes", [(512,), (1, 64, 3000)])
def test_mix_aligns_what_is_latent_while_streaming(
    sizes: tuple[int, ...], make: Make, clip: Waveform
) -> None:
    """Pedalboard's own Mix does not delay the dry signal by the latency."""
    effect = make(engine="live", mix=0.0)
    board = astfx.Mix(
        [
            pedalboard.Gain(0.0),
            effect,
            AddLatency(300),
            astfx.Chain([AddLatency(100), AddLatency(9)]),
        ]
    )
    np.testing.assert_allclose(board(clip, RATE), 4.0 * clip, atol=1e-6)
    output = streamed(board, clip, sizes)
    latency = effect.latency_samples
    assert output.shape[1] == clip.shape[1] - latency
    np.testing.assert_allclose(output, 4.0 * clip[:, : output.shape[1]], atol=1e-6)
    native = streamed(pedalboard.Mix([pedalboard.Gain(0.0), AddLatency(300)]), clip, [512])
    assert np.abs(native - 2.0 * clip[:, : native.shape[1]]).max() > 0.1


def test_mix_stays_aligned_when_it_changes_while_streaming(make: Make, clip: Waveform) -> None:
    """A new plugin is silent for the audio that the others still have to output."""
    board = astfx.Mix([pedalboard.Gain(0.0), make(engine="live", mix=0.0)])
    changes = {
        4: lambda: board.append(AddLatency(50)),
        8: lambda: board.append(make(engine="stream", mix=0.0)),
        20: lambda: board.remove(board[1]),
        30: lambda: board.insert(0, pedalboard.Gain(0.0)),
    }
    voices = {0: 2, 2000: 3, 4000: 4, 10000: 3, 15000: 4}
    parts = []
    for index in range(50):
        changes.get(index, lambda: None)()
        parts.append(board.process(clip[:, index * 500 : (index + 1) * 500], RATE, reset=False))
        assert parts[-1].shape[1] <= 500
    output = np.concatenate(parts, axis=1)
    n = output.shape[1]
    level = np.zeros(n)
    for first, count in voices.items():
        level[first:] = count
    sure = np.ones(n, bool)
    sure[10000 - 3071 : 10000] = False  # the removed plugin had not output these samples
    expected = level * clip[:, :n]
    np.testing.assert_allclose(output[:, sure], expected[:, sure], atol=1e-6)


def test_mix_begins_anew_when_rate_or_channels_change(make: Make, clip: Waveform) -> None:
    board = astfx.Mix([pedalboard.Gain(0.0), AddLatency(300)])
    board.process(clip[:, :5000], RATE, reset=False)
    for content, rate in ((clip, 16000), (clip[:1], 16000)):
        output = board.process(content, rate, reset=False)
        np.testing.assert_allclose(output, 2.0 * content[:, : output.shape[1]], atol=1e-6)


@pytest.mark.parametrize("is_reset", [False, True])
def test_a_board_may_change_while_it_streams(is_reset: bool, clip: Waveform) -> None:
    """Plugins that stay keep their state, and are not reset because they once were."""
    board, reference = astfx.Pedalboard(natives()[:3]), NativeBoard(natives()[:3])
    outputs = []
    for container in (board, reference):
        if is_reset:
            container.reset()
        parts = []
        for index in range(12):
            if index == 5:
                container.append(pedalboard.Gain(-6.0))
            if index == 9:
                del container[3]
            block = clip[:, index * 1000 : (index + 1) * 1000]
            parts.append(container.process(block, RATE, reset=False))
        outputs.append(np.concatenate(parts, axis=1))
    equal(*outputs)


def test_reset_reaches_plugins_after_a_change(make: Make, clip: Waveform) -> None:
    effect = make(engine="live")
    board = astfx.Pedalboard([effect])
    first = streamed(board, clip[:, :9000], [500])
    board.append(pedalboard.Gain(0.0))
    board.reset()
    np.testing.assert_allclose(streamed(board, clip[:, :9000], [500]), first, atol=1e-7)
    effect.process(clip[:, :999], RATE, reset=False)
    board.append(pedalboard.Gain(0.0))
    np.testing.assert_allclose(board(clip[:, :9000], RATE)[:, : first.shape[1]], first, atol=1e-6)


@pytest.mark.parametrize(("ours", "native"), PAIRS)
def test_isinstance_holds(ours: Any, native: Any) -> None:
    assert isinstance(ours(), native)
    assert isinstance(ours(), pedalboard.Plugin)
    assert isinstance(ours(), ours)
    assert type(ours()) is ours


@pytest.mark.parametrize("container", [c for pair in PAIRS for c in pair])
def test_list_operations(container: Any) -> None:
    a, b, c, d = (pedalboard.Gain(x) for x in (1.0, 2.0, 3.0, 4.0))
    board = container([a, b])
    board.append(c)
    board.insert(1, d)
    assert list(board) == [a, d, b, c]
    assert len(board) == 4
    assert board[-1] is c
    assert board[np.int64(0)] is a
    assert d in board
    board.remove(d)
    assert d not in board
    board[1] = d
    del board[-1]
    assert list(board) == [a, d]
    board.insert(-1, b)
    board.insert(3, c)
    assert list(board) == [a, b, d, c]
    assert list(reversed(board)) == [c, d, b, a]
    assert bool(board)
    assert not container()
    assert container((a, None))[1] is None
    assert len(container(plugins=[a])) == 1


@pytest.mark.parametrize("container", [c for pair in PAIRS for c in pair])
def test_list_errors(container: Any) -> None:
    board = container([pedalboard.Gain(1.0)])
    other = pedalboard.Gain(2.0)
    for index in (1, -2):
        with pytest.raises(IndexError, match="index out of range"):
            board[index]
        with pytest.raises(IndexError, match="index out of range"):
            board[index] = other
        with pytest.raises(IndexError, match="index out of range"):
            del board[index]
    for index in (2, -2):
        with pytest.raises(IndexError, match="index out of range"):
            board.insert(index, other)
    for wrong in ("a", 0.0, slice(0, 1)):
        with pytest.raises(TypeError):
            board[wrong]
        with pytest.raises(TypeError):
            del board[wrong]
    with pytest.raises(ValueError, match=re.escape("remove(x): x not in list")):
        board.remove(other)
    for no_plugin in ("a", 3, object(), pedalboard.Gain, np.zeros(3)):
        for attempt in (
            lambda x: container([x]),
            board.append,
            board.remove,
            lambda x: board.insert(0, x),
            lambda x: board.__setitem__(0, x),
        ):
            with pytest.raises(TypeError):
                attempt(no_plugin)
    for wrong_list in (pedalboard.Gain(), 3):
        with pytest.raises(TypeError):
            container(wrong_list)
    with pytest.raises(TypeError):
        container(speed=3)
    with pytest.raises(AttributeError):
        board.pop()
    assert len(board) == 1


def test_what_is_no_effect_is_named() -> None:
    message = "'reverb' is not an effect: a board takes pedalboard plugins and astfx effects"
    with pytest.raises(EffectTypeError, match=message):
        astfx.Pedalboard(["reverb"])  # type: ignore[list-item]
    with pytest.raises(EffectTypeError, match=r"plugins=3 must be a list of effects"):
        astfx.Mix(3)  # type: ignore[arg-type]
    with pytest.raises(EffectTypeError, match="index='a' must be a whole number"):
        astfx.Chain()["a"]  # type: ignore[index]


def duplicates(ours: bool) -> Iterator[Any]:
    module: Any = astfx if ours else pedalboard
    for inner in ("Chain", "Mix", "Pedalboard"):
        gain = pedalboard.Gain()
        yield module.Pedalboard([gain, gain])
        yield module.Pedalboard([gain, getattr(module, inner)([gain])])
        yield module.Pedalboard([pedalboard.Chain([pedalboard.Mix([gain])]), gain])


@pytest.mark.parametrize("ours", [True, False])
def test_the_same_plugin_twice_is_a_runtime_error(ours: bool) -> None:
    message = "The same plugin instance is being used multiple times in the same chain of plugins"
    for board in duplicates(ours):
        with pytest.raises(RuntimeError, match=message):
            board(np.zeros((2, 100), np.float32), RATE)


def test_one_of_ours_twice_is_a_runtime_error(make: Make) -> None:
    effect = make()
    for board in (astfx.Mix([effect, effect]), astfx.Chain([effect, astfx.Chain([effect])])):
        with pytest.raises(EffectError, match="The same plugin instance is being used multiple"):
            board(np.zeros((2, 100), np.float32), RATE)
        del board[1]
        assert board(np.zeros((2, 100), np.float32), RATE).shape == (2, 100)


def test_a_container_cannot_be_inside_itself() -> None:
    outer, inner = astfx.Pedalboard(), astfx.Mix()
    outer.append(inner)
    for container in (outer, inner):
        with pytest.raises(EffectError, match="a container cannot be inside itself"):
            inner.append(container)
    assert len(inner) == 0


@pytest.mark.parametrize("native", [pair[1] for pair in PAIRS])
@pytest.mark.parametrize("kind", ["effect", "Pedalboard", "Chain", "Mix"])
def test_native_containers_refuse_ours_and_name_what_takes_it(
    native: Any, kind: str, make: Make
) -> None:
    held = make() if kind == "effect" else getattr(astfx, kind)([pedalboard.Gain()])
    board = native([pedalboard.Gain()])
    for attempt in (
        lambda: native([held]),
        lambda: board.append(held),
        lambda: board.insert(0, held),
        lambda: board.__setitem__(0, held),
        lambda: pedalboard.process(np.zeros(9, np.float32), RATE, [held]),
    ):
        with pytest.raises(TypeError, match=r"runs in astfx\.Pedalboard"):
            attempt()
    assert len(board) == 1


def test_repr_is_pedalboards_with_our_name(make: Make) -> None:
    gain = pedalboard.Gain(1.0)
    assert repr(NativeBoard([gain])) == f"<Pedalboard with 1 plugin: [{gain!r}]>"
    board = astfx.Pedalboard([gain, None])
    expected = f"<astfx.Pedalboard with 2 plugins: [{gain!r}, None] (runs in astfx.Pedalboard) at "
    assert repr(board) == f"{expected}{hex(id(board))}>"
    assert repr(astfx.Mix()).startswith("<astfx.Mix with 0 plugins: []")


def test_process_takes_a_list(make: Make, clip: Waveform) -> None:
    effect = make(engine="live", strength=0.5)
    gain = pedalboard.Gain(-6.0)
    expected = gain(effect(clip, RATE), RATE)
    output = astfx.process(clip, RATE, [effect, None, gain])
    np.testing.assert_allclose(output, expected, atol=1e-6)
    effect.reset()
    parts = [
        astfx.process(clip[:, k : k + 1000], RATE, [effect, gain], reset=False)
        for k in range(0, 30000, 1000)
    ]
    streamed_output = np.concatenate(parts, axis=1)
    np.testing.assert_allclose(streamed_output, expected[:, : streamed_output.shape[1]], atol=1e-5)
    np.testing.assert_array_equal(astfx.process(clip, RATE, []), clip)
    with pytest.raises(EffectTypeError, match="must be a list of effects"):
        astfx.process(clip, RATE, gain)  # type: ignore[arg-type]


def full_board(rain: Waveform) -> astfx.Pedalboard:
    effect = astfx.StyleTransfer(
        rain[:, :RATE],
        style_sample_rate=RATE,
        engine="live",
        strength=astfx.Automation([(0.0, 0.0), (1.0, 1.0)]),
        mix=0.7,
        morph_to=rain[0, RATE : 2 * RATE],
        morph=0.25,
        seed=3,
    )
    return astfx.Pedalboard(
        [
            pedalboard.Compressor(threshold_db=-17.5, ratio=2.5),
            None,
            effect,
            astfx.Mix([pedalboard.Gain(-2.0), astfx.Chain([pedalboard.Delay(0.01)])]),
            pedalboard.Mix([pedalboard.Reverb(room_size=0.25), pedalboard.Gain(1.5)]),
            pedalboard.LadderFilter(pedalboard.LadderFilter.Mode.HPF24, cutoff_hz=300.0),
            pedalboard.Resample(8000.0, pedalboard.Resample.Quality.Linear),
        ]
    )


@pytest.mark.parametrize("way", ["dict", "json", "pickle", "deepcopy", "copy"])
def test_a_board_can_be_written_down_and_copied(way: str, rain: Waveform, clip: Waveform) -> None:
    board = full_board(rain)
    ways: dict[str, Any] = {
        "dict": lambda b: astfx.Pedalboard.from_dict(b.to_dict()),
        "json": lambda b: astfx.Pedalboard.from_dict(json.loads(json.dumps(b.to_dict()))),
        "pickle": lambda b: pickle.loads(pickle.dumps(b)),
        "deepcopy": copy.deepcopy,
        "copy": copy.copy,
    }
    again = ways[way](board)
    assert type(again) is astfx.Pedalboard
    assert again.to_dict() == board.to_dict()
    is_shared = [x is y for x, y in zip(again, board, strict=True) if x is not None]
    assert all(is_shared) if way == "copy" else not any(is_shared)
    if way == "copy":
        assert len(again) == len(board)
        again.append(pedalboard.Gain())
        assert len(again) != len(board)
        return
    np.testing.assert_array_equal(again(clip, RATE), board(clip, RATE))
    again[2].strength = 0.5  # type: ignore[attr-defined]
    assert isinstance(board[2].strength, astfx.Automation)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("make_plugin", "message"),
    [
        (
            lambda: pedalboard.Convolution(np.ones((1, 9), np.float32), sample_rate=44100),
            "a Convolution does not reveal its impulse response, so it cannot be copied",
        ),
    ],
)
def test_what_cannot_be_written_down_says_so(make_plugin: Any, message: str) -> None:
    board = astfx.Pedalboard([make_plugin()])
    for attempt in (board.to_dict, lambda: pickle.dumps(board), lambda: copy.deepcopy(board)):
        with pytest.raises(EffectError, match=message):
            attempt()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "plugin=None must be 'astfx.Pedalboard'"),
        ({"plugin": "astfx.Mix", "plugins": []}, "plugin='astfx.Mix' must be 'astfx.Pedalboard'"),
        ({"plugin": "astfx.Pedalboard"}, "plugins=None must be a list of dicts and None"),
        ({"plugin": "astfx.Pedalboard", "plugins": [3]}, "must be a list of dicts and None"),
        (
            {"plugin": "astfx.Pedalboard", "plugins": [{"plugin": "pedalboard.Nothing"}]},
            "plugin='pedalboard.Nothing' is not a pedalboard plugin",
        ),
        (
            {"plugin": "astfx.Pedalboard", "plugins": [{"plugin": "os.system"}]},
            "plugin='os.system' is not a pedalboard plugin",
        ),
        (
            {"plugin": "astfx.Pedalboard", "plugins": [{"plugin": "pedalboard.load_plugin"}]},
            "plugin='pedalboard.load_plugin' is not a pedalboard plugin",
        ),
        (
            {
                "plugin": "astfx.Pedalboard",
                "plugins": [{"plugin": "pedalboard.Gain", "parameters": {"speed": 3.0}}],
            },
            "plugin='pedalboard.Gain' does not take its parameters",
        ),
        (
            {
                "plugin": "astfx.Pedalboard",
                "plugins": [{"plugin": "pedalboard.LadderFilter", "parameters": {"mode": "XYZ"}}],
            },
            "mode='XYZ' is unknown",
        ),
    ],
)
def test_dicts_are_checked(values: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidSettingError, match=re.escape(message)):
        astfx.Pedalboard.from_dict(values)


def test_parameters_may_be_set_from_another_thread(make: Make, clip: Waveform) -> None:
    effect = make(engine="live")
    board = astfx.Pedalboard([pedalboard.Gain(0.0), effect])
    stop, problems = threading.Event(), []

    def turn() -> None:
        rng = np.random.default_rng(0)
        try:
            while not stop.is_set():
                effect.strength, effect.mix = float(rng.random()), float(rng.random())
                effect.engine = str(rng.choice(["live", "stream"]))
                effect.style = effect.style
                repr(board)
        except AstfxError as error:  # pragma: no cover
            problems.append(error)

    thread = threading.Thread(target=turn)
    thread.start()
    try:
        for index in range(60):
            output = board.process(clip[:, 400 * index : 400 * index + 400], RATE, reset=False)
            assert output.shape[1] <= 400
            assert np.isfinite(output).all()
    finally:
        stop.set()
        thread.join()
    assert not problems
