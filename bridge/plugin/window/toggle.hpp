// A button that switches a parameter on and off.
#pragma once

#include "control.hpp"
#include "values.hpp"

namespace astfx::window {

class Toggle : public Control {
 public:
  Toggle(Values& values, uint32_t parameter, const char* name, Colour colour)
      : values_(values), parameter_(parameter), name_(name), colour_(colour) {}

  void draw(Canvas& canvas) override {
    const bool is_on = values_.is_on(parameter_);
    canvas.fill(box, is_on ? faded(colour_, 0.25) : kPanel, kRound);
    canvas.frame(box, is_on ? colour_ : kLine, kRound);
    canvas.disc(box.x + 16.0, box.middle_y(), 4.5, is_on ? colour_ : kLine);
    canvas.text(box.x + 28.0, box.middle_y(), name_, kNormal, is_on ? kText : kDim);
  }
  void press(const Pointer&) override {
    values_.set(parameter_, values_.is_on(parameter_) ? 0.0f : 1.0f);
  }

 private:
  Values& values_;
  uint32_t parameter_;
  const char* name_;
  Colour colour_;
};

}  // namespace astfx::window
