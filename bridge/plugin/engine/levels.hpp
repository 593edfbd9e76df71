// Running estimates of the levels of a stream, as in astfx/streaming/levels.py.
#pragma once

#include <vector>

namespace astfx {

// Mean of the values so far. After `memory` values, older ones are gradually forgotten.
class RunningMean {
 public:
  explicit RunningMean(double memory) : memory_(memory) {}
  void reset() { weight_ = value_ = 0.0; }
  void add(double value);
  double value() const { return value_; }

 private:
  double memory_, weight_ = 0.0, value_ = 0.0;
};

// Running mean power of a stream's hops, which also detects bursts.
class HopPower {
 public:
  HopPower(double memory, int overlap);
  void reset();
  void add(double value);
  bool burst() const { return since_ < overlap_; }
  double value() const { return mean_.value(); }

 private:
  RunningMean mean_;
  int overlap_, since_, n_latest_ = 0, next_ = 0;
  std::vector<double> latest_, sorted_;
};

// Brings the output's loudness to the content's, and limits the power of each frame.
class OutputLevel {
 public:
  OutputLevel(int sample_rate, int n_fft, double memory);
  void reset();
  // Linear gain for a frame of the output, given the powers of the content's and the output's bins.
  float gain(const float* content, const float* output, bool learn);

 private:
  std::vector<float> weights_;
  RunningMean content_loudness_, output_loudness_, content_power_;
};

// The highest peak of a stream so far.
class HeldPeak {
 public:
  explicit HeldPeak(double memory);
  void reset() { held_ = 0.0; }
  double add(double peak);

 private:
  double decay_, held_ = 0.0;
};

}  // namespace astfx
