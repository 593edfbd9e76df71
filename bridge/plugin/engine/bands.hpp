// Mel bands, and weights stored as the contiguous bins of each band, as in astfx/features/monge.py
// and astfx/features/band_rows.py.
#pragma once

#include <vector>

namespace astfx {

// Rows of a (bands, bins) matrix of weights, each without the zeros at its ends.
class BandRows {
 public:
  BandRows(const std::vector<std::vector<float>>& matrix);

  int size() const { return static_cast<int>(first_.size()); }
  // Weighted sum of the bins of each band.
  void sums(const float* values, float* out) const;
  // Exponential of the bands' values spread over the bins.
  void spread_exp(const float* values, float* out, int n_bins) const;

 private:
  std::vector<int> first_, begin_;
  std::vector<float> weights_;
};

// Triangular mel bands below the Nyquist frequency, each summing to one.
std::vector<std::vector<float>> band_weights(int sample_rate, int n_fft);

// Weights that spread band values to bins; each bin's weights sum to one.
std::vector<std::vector<float>> bin_weights(int sample_rate, int n_fft);

}  // namespace astfx
