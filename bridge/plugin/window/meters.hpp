// Meters of the input's and the output's peaks, which hold the highest one for a while.
#pragma once

#include "control.hpp"
#include "values.hpp"

namespace astfx::window {

class Meters : public Control {
 public:
  explicit Meters(Values& values) : values_(values) {}

  void draw(Canvas& canvas) override;
  // A click forgets the peaks.
  void press(const Pointer&) override;
  // After a number of seconds; whether a meter looks different.
  bool pass(double seconds);

 private:
  struct Peak {
    float held = kQuietestDb, highest = kQuietestDb;
    double age = 0.0;
  };

  Values& values_;
  Peak peaks_[2];
};

}  // namespace astfx::window
