#include "bands.hpp"

#include <algorithm>
#include <cmath>

#include "constants.hpp"

namespace astfx {

namespace {

double hz_to_mel(double hz) { return 2595.0 * std::log10(1.0 + hz / 700.0); }
double mel_to_hz(double mel) { return 700.0 * (std::pow(10.0, mel / 2595.0) - 1.0); }

}  // namespace

BandRows::BandRows(const std::vector<std::vector<float>>& matrix) : begin_{0} {
  for (const std::vector<float>& row : matrix) {
    int first = 0, end = static_cast<int>(row.size());
    while (first < end && row[first] == 0.0f) ++first;
    while (end > first && row[end - 1] == 0.0f) --end;
    first_.push_back(first);
    weights_.insert(weights_.end(), row.begin() + first, row.begin() + end);
    begin_.push_back(static_cast<int>(weights_.size()));
  }
}

void BandRows::sums(const float* values, float* out) const {
  for (int band = 0; band < size(); ++band) {
    const float* bins = values + first_[band];
    const float* weights = weights_.data() + begin_[band];
    const int count = begin_[band + 1] - begin_[band];
    float total = 0.0f;
    for (int i = 0; i < count; ++i) total += weights[i] * bins[i];
    out[band] = total;
  }
}

void BandRows::spread_exp(const float* values, float* out, int n_bins) const {
  std::fill(out, out + n_bins, 0.0f);
  for (int band = 0; band < size(); ++band) {
    float* bins = out + first_[band];
    const float* weights = weights_.data() + begin_[band];
    const int count = begin_[band + 1] - begin_[band];
    for (int i = 0; i < count; ++i) bins[i] += weights[i] * values[band];
  }
  for (int k = 0; k < n_bins; ++k) out[k] = std::exp(out[k]);
}

std::vector<std::vector<float>> band_weights(int sample_rate, int n_fft) {
  const int n_bins = n_fft / 2 + 1;
  double edges[kBands + 2];
  const double first = hz_to_mel(kLowestHz), last = hz_to_mel(kHighestHz);
  for (int i = 0; i < kBands + 2; ++i)
    edges[i] = mel_to_hz(first + (last - first) * i / (kBands + 1));
  std::vector<std::vector<float>> bank;
  for (int band = 0; band < kBands && edges[band + 1] <= sample_rate / 2.0; ++band) {
    const double low = edges[band], centre = edges[band + 1], high = edges[band + 2];
    std::vector<double> row(n_bins);
    double total = 0.0;
    for (int k = 0; k < n_bins; ++k) {
      const double hz = static_cast<double>(k) * sample_rate / n_fft;
      row[k] = std::max(0.0, std::min((hz - low) / (centre - low), (high - hz) / (high - centre)));
      total += row[k];
    }
    if (total == 0.0) {  // too narrow to contain a bin: take the nearest one
      int nearest = 0;
      const auto away = [&](int k) {
        return std::abs(static_cast<double>(k) * sample_rate / n_fft - centre);
      };
      for (int k = 1; k < n_bins; ++k)
        if (away(k) < away(nearest)) nearest = k;
      row[nearest] = total = 1.0;
    }
    bank.emplace_back(n_bins);
    for (int k = 0; k < n_bins; ++k) bank.back()[k] = static_cast<float>(row[k] / total);
  }
  return bank;
}

std::vector<std::vector<float>> bin_weights(int sample_rate, int n_fft) {
  std::vector<std::vector<float>> bank = band_weights(sample_rate, n_fft);
  const int n_bins = n_fft / 2 + 1;
  for (std::vector<float>& row : bank) {
    double sum = 0.0;
    for (float weight : row) sum += weight;
    for (float& weight : row) weight /= static_cast<float>(sum);
  }
  int lowest = n_bins, highest = 0;
  for (int k = 0; k < n_bins; ++k) {
    float total = 0.0f;
    for (const std::vector<float>& row : bank) total += row[k];
    if (total > 0.0f) {
      for (std::vector<float>& row : bank) row[k] /= total;
      lowest = std::min(lowest, k);
      highest = std::max(highest, k);
    }
  }
  // Bins outside all bands take the nearest band.
  for (int k = 0; k < lowest && k < n_bins; ++k) bank.front()[k] = 1.0f;
  for (int k = highest + 1; k < n_bins; ++k) bank.back()[k] = 1.0f;
  return bank;
}

}  // namespace astfx
