"""The player without any sound card: aligned, never waiting, dry and faded where it is late."""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np
import pytest
from astfx_bridge.live.player import FADE_SAMPLES, Player, _Backlog
from astfx_bridge.live.ring import Ring

import astfx
from astfx.audio import Waveform

RATE, BLOCK = 48_000, 128
PATIENCE_SECONDS = 120.0
SAME = 1e-6


class Delay:
    """An effect that turns its input upside down and delays it. Its worker can be held."""

    def __init__(self, latency: int = 300) -> None:
        self.latency = latency
        self.open = threading.Event()
        self.open.set()
        self.held = zeros(2, 0)
        self.n_out = self.n_in = 0
        self.fail: Exception | None = None

    def latency_samples_at(self, sample_rate: float) -> int:
        return self.latency

    def prepare(self, sample_rate: float, channels: int, block_size: int) -> None:
        self.held = zeros(channels, 0)
        self.n_in = self.n_out = 0

    def process(self, block: Waveform, sample_rate: float, reset: bool) -> Waveform:
        if block.shape[1]:
            assert self.open.wait(PATIENCE_SECONDS)
        if self.fail is not None:
            raise self.fail
        self.held = np.concatenate([self.held, -block], axis=1)
        self.n_in += block.shape[1]
        n = max(0, self.n_in - self.latency) - self.n_out
        out, self.held = self.held[:, :n], self.held[:, n:]
        self.n_out += n
        return out


def zeros(channels: int, n: int) -> Waveform:
    return np.zeros((channels, n), np.float32)


def noise(n: int, channels: int = 2) -> Waveform:
    samples = 0.1 * np.random.default_rng(1).standard_normal((channels, n))
    return samples.astype(np.float32)


class Host:
    """Calls a player as a sound card does, and waits for the worker where a test wants it."""

    def __init__(self, board: Any, channels: int = 2, size: int = BLOCK) -> None:
        self.board, self.size = board, size
        self.player = Player(board, RATE, channels, size)
        self.player.start()
        self.output: list[Waveform] = []
        self.n = 0

    def block(self, samples: Waveform) -> None:
        out = np.full_like(samples, 9.0)
        self.player.process(samples, out)
        self.n += samples.shape[1]
        self.output.append(out)

    def settle(self) -> None:
        """Wait until the worker has finished all input."""
        end = time.monotonic() + PATIENCE_SECONDS
        while self.player._wet_until < self.n - self.player._board_latency:
            assert time.monotonic() < end
            assert self.player.error is None
            self.player._finished.wait(0.05)
            self.player._finished.clear()

    def run(self, clip: Waveform, settle: bool = True) -> None:
        for first in range(0, clip.shape[1], self.size):
            self.block(clip[:, first : first + self.size])
            if settle:
                self.settle()

    @property
    def all(self) -> Waveform:
        return np.concatenate(self.output, axis=1)


@pytest.mark.parametrize("n", [1, 5, 8, 1000])
def test_a_ring_gives_what_was_written(n: int) -> None:
    ring, clip = Ring(2, 8), noise(n)
    for first in range(0, n, 3):
        part = clip[:, first : first + 3]
        ring.write(first, part)
        found = zeros(2, min(6, first + part.shape[1]))
        place = first + part.shape[1] - found.shape[1]
        ring.read(place, found)
        np.testing.assert_array_equal(found, clip[:, place : place + found.shape[1]])
    before = np.full((2, 4), 9.0, np.float32)
    ring.read(-4, before)
    assert not before.any()


@pytest.mark.parametrize("latency", [0, 1, 300, 5000])
def test_the_delay_is_the_one_that_is_reported(latency: int) -> None:
    host, clip = Host(Delay(latency)), noise(20 * BLOCK + latency)
    host.run(clip)
    total = host.player.latency_samples
    assert total == latency + BLOCK + FADE_SAMPLES
    assert not host.all[:, :total].any()
    np.testing.assert_array_equal(host.all[:, total:], -clip[:, : host.n - total])
    assert host.player.figures.late_blocks == 0
    assert host.player.figures.blocks == len(host.output)
    host.player.stop()


