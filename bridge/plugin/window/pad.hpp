// A pad: from left to right it morphs from the first preset to the second one, upwards it is stronger.
#pragma once

#include "catalogue.hpp"
#include "control.hpp"
#include "values.hpp"

namespace astfx::window {

class Pad : public Control {
 public:
  Pad(Values& values, const Catalogue& catalogue) : values_(values), catalogue_(catalogue) {}

  void draw(Canvas& canvas) override;
  void press(const Pointer& pointer) override;
  void drag(const Pointer& pointer) override;
  void release() override;
  void wheel(const Pointer& pointer, double lines) override;

 private:
  Box field() const;
  void move_to(const Pointer& pointer);

  Values& values_;
  const Catalogue& catalogue_;
  bool is_held_ = false;
  double last_x_ = 0.0, last_y_ = 0.0, morph_ = 0.0, strength_ = 0.0;
};

}  // namespace astfx::window
