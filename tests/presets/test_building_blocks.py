"""The building blocks of the library's sounds, compared with physics and statistics."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy import signal

from presets.synthesis import common, physics, vocal

RATE = 44_100
Signal = npt.NDArray[np.float64]


def rng() -> np.random.Generator:
    return np.random.default_rng(5)


def fundamental(tone: Signal, f0_hz: float, sample_rate: int) -> tuple[float, float]:
    """Return the frequency in Hz and the T60 in seconds of a decaying partial near `f0_hz`."""
    time = np.arange(tone.size) / sample_rate
    window = signal.windows.hann(round(20 * sample_rate / f0_hz))
    moved = np.convolve(tone * np.exp(-2j * np.pi * f0_hz * time), window, "valid")
    ratio = moved[round(1.3 * sample_rate)] / moved[round(0.3 * sample_rate)]  # a second apart
    return f0_hz + float(np.angle(ratio)) / (2.0 * np.pi), -3.0 / float(np.log10(np.abs(ratio)))


# bodies


def test_modal_falls_by_60_db_in_its_t60() -> None:
    tone = physics.modal(RATE, 441.0, 1.0, 0.7)  # a whole number of periods a second
    assert tone.size == 1.2 * RATE
    np.testing.assert_allclose(tone[RATE:], 1e-3 * tone[: RATE // 5], atol=1e-12)
    assert tone.max() == pytest.approx(0.7, rel=0.02)


def test_modal_sums_its_partials_and_leaves_out_what_cannot_be_heard() -> None:
    both = physics.modal(RATE, [300.0, 500.0], 0.2, [1.0, 0.5])
    apart = physics.modal(RATE, 300.0, 0.2, 1.0) + physics.modal(RATE, 500.0, 0.2, 0.5)
    np.testing.assert_allclose(both, apart, atol=1e-12)
    assert not physics.modal(RATE, 21_500.0, 0.2, 1.0).any()


def test_resonant_rings_as_modal_does() -> None:
    strike = np.zeros(RATE)
    strike[0] = 1.0
    driven = physics.resonant(strike, RATE, [440.0, 1234.0], [0.1, 0.05], [1.0, 0.3])
    struck = physics.modal(RATE, [440.0, 1234.0], [0.1, 0.05], [1.0, 0.3])
    np.testing.assert_allclose(driven[: struck.size], struck, atol=1e-4)  # modal is cut off


@pytest.mark.parametrize("radius_metres", [0.001, 0.00326, 0.012])
def test_bubble_has_minnaerts_frequency(radius_metres: float) -> None:
    tone = physics.bubble(RATE, radius_metres)
    expected_hz = 3.26 / radius_metres
    # Minnaert's formula sqrt(3 gamma p / rho) / (2 pi r), for air at 1 atm in water.
    physical_hz = np.sqrt(3 * 1.4 * 101_325 / 998) / (2 * np.pi * radius_metres)
    assert expected_hz == pytest.approx(physical_hz, rel=0.01)
    phase = np.unwrap(np.angle(np.asarray(signal.hilbert(tone))))
    middle = slice(tone.size // 20, tone.size // 2)
    measured_hz = np.mean(np.diff(phase)[middle]) * RATE / (2 * np.pi)
    assert measured_hz == pytest.approx(expected_hz, rel=0.005)


def test_bubble_decays_at_its_rate_and_rises() -> None:
    radius = 0.00326
    decay = 0.13 / radius + 0.0072 * radius**-1.5
    tone = physics.bubble(RATE, radius)
    crests = np.abs(tone[1:][np.diff(np.sign(np.diff(tone)), append=0.0) != 0.0])
    falls = np.log(crests[1:21] / crests[:20])  # two crests per period of 1 ms
    assert -np.mean(falls) / 0.0005 == pytest.approx(decay, rel=0.01)
    rising = physics.bubble(RATE, radius, rise=0.5)
    zeros = np.flatnonzero(np.diff(np.signbit(rising))) / RATE
    time, half_period = zeros[20], np.mean(np.diff(zeros[15:26]))
    assert 0.5 / half_period == pytest.approx(1000.0 * (1.0 + 0.5 * decay * time), rel=0.02)


# strings


@pytest.mark.parametrize("sample_rate", [22_050, 44_100, 48_000])
@pytest.mark.parametrize("f0_hz", [55.0, 196.0, 440.0, 659.26])
def test_string_is_in_tune_and_rings_as_long_as_asked(f0_hz: float, sample_rate: int) -> None:
    finger = physics.pluck(rng(), sample_rate, f0_hz, 0.28, 2.0)
    tone = physics.string(finger, sample_rate, f0_hz, 2.5, damping=0.55)
    assert tone.size == finger.size
    measured_hz, t60_seconds = fundamental(tone, f0_hz, sample_rate)
    assert abs(1200.0 * np.log2(measured_hz / f0_hz)) < 0.5  # cents
    assert t60_seconds == pytest.approx(2.5, rel=0.02)


def test_string_stays_stable_where_damping_and_t60_disagree() -> None:
    finger = np.ones(200) / 200.0  # excites 0 Hz, where the damping filter loses nothing
    tone = physics.string(np.pad(finger, (0, 5 * RATE)), RATE, 1480.0, 30.0, damping=1.0)
    halves = np.abs(tone).reshape(2, -1) if tone.size % 2 == 0 else np.abs(tone[1:]).reshape(2, -1)
    assert halves[1].max() <= halves[0].max()


def test_pluck_leaves_out_partials_with_a_node_under_the_finger() -> None:
    burst = physics.pluck(rng(), RATE, 441.0, 0.25, 0.01)[:100]
    partials = np.abs(np.fft.rfft(burst))
    assert partials[[4, 8, 12]].max() < 1e-9 * partials[1]


# rooms and pipes


def test_room_falls_by_60_db_in_its_t60() -> None:
    strike = np.zeros(2 * RATE)
    strike[0] = 1.0
    room = physics.in_room(rng(), strike, RATE, 1.0, 1.0, damping_hz=18_000.0)[1:]
    energy = np.cumsum(room[::-1] ** 2)[::-1]  # Schroeder's integral
    level_db = 10.0 * np.log10(energy[: RATE // 2] / energy[0])
    time = np.arange(RATE // 2) / RATE
    used = time > 0.02
    slope = np.polyfit(time[used], level_db[used], 1)[0]
    assert slope == pytest.approx(-60.0, abs=3.0)


def test_room_without_wet_is_the_sound_itself() -> None:
    tone = physics.modal(RATE, 300.0, 0.5, 1.0)
    np.testing.assert_array_equal(physics.in_room(rng(), tone, RATE, 0.4, 0.0), tone)


def test_pipe_resonates_at_multiples_of_its_frequency() -> None:
    strike = np.zeros(RATE)
    strike[0] = 1.0
    spectrum = np.abs(np.fft.rfft(physics.piped(strike, RATE, 1.715, 0.8)))  # 100 Hz; 1 Hz a bin
    for multiple in (1, 2, 5):
        near = slice(100 * multiple - 40, 100 * multiple + 41)
        assert abs(int(np.argmax(spectrum[near])) - 40) <= 1
        assert spectrum[100 * multiple] > 4.0 * spectrum[100 * multiple + 50]


# noises


def test_white_noise_is_the_same_at_any_rate_up_to_its_treble() -> None:
    high = np.fft.rfft(common.white(rng(), 48_000, 48_000)) / 48_000
    low = np.fft.rfft(common.white(rng(), 16_000, 16_000)) / 16_000
    np.testing.assert_allclose(low[1:7900], high[1:7900], atol=1e-12)


def test_white_noise_has_an_rms_of_1_at_44100_hz() -> None:
    assert common.white(rng(), 10 * RATE, RATE).std() == pytest.approx(1.0, abs=0.005)


def test_band_noise_stays_in_its_band() -> None:
    noise = common.band_noise(rng(), 10 * RATE, RATE, (1000.0, 2000.0), order=4)
    assert noise.std() == pytest.approx(1.0, abs=0.02)
    power = np.abs(np.fft.rfft(noise)) ** 2
    frequency_hz = np.fft.rfftfreq(noise.size, 1.0 / RATE)
    inside = (frequency_hz > 700.0) & (frequency_hz < 2900.0)
    assert power[inside].sum() > 0.95 * power.sum()


def test_band_noise_tilts_by_its_decibels_an_octave() -> None:
    noise = common.band_noise(rng(), 10 * RATE, RATE, (20.0, 20_000.0), tilt_db=-6.0)
    power = np.abs(np.fft.rfft(noise)) ** 2
    octaves = [power[10 * low : 20 * low].mean() for low in (500, 1000)]
    assert 10.0 * np.log10(octaves[1] / octaves[0]) == pytest.approx(-6.0, abs=0.4)


def test_noise_leaves_the_stream_of_events_alone() -> None:
    first, second = rng(), rng()
    common.white(first, 1000, RATE)
    assert first.uniform() == second.uniform()


def test_slow_noise_is_slow_circular_and_standard() -> None:
    curve = common.slow_noise(rng(), 2000, 200.0, 2.0)
    assert curve.std() == pytest.approx(1.0)
    power = np.abs(np.fft.rfft(curve)) ** 2
    assert power[60:].sum() < 1e-9 * power.sum()  # 6 Hz
    assert abs(curve[0] - curve[-1]) < 2.0 * np.abs(np.diff(curve)).max()


# events


def test_poisson_times_have_poissons_counts() -> None:
    random = rng()
    counts = [common.poisson_times(random, 8.0, 5.0).size for _ in range(2000)]
    # Standard errors: sqrt(40 / 2000) = 0.14 of the mean, 40 sqrt(2 / 2000) = 1.3 of the variance.
    assert np.mean(counts) == pytest.approx(40.0, abs=4 * 0.14)
    assert np.var(counts) == pytest.approx(40.0, abs=4 * 1.3)


def test_poisson_times_are_independent_of_one_another() -> None:
    times = common.poisson_times(rng(), 2000.0, 10.0)
    gaps = np.diff(times)
    assert (gaps >= 0.0).all()
    assert gaps.std() / gaps.mean() == pytest.approx(1.0, abs=0.03)  # exponential


def test_poisson_times_follow_an_intensity() -> None:
    intensity = np.repeat([1.0, 3.0], 50)
    times = common.poisson_times(rng(), 1000.0, 10.0, intensity)
    assert np.mean(times > 5.0) == pytest.approx(0.75, abs=0.02)


def test_regular_times_beat_at_their_rate() -> None:
    times = common.regular_times(rng(), 4.0, 0.0, 10.0)
    np.testing.assert_allclose(np.diff(times), 0.25, atol=1e-12)
    assert times.size == 40


def test_grains_pass_the_end_and_go_on_at_the_start() -> None:
    out = common.scattered(10, 10, np.array([0.8, 0.8]), [np.arange(1.0, 5.0), np.ones(23)])
    np.testing.assert_array_equal(out, [6, 6, 2, 2, 2, 2, 2, 2, 4, 5])


def test_impulses_between_samples_keep_their_sum_and_place() -> None:
    train = common.impulses(100, RATE, np.array([10.25 / RATE, 99.5 / RATE]), np.array([1.0, 2.0]))
    assert train[[10, 11]] == pytest.approx([0.75, 0.25])
    assert train[[99, 0]] == pytest.approx([1.0, 1.0])
    assert train.sum() == pytest.approx(3.0)


# phases, filters, levels


def test_closed_phase_ends_on_a_whole_cycle() -> None:
    phase = common.closed_phase(np.linspace(100.0, 213.3, RATE), RATE)
    end = phase[-1] + (phase[-1] - phase[-2])
    assert end == pytest.approx(round(end), abs=1e-4)
    assert end == pytest.approx(156.65, abs=0.5)
    assert common.crossings(phase, RATE).size == round(end)


def test_crossings_lie_a_period_apart() -> None:
    phase = common.closed_phase(np.full(RATE, 50.0), RATE)
    np.testing.assert_allclose(common.crossings(phase, RATE), np.arange(50) / 50.0, atol=1e-9)


def test_harmonics_are_sines() -> None:
    phase = np.linspace(0.0, 3.0, 500)
    expected = 0.5 * np.sin(2 * np.pi * phase) + 0.25 * np.sin(6 * np.pi * phase)
    np.testing.assert_allclose(
        common.harmonics(phase, np.array([0.5, 0.0, 0.25])), expected, atol=1e-12
    )


def test_filters_are_circular() -> None:
    noise = common.white(rng(), RATE, RATE)
    turned = common.band_pass(np.roll(noise, 1234), RATE, (500.0, 1500.0))
    straight = common.band_pass(noise, RATE, (500.0, 1500.0))
    np.testing.assert_allclose(turned, np.roll(straight, 1234), atol=1e-9)


def test_levelled_and_tamed_do_what_they_say() -> None:
    noise = common.levelled(common.white(rng(), RATE, RATE), -12.0)
    assert noise.std() == pytest.approx(10.0 ** (-12.0 / 20.0))
    noise[7] = 100.0
    ceiling = np.sqrt(np.mean(noise**2)) * common.from_db(6.0)
    assert np.abs(common.tamed(noise, 6.0)).max() <= ceiling


def test_finished_sets_the_peak_and_takes_out_dc() -> None:
    tone = 5.0 + np.sin(2.0 * np.pi * 300.0 * np.arange(RATE) / RATE)
    done = common.finished(tone, RATE)
    assert done.dtype == np.float32
    assert np.abs(done).max() == pytest.approx(10.0 ** (-3.0 / 20.0), abs=2**-15)
    assert abs(done.mean(dtype=np.float64)) < 1e-6
    np.testing.assert_array_equal(done * 2**15, np.round(done * 2**15))


# voices


@pytest.mark.parametrize("vowel", vocal.VOWELS_HZ)
def test_formants_peak_where_asked(vowel: str) -> None:
    asked_hz = np.array([vocal.VOWELS_HZ[vowel]])
    grain = vocal.formant_grains(RATE, RATE, np.zeros(1), np.ones(1), asked_hz, 0.0002)
    spectrum = np.abs(np.fft.rfft(grain))  # 1 Hz a bin
    peaks_hz = signal.find_peaks(spectrum)[0]
    for formant_hz in asked_hz[0]:
        nearest = peaks_hz[np.argmin(np.abs(peaks_hz - formant_hz))]
        assert nearest == pytest.approx(formant_hz, rel=0.04)


def test_formant_grains_start_between_samples() -> None:
    asked_hz = np.array([vocal.VOWELS_HZ["ah"]])
    early = vocal.formant_grains(RATE, RATE, np.array([0.1]), np.ones(1), asked_hz)
    late = vocal.formant_grains(RATE, RATE, np.array([0.1 + 0.5 / RATE]), np.ones(1), asked_hz)
    shifts = np.fft.rfft(late) / np.fft.rfft(early)
    turned = np.exp(-2j * np.pi * 0.5 * 730.0 / RATE)
    assert shifts[730] == pytest.approx(turned, abs=0.01)


def test_voice_speaks_at_its_pitch_and_pauses_with_its_utterance() -> None:
    n_frames = 400
    level = np.ones(n_frames)
    level[200:] = 0.0
    steady = vocal.Utterance(
        pitch_hz=np.full(n_frames, 120.0),
        level=level,
        formants_hz=np.tile(vocal.VOWELS_HZ["ah"], (n_frames, 1)),
        consonants=[],
    )
    voice = vocal.voiced(rng(), 2 * RATE, RATE, steady)
    assert np.abs(voice[round(1.05 * RATE) : round(1.95 * RATE)]).max() == 0.0
    spectrum = np.abs(np.fft.rfft(voice[: round(0.95 * RATE)], 10 * RATE))  # 0.1 Hz a bin
    for harmonic in (1, 3, 6):
        near = slice(1200 * harmonic - 300, 1200 * harmonic + 301)
        assert abs(int(np.argmax(spectrum[near])) - 300) <= 10


def test_babble_says_syllables_at_about_its_rate() -> None:
    talk = vocal.babble(rng(), 60.0, 120.0, 4.5, 0.2)
    onsets = np.count_nonzero((talk.level[1:] > 0.0) & (talk.level[:-1] == 0.0))
    assert 60 * 2.0 < onsets < 60 * 6.0
    assert 0.03 < np.mean(talk.level == 0.0) < 0.5
    assert 90.0 < talk.pitch_hz[talk.level > 0.0].min() < 120.0 < talk.pitch_hz.max() < 200.0
