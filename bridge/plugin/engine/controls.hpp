// Ramps of the controls, as in astfx/effect/automation.py.
#pragma once

#include <algorithm>
#include <cmath>

#include "constants.hpp"
#include "grid.hpp"

namespace astfx {

// A control whose changes are ramped over 20 ms, so that it never jumps.
class Ramp {
 public:
  void reset() {
    fresh_ = true;
    left_ = 0;
  }
  // Begin a block, in which the control has a value.
  void begin(float value, int sample_rate) {
    length_ = std::max(1L, round_even(kRampSeconds * sample_rate));
    if (!fresh_ && value != value_) {  // ramp from the present value
      from_ = shown_;
      left_ = length_;
    }
    value_ = value;
  }
  // The value at the next sample.
  float next() {
    shown_ = value_;
    if (left_ > 0) {
      shown_ = from_ + (value_ - from_) * (static_cast<float>(length_ - left_ + 1) / static_cast<float>(length_));
      --left_;
    }
    fresh_ = false;
    return shown_;
  }

 private:
  bool fresh_ = true;
  float value_ = 0.0f, shown_ = 0.0f, from_ = 0.0f;
  long left_ = 0, length_ = 1;
};

// Fades the wet signal in and out where strength comes from or goes to 0.
class WetFade {
 public:
  void reset() { fresh_ = true; }
  void begin(int sample_rate) {
    slope_ = 1.0 / std::max(1L, round_even(kRampSeconds * sample_rate));
    rising_ = last_;
  }
  float next(float strength) {
    const double aim = std::min(strength / static_cast<float>(kLeastStrength), 1.0f);
    if (fresh_) last_ = rising_ = aim;
    fresh_ = false;
    rising_ = std::min(aim, rising_ + slope_);
    last_ = std::max(rising_, last_ - slope_);
    if (std::abs(last_ - aim) < 1e-6) last_ = aim;
    return static_cast<float>(last_);
  }

 private:
  bool fresh_ = true;
  double slope_ = 1.0, last_ = 0.0, rising_ = 0.0;
};

}  // namespace astfx
