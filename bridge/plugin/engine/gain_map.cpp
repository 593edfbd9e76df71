#include "gain_map.hpp"

#include <algorithm>
#include <cmath>

namespace astfx {

GainMap::GainMap(const BandStatistics& style, int sample_rate, int n_fft, double memory, int every)
    : n_bins_(n_fft / 2 + 1),
      used_(static_cast<int>(style.mean.size())),
      every_(every),
      memory_(memory),
      bands_(band_weights(sample_rate, n_fft)),
      spread_(bin_weights(sample_rate, n_fft)),
      style_mean_(style.mean),
      lowest_(used_),
      highest_(used_),
      mean_(used_),
      difference_(used_),
      style_covariance_(style.covariance),
      level_(used_),
      change_(used_),
      job_(style.covariance, used_) {
  for (int i = 0; i < used_; ++i) {
    const double deviation = std::sqrt(style_covariance_.values[i * used_ + i]) + kLeastDeviation;
    lowest_[i] = style_mean_[i] - kMostDeviations * deviation;
    highest_[i] = style_mean_[i] + kMostDeviations * deviation;
  }
  reset();
}

void GainMap::reset() {
  since_ = 0;
  weight_ = kPriorFramesOfGaussian;
  mean_ = style_mean_;
  covariance_ = style_covariance_;
  std::fill(map_.values, map_.values + used_ * used_, 0.0);
  for (int i = 0; i < used_; ++i) map_.values[i * used_ + i] = 1.0;
  job_.reset();
}

void GainMap::learn(const float* level) {
  weight_ = std::min(weight_ + 1.0, memory_);
  const double share = 1.0 / weight_;
  for (int i = 0; i < used_; ++i) difference_[i] = level[i] - mean_[i];
  for (int i = 0; i < used_; ++i) {
    mean_[i] += share * difference_[i];
    const double scale = share * (1.0 - share) * difference_[i];
    double* row = covariance_.values + i * used_;
    for (int j = 0; j < used_; ++j) row[j] += scale * difference_[j] - share * row[j];
  }
  ++since_;
  if (job_.pending()) {
    if (since_ == kMapSteps - 1) job_.collect(map_);
  } else if (since_ >= every_) {
    since_ = 0;
    job_.post(covariance_.values);
  }
}

void GainMap::gain(const float* magnitude, bool learns, float* gain) {
  bands_.sums(magnitude, level_.data());
  for (float& level : level_) level = std::log(level + kBandFloor);
  if (learns) learn(level_.data());
  for (int i = 0; i < used_; ++i) difference_[i] = level_[i] - mean_[i];
  for (int i = 0; i < used_; ++i) {
    const double* row = map_.values + i * used_;
    double aim = 0.0;
    for (int j = 0; j < used_; ++j) aim += row[j] * difference_[j];
    aim = std::min(std::max(aim + style_mean_[i], lowest_[i]), highest_[i]);
    const double change = aim - level_[i];
    change_[i] = static_cast<float>(std::min(std::max(change, -kMostLogCut), kMostLogGain));
  }
  spread_.spread_exp(change_.data(), gain, n_bins_);
}

}  // namespace astfx
