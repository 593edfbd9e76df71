#include "grid.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "constants.hpp"

namespace astfx {

namespace {

bool is_smooth(int n) {
  for (int prime : {2, 3, 5, 7})
    while (n % prime == 0) n /= prime;
  return n == 1;
}

}  // namespace

long round_even(double value) { return std::lrint(value); }

int smooth_length(double target) {
  const int nearest = std::max(4, static_cast<int>(round_even(target)));
  int found[2], count = 0;
  for (int away = 0; count < 2; ++away) {
    for (int n : {nearest - away, nearest + away}) {
      if (n >= 4 && is_smooth(n) && (count == 0 || found[0] != n)) {
        found[count++] = n;
        if (count == 2) break;
      }
      if (away == 0) break;
    }
  }
  // The second may lie nearer to a target that is no integer.
  return std::abs(found[1] - target) < std::abs(found[0] - target) ? found[1] : found[0];
}

Grid style_grid(int sample_rate) {
  const int hop = smooth_length(kWindowMs * 1e-3 * sample_rate / kGridOverlap);
  return {sample_rate, kGridOverlap * hop, hop};
}

Grid engine_grid(int sample_rate) {
  const int parts = kHopsPerWindow * kEnvelopeOverlap;
  const int n_fft = parts * smooth_length(kWindowMs * 1e-3 * sample_rate / parts);
  return {sample_rate, n_fft, n_fft / kHopsPerWindow};
}

int latency_samples(int sample_rate) {
  return kHeardHops * engine_grid(sample_rate).hop_length - 1;
}

int stream_latency_samples(int sample_rate) {
  const Grid grid = engine_grid(sample_rate);
  return kStreamHeardHops * grid.hop_length + grid.hop_length - grid.hop_length / kEnvelopeOverlap - 1;
}

}  // namespace astfx