def test_blocks_of_any_size_up_to_the_longest() -> None:
    host, clip = Host(Delay()), noise(30 * BLOCK)
    first = 0
    for size in [1, 7, 128, 64, 100, 2, 128] * 6:
        host.block(clip[:, first : first + size])
        host.settle()
        first += size
    total = host.player.latency_samples
    np.testing.assert_array_equal(host.all[:, total:], -clip[:, : first - total])
    host.player.stop()


def test_a_late_block_is_dry_aligned_and_faded() -> None:
    board = Delay()
    host = Host(board)
    time_axis = np.arange(60 * BLOCK) / RATE
    tone = 0.5 * np.sin(2.0 * np.pi * 100.0 * time_axis)
    clip = np.stack([tone, tone]).astype(np.float32)
    host.run(clip[:, : 20 * BLOCK])
    board.open.clear()
    host.run(clip[:, 20 * BLOCK : 30 * BLOCK], settle=False)
    board.open.set()
    host.settle()
    host.run(clip[:, 30 * BLOCK :])
    host.player.stop()
    total, figures = host.player.latency_samples, host.player.figures
    assert 5 <= figures.late_blocks <= 10
    delayed = np.concatenate([zeros(2, total), clip], axis=1)[:, : host.n]
    ratio = host.all[0] / np.where(np.abs(delayed[0]) < 0.05, np.nan, delayed[0])
    assert np.nanmax(ratio) <= 1.0 + 1e-4
    assert np.nanmin(ratio) >= -1.0 - 1e-4  # always a mix of the two, aligned to the sample
    middle = slice(24 * BLOCK, 28 * BLOCK)
    np.testing.assert_array_equal(host.all[:, middle], delayed[:, middle])
    np.testing.assert_array_equal(host.all[:, 40 * BLOCK :], -delayed[:, 40 * BLOCK :])
    # From -0.5 to 0.5 in 64 samples, and no faster.
    assert np.abs(np.diff(host.all)).max() < 1.1 / FADE_SAMPLES


def test_the_callback_never_waits() -> None:
    board = Delay()
    host = Host(board)
    board.open.clear()  # the worker is stuck for as long as the test likes
    host.run(noise(500 * BLOCK), settle=False)
    assert len(host.output) == 500
    board.open.set()
    host.player.stop()


def test_after_a_long_hold_the_worker_leaves_out_input_and_is_aligned_again() -> None:
    board = Delay()
    host, clip = Host(board), noise(400 * BLOCK)
    board.open.clear()
    held = round(0.5 * RATE) // BLOCK * BLOCK
    host.run(clip[:, :held], settle=False)
    board.open.set()
    host.settle()
    host.run(clip[:, held : held + 100 * BLOCK])
    host.player.stop()
    assert host.player.figures.skipped_samples > 0.2 * RATE
    total = host.player.latency_samples
    end = slice(-50 * BLOCK, None)
    expected = -clip[:, : host.n - total]
    np.testing.assert_array_equal(host.all[:, total:][:, end], expected[:, end])


def test_offline_it_waits_so_that_nothing_is_late() -> None:
    host, clip = Host(astfx.Pedalboard([astfx.StyleTransfer("rain", engine="live")])), noise(RATE)
    host.player.offline = True
    host.run(clip, settle=False)
    host.player.stop()
    assert host.player.figures.late_blocks == 0
    expected = astfx.StyleTransfer("rain", engine="live")(clip, RATE)
    total = host.player.latency_samples
    np.testing.assert_allclose(host.all[:, total:], expected[:, : host.n - total], atol=SAME)


