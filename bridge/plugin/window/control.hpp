// A part of the window that is drawn and takes the mouse.
#pragma once

#include "canvas.hpp"

namespace astfx::window {

struct Pointer {
  double x, y;
  bool is_fine = false;    // shift is held: a tenth of the way
  bool is_double = false;  // the second press of a double click
};

class Control {
 public:
  virtual ~Control() = default;
  virtual void draw(Canvas& canvas) = 0;
  virtual void press(const Pointer&) {}
  virtual void drag(const Pointer&) {}
  virtual void release() {}
  // A positive number of lines is away from the user.
  virtual void wheel(const Pointer&, double) {}

  Box box;
};

}  // namespace astfx::window
