#include "levels.hpp"

#include <algorithm>
#include <cmath>
#include <complex>

#include "constants.hpp"
#include "grid.hpp"

namespace astfx {

namespace {

// Squared magnitude response of the K-weighting filter of ITU-R BS.1770 at the bins of a transform,
// as in astfx/dsp/k_weighting.py.
std::vector<float> k_weighting_power(int sample_rate, int n_fft) {
  double k = std::tan(M_PI * 1681.974450955533 / sample_rate);
  double q = 0.7071752369554196;
  const double gain = std::pow(10.0, 3.999843853973347 / 20.0);
  const double band = std::pow(gain, 0.4996667741545416);
  double a0 = 1.0 + k / q + k * k;
  const double shelf[6] = {(gain + band * k / q + k * k) / a0, 2.0 * (k * k - gain) / a0,
                           (gain - band * k / q + k * k) / a0, 1.0,
                           2.0 * (k * k - 1.0) / a0,           (1.0 - k / q + k * k) / a0};
  k = std::tan(M_PI * 38.13547087602444 / sample_rate);
  q = 0.5003270373238773;
  a0 = 1.0 + k / q + k * k;
  const double high_pass[6] = {
      1.0, -2.0, 1.0, 1.0, 2.0 * (k * k - 1.0) / a0, (1.0 - k / q + k * k) / a0};
  std::vector<float> power(n_fft / 2 + 1);
  for (int bin = 0; bin <= n_fft / 2; ++bin) {
    const std::complex<double> turn = std::polar(1.0, -2.0 * M_PI * bin / n_fft);
    std::complex<double> response = 1.0;
    for (const double* s : {shelf, high_pass})
      response *= (s[0] + s[1] * turn + s[2] * turn * turn) / (s[3] + s[4] * turn + s[5] * turn * turn);
    power[bin] = static_cast<float>(std::norm(response));
  }
  return power;
}

}  // namespace

void RunningMean::add(double value) {
  weight_ = std::min(weight_ + 1.0, memory_);
  value_ += (value - value_) / weight_;
}

HopPower::HopPower(double memory, int overlap)
    : mean_(memory),
      overlap_(overlap),
      since_(overlap),
      latest_(std::max<long>(kFewest, round_even(memory * kLatest))),
      sorted_(latest_.size()) {}

void HopPower::reset() {
  mean_.reset();
  since_ = overlap_;
  n_latest_ = next_ = 0;
}

void HopPower::add(double value) {
  latest_[next_] = value;
  next_ = (next_ + 1) % static_cast<int>(latest_.size());
  n_latest_ = std::min(n_latest_ + 1, static_cast<int>(latest_.size()));
  std::copy(latest_.begin(), latest_.begin() + n_latest_, sorted_.begin());
  const auto middle = sorted_.begin() + n_latest_ / 2;
  std::nth_element(sorted_.begin(), middle, sorted_.begin() + n_latest_);
  const double usual = std::max(mean_.value(), *middle);
  since_ = value > kBurst * usual ? 0 : std::min(since_ + 1, overlap_);
  mean_.add(std::min(value, kMostOfUsual * usual));
}

OutputLevel::OutputLevel(int sample_rate, int n_fft, double memory)
    : weights_(k_weighting_power(sample_rate, n_fft)),
      content_loudness_(memory * kLoudnessMemory),
      output_loudness_(memory * kLoudnessMemory),
      content_power_(memory) {}

void OutputLevel::reset() {
  content_loudness_.reset();
  output_loudness_.reset();
  content_power_.reset();
}

float OutputLevel::gain(const float* content, const float* output, bool learn) {
  double louder = 1.0;
  if (output_loudness_.value() > 0.0) {
    louder = std::sqrt(content_loudness_.value() / output_loudness_.value());
    louder = std::min(std::max(louder, 1.0 / kMostLoudnessGain), kMostLoudnessGain);
  }
  float sums[4] = {};
  for (size_t k = 0; k < weights_.size(); ++k) {
    sums[0] += content[k];
    sums[1] += output[k];
    sums[2] += weights_[k] * content[k];
    sums[3] += weights_[k] * output[k];
  }
  const double power = louder * louder * sums[1];
  content_power_.add(sums[0]);
  const double most = kMostFramePower * std::max<double>(sums[0], content_power_.value());
  const double limit = power > most ? std::sqrt(most / power) : 1.0;
  if (learn) {
    content_loudness_.add(sums[2]);
    output_loudness_.add(limit * limit * sums[3]);
  }
  return static_cast<float>(louder * limit);
}

HeldPeak::HeldPeak(double memory) : decay_(std::exp(-1.0 / memory)) {}

double HeldPeak::add(double peak) {
  held_ = std::max(peak, held_ * decay_);
  return held_;
}

}  // namespace astfx