def test_bypass_and_gain_are_faded() -> None:
    host, clip = Host(Delay()), np.full((2, 80 * BLOCK), 0.25, np.float32)
    host.run(clip[:, : 20 * BLOCK])
    host.player.bypass = True
    host.run(clip[:, 20 * BLOCK : 40 * BLOCK])
    host.player.gain = 2.0
    host.run(clip[:, 40 * BLOCK : 60 * BLOCK])
    host.player.stop()
    assert host.player.figures.late_blocks == 0
    middle = [float(host.all[0, k * BLOCK + 5]) for k in (15, 30, 50)]
    assert middle == [-0.25, 0.25, 0.5]
    steps = np.abs(np.diff(host.all[:, host.player.latency_samples + 1 :]))
    assert steps.max() < 1.1 * 0.5 / FADE_SAMPLES


def test_an_error_leaves_the_dry_sound() -> None:
    board = Delay()
    host, clip = Host(board), noise(40 * BLOCK)
    host.run(clip[:, : 20 * BLOCK])
    board.fail = ValueError("broken")
    host.run(clip[:, 20 * BLOCK :], settle=False)
    assert host.player._worker is not None
    host.player._worker.join(PATIENCE_SECONDS)  # it ends by itself
    assert str(host.player.error) == "broken"
    total = host.player.latency_samples
    end = slice(-10 * BLOCK, None)
    np.testing.assert_array_equal(host.all[:, end], clip[:, : host.n - total][:, end])


def test_meters_and_taps() -> None:
    host, clip = Host(Delay()), noise(20 * BLOCK)
    taken: list[Waveform] = []
    host.player.taps = [taken.append]
    host.run(clip)
    host.player.stop()
    peaks = host.player.figures.peaks()
    assert peaks[0] == pytest.approx(float(np.abs(clip).max()))
    assert 0.0 < peaks[1] <= peaks[0]
    assert host.player.figures.peaks() == (0.0, 0.0)
    np.testing.assert_array_equal(np.concatenate(taken, axis=1), host.all)
    assert host.player.figures.load > 0.0


def test_lateness_by_processor_time_alone() -> None:
    backlog = _Backlog()
    assert backlog.add(1.0, 0.5) == 0.5
    assert backlog.add(1.0, 1.5) == 1.5  # more than it lasts
    assert backlog.add(1.0, 0.5) == 1.0  # the rest of the last one first
    assert backlog.add(1.0, 0.5) == 0.5


@pytest.mark.slow
@pytest.mark.parametrize("size", [256, 512])
@pytest.mark.parametrize("engine", ["live", "stream"])
def test_a_minute_of_audio_has_next_to_no_late_block_of_ours(engine: str, size: int) -> None:
    """By the processor time of the worker, as if nothing else ran.

    Other programs empty the caches and a virtual machine is halted now and then, and both
    count as time of the worker's: one block in a thousand may be late for that.
    """
    host = Host(astfx.Pedalboard([astfx.StyleTransfer("rain", engine=engine)]), size=size)
    host.player.offline = True
    clip, out = noise(5 * RATE // size * size), np.zeros((2, size), np.float32)
    for _ in range(12):
        for first in range(0, clip.shape[1], size):
            host.player.process(clip[:, first : first + size], out)
    host.player.stop()
    figures = host.player.figures
    assert figures.own_late_blocks <= figures.blocks / 1000
    assert figures.load < 0.5  # of the time that the audio lasts


class Behind(Delay):
    """An effect whose worker never catches up: each of its blocks brings another one."""

    player: Player | None = None

    def process(self, block: Waveform, sample_rate: float, reset: bool) -> Waveform:
        if block.shape[1] and self.player is not None:
            self.player.process(noise(BLOCK), zeros(2, BLOCK))
        return super().process(block, sample_rate, reset)


def test_a_worker_that_never_catches_up_can_be_stopped() -> None:
    board = Behind()
    player = Player(board, RATE, 2, BLOCK)
    player.start()
    board.player = player
    player.process(noise(BLOCK), zeros(2, BLOCK))
    stopping = threading.Thread(target=player.stop, daemon=True)
    stopping.start()
    stopping.join(PATIENCE_SECONDS)
    assert not stopping.is_alive()
    output = np.ones((2, BLOCK), np.float32)
    player.process(noise(BLOCK), output)
    assert not output.any()
