// Lengths of windows and hops at a sample rate, as in astfx/frontends/grid.py.
#pragma once

namespace astfx {

struct Grid {
  int sample_rate, n_fft, hop_length;
};

// Nearest integer, at least 4, whose prime factors are 2, 3, 5 and 7.
int smooth_length(double target);

// The grid of a prepared style, with a hop of a quarter of the window.
Grid style_grid(int sample_rate);

// The grid of the spectral stage, with a hop of an eighth of the window.
Grid engine_grid(int sample_rate);

// Delay of a stream in samples, with the wait until a hop is full.
int latency_samples(int sample_rate);

// The same of the engine `stream`.
int stream_latency_samples(int sample_rate);

// Rounds halves to even, as Python does.
long round_even(double value);

}  // namespace astfx
