// Gains that give a stream's bands the means and covariances of a style, as in
// astfx/features/monge.py.
#pragma once

#include <vector>

#include "bands.hpp"
#include "map_job.hpp"

namespace astfx {

// Means and covariance of a style's band levels.
struct BandStatistics {
  std::vector<double> mean;
  SquareMatrix covariance;  // (bands, bands)
};

class GainMap {
 public:
  GainMap(const BandStatistics& style, int sample_rate, int n_fft, double memory, int every);

  void reset();
  // Update the statistics with a frame (unless `learn` is false) and write its linear gain.
  void gain(const float* magnitude, bool learn, float* gain);
  MapJob& job() { return job_; }

 private:
  void learn(const float* level);

  int n_bins_, used_, every_, since_ = 0;
  double memory_, weight_;
  BandRows bands_, spread_;
  std::vector<double> style_mean_, lowest_, highest_, mean_, difference_;
  SquareMatrix style_covariance_, covariance_, map_;
  std::vector<float> level_, change_;
  MapJob job_;
};

}  // namespace astfx
