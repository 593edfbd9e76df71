#include "overlap_add.hpp"

#include <algorithm>
#include <cmath>

#include "constants.hpp"

namespace astfx {

OverlapAdd::OverlapAdd(int channels, int hop_length, const Windows& windows, int n_synthesis)
    : channels_(channels),
      hop_length_(hop_length),
      n_fft_(static_cast<int>(windows.analysis.size())),
      n_synthesis_(n_synthesis),
      analysis_(windows.analysis),
      input_(static_cast<size_t>(channels) * n_fft_),
      output_(static_cast<size_t>(channels) * n_synthesis),
      frames_(static_cast<size_t>(channels) * n_synthesis),
      fft_(n_fft_) {
  double total = 0.0;
  float most = 0.0f;
  for (int i = 0; i < n_fft_; ++i) {
    const float product = windows.analysis[i] * windows.synthesis[i];
    total += product;
    most = std::max(most, product);
  }
  total /= hop_length;
  share_ = most / total;
  // The inverse transform is n_fft times too large.
  const float scale = static_cast<float>(1.0 / total) / static_cast<float>(n_fft_);
  synthesis_.assign(windows.synthesis.end() - n_synthesis, windows.synthesis.end());
  for (float& value : synthesis_) value *= scale;
}

void OverlapAdd::reset() {
  std::fill(input_.begin(), input_.end(), 0.0f);
  std::fill(output_.begin(), output_.end(), 0.0f);
}

void OverlapAdd::analyse(const float* const* hop, std::complex<float>* spectrum) {
  for (int channel = 0; channel < channels_; ++channel) {
    float* input = &input_[static_cast<size_t>(channel) * n_fft_];
    std::copy(input + hop_length_, input + n_fft_, input);
    std::copy(hop[channel], hop[channel] + hop_length_, input + n_fft_ - hop_length_);
    float* samples = fft_.samples();
    for (int i = 0; i < n_fft_; ++i) samples[i] = input[i] * analysis_[i];
    fft_.forward();
    std::copy(fft_.spectrum(), fft_.spectrum() + fft_.bins(),
              spectrum + static_cast<size_t>(channel) * fft_.bins());
  }
}

void OverlapAdd::synthesise(const std::complex<float>* spectrum, double peak, float* const* hop) {
  float found = 0.0f;
  for (int channel = 0; channel < channels_; ++channel) {
    const std::complex<float>* own = spectrum + static_cast<size_t>(channel) * fft_.bins();
    std::copy(own, own + fft_.bins(), fft_.spectrum());
    fft_.inverse();
    const float* samples = fft_.samples() + n_fft_ - n_synthesis_;
    float* frame = &frames_[static_cast<size_t>(channel) * n_synthesis_];
    for (int i = 0; i < n_synthesis_; ++i) frame[i] = samples[i] * synthesis_[i];
    for (int i = 0; i < n_synthesis_; ++i) found = std::max(found, std::abs(frame[i]));
  }
  const double most_of_frame = kMostOfFrame * peak * share_;
  float scale = found > most_of_frame ? static_cast<float>(most_of_frame / found) : 1.0f;
  scale *= room_for(scale, static_cast<float>(kMostInAll * peak));
  for (int channel = 0; channel < channels_; ++channel) {
    const float* frame = &frames_[static_cast<size_t>(channel) * n_synthesis_];
    float* output = &output_[static_cast<size_t>(channel) * n_synthesis_];
    for (int i = 0; i < n_synthesis_; ++i) output[i] += frame[i] * scale;
    std::copy(output, output + hop_length_, hop[channel]);
    std::copy(output + hop_length_, output + n_synthesis_, output);
    std::fill(output + n_synthesis_ - hop_length_, output + n_synthesis_, 0.0f);
  }
}

float OverlapAdd::room_for(float scale, float most) const {
  float highest = 0.0f, share = 1.0f;
  for (size_t i = 0; i < output_.size(); ++i)
    highest = std::max(highest, std::abs(output_[i] + scale * frames_[i]));
  if (highest <= most) return 1.0f;
  for (size_t i = 0; i < output_.size(); ++i) {
    const float frame = scale * frames_[i];
    const float before = frame > 0.0f ? output_[i] : frame < 0.0f ? -output_[i] : 0.0f;
    share = std::min(share, (most - before) / std::max(std::abs(frame), kTiny));
  }
  return std::max(share, 0.0f);
}

}  // namespace astfx
