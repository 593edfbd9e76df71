// A dial for one parameter: drag it up and down, turn the wheel, double click for the default.
#pragma once

#include "control.hpp"
#include "values.hpp"

namespace astfx::window {

class Dial : public Control {
 public:
  Dial(Values& values, uint32_t parameter, Colour colour)
      : values_(values), parameter_(parameter), colour_(colour) {}

  void draw(Canvas& canvas) override;
  void press(const Pointer& pointer) override;
  void drag(const Pointer& pointer) override;
  void release() override;
  void wheel(const Pointer& pointer, double lines) override;

 private:
  Values& values_;
  uint32_t parameter_;
  Colour colour_;
  bool is_held_ = false;
  double last_y_ = 0.0, share_ = 0.0;
};

}  // namespace astfx::window
