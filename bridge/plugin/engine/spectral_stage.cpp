#include "spectral_stage.hpp"

#include <algorithm>
#include <cmath>

#include "grid.hpp"

namespace astfx {

namespace {

float window_ratio(int n_fft, int n_synthesis) {
  const std::vector<float> analysis = asymmetric_windows(n_fft, n_synthesis).analysis;
  double whole = 0.0, own = 0.0;
  for (double value : hann(n_fft)) whole += value * value;
  for (float value : analysis) own += static_cast<double>(value) * value;
  return static_cast<float>(std::sqrt(whole / own));
}

}  // namespace

SpectralStage::SpectralStage(const StyleModel& style, int channels)
    : channels_(channels),
      n_fft_(engine_grid(style.sample_rate).n_fft),
      hop_length_(n_fft_ / kHopsPerWindow),
      n_bins_(n_fft_ / 2 + 1),
      per_second_(static_cast<double>(style.sample_rate) / hop_length_),
      memory_(kMemorySeconds * per_second_),
      every_(std::max(1, static_cast<int>(round_even(kUpdateEverySeconds * per_second_)))),
      n_synthesis_(kHeardHops * n_fft_ / kHopsPerWindow),
      frames_(channels, hop_length_, asymmetric_windows(n_fft_, n_synthesis_), n_synthesis_),
      bands_(style.bands, style.sample_rate, n_fft_, memory_, every_),
      quantiles_(style.quantiles, memory_, every_, kQuantileShare, kQuantileFollow),
      power_(memory_, kHopsPerWindow),
      peaks_(memory_),
      level_(style.sample_rate, n_fft_, memory_),
      scale_(window_ratio(n_fft_, n_synthesis_)),
      heard_(static_cast<size_t>(channels) * n_fft_),
      magnitude_(n_bins_),
      features_(n_bins_),
      gain_(n_bins_),
      power_of_content_(n_bins_),
      power_of_output_(n_bins_),
      spectrum_(static_cast<size_t>(channels) * n_bins_) {
  // Levels are compared with those of the style's frames, which have a Hann window.
  for (double value : hann(n_fft_)) check_window_.push_back(static_cast<float>(value));
}

void SpectralStage::reset() {
  frames_.reset();
  bands_.reset();
  quantiles_.reset();
  power_.reset();
  peaks_.reset();
  level_.reset();
  std::fill(heard_.begin(), heard_.end(), 0.0f);
  n_hops_ = 0;
}

void SpectralStage::share(const std::complex<float>* spectrum, float* magnitude) const {
  std::fill(magnitude, magnitude + n_bins_, 0.0f);
  for (int channel = 0; channel < channels_; ++channel) {
    const float* parts = reinterpret_cast<const float*>(spectrum + static_cast<size_t>(channel) * n_bins_);
    for (int k = 0; k < n_bins_; ++k)
      magnitude[k] += parts[2 * k] * parts[2 * k] + parts[2 * k + 1] * parts[2 * k + 1];
  }
  const float scale = 1.0f / static_cast<float>(channels_);
  for (int k = 0; k < n_bins_; ++k) magnitude[k] = std::sqrt(magnitude[k] * scale);
}

void SpectralStage::process(const float* const* hop, double strength, float* const* output) {
  if (strength > kFullStrength) strength = 1.0;
  ++n_hops_;
  frames_.analyse(hop, spectrum_.data());
  share(spectrum_.data(), magnitude_.data());
  float peak = 0.0f;
  double power = 0.0;
  for (int channel = 0; channel < channels_; ++channel) {
    float own = 0.0f;
    for (int i = 0; i < hop_length_; ++i) {
      peak = std::max(peak, std::abs(hop[channel][i]));
      own += hop[channel][i] * hop[channel][i];
    }
    power += own;
  }
  const double held = peaks_.add(peak);
  const bool sounding = peak >= kSilence;
  if (sounding) power_.add(power / (static_cast<double>(channels_) * hop_length_));
  const bool informative = sounding && !power_.burst();
  const double rms = std::sqrt(std::max(power_.value(), kSilence * kSilence));
  const double to_features = kReferenceRms / rms * kReferenceNFft / n_fft_;
  const float to_level = static_cast<float>(static_cast<double>(scale_) * to_features);
  for (int k = 0; k < n_bins_; ++k) features_[k] = magnitude_[k] * to_level;
  bands_.gain(features_.data(), informative, gain_.data());
  for (int k = 0; k < n_bins_; ++k) features_[k] *= gain_[k];
  quantiles_.apply(features_.data(), informative, gain_.data());
  if (sounding) {
    for (int k = 0; k < n_bins_; ++k) {
      const float wet = magnitude_[k] * gain_[k];
      power_of_content_[k] = magnitude_[k] * magnitude_[k];
      power_of_output_[k] = wet * wet;
    }
    const float own = level_.gain(power_of_content_.data(), power_of_output_.data(), informative);
    for (int k = 0; k < n_bins_; ++k) gain_[k] *= own;
  }
  if (strength < 1.0) {
    const float position = static_cast<float>(1.0 - std::pow(1.0 - strength, kStrengthCurve));
    for (int k = 0; k < n_bins_; ++k) gain_[k] = std::pow(gain_[k], position);
  }
  for (int channel = 0; channel < channels_; ++channel) {
    float* parts = reinterpret_cast<float*>(&spectrum_[static_cast<size_t>(channel) * n_bins_]);
    for (int k = 0; k < n_bins_; ++k) {
      parts[2 * k] *= gain_[k];
      parts[2 * k + 1] *= gain_[k];
    }
  }
  frames_.synthesise(spectrum_.data(), held, output);
  for (int channel = 0; channel < channels_; ++channel) {
    float* heard = &heard_[static_cast<size_t>(channel) * n_fft_];
    std::copy(heard + hop_length_, heard + n_fft_, heard);
    std::copy(output[channel], output[channel] + hop_length_, heard + n_fft_ - hop_length_);
  }
  // At other strengths, the output is not meant to have the style's levels.
  if (!informative || strength < 1.0 || n_hops_ <= 2 * kHopsPerWindow) return;
  if (n_hops_ % 2 == 0) {
    quantiles_.correct();
    return;
  }
  RealFft& fft = frames_.fft();
  for (int channel = 0; channel < channels_; ++channel) {
    const float* heard = &heard_[static_cast<size_t>(channel) * n_fft_];
    for (int i = 0; i < n_fft_; ++i) fft.samples()[i] = heard[i] * check_window_[i];
    fft.forward();
    std::copy(fft.spectrum(), fft.spectrum() + n_bins_,
              &spectrum_[static_cast<size_t>(channel) * n_bins_]);
  }
  share(spectrum_.data(), magnitude_.data());
  for (int k = 0; k < n_bins_; ++k) magnitude_[k] *= static_cast<float>(to_features);
  quantiles_.realised(magnitude_.data());
}

}  // namespace astfx
