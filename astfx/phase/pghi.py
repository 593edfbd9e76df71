"""Phase gradient heap integration (PGHI).

The method is that of Průša, Balazs & Søndergaard 2017, "A noniterative method for
reconstruction of phase from STFT magnitude". For a Gaussian window the phase gradient
follows from the log magnitude, so the phase is integrated outwards from the loudest
bins. The Hann window is treated as its closest Gaussian.

The paper keeps the frontier of the integration in a binary heap. Here it is a bucket queue
(levels in steps of about 0.06 dB), which takes constant time per bin.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from astfx.runtime.compiled import compiled

HANN_GAMMA = 0.25645
"""Width parameter of the Gaussian closest to a Hann window, over the squared length."""

_N_BUCKETS = 2048
_OPEN, _KNOWN, _QUIET = 0, 1, 2


def phase_gradients(
    magnitude: npt.NDArray[np.float32], n_fft: int, hop_length: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Phase gradients that follow from a magnitude.

    Parameters
    ----------
    magnitude : (frames, bins) float32
    n_fft, hop_length : samples

    Returns
    -------
    time_gradient : (frames, bins) float32
        Phase advance over one hop, in radians.
    frequency_gradient : (frames, bins) float32
        Phase advance over one bin, in radians.
    """
    gamma = HANN_GAMMA * n_fft**2
    log_magnitude = np.log(np.maximum(magnitude, np.float32(1e-10)))
    along_bins = np.empty_like(log_magnitude)
    along_bins[:, 1:-1] = (log_magnitude[:, 2:] - log_magnitude[:, :-2]) * np.float32(0.5)
    along_bins[:, 0] = along_bins[:, -1] = 0.0  # a real signal's spectrum is even at both ends
    along_frames = np.zeros_like(log_magnitude)
    if len(log_magnitude) > 1:
        along_frames[1:-1] = (log_magnitude[2:] - log_magnitude[:-2]) * np.float32(0.5)
        along_frames[0] = log_magnitude[1] - log_magnitude[0]
        along_frames[-1] = log_magnitude[-1] - log_magnitude[-2]
    bins = np.arange(magnitude.shape[1], dtype=np.float32)
    time_gradient = np.float32(hop_length * n_fft / gamma) * along_bins
    time_gradient += np.float32(2.0 * np.pi * hop_length / n_fft) * bins
    # The phase refers to the frame's first sample, the window to its middle: half a turn a bin.
    frequency_gradient = np.float32(-gamma / (hop_length * n_fft)) * along_frames
    frequency_gradient -= np.float32(np.pi)
    return time_gradient, frequency_gradient


@compiled()
def _loudest_first(bucket: npt.NDArray[np.int32], n_buckets: int) -> npt.NDArray[np.int32]:
    """Indices by falling bucket, in their order within a bucket (a counting sort)."""
    place = np.zeros(n_buckets + 1, np.int32)
    for i in range(bucket.size):
        place[n_buckets - 1 - bucket[i] + 1] += 1
    for b in range(n_buckets):
        place[b + 1] += place[b]
    order = np.empty(bucket.size, np.int32)
    for i in range(bucket.size):
        b = n_buckets - 1 - bucket[i]
        order[place[b]] = i
        place[b] += 1
    return order


