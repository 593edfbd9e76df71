// The engine `live`: gains of bins that lead to the style's spectra, as in
// astfx/streaming/spectral_stage.py.
#pragma once

#include <complex>
#include <vector>

#include "gain_map.hpp"
#include "levels.hpp"
#include "overlap_add.hpp"
#include "quantile_map.hpp"
#include "style_model.hpp"

namespace astfx {

class SpectralStage {
 public:
  SpectralStage(const StyleModel& style, int channels);

  int hop_length() const { return hop_length_; }
  void reset();
  // Take a hop, channel by channel, and write one of output; strength 0 to 1. The output is
  // n_synthesis - hop_length samples late.
  void process(const float* const* hop, double strength, float* const* output);
  MapJob& job() { return bands_.job(); }

 private:
  void share(const std::complex<float>* spectrum, float* magnitude) const;

  int channels_, n_fft_, hop_length_, n_bins_;
  double per_second_, memory_;
  int every_, n_synthesis_;
  OverlapAdd frames_;
  GainMap bands_;
  QuantileMap quantiles_;
  HopPower power_;
  HeldPeak peaks_;
  OutputLevel level_;
  float scale_;
  long n_hops_ = 0;
  std::vector<float> check_window_, heard_;
  std::vector<float> magnitude_, features_, gain_, power_of_content_, power_of_output_;
  std::vector<std::complex<float>> spectrum_;
};

}  // namespace astfx
