// Gains that give a stream's bins a style's distribution of levels, as in
// astfx/features/quantiles.py.
#pragma once

#include <cstddef>
#include <vector>

#include "constants.hpp"

namespace astfx {

// Borders of groups of bins: one bin, two above 5.5 kHz, and four above 11 kHz.
std::vector<int> groups_of_bins(int sample_rate, int n_fft);

// Distribution of each group's levels in a style: what the map starts from.
struct QuantileStatistics {
  std::vector<int> borders;
  std::vector<float> prior;      // (groups, kLevels), each group's sum is one
  std::vector<float> quantiles;  // (groups, kQuantiles), nepers above the floor
};

// Of magnitudes at the scale of the features, (frames, bins).
QuantileStatistics quantile_statistics(const std::vector<float>& magnitudes, int n_frames,
                                       int sample_rate, int n_fft);

class QuantileMap {
 public:
  QuantileMap(const QuantileStatistics& style, double memory, int every, double share,
              double follow);

  void reset();
  // Multiply `gain` by the gain of a frame of magnitudes, and learn its levels.
  void apply(const float* magnitude, bool learn, float* gain);
  // Learn the realised levels of a frame.
  void realised(const float* magnitude);
  // Correct the requests of a part of the groups by what was realised.
  void correct();

 private:
  // Running distribution of each group's level. Levels are also counted in parts of kPart, so that
  // many are added up quickly.
  struct Histogram {
    double growth, weight, total;
    std::vector<float> counts, parts;
    Histogram(double memory, size_t n_groups);
    void reset(const std::vector<float>& prior);
    double next_weight();
    void add(int g, int first, double part, double weight_of_frame);
    float below(int g, int level) const;
  };
  static constexpr int kPart = 16, kParts = kLevels / kPart;

  std::vector<int> borders_, bounds_;
  std::vector<float> prior_, style_, requests_;
  Histogram content_, realised_;
  double share_, follow_, rate_;
  std::vector<float> held_;  // logarithm of each group's gain
  int n_groups_, turn_ = 0;
  bool first_ = true;
};

}  // namespace astfx