@compiled()
def _integrate(
    bucket: npt.NDArray[np.int32],
    time_gradient: npt.NDArray[np.float32],
    frequency_gradient: npt.NDArray[np.float32],
    phase: npt.NDArray[np.float32],
    state: npt.NDArray[np.int8],
    seeds: npt.NDArray[np.int32],
    n_buckets: int,
) -> None:
    """Fill `phase` where `state` is _OPEN, loudest bins first (in place).

    seeds : (frames * bins,), flat indices of all bins, loudest first
    """
    n_frames, n_bins = bucket.shape
    head = np.full(n_buckets, -1, np.int32)
    link = np.full(n_frames * n_bins, -1, np.int32)
    top = -1
    for t in range(n_frames):
        for m in range(n_bins):
            if state[t, m] != _KNOWN:
                continue
            open_side = (
                (t > 0 and state[t - 1, m] == _OPEN)
                or (t + 1 < n_frames and state[t + 1, m] == _OPEN)
                or (m > 0 and state[t, m - 1] == _OPEN)
                or (m + 1 < n_bins and state[t, m + 1] == _OPEN)
            )
            if open_side:
                b = bucket[t, m]
                link[t * n_bins + m] = head[b]
                head[b] = t * n_bins + m
                top = max(top, b)

    next_seed = 0
    while True:
        while top >= 0 and head[top] < 0:
            top -= 1
        if top < 0:
            # The frontier is empty: start again from the loudest bin that is left.
            while (
                next_seed < seeds.size
                and state[seeds[next_seed] // n_bins, seeds[next_seed] % n_bins] != _OPEN
            ):
                next_seed += 1
            if next_seed == seeds.size:
                return
            index = seeds[next_seed]
            state[index // n_bins, index % n_bins] = _KNOWN
            top = bucket[index // n_bins, index % n_bins]
            link[index] = -1
            head[top] = index
        index = head[top]
        head[top] = link[index]
        t = index // n_bins
        m = index % n_bins
        here = phase[t, m]
        for side in range(4):
            u = t
            v = m
            if side == 0:
                u = t + 1
                if u >= n_frames or state[u, v] != _OPEN:
                    continue
                value = here + 0.5 * (time_gradient[t, m] + time_gradient[u, v])
            elif side == 1:
                u = t - 1
                if u < 0 or state[u, v] != _OPEN:
                    continue
                value = here - 0.5 * (time_gradient[t, m] + time_gradient[u, v])
            elif side == 2:
                v = m + 1
                if v >= n_bins or state[u, v] != _OPEN:
                    continue
                value = here + 0.5 * (frequency_gradient[t, m] + frequency_gradient[u, v])
            else:
                v = m - 1
                if v < 0 or state[u, v] != _OPEN:
                    continue
                value = here - 0.5 * (frequency_gradient[t, m] + frequency_gradient[u, v])
            state[u, v] = _KNOWN
            # Wrapped to one turn, so that float32 stays precise over long signals.
            phase[u, v] = value - 2.0 * np.pi * np.floor(value / (2.0 * np.pi))
            b = bucket[u, v]
            link[u * n_bins + v] = head[b]
            head[b] = u * n_bins + v
            top = max(top, b)


def pghi(
    magnitude: npt.NDArray[np.float32],
    n_fft: int,
    hop_length: int,
    rng: np.random.Generator,
    *,
    phase: npt.NDArray[np.float32] | None = None,
    known: npt.NDArray[np.bool_] | None = None,
    tolerance: float = 1e-6,
) -> npt.NDArray[np.float32]:
    """Estimate the phase of an STFT from its magnitude, without iterating.

    Parameters
    ----------
    magnitude : (frames, bins) float32, linear, >= 0
    n_fft, hop_length : samples
        Of a Hann-windowed STFT whose phase refers to each frame's first sample.
    rng : numpy.random.Generator
        Draws the phase of the bins below `tolerance`.
    phase : (frames, bins) float32, radians, optional
        Phase of the bins that are already `known`; integration starts from them.
    known : (frames, bins) bool, optional
    tolerance : float
        Bins quieter than this times the loudest bin get a random phase.

    Returns
    -------
    (frames, bins) float32, radians

    References
    ----------
    Průša, Balazs & Søndergaard, IEEE/ACM TASLP 25(5), 2017.
    """
    result = rng.random(magnitude.shape, dtype=np.float32) * np.float32(2.0 * np.pi)
    peak = float(magnitude.max(initial=0.0))
    if peak <= 0.0:
        return result
    # Quiet bins end the integration and never start it, because their phase is random.
    state = np.where(magnitude < np.float32(tolerance * peak), _QUIET, _OPEN).astype(np.int8)
    if known is not None and phase is not None:
        state[known] = _KNOWN
        result[known] = phase[known]
    floor_db = 20.0 * np.log10(tolerance)
    level_db = 20.0 * np.log10(np.maximum(magnitude, np.float32(tolerance * peak)) / peak)
    bucket = ((1.0 - level_db / floor_db) * (_N_BUCKETS - 1)).astype(np.int32)
    time_gradient, frequency_gradient = phase_gradients(magnitude, n_fft, hop_length)
    seeds = _loudest_first(bucket.ravel(), _N_BUCKETS)
    _integrate(bucket, time_gradient, frequency_gradient, result, state, seeds, _N_BUCKETS)
    return result
