// What the engine keeps of a style at one sample rate, as in astfx/streaming/engines.py.
#pragma once

#include <vector>

#include "gain_map.hpp"
#include "preset.hpp"
#include "quantile_map.hpp"

namespace astfx {

// Log magnitudes of a preset on the engine's window, (frames, bins).
struct StyleFrames {
  int n_frames, n_bins;
  std::vector<float> values;
};
StyleFrames style_frames(const Preset& preset, int sample_rate);

struct StyleModel {
  int sample_rate;
  BandStatistics bands;
  QuantileStatistics quantiles;
};
StyleModel style_model(const StyleFrames& frames, int sample_rate);

}  // namespace astfx
