"""Pedalboard's contract. The tests run against a native plugin too, which proves them."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pedalboard
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pedalboard_native._internal import AddLatency

import astfx
from astfx.errors import AstfxError
from tests.effect.conftest import RATE, Make, streamed

Subject = Callable[[], Any]
NATIVE = ("gain", "add-latency")
BLOCKWISE = ("gain", "add-latency", "live", "stream", "auto", "board", "mix", "natives")
ALL = (*BLOCKWISE, "render")
DELAY_SAMPLES = 1000  # of AddLatency


@pytest.fixture
def subject(request: pytest.FixtureRequest, make: Make) -> Subject:
    """Makes new effects of one kind."""
    kinds: dict[str, Subject] = {
        "gain": lambda: pedalboard.Gain(0.0),
        "add-latency": lambda: AddLatency(DELAY_SAMPLES),
        "live": lambda: make(engine="live"),
        "stream": lambda: make(engine="stream"),
        "render": lambda: make(engine="render", iterations=1, quality="draft"),
        "auto": lambda: make(iterations=1, quality="draft"),
        "board": lambda: astfx.Pedalboard([pedalboard.Gain(0.0), make(engine="live")]),
        "mix": lambda: astfx.Mix([AddLatency(DELAY_SAMPLES), make(engine="live", mix=0.5)]),
        "natives": lambda: astfx.Pedalboard([pedalboard.Gain(0.0), AddLatency(DELAY_SAMPLES)]),
    }
    return kinds[request.param]


every = pytest.mark.parametrize("subject", ALL, indirect=True)
blockwise = pytest.mark.parametrize("subject", BLOCKWISE, indirect=True)


def noise(*shape: int, dtype: Any = np.float32) -> Any:
    return (0.1 * np.random.default_rng(len(shape)).standard_normal(shape)).astype(dtype)


@every
@pytest.mark.parametrize("call", ["process", "__call__"])
def test_keywords_are_pedalboards(subject: Subject, call: str) -> None:
    run = getattr(subject(), call)
    output = run(input_array=noise(300), sample_rate=RATE, buffer_size=64, reset=True)
    np.testing.assert_array_equal(output, run(noise(300), RATE, 64, True))
    np.testing.assert_allclose(run(noise(300), float(RATE)), output, atol=1e-6)


@every
@pytest.mark.parametrize(
    "shape", [(300,), (1, 300), (300, 1), (2, 300), (300, 2), (5, 300), (1,), (1, 1), (2, 1)]
)
def test_output_has_the_inputs_shape_and_is_new(subject: Subject, shape: tuple[int, ...]) -> None:
    given_array = noise(*shape)
    kept = given_array.copy()
    output = subject()(given_array, RATE)
    assert output.shape == shape
    assert output.dtype == np.float32
    assert type(output) is np.ndarray
    assert output.flags.c_contiguous
    assert output.flags.writeable
    assert not np.shares_memory(output, given_array)
    np.testing.assert_array_equal(given_array, kept)


@every
@pytest.mark.parametrize("shape", [(0,), (2, 0), (0, 2)])
@pytest.mark.parametrize("reset", [True, False])
def test_empty_arrays_keep_their_shape(
    subject: Subject, shape: tuple[int, ...], reset: bool, request: pytest.FixtureRequest
) -> None:
    if not reset and "render" in request.node.callspec.params["subject"]:
        pytest.skip("refuses blocks")
    output = subject()(np.zeros(shape, np.float32), RATE, reset=reset)
    assert output.shape == shape
    assert output.dtype == np.float32


@every
@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f8", ">f8"])
def test_any_float_of_any_byte_order(subject: Subject, dtype: str) -> None:
    exact = noise(2, 300)
    output = subject()(exact.astype(dtype), RATE)
    assert output.dtype == np.float32
    np.testing.assert_array_equal(output, subject()(exact, RATE))


@every
def test_read_only_fortran_and_strided_inputs(subject: Subject) -> None:
    exact = noise(2, 300)
    expected = subject()(exact, RATE)
    read_only = exact.copy()
    read_only.flags.writeable = False
    strided = np.zeros((2, 600), np.float32)
    strided[:, ::2] = exact
    for array in (read_only, np.asfortranarray(exact), strided[:, ::2], exact[:, ::-1][:, ::-1]):
        output = subject()(array, RATE)
        np.testing.assert_array_equal(output, expected)
        assert output.flags.c_contiguous
    np.testing.assert_array_equal(subject()(exact.T, RATE), expected.T)
    assert subject()(exact.T, RATE).flags.c_contiguous


@every
@pytest.mark.parametrize(
    "wrong",
    [
        np.ones(9, np.int16),
        np.ones(9, np.float16),
        np.ones(9, np.longdouble),
        np.ones(9, complex),
        np.ones(9, bool),
        np.array("text"),
        np.array([None]),
    ],
    ids=lambda array: str(array.dtype),
)
def test_other_dtypes_are_type_errors(subject: Subject, wrong: Any) -> None:
    message = "Pedalboard only supports 32-bit and 64-bit floating point audio for processing."
    with pytest.raises(TypeError, match=message):
        subject()(wrong, RATE)


@every
@pytest.mark.parametrize("wrong", [[0.0, 1.0], None, "text", 1.0], ids=repr)
def test_what_is_no_array_is_a_type_error(subject: Subject, wrong: Any) -> None:
    with pytest.raises(TypeError, match="input_array"):
        subject()(wrong, RATE)


@every
def test_a_tensor_is_a_type_error(subject: Subject) -> None:
    import torch

    with pytest.raises(TypeError):
        subject()(torch.zeros(9), RATE)


@every
@pytest.mark.parametrize("size", [0, 2, 3])
def test_a_fresh_square_is_a_runtime_error(subject: Subject, size: int) -> None:
    message = (
        f"Unable to determine channel layout from shape: ({size}, {size}). Provide a non-square "
        "array first to allow Pedalboard to determine which dimension corresponds with the "
        "number of channels and which dimension corresponds with the number of samples."
    )
    with pytest.raises(RuntimeError, match=re.escape(message)):
        subject()(np.zeros((size, size), np.float32), RATE)


@every
@pytest.mark.parametrize("shape", [(), (1, 2, 3), (2, 9, 1, 1)])
def test_other_dimensions_are_runtime_errors(subject: Subject, shape: tuple[int, ...]) -> None:
    message = f"Number of input dimensions must be 1 or 2 (got {len(shape)})."
    effect = subject()
    for _ in range(2):  # new, and when it knows a layout
        with pytest.raises(RuntimeError, match=re.escape(message)):
            effect(np.zeros(shape, np.float32), RATE)
        effect(np.zeros((2, 9), np.float32), RATE)


@every
@pytest.mark.parametrize(
    "arguments",
    [
        ((), {}),
        ((noise(9),), {}),
        ((noise(9), "fast"), {}),
        ((noise(9), None), {}),
        ((noise(9), RATE, 1.5), {}),
        ((noise(9), RATE, "big"), {}),
        ((noise(9), RATE), {"speed": 2}),
    ],
    ids=["nothing", "no rate", "rate text", "rate None", "size float", "size text", "keyword"],
)
def test_wrong_arguments_are_type_errors(subject: Subject, arguments: Any) -> None:
    positional, keywords = arguments
    effect = subject()
    for _ in range(2):  # new, and while running
        with pytest.raises(TypeError):
            effect(*positional, **keywords)
        effect(noise(9), RATE)


@pytest.mark.parametrize("subject", [s for s in ALL if s not in NATIVE], indirect=True)
@pytest.mark.parametrize("warm", [False, True])
def test_where_natives_hang_or_die_ours_say_so(subject: Subject, warm: bool) -> None:
    effect = subject()
    if warm:
        effect(noise(9), RATE)
    for size in (0, -1):
        with pytest.raises(ValueError, match=f"buffer_size={size} must be at least 1 .samples."):
            effect(noise(9), RATE, size)
    for rate in (0, 1, -44100, float("nan"), float("inf")):
        message = rf"sample_rate={rate} must be a number from 8000 to 192000 \(Hz\)"
        with pytest.raises(ValueError, match=message):
            effect(noise(9), rate)
    assert effect(noise(9), RATE).shape == (9,)


@every
def test_attributes(subject: Subject) -> None:
    effect = subject()
    assert effect.is_effect is True
    assert effect.is_instrument is False
    assert effect.reset() is None
    with pytest.raises(AttributeError, match="has no attribute 'strenght'"):
        _ = effect.strenght
    with pytest.raises(AttributeError, match="has no attribute 'strenght'"):
        effect.strenght = 0.5
    with pytest.raises(AttributeError):
        effect.is_effect = False
    assert {effect: 1}[effect] == 1
    assert effect != subject()
    assert isinstance(effect, pedalboard.Plugin)


@pytest.mark.parametrize("subject", ["gain", "live", "stream", "render", "auto"], indirect=True)
def test_repr_names_the_package_and_every_parameter(subject: Subject) -> None:
    found = re.fullmatch(r"<(\w+)\.(\w+) (.+) at (0x[0-9a-f]+)>", repr(subject()))
    assert found
    assert found[1] in ("pedalboard", "astfx")
    assert all(re.match(r"[a-z_]+=", part) for part in found[3].split(" (")[0].split(" "))


def test_repr_shows_six_digits(make: Make) -> None:
    assert "wet_level=0.333333 " in repr(pedalboard.Reverb(wet_level=1 / 3))
    effect = make(strength=1 / 3, mix=0.25)
    assert "strength=0.333333 mix=0.25 method=gram engine=auto quality=standard seed=0" in repr(
        effect
    )
    assert hex(id(effect)) in repr(effect)


@every
def test_four_threads_on_one_instance_give_equal_outputs(subject: Subject) -> None:
    effect = subject()
    array = noise(2, 2000)
    outputs: list[Any] = [None] * 8

    def work(first: int) -> None:
        for index in (first, first + 4):
            outputs[index] = effect(array, RATE)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for output in outputs:
        np.testing.assert_array_equal(output, outputs[0])


@every
def test_reset_true_starts_afresh_and_keeps_place_and_length(subject: Subject) -> None:
    effect = subject()
    array = noise(2, 3000)
    first = effect(array, RATE)
    np.testing.assert_array_equal(effect(array, RATE), first)
    assert effect(array[:, :100], RATE).shape == (2, 100)


@blockwise
def test_reset_forgets_all_audio(subject: Subject) -> None:
    effect = subject()
    sizes = [500]
    first = streamed(effect, noise(2, 9000), sizes)
    effect.process(np.ones((2, 2000), np.float32), RATE, reset=False)
    np.testing.assert_array_equal(streamed(effect, noise(2, 9000), sizes), first)


@pytest.mark.parametrize("subject", ["add-latency", "live", "stream", "natives"], indirect=True)
@pytest.mark.parametrize("layout", ["mono", "rows", "columns"])
def test_blocks_come_out_later_never_longer(subject: Subject, layout: str) -> None:
    effect = subject()
    latency = getattr(effect, "latency_samples", 0) or DELAY_SAMPLES
    if isinstance(effect, astfx.StyleTransfer):
        latency = effect.latency_samples_at(RATE)
    given_n = taken_n = 0
    for _ in range(latency // 512 + 4):
        shape = {"mono": (512,), "rows": (2, 512), "columns": (512, 2)}[layout]
        output = effect.process(np.zeros(shape, np.float32), RATE, reset=False)
        length = max(output.shape) if layout == "mono" else output.shape[layout == "rows"]
        assert length <= 512
        given_n, taken_n = given_n + length, taken_n + 512
        assert given_n == max(0, taken_n - latency)


@blockwise
def test_flushing_gives_what_one_call_gives(subject: Subject) -> None:
    """Equal to 1e-5 of full scale. "stream" stands in for "auto", which renders whole clips."""
    effect = subject()
    if isinstance(effect, astfx.StyleTransfer) and effect.engine == "auto":
        effect = astfx.StyleTransfer(effect.style, engine="stream")
    array = noise(2, 6000)
    whole = effect(array, RATE)
    flushed = np.concatenate([array, np.zeros((2, 8000), np.float32)], axis=1)
    output = streamed(effect, flushed, [700])
    np.testing.assert_allclose(output[:, :6000], whole, atol=1e-5)


@every
@pytest.mark.parametrize(
    ("before", "ambiguous", "is_interleaved"),
    [((2, 99), (2, 2), False), ((99, 2), (2, 2), True), ((5, 99), (5, 3), False)],
)
def test_layout_is_remembered_until_reset(
    subject: Subject, before: Any, ambiguous: Any, is_interleaved: bool
) -> None:
    effect = subject()
    effect(np.zeros(before, np.float32), RATE)
    array = noise(*ambiguous)
    output = effect(array, RATE)  # reset=True keeps the layout
    reference = subject()
    as_rows = array.T if is_interleaved else array
    reference(np.zeros((len(as_rows), 99), np.float32), RATE)
    expected = reference(as_rows, RATE)
    np.testing.assert_array_equal(output, expected.T if is_interleaved else expected)
    effect.reset()
    with pytest.raises(RuntimeError, match="Unable to determine channel layout"):
        effect(noise(2, 2), RATE)


shapes = st.one_of(
    st.tuples(st.sampled_from([0, 1, 2, 3, 5])),
    st.tuples(st.sampled_from([0, 1, 2, 3, 5]), st.sampled_from([0, 1, 2, 3, 5, 9])),
    st.tuples(st.sampled_from([0, 1, 2, 3, 5, 9]), st.sampled_from([0, 1, 2, 3, 5])),
    st.tuples(*[st.sampled_from([1, 2])] * 3),
)
steps = st.lists(
    st.one_of(st.just("reset"), st.tuples(shapes, st.booleans())), min_size=1, max_size=8
)


def decision(effect: Any, shape: tuple[int, ...], reset: bool) -> str:
    """Which axis an effect that contains a lowpass filter takes as the channels."""
    array = np.zeros(shape, np.float32)
    if array.ndim == 2 and array.size:
        array[0, 0] = 1.0
    try:
        effect.process(np.zeros_like(array), RATE, reset=reset)
        output = effect.process(array, RATE, reset=True)
    except (RuntimeError, AstfxError) as error:
        return str(error)
    assert output.shape == shape
    if array.ndim != 2 or min(shape) < 2:
        return "any"
    along, across = output[0, 1:].any(), output[1:, 0].any()
    assert along != across
    return "rows" if along else "columns"


@pytest.mark.parametrize("kind", ["natives", "board", "changing board"])
@settings(max_examples=150, deadline=None, derandomize=True)
@given(steps=steps)
def test_layout_decisions_are_the_native_ones(kind: str, steps: list[Any]) -> None:
    native = pedalboard.LowpassFilter(500.0)
    ours = astfx.Pedalboard([pedalboard.LowpassFilter(500.0)])
    if kind == "board":
        ours.append(astfx.Mix([pedalboard.Gain(0.0)]))
    for step in steps:
        if step == "reset":
            native.reset()
            ours.reset()
            continue
        shape, reset = step
        if kind == "changing board":  # the board keeps its layout when its plugins change
            if len(ours) > 1:
                del ours[1]
            else:
                ours.append(astfx.Chain())
        assert decision(native, shape, reset) in decision(ours, shape, reset)
